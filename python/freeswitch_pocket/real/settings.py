"""The configuration of a private FreeSWITCH."""

from __future__ import annotations

import re
import sys
from pathlib import Path

# Loaded where they are there; the others only where the tests' configuration has theirs.
MODULES = (
    *("mod_logfile", "mod_event_socket", "mod_commands", "mod_dptools", "mod_dialplan_xml", "mod_loopback"),
    *("mod_tone_stream", "mod_sndfile", "mod_native_file", "mod_local_stream", "mod_say_en", "mod_db", "mod_hash"),
    *("mod_expr", "mod_sms"),
)
# Which configuration has a module loaded; its name tells the others.
LOADED_BY = {"python.conf": None, "modules.conf": None, "switch.conf": None, "post_load_modules.conf": None}
LEVELS = "console,debug,info,notice,warning,err,crit,alert"
# Phones that tests name are found by mod_rust itself.
PHONES = "_pocket_phones"


def write(folder: Path, conf: Path | None, config: dict[str, str], modules: Path, port: int, password: str) -> None:
    """Write `conf/freeswitch.xml` and what it includes; what tests change lies in files beside it."""
    own = folder / "conf" / "autoload_configs"
    own.mkdir(parents=True)
    texts = {}
    if conf is not None:
        for path in sorted((conf / "autoload_configs").glob("*.xml")):
            texts[path.name.removesuffix(".xml")] = path.read_text(encoding="utf-8")
    texts |= config
    texts["python.conf"] = _with_phones(texts.get("python.conf"), folder / "phones")
    for name, text in texts.items():
        (own / f"{name}.xml").write_text(text, encoding="utf-8")
    wanted = [f"mod_{name.removesuffix('.conf')}" for name in texts if name not in LOADED_BY]
    there = [name for name in dict.fromkeys((*MODULES, *wanted)) if (modules / f"{name}.so").is_file()]
    loads = "".join(f'<load module="{name}"/>' for name in (*there, "mod_rust"))
    values = {
        "switch.conf": {"max-sessions": 1000, "sessions-per-second": 1000, "loglevel": "debug"},
        "event_socket.conf": {"listen-ip": "127.0.0.1", "listen-port": port, "password": password, "nat-map": "false"},
        "loopback.conf": {},
    }
    plain = "".join(_configuration(name, params) for name, params in values.items() if name not in texts)
    theirs = {
        kind: f'<X-PRE-PROCESS cmd="include" data="{conf.absolute() / kind}/*.xml"/>' if conf is not None else ""
        for kind in ("dialplan", "directory")
    }
    text = f"""<document type="freeswitch/xml">
<section name="configuration">
{plain}
<configuration name="modules.conf"><modules>{loads}</modules></configuration>
<configuration name="logfile.conf"><settings/><profiles><profile name="default"><settings/>
<mappings><map name="all" value="{LEVELS}"/></mappings></profile></profiles></configuration>
<configuration name="post_load_modules.conf"><modules/></configuration>
<X-PRE-PROCESS cmd="include" data="autoload_configs/*.xml"/>
</section>
<section name="dialplan">
<X-PRE-PROCESS cmd="include" data="test_dialplan.xml"/>
{theirs["dialplan"]}
</section>
<section name="directory">{theirs["directory"]}</section>
<section name="languages"/>
<section name="chatplan"/>
</document>
"""
    (folder / "conf" / "test_dialplan.xml").write_text("<include/>", encoding="utf-8")
    (folder / "conf" / "freeswitch.xml").write_text(text, encoding="utf-8")


def _configuration(name: str, values: dict[str, object]) -> str:
    params = "".join(f'<param name="{key}" value="{value}"/>' for key, value in values.items())
    return f'<configuration name="{name}"><settings>{params}</settings></configuration>\n'


def _with_phones(text: str | None, folder: Path) -> str:
    """Give python.conf with the lookup of phones, and with the packages of the Python that runs the tests."""
    text = text or '<configuration name="python.conf"><settings></settings></configuration>'
    text = re.sub(r"<settings\s*/>", "<settings></settings>", text)
    if "<settings>" not in text:
        text = re.sub(r"(<configuration\b[^>]*>)", r"\1<settings></settings>", text, count=1)
    added = (
        f'<param name="script-directory" value="{folder}"/>'
        f'<param name="xml-handler-script" value="{PHONES}"/><param name="xml-handler-bindings" value="directory"/>'
    )
    if sys.prefix != sys.base_prefix and "virtual-env" not in text:
        added += f'<param name="virtual-env" value="{sys.prefix}"/>'
    allowed = re.search(r'name="allow-modules"\s+value="([^"]*)"', text)
    if allowed is not None:
        text = f"{text[: allowed.end(1)]},{PHONES}{text[allowed.end(1) :]}"
    return text.replace("<settings>", f"<settings>{added}", 1)

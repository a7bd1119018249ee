"""The configuration of the FreeSWITCH that the tests start."""

from __future__ import annotations

from pathlib import Path

from hosts.base import HOLD_MUSIC

MODULES = (
    "mod_logfile",
    "mod_commands",
    "mod_dptools",
    "mod_dialplan_xml",
    "mod_loopback",
    "mod_tone_stream",
    "mod_sndfile",
    "mod_event_socket",
    "mod_lua",
)

ALL_LEVELS = "console,debug,info,notice,warning,err,crit,alert"


def write(conf_dir: Path, port: int, password: str, modules: tuple[str, ...]) -> None:
    """Write freeswitch.xml; what tests change lies beside it and is included."""
    loads = "".join(f'<load module="{module}"/>' for module in (*MODULES, *modules))
    settings = {
        "switch.conf": {"max-sessions": 1000, "sessions-per-second": 1000, "loglevel": "debug"},
        "event_socket.conf": {"listen-ip": "127.0.0.1", "listen-port": port, "password": password, "nat-map": "false"},
        "loopback.conf": {},
        "lua.conf": {},
    }
    plain = "".join(_configuration(name, values) for name, values in settings.items())
    text = f"""<document type="freeswitch/xml">
<X-PRE-PROCESS cmd="set" data="hold_music={HOLD_MUSIC}"/>
<section name="configuration">
{plain}
<configuration name="modules.conf"><modules>{loads}</modules></configuration>
<configuration name="logfile.conf"><settings/><profiles><profile name="default"><settings/>
<mappings><map name="all" value="{ALL_LEVELS}"/></mappings></profile></profiles></configuration>
<configuration name="post_load_modules.conf"><modules/></configuration>
<X-PRE-PROCESS cmd="include" data="autoload_configs/*.xml"/>
</section>
<section name="dialplan">
<X-PRE-PROCESS cmd="include" data="dialplan/*.xml"/>
</section>
<section name="directory"/>
<section name="languages"/>
<section name="chatplan"/>
</document>
"""
    (conf_dir / "freeswitch.xml").write_text(text, encoding="utf-8")


def _configuration(name: str, values: dict[str, object]) -> str:
    params = "".join(f'<param name="{key}" value="{value}"/>' for key, value in values.items())
    return f'<configuration name="{name}"><settings>{params}</settings></configuration>\n'

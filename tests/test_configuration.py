"""python.conf: what is wrong is one line, what is changed is taken in while calls go on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hosts.base import Host
from support.configuration import settings


def change(host: Host, config: str) -> None:
    """Write another configuration, which nobody is told of yet."""
    host.write_config("python.conf", config)
    host.configured = True


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("no-such-parameter", "x", "there is no such parameter"),
        ("reload-scripts", "sometimes", "changed, never or always"),
        ("script-timeout", "api soon", "a number of seconds"),
        ("script-timeout", "nowhere 5", "no such way in"),
        ("script-directory", "/nowhere/at/all", "there is no such folder"),
        ("script-directory", "relative", "must be a full path"),
        ("shutdown-timeout", "-1", "a number of seconds"),
        ("allow-untested-core", "maybe", "true or false"),
        ("xml-handler-bindings", "dialplan", "xml-handler-script before it"),
        ("xml-handler-script", "no.bindings", "no xml-handler-bindings after it"),
        ("startup-script-at-load", "", "names no script"),
    ],
)
def test_a_parameter_that_is_wrong(host: Host, name: str, value: str, why: str) -> None:
    script = host.script("def fsapi(session, stream, env, args): stream.write('loaded')")
    change(host, settings((name, value)))
    host.api("pyreload")
    line = host.wait_log(f"MR0010 .*{name}.*{why}")
    assert line.level == "WARNING"
    host.api("pyreload")
    assert len([line for line in host.log() if "MR0010" in line.text]) == 1
    assert host.api(f"python {script}") == "loaded"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read(host: Host, tmp_path: Path) -> None:
    tmp_path.chmod(0)
    host.config(settings(("script-directory", str(tmp_path))))
    host.wait_log("MR0010 .*script-directory.*may not be read")


def test_script_directories_in_their_order(host: Host, tmp_path: Path) -> None:
    folders = []
    for n in (1, 2):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "in_both.py").write_text(f"def fsapi(session, stream, env, args): stream.write('{n}')\n")
        (folder / f"only_in_{n}.py").write_text("def fsapi(session, stream, env, args): stream.write('here')\n")
        folders.append(("script-directory", str(folder)))
    host.config(settings(*folders))
    assert host.api("python in_both") == "1"
    assert [host.api(f"python only_in_{n}") for n in (1, 2)] == ["here", "here"]
    host.config(None)
    assert host.api("python only_in_2").startswith("-ERR")


def test_allow_modules(host: Host) -> None:
    source = "def fsapi(session, stream, env, args): stream.write('ran')"
    good, bad = host.script(source, "allowed_one"), host.script(source, "other_one")
    host.config(settings(("allow-modules", "allowed_*, ivr.*")))
    assert host.api(f"python {good}") == "ran"
    assert "allow-modules" in host.api(f"python {bad}")
    assert host.api("python os::getcwd").startswith("-ERR")
    assert host.api("python freeswitch::msleep 1").startswith("-ERR")


@pytest.mark.parametrize("command", ["reloadxml", "pyreload"])
def test_a_script_that_ran_and_may_no_longer(host: Host, command: str) -> None:
    name = host.script("def fsapi(session, stream, env, args): stream.write('ran')")
    assert host.api(f"python {name}") == "ran"
    change(host, settings(("allow-modules", "ivr.*")))
    host.api(command)
    host.wait_for(lambda: host.api(f"python {name}").startswith("-ERR") or None, what="it to be refused")


NO_SCRIPTS = ["freeswitch._scripts::forget", "freeswitch::running", "__main__::x", "_script_path_0.x"]


@pytest.mark.parametrize("name", NO_SCRIPTS)
def test_what_is_loaded_and_no_script(host: Host, name: str) -> None:
    assert "-ERR" in host.api(f"python {name}")
    host.wait_log("^MR0006 api ")


@pytest.mark.parametrize("command", ["reloadxml", "pyreload"])
def test_changes_are_taken_in_while_a_call_goes_on(host: Host, command: str) -> None:
    name = host.script("""
        def handler(session, args):
            session.setVariable("begun", "yes")
            session.sleep(15000)
            session.setVariable("ended", "yes")
    """)
    script = host.script("def xml_fetch(params): print('asked for', params['section'])")
    call = host.start_call(host.extension(("python", name)))
    host.wait_for(lambda: host.api(f"uuid_getvar {call.uuid} begun").strip() == "yes" or None, what="the script")
    change(host, settings(("xml-handler-script", script), ("xml-handler-bindings", "dialplan")))
    host.api(command)

    def asked() -> bool | None:
        host.run("set", "x=y")
        return any(line.text == "asked for dialplan" for line in host.log()) or None

    host.wait_for(asked, what="the new binding")
    assert host.api(f"uuid_exists {call.uuid}").strip() == "true"
    call.hangup()
    assert call.wait().variables["ended"] == "yes"


# Lets the script folders be refused, from here on or no longer.
REFUSING = """
from freeswitch import _scripts
KEPT = _scripts.use_roots
def refuse(*_): raise OSError("no folders today")
def fsapi(session, stream, env, args):
    _scripts.use_roots = refuse if args == "on" else KEPT
    stream.write("done")
"""


@pytest.mark.parametrize("command", ["reloadxml", "pyreload"])
def test_a_configuration_is_taken_in_as_a_whole_or_not_at_all(host: Host, command: str) -> None:
    refusing = host.script(REFUSING)
    answer = """
        import time
        def fsapi(session, stream, env, args):
            end = time.monotonic() + 0.5
            while time.monotonic() < end: pass
            stream.write("{}")
    """
    slow = host.script(answer.format("old"))
    told = host.script("def hook(event): print('hooked')\ndef xml_fetch(params): print('asked')\n")
    fire = host.script("""
        import freeswitch
        def fsapi(session, stream, env, args): freeswitch.Event("TALK").fire()
    """)
    lines = (
        '<param name="script-timeout" value="api 0.2"/>',
        '<param name="reload-scripts" value="never"/>',
        f'<param name="xml-handler-script" value="{told}"/>',
        '<param name="xml-handler-bindings" value="dialplan"/>',
        f'<hook event="TALK" script="{told}"/>',
    )
    # The switch takes a configuration in a moment after it was told to: here the one before this test's.
    host.wait_for(lambda: host.api(f"python {slow}") == "old" or None)
    assert host.api(f"python {refusing} on") == "done"
    try:
        change(host, f'<configuration name="python.conf"><settings>{"".join(lines)}</settings></configuration>')
        reply = host.api(command)
        if command == "pyreload":
            assert reply.startswith("-ERR") and "no folders today" in reply
        else:
            host.wait_log("^MR0009 .*no folders today")
        # Neither the time, nor when scripts are loaded anew, nor who is asked and called.
        host.script(answer.format("new"), slow)
        host.wait_for(lambda: host.api(f"python {slow}") == "new" or None, 200, what="the new version")
        host.run("set", "x=y")
        host.api(f"python {fire}")
        host.wait_event("TALK")
        host.no_log("^(asked|hooked)$")
    finally:
        host.api(f"python {refusing} off")
    assert not host.api("pyreload").startswith("-ERR")
    host.wait_for(lambda: host.api(f"python {slow}").startswith("-ERR") or None)
    host.run("set", "x=y")
    host.api(f"python {fire}")
    host.wait_log("^asked$")
    host.wait_log("^hooked$")


_CARGO = Path(__file__).resolve().parents[1] / "Cargo.toml"
_CARGO_VERSION = re.compile(r'^version = "(.+)"$', re.MULTILINE)


def environment(folder: Path) -> Path:
    """Make a virtual environment; its folder of packages."""
    site = folder / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    site.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\nversion = {sys.version.split()[0]}\n")
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(Path(sys.executable).resolve())
    return site


@pytest.mark.freeswitch_only  # pocket joins the interpreter of its program
def test_a_virtual_environment(fresh: Callable[..., Host], tmp_path: Path) -> None:
    site = environment(tmp_path)
    (site / "only_in_there.py").write_text("def fsapi(session, stream, env, args): stream.write(__file__)\n")
    host = fresh(config=settings(("virtual-env", str(tmp_path))))
    assert host.api("python only_in_there") == str(site / "only_in_there.py")
    assert "VIRTUAL_ENV" not in os.environ


@pytest.mark.freeswitch_only
@pytest.mark.parametrize("other", [True, False])
def test_a_wheel_in_the_virtual_environment(fresh: Callable[..., Host], tmp_path: Path, other: bool) -> None:
    site = environment(tmp_path)
    mine = next(_CARGO_VERSION.finditer(_CARGO.read_text(encoding="utf-8")))[1]
    (site / f"freeswitch_pocket-{'0.0.1' if other else mine}.dist-info").mkdir()
    (site / "freeswitch").mkdir()
    (site / "freeswitch/__init__.py").write_text("raise ImportError('the wheel was taken')\n")
    (site / "which.py").write_text(
        "import freeswitch\ndef fsapi(session, stream, env, args): stream.write(freeswitch.__spec__.origin)\n"
    )
    host = fresh(config=settings(("virtual-env", str(tmp_path))))
    assert host.api("python which") == "<mod_rust:freeswitch>"
    # It was logged while the switch started.
    told = re.findall(r"freeswitch-pocket (\S+) in (\S+) is another version", host.log_text())
    assert told == ([("0.0.1", str(site))] if other else [])


@pytest.mark.freeswitch_only
def test_a_virtual_environment_of_another_python(fresh: Callable[..., Host], tmp_path: Path) -> None:
    (tmp_path / "lib/python3.4/site-packages").mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.4.10\n")
    host = fresh(config=settings(("virtual-env", str(tmp_path))), load=False)
    assert "-ERR" in host.api("load mod_rust")
    line = host.wait_log("MR0003 .*virtual environment")
    assert "3.4" in line.text
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in line.text

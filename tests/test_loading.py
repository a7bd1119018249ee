"""Loading, reloading and ending: the module's own life inside a switch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.manager import MODULE, Spec
from support.configuration import settings

STARTUP = """<configuration name="python.conf"><settings>
    <param name="startup-script" value="{script}"/>
</settings></configuration>"""


def test_reload_when_nothing_runs(host: Host) -> None:
    name = host.script("def fsapi(session, stream, env, args): stream.write('here')")
    for _ in range(3):
        reply = host.api("reload mod_rust")
        assert "+OK module loaded" in reply
        assert "-ERR" not in reply
        assert host.api(f"python {name}") == "here"


def test_reload_is_refused_while_a_call_is_in_a_script(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.setVariable("started", "yes")
            session.sleep(20000)
    """)
    call = host.start_call(host.extension(("python", name)))
    host.wait_for(lambda: host.api(f"uuid_getvar {call.uuid} started").strip() == "yes" or None)
    assert "Module in use" in host.api("reload mod_rust")
    call.hangup()
    call.wait()


def test_startup_script_runs_with_its_arguments(host: Host) -> None:
    name = host.script("def runtime(args): print('started with', repr(args))")
    host.config(STARTUP.format(script=f"{name} one two"))
    host.wait_log("^started with 'one two'$")


def test_a_script_that_the_interpreter_fails_to_parse_once(host: Host) -> None:
    # CPython 3.11 does where a traceback is printed meanwhile, by a finalizer say.
    name = host.script("import json\ndef fsapi(session, stream, env, args): stream.write('loaded')")
    reply = host.api(
        "python "
        + host.script(f"""
            import ast, freeswitch
            def fsapi(session, stream, env, args):
                parse, failed = ast.parse, []
                def fails_once(*arguments):
                    if not failed:
                        failed.append(True)
                        raise SystemError("AST constructor recursion depth mismatch")
                    return parse(*arguments)
                ast.parse = fails_once
                try: stream.write(freeswitch.API().execute("python", "{name}") + str(failed))
                finally: ast.parse = parse
        """)
    )
    assert reply == "loaded[True]"


def test_startup_scripts_at_load_are_started_first(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def runtime(args):
            while freeswitch.running(): freeswitch.msleep(20)
        def at_load(args): runtime(args)
    """)

    def started() -> list[str]:
        scripts = sorted(json.loads(host.api("pyps json")), key=lambda script: script["id"])
        return [script["function"] for script in scripts if script["way"] == "startup"]

    host.config(
        settings(
            f'<param name="startup-script" value="{name}"/>',
            f'<param name="startup-script-at-load" value="{name}::at_load"/>',
        ),
    )
    host.wait_for(lambda: len(started()) == 2 or None, what="both scripts")
    assert started() == [f"{name}::at_load", f"{name}::runtime"]
    for script in json.loads(host.api("pyps json")):
        host.api(f"pykill {script['id']}")


def test_an_edited_script_is_loaded_anew(host: Host) -> None:
    source = "def fsapi(session, stream, env, args): stream.write('{}')"
    name = host.script(source.format("old"))
    assert host.api(f"python {name}") == "old"
    # Of the same length, and within the second: what fools a cache of byte code.
    host.script(source.format("new"), name)
    host.wait_for(lambda: host.api(f"python {name}") == "new" or None, what="the new version")


def test_a_new_switch_has_its_own_scripts(fresh: Callable[..., Host]) -> None:
    # Of the same name in another folder: on pocket, the interpreter is the same one.
    for answer in ("first", "second"):
        host = fresh()
        host.script(f"def fsapi(session, stream, env, args): stream.write('{answer}')", "same_name")
        assert host.api("python same_name") == answer
        host.stop()


# On pocket the process, its exit handlers and its threads are the program's.
@pytest.mark.freeswitch_only
def test_ends_in_order(fresh: Callable[..., Host]) -> None:
    host = fresh()
    name = host.script("""
        import atexit, pathlib
        def runtime(args):
            global unclosed
            # Not by the log: the module that writes it may have ended before this one.
            atexit.register(lambda: pathlib.Path(args, "at_exit").touch())
            unclosed = open(pathlib.Path(args, "unclosed"), "w")
            unclosed.write("kept in a buffer")
            print("registered")
    """)
    host.api(f"pyrun {name} {host.folder}")
    host.wait_log("^registered$")
    assert host.stop() == 0
    assert (host.folder / "at_exit").exists()
    assert (host.folder / "unclosed").read_text() == "kept in a buffer"


@pytest.mark.freeswitch_only
def test_ends_while_scripts_run(fresh: Callable[..., Host]) -> None:
    host = fresh()
    name = host.script("""
        import hashlib, ssl, sqlite3, threading
        def work():
            database = sqlite3.connect(":memory:")
            while True:
                hashlib.sha256(b"x" * 100000).digest()
                database.execute("select 1").fetchall()
                ssl.create_default_context()
        def runtime(args):
            for _ in range(3):
                threading.Thread(target=work, daemon=True).start()
            print("working")
            while True:
                pass
        def handler(session, args):
            while session.ready():
                session.sleep(20)
    """)
    host.api(f"pyrun {name}")
    host.wait_log("^working$")
    host.start_call(host.extension(("python", name)))
    assert host.stop() == 0


@pytest.mark.freeswitch_only
def test_refuses_to_load_beside_mod_python3(spec: Spec, fresh: Callable[..., Host]) -> None:
    assert spec.switch
    if not (spec.switch.module_dir / "mod_python3.so").exists():
        pytest.skip("this FreeSWITCH has no mod_python3")
    host = fresh(load=False)
    assert "+OK" in host.api("load mod_python3")
    assert "-ERR" in host.api("load mod_rust")
    told = [line for line in host.log() if "mod_python3" in line.text and line.level in {"ERR", "CRIT"}]
    assert len(told) == 1
    assert told[0].text.startswith("MR0001 mod_python3 ")
    assert "is ready" in host.api("status")


@pytest.mark.freeswitch_only
def test_tells_when_mod_python3_is_loaded_later(spec: Spec, fresh: Callable[..., Host]) -> None:
    assert spec.switch
    if not (spec.switch.module_dir / "mod_python3.so").exists():
        pytest.skip("this FreeSWITCH has no mod_python3")
    host = fresh()
    host.api("load mod_python3")
    host.wait_for(lambda: [line for line in host.log() if line.level == "CRIT" and "mod_python3" in line.text] or None)
    host.wait_log("^MR0001 mod_python3 ")


# Has the core refuse one event to the module.
REFUSE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int switch_event_bind_removable(const char *id, int event, const char *subclass, void *call, void *data, void **node)
{
    int (*bind)(const char *, int, const char *, void *, void *, void **) =
        dlsym(RTLD_NEXT, "switch_event_bind_removable");
    int (*by_name)(const char *, int *) = dlsym(RTLD_NEXT, "switch_name_event");
    int refused = -1;

    by_name(getenv("REFUSED_EVENT"), &refused);
    return !strcmp(id, "mod_rust") && event == refused ? 1 : bind(id, event, subclass, call, data, node);
}
"""


@pytest.mark.freeswitch_only
@pytest.mark.parametrize("event", ["SHUTDOWN", "RELOADXML"])
def test_a_load_that_fails_leaves_nothing_bound(fresh: Callable[..., Host], tmp_path: Path, event: str) -> None:
    (tmp_path / "refuse.c").write_text(REFUSE)
    library = tmp_path / "refuse.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "refuse.c"), "-ldl"], check=True)
    config = settings(
        '<param name="xml-handler-script" value="left_over"/>',
        '<param name="xml-handler-bindings" value="dialplan"/>',
        '<hook event="TALK" script="left_over"/>',
    )
    host = fresh(load=False, config=config, environ={"LD_PRELOAD": str(library), "REFUSED_EVENT": event})
    host.script("def xml_fetch(params): print('asked')\ndef hook(event): print('hooked')\n", "left_over")
    assert "-ERR" in host.api("load mod_rust")
    assert host.api("module_exists mod_rust") == "false"
    assert host.run("set", "x=y").variables["x"] == "y"
    host.api("lua ~freeswitch.Event('TALK'):fire()")
    host.wait_event("TALK")
    host.api("reloadxml")
    host.no_log("^(asked|hooked)$")
    host.no_log("MR0009")


@pytest.mark.freeswitch_only
def test_one_module_serves_all_versions(spec: Spec, host: Host) -> None:
    # The file that is loaded is the one that was built, whichever FreeSWITCH this is.
    assert (host.folder / "mod" / "mod_rust.so").resolve() == MODULE
    assert spec.switch
    assert spec.switch.version in host.api("version")

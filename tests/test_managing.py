"""Managing running scripts: pyps, pykill, pyreload, pystat, and deadlines."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from hosts.base import Host
from support.configuration import settings

# Where each waits: in Python, in C, in the switch.
STUCK = {
    "spins": "    while True: pass",
    "sleeps": "    time.sleep(3600)",
    "waits": "    freeswitch.msleep(3600000)",
}


def listed(host: Host) -> list[dict[str, Any]]:
    scripts: list[dict[str, Any]] = json.loads(host.api("pyps json"))
    return scripts


def start(host: Host, body: str) -> int:
    """Run a script in the background whose last line is the body; its number."""
    source = f"import time\nimport freeswitch\ndef runtime(args):\n    print('begun')\n{body}\n"
    reply = host.api(f"pyrun {host.script(source)}")
    assert reply.startswith("+OK "), reply
    host.wait_log("^begun$")
    return int(reply.split()[1])


def ended(host: Host, number: int) -> None:
    host.wait_for(lambda: number not in [s["id"] for s in listed(host)] or None, what=f"the end of script {number}")


@pytest.mark.freeswitch_only  # a spin on pocket is one of the test runner's own
@pytest.mark.parametrize("how", ["spins", "waits"])
def test_pykill_ends_what_can_be_ended(host: Host, how: str) -> None:
    number = start(host, STUCK[how])
    (script,) = [script for script in listed(host) if script["id"] == number]
    assert (script["way"], script["uuid"]) == ("pyrun", None)
    assert re.search(r"\.py:5 in runtime", script["place"]), script
    assert f"{number} pyrun {script['function']} - " in host.api("pyps")
    assert host.api(f"pykill {number}").startswith(f"+OK {number} has ended")
    ended(host, number)
    host.wait_log("MR0007 .* was ended: by pykill")


@pytest.mark.freeswitch_only  # the sleep is real, and pocket's clock is not
def test_pykill_says_what_is_blocked_in_c(host: Host) -> None:
    number = start(host, "    time.sleep(5)\n    print('never')")
    reply = host.api(f"pykill {number}")
    assert reply.startswith(f"-ERR {number} does not end: it is blocked in C at "), reply
    assert ".py:5 in runtime" in reply
    ended(host, number)
    host.no_log("^never$")


def test_a_call_is_ended_with_its_wait(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.answer()
            print("begun")
            session.sleep(15000)
            session.setVariable("after", "yes")
    """)
    call = host.start_call(host.extension(("python", name), ("set", "went_on=yes")))
    host.wait_log("^begun$")
    (script,) = [script for script in listed(host) if script["uuid"] == call.uuid]
    assert script["way"] == "application"
    assert "waits in sleep" in script["place"]
    assert host.api(f"pykill {script['id']}").startswith("+OK")
    result = call.wait()
    assert "after" not in result.variables
    assert "was ended" in result.variables["python_error"]
    assert result.variables["went_on"] == "yes"


@pytest.mark.freeswitch_only  # pocket's clock stands still while a command waits for the end
def test_what_a_script_has_called_ends_with_it(host: Host) -> None:
    inner = host.script("""
        import freeswitch
        def fsapi(session, stream, env, args):
            print("inside")
            freeswitch.msleep(15000)
            print("not reached")
    """)
    number = start(host, f"    freeswitch.API().executeString('python {inner}')\n    print('not reached')")
    host.wait_log("^inside$")
    assert host.api(f"pykill {number}").startswith("+OK")
    assert "0 running" in host.api("pyps")
    host.no_log("^not reached$")


@pytest.mark.freeswitch_only  # in pocket the tests need Python's lock themselves
def test_a_script_that_keeps_python_s_lock(host: Host) -> None:
    # A function of C that is called with the lock held: a busy machine makes it no longer, and a fast one no shorter.
    number = start(host, "    import ctypes\n    ctypes.PyDLL(None).sleep(8)")
    assert "blocked in C" in host.api(f"pykill {number}")
    assert str(number) in host.api("pyps")
    ended(host, number)


@pytest.mark.freeswitch_only
def test_a_script_that_swallows_the_exception(host: Host) -> None:
    number = start(
        host,
        "    for _ in range(2):\n        try:\n            while True: pass\n        except BaseException: pass",
    )
    host.api(f"pykill {number}")
    ended(host, number)


@pytest.mark.parametrize(
    "command", ["pykill", "pykill x", "pykill 999999", "pyps xml", "pystat xml", "pyreload nothing"]
)
def test_what_the_commands_do_not_take(host: Host, command: str) -> None:
    assert host.api(command).startswith("-ERR ")


def test_script_timeout(host: Host) -> None:
    name = host.script("""
        def fsapi(session, stream, env, args):
            while True: pass
    """)
    host.config("""<configuration name="python.conf"><settings>
        <param name="script-timeout" value="api 0.3"/>
    </settings></configuration>""")
    reply = host.api(f"python {name}")
    assert reply.startswith("-ERR"), reply
    assert "was ended" in reply
    host.wait_log("MR0007 ")


def test_the_script_after_one_that_was_ended(host: Host) -> None:
    ended = host.script("""
        def fsapi(session, stream, env, args):
            while True: pass
    """)
    after = host.script("""
        import time
        def fsapi(session, stream, env, args):
            end = time.monotonic() + 0.1
            while time.monotonic() < end: pass
            stream.write("done")
    """)
    assert host.api(f"python {after}") == "done"
    # So long that a busy machine does not keep the second from its end until then.
    host.config(settings('<param name="script-timeout" value="api 3"/>'))
    for _ in range(2):
        # Both on one thread, and the second before what ends the first has looked again.
        assert "was ended" in host.api(f"python {ended}")
        assert host.api(f"python {after}") == "done"


def test_statistics(host: Host) -> None:
    good = host.script("def fsapi(session, stream, env, args): stream.write('x')")
    bad = host.script("def fsapi(session, stream, env, args): 1 / 0")
    before = json.loads(host.api("pystat json"))
    for _ in range(3):
        host.api(f"python {good}")
    host.api(f"python {bad}")
    after = json.loads(host.api("pystat json"))
    changed = {key: after["ways"]["api"][key] - before["ways"]["api"][key] for key in ("calls", "errors")}
    assert changed == {"calls": 4, "errors": 1}
    mine = after["functions"][f"{good}::fsapi"]
    assert mine["calls"] == 3
    assert 0 < mine["p50_us"] <= mine["p99_us"]
    assert after["modules"][good] == mine
    assert after["running_by_way"]["api"] == 0
    text = host.api("pystat prometheus")
    assert re.search(r'^mod_rust_way_calls_total\{way="api"\} \d+$', text, re.MULTILINE), text
    for line in text.splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9_]+(\{[^}]*\})? [0-9.eE+-]+", line), line
    assert "api" in host.api("pystat")


def test_pystat_knows_what_waits_in_queues(host: Host) -> None:
    name = host.script("""
        import freeswitch
        kept = []
        def fsapi(session, stream, env, args):
            if args == "close":
                kept.pop().cleanup()
            else:
                kept.append(freeswitch.EventConsumer("CUSTOM", "test::queued", 10))
                for n in range(15): freeswitch.Event("CUSTOM", "test::queued").fire()
    """)

    def queued() -> int:
        return int(json.loads(host.api("pystat json"))["queued_consumer_events"])

    before = queued()
    host.api(f"python {name}")
    host.wait_for(lambda: queued() - before == 10 or None, what="ten events that wait")
    host.api(f"python {name} close")
    assert queued() == before


def test_completion_offers_modules_and_functions(host: Host) -> None:
    name = host.script("def fsapi(session, stream, env, args): pass", "completed_here")
    # The core writes what may be completed into its database by a queue, a while after a load.
    host.wait_for(lambda: "completed_here" in host.api("console_complete python comple"))
    host.api(f"python {name}")
    assert f"{name}::fsapi" in host.api(f"console_complete python {name}:")


@pytest.mark.parametrize("swallows", [False, True])
def test_python_is_as_before_when_a_script_was_ended(host: Host, swallows: bool) -> None:
    ended = host.script(f"""
        def fsapi(session, stream, env, args):
            try:
                while True: pass
            except BaseException:
                if not {swallows}: raise
    """)
    traced = host.script("""
        import sys
        def callee(): return 1
        def fsapi(session, stream, env, args):
            seen = []
            sys.setprofile(lambda frame, event, _: seen.append(event))
            callee()
            sys.setprofile(None)
            stream.write(str("call" in seen))
    """)
    host.config(settings('<param name="script-timeout" value="api 0.2"/>'))
    assert "was ended" in host.api(f"python {ended}")
    host.config(None)
    # What was sent to a script and has hit it is not looked for any more: CPython 3.11 would never stop here.
    assert host.api(f"python {traced}") == "True"

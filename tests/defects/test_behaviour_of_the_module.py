"""What mod_python3 did otherwise than one expects: the module, its values and commands (rows P58 to P70)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.freeswitch import FreeSwitchHost
from support.saw import in_api, in_call


def test_p58_pyrun_answers_as_it_went(host: Host) -> None:
    name = host.script("def runtime(args): pass")
    assert host.api(f"pyrun {name}").startswith("+OK")
    for bad in ("no_such_module", f"{name}::missing", ""):
        reply = host.api(f"pyrun {bad}")
        assert reply.startswith("-ERR"), reply
        assert "(null)" not in reply


def test_p59_startup_scripts_find_all_modules(fresh: Callable[..., Host]) -> None:
    host = fresh()
    name = host.script("""
        import freeswitch
        def runtime(args):
            api = freeswitch.API()
            found = [api.execute("module_exists", m) for m in ("mod_rust", "mod_dptools", "mod_commands")]
            print("startup", *found, api.execute("python", __name__ + " x"))
        def fsapi(session, stream, env, args): stream.write("command " + args)
    """)
    host.config(
        f'<configuration name="python.conf"><settings><param name="startup-script" value="{name}"/></settings>'
        "</configuration>\n"
    )
    host.wait_log("^startup true true true command x")


@pytest.mark.freeswitch_only  # what spins would go on in the test runner's process
def test_p60_shutdown_while_scripts_run(fresh: Callable[..., Host]) -> None:
    host = fresh()
    name = host.script("""
        import freeswitch, threading, time
        def spin():
            while True: sum(range(100))
        def runtime(args):
            threading.Thread(target=spin, daemon=True).start()
            print("running")
            while True: freeswitch.msleep(50)
        def handler(session, args):
            session.answer()
            session.sleep(60000)
    """)
    host.api(f"pyrun {name}")
    host.wait_log("^running$")
    call = host.start_call(host.extension(("python", name)))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    assert host.stop() == 0


@pytest.mark.freeswitch_only  # on pocket the process is the test runner's
def test_p62_signal_handlers_are_the_switch_s_own(fresh: Callable[..., Host], plain: Host) -> None:
    # The command `system` has FreeSWITCH set its handlers again: neither has run it.
    host = fresh()
    assert isinstance(host, FreeSwitchHost)
    assert isinstance(plain, FreeSwitchHost)
    saw = in_api(host, "import signal\ndef body(saw): saw['set'] = tried(signal.signal, 2, signal.default_int_handler)")
    assert saw["set"].startswith("ValueError: ")
    assert dispositions(host) == dispositions(plain)


def dispositions(host: FreeSwitchHost) -> list[str]:
    """Which signals the process ignores and catches."""
    assert host.process
    status = Path(f"/proc/{host.process.pid}/status").read_text(encoding="utf-8")
    return [line for line in status.splitlines() if line.startswith(("SigIgn", "SigCgt"))]


@pytest.mark.freeswitch_only
def test_p63_the_environment_stays(fresh: Callable[..., Host]) -> None:
    host = fresh(environ={"PYTHONPATH": "/nowhere/one:/nowhere/two"})
    saw = in_api(
        host,
        """
        def body(saw):
            saw["path"] = os.environ["PYTHONPATH"]
            saw["child"] = os.popen("echo $PYTHONPATH").read().strip()
        """,
    )
    assert saw == dict.fromkeys(("path", "child"), "/nowhere/one:/nowhere/two")


def test_p64_bytes_go_back_as_they_came(host: Host) -> None:
    raw = b"\xff\xfe\x80abc\xe9".decode(errors="surrogateescape")
    saw, result = in_call(
        host,
        """
        def body(session, saw):
            given = session.getVariable("given")
            session.setVariable("back", given)
            event = freeswitch.Event("CUSTOM", "bytes::one")
            event.addHeader("Given", given)
            stream = freeswitch.Stream()
            stream.write(given)
            stream.raw_write(given.encode(errors="surrogateescape"))
            saw["same"] = [event.getHeader("Given") == given, stream.get_data() == given * 2]
        """,
        variables={"given": raw},
    )
    assert result.variables["back"] == raw
    assert saw == {"same": [True, True]}


def test_p65_events_are_mappings_and_overflow_is_told_once(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            event = freeswitch.Event({"Event-Name": "CUSTOM", "Event-Subclass": "storm::two", "Many": ["a", "b"]})
            saw["headers"] = {name: event[name] for name in event if name == "Many"}
            with freeswitch.EventConsumer("CUSTOM", "storm::two", 10) as consumer:
                for _ in range(500): event.fire()
                deadline = time.monotonic() + 10
                while consumer.dropped + len(consumer) < 500 and time.monotonic() < deadline:
                    freeswitch.msleep(10)
                saw["kept"], saw["dropped"] = len(consumer), consumer.dropped
        """,
    )
    assert saw == {"headers": {"Many": ["a", "b"]}, "kept": 10, "dropped": 490}
    told = [line for line in host.log() if "events dropped" in line.text]
    assert 1 <= len(told) <= 3, told


def test_p66_what_mod_lua_has(host: Host) -> None:
    saw = in_api(
        host,
        """
        def body(saw):
            with freeswitch.Dbh("sqlite://p66") as db:
                saw["row"] = list(db.query("select ? as a", ["x"]))
            saw["json"] = freeswitch.API().json("status")
        """,
    )
    assert saw["row"] == [{"a": "x"}]
    assert "systemStatus" in saw["json"]


def test_p67_what_results_mean(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            saw["speak"] = tried(session.speak, "no engine")
            saw["answer"], saw["sleep"] = session.answer(), session.sleep(20)
            saw["flush"], saw["collect"] = session.flushDigits(), session.collectDigits(20)
            saw["originate"] = freeswitch.Session().originate(session, "error/user_busy")
        """,
    )
    assert re.match(r"ValueError: no TTS engine", saw.pop("speak"))
    assert saw == {"answer": 1, "sleep": 1, "flush": 0, "collect": 0, "originate": 1}


def test_p68_read_forgets_earlier_digits(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            session.answer()
            saw["first"] = session.read(1, 3, "", 3000, "#")
            saw["second"] = session.read(1, 3, "", 200, "#")
        """,
        press=[(0.3, "12#")],
    )
    assert saw == {"first": "12", "second": ""}


def test_p70_the_application_without_data(host: Host) -> None:
    result = host.call(("python", ""), ("set", "after=yes"))
    assert result.variables["after"] == "yes"
    assert result.variables["python_error"]
    assert [line for line in host.log() if line.level == "ERR" and line.uuid == result.uuid]

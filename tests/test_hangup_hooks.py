"""Hangup hooks: when they run, how often, with what, and what works in them and after."""

from __future__ import annotations

import pytest

from hosts.base import Host
from support.saw import in_call, seen, start, until_waits

# Ways for a script to wait, each longer than the test lasts.
WAITS = {
    "sleep": "session.sleep(15000)",
    "streamFile": "session.streamFile('silence_stream://15000')",
    "playback": "session.execute('playback', 'silence_stream://15000')",
    "an application": "session.execute('sleep', '15000')",
    "getDigits": "session.getDigits(5, '#', 15000)",
    "read": "session.read(1, 5, '', 15000, '#')",
    "playAndGetDigits": "session.playAndGetDigits(1, 5, 1, 15000, '#', 'silence_stream://15000', '', '')",
    "recordFile": "session.recordFile(folder + '/hook.wav', 15)",
    "collectDigits": "session.setInputCallback(print) or session.collectDigits(15000)",
    "a menu": "freeswitch.IVRMenu(None, 'm', 'silence_stream://15000', *[None] * 8, 1, 15000, 1, 15000, 1, 1)"
    ".execute(session, 'm')",
    "an originate": "freeswitch.Session('{ignore_early_media=true}loopback/' + silent, session)",
    "a bridge": "freeswitch.bridge(session, freeswitch.Session('{loopback_bowout=false}loopback/' + quiet, session))",
    "bridge": "session.execute('bridge', '{loopback_bowout=false}loopback/' + quiet)",
}


@pytest.mark.parametrize("how", WAITS)
def test_a_hangup_breaks_each_wait_and_the_hook_comes_first(host: Host, how: str) -> None:
    silent = host.extension("ring_ready", ("sleep", "15000"))
    quiet = host.extension("answer", ("sleep", "15000"))
    call = start(
        host,
        f"""
        folder, silent, quiet = {str(host.folder)!r}, "{silent}", "{quiet}"
        def hook(session, what, order):
            order.append([what, session.hangupCause(), threading.get_ident() == order[0]])
        def body(session, saw):
            order = saw["order"] = [threading.get_ident()]
            session.setHangupHook(hook, order)
            session.answer()
            freeswitch.consoleLog("info", "waiting\\n")
            {WAITS[how]}
            order[0] = "begun"
            order.append("next line")
        """,
    )
    host.wait_log("^waiting")
    if "bridge" in how:
        host.wait_event("CHANNEL_BRIDGE", {"Bridge-A-Unique-ID": call.uuid})
    until_waits(host, call.uuid)
    call.hangup("USER_BUSY")
    saw, result = seen(call.wait(5))
    assert saw["order"] == ["begun", ["hangup", "USER_BUSY", True], "next line"]
    assert result.cause == "USER_BUSY"


def test_a_hook_runs_once(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def hook(session, what, saw): saw["ran"] = saw.get("ran", 0) + 1
        def body(session, saw):
            session.setHangupHook(hook, saw)
            session.hangup()
            for _ in range(3): session.sleep(20); session.ready()
            session.check_hangup_hook()
        """,
    )
    assert saw == {"ran": 1}


def test_after_the_hook_waits_return_at_once(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def hook(session, what): session.sleep(15000)
        def body(session, saw):
            session.answer()
            session.setHangupHook(hook)
            session.sleep(15000)
            begun = freeswitch.API().getTime()
            session.sleep(15000)
            session.streamFile("silence_stream://15000")
            session.getDigits(1, "", 15000)
            session.execute("sleep", "15000")
            saw["quick"] = int(freeswitch.API().getTime()) - int(begun) < 1000
            saw["ready"] = session.ready()
        """,
        hangup_after=1.5,
        timeout=8,
    )
    assert saw == {"quick": True, "ready": False}


def test_what_works_in_a_hook(host: Host) -> None:
    saw, result = in_call(
        host,
        """
        def hook(session, what, saw):
            session.setVariable("from_hook", "yes")
            saw["number"] = session.getVariable("caller_id_number")
            saw["cdr"] = "<cdr" in session.getXMLCDR()
            saw["state"] = session.getState()
            saw["ready"] = session.ready()
            saw["api"] = freeswitch.API().execute("echo", "hello")
            event = freeswitch.Event("CUSTOM", "hook::ran")
            session.setEventData(event)
            saw["event"] = event["Unique-ID"] == session.uuid
        def body(session, saw):
            session.setHangupHook(hook, saw)
            session.answer()
            session.sleep(15000)
        """,
        hangup_after=1.5,
    )
    assert result.variables["from_hook"] == "yes"
    assert saw.pop("state") in {"CS_HANGUP", "CS_EXECUTE"}
    assert saw == {"number": "1000", "cdr": True, "ready": False, "api": "hello", "event": True}


@pytest.mark.parametrize("how", ["session.transfer(target, 'XML', 'default')", "session.execute('transfer', target)"])
def test_a_transfer(host: Host, how: str) -> None:
    target = host.extension(("set", "transferred=yes"), ("hangup", "CALL_REJECTED"))
    name = host.script(f"""
        target = "{target}"
        def hook(session, what):
            session.setVariable("hook", what + " " + session.hangupCause())
        def handler(session, args):
            session.setHangupHook(hook)
            {how}
            session.sleep(15000)
    """)
    result = host.run("python", name)
    assert (result.variables["hook"], result.variables["transferred"]) == ("transfer NONE", "yes")
    assert result.cause == "CALL_REJECTED"


def test_a_hook_set_when_it_is_too_late_runs_at_once(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            session.hangup("USER_BUSY")
            session.setHangupHook(lambda session, what: saw.update(ran=what))
            saw["then"] = list(saw)
        """,
    )
    assert saw == {"ran": "hangup", "then": ["ran"]}


def test_each_session_of_a_script_has_its_own(host: Host) -> None:
    callee = host.extension("answer", ("sleep", "300"), ("hangup", "NO_USER_RESPONSE"))
    saw, _ = in_call(
        host,
        f"""
        def hook(session, what, name): order.append([name, session.hangupCause()])
        order = []
        def body(session, saw):
            other = freeswitch.Session("loopback/{callee}")
            session.setHangupHook(hook, "mine")
            other.setHangupHook(hook, "other")
            session.sleep(1000)
            saw["between"] = list(order)
            session.hangup("USER_BUSY")
            saw["after"] = order
        """,
    )
    other = ["other", "NO_USER_RESPONSE"]
    assert saw == {"between": [other], "after": [other, ["mine", "USER_BUSY"]]}


def test_a_nested_script_has_its_own(host: Host) -> None:
    inner = host.script("""
        def hook(session, what): session.setVariable("inner", what)
        def handler(session, args):
            session.setHangupHook(hook)
            session.sleep(15000)
    """)
    saw, result = in_call(
        host,
        f"""
        def hook(session, what, saw): saw["outer"] = [what, session.getVariable("inner")]
        def body(session, saw):
            session.setHangupHook(hook, saw)
            session.execute("python", "{inner}")
            saw["next"] = True
        """,
        hangup_after=1.5,
    )
    assert saw == {"outer": ["hangup", "hangup"], "next": True}
    assert result.variables["inner"] == "hangup"


def test_what_is_no_hook(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            saw["text"] = tried(session.setHangupHook, "hook")
            saw["needs more"] = tried(session.setHangupHook, lambda a, b, c, d: None)
            saw["input"] = tried(session.setInputCallback, None)
        """,
    )
    assert all(said.startswith("TypeError: ") for said in saw.values()), saw


def test_a_hook_that_sets_a_hook(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            saw["ran"] = 0
            def hook(session, what):
                saw["ran"] += 1
                session.setHangupHook(hook)
            session.setHangupHook(hook)
            session.answer()
            session.sleep(3000)
        """,
        hangup_after=1.5,
    )
    assert saw == {"ran": 1}

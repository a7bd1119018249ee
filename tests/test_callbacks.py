"""The hangup hook, the input callback, and the digits of a call."""

from __future__ import annotations

import json

import pytest

from hosts.base import Host


def test_hook_gets_the_hangup_and_its_cause(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def hook(session, what):
            freeswitch.consoleLog("info", "hook %s %s\\n" % (what, session.hangupCause()))
        def handler(session, args):
            session.answer()
            session.setHangupHook(hook)
            session.streamFile(session.getVariable("hold_music"))
            freeswitch.consoleLog("info", "after the play, ready %s\\n" % bool(session.ready()))
    """)
    call = host.start_call(host.extension(("python", name)))
    host.wait_event("PLAYBACK_START", {"Unique-ID": call.uuid})
    call.hangup("USER_BUSY")
    assert call.wait().cause == "USER_BUSY"
    texts = [line.text for line in host.log() if line.text.startswith(("hook ", "after "))]
    assert texts == ["hook hangup USER_BUSY", "after the play, ready False"]


def test_hook_with_an_argument(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def hook(session, what, arg):
            freeswitch.consoleLog("info", "hook %s %r\\n" % (what, arg))
        def handler(session, args):
            session.setHangupHook(hook, {"kept": 1})
            session.sleep(20000)
    """)
    host.run("python", name, hangup_after=1.5)
    host.wait_log(r"hook hangup \{'kept': 1\}")


def test_hook_of_a_transfer(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def hook(session, what):
            freeswitch.consoleLog("info", "hook %s\\n" % what)
        def handler(session, args):
            session.setHangupHook(hook)
            session.transfer(args, "XML", "default")
    """)
    target = host.extension(("hangup", "CALL_REJECTED"))
    host.run("python", f"{name} {target}")
    assert [line.text for line in host.log() if line.text.startswith("hook ")] == ["hook transfer"]


def test_hook_that_raises_is_told_once(host: Host) -> None:
    name = host.script("""
        def broken_hook(session, what):
            raise ValueError("in the hook")
        def handler(session, args):
            session.setHangupHook(broken_hook)
            session.sleep(20000)
    """)
    result = host.run("python", name, hangup_after=1.5)
    assert result.cause == "NORMAL_CLEARING"
    line = host.wait_log("ValueError: in the hook")
    assert (line.level, line.uuid) == ("ERR", result.uuid)
    assert "broken_hook" in line.text
    assert sum("ValueError: in the hook" in line.text for line in host.log()) == 1


@pytest.mark.parametrize(
    "how", ["session.execute('playback', music)", "session.streamFile(music)", "session.sleep(20000)"]
)
def test_input_callback_sees_digits(host: Host, how: str) -> None:
    name = host.script(f"""
        import freeswitch
        def on_input(session, what, obj, arg):
            freeswitch.consoleLog("info", "%s %s %d %s\\n" % (what, obj.digit, obj.duration, arg))
        def handler(session, args):
            session.answer()
            session.setInputCallback(on_input, "extra")
            music = session.getVariable("hold_music")
            {how}
    """)
    host.run("python", name, press=[(0.3, "1"), (0.5, "#")], hangup_after=2.0)
    host.wait_log(r"^dtmf 1 \d+ extra$")
    host.wait_log(r"^dtmf # \d+ extra$")


def test_callback_without_the_argument(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def on_input(session, what, obj):
            freeswitch.consoleLog("info", "%s %s\\n" % (what, obj.digit))
        def handler(session, args):
            session.answer()
            session.setInputCallback(on_input)
            session.streamFile(session.getVariable("hold_music"))
    """)
    host.run("python", name, press=[(0.3, "7")], hangup_after=2.0)
    host.wait_log("^dtmf 7$")


@pytest.mark.parametrize(
    ("answer", "stops"),
    [("None", False), ("''", False), ("'true'", False), ("'pause'", False), ("'stop'", True), ("'break'", True)],
)
def test_what_the_callback_returns(host: Host, answer: str, stops: bool) -> None:
    name = host.script(f"""
        import freeswitch
        def on_input(session, what, obj):
            return {answer}
        def handler(session, args):
            session.answer()
            session.setInputCallback(on_input)
            session.streamFile(session.getVariable("hold_music"))
            session.setVariable("stopped_by_digit", str(bool(session.ready())))
    """)
    result = host.run("python", name, press=[(0.3, "1")], hangup_after=2.0)
    assert result.variables["stopped_by_digit"] == str(stops)


def test_callback_that_raises_lets_the_call_go_on(host: Host) -> None:
    name = host.script("""
        def on_input(session, what, obj):
            raise ValueError("digit " + obj.digit)
        def handler(session, args):
            session.answer()
            session.setInputCallback(on_input)
            session.streamFile(session.getVariable("hold_music"))
    """)
    host.run("python", name, press=[(0.3, "1"), (0.5, "2")], hangup_after=2.0)
    assert host.wait_log("ValueError: digit 1").level == "ERR"
    host.wait_log("ValueError: digit 2")


def test_dtmf_object_outlives_nothing(host: Host) -> None:
    name = host.script("""
        kept = []
        def on_input(session, what, obj):
            kept.append(obj)
            return "stop"
        def handler(session, args):
            session.answer()
            session.setInputCallback(on_input)
            session.streamFile(session.getVariable("hold_music"))
            try:
                session.setVariable("late", kept[0].digit)
            except RuntimeError as error:
                session.setVariable("late", type(error).__name__)
    """)
    result = host.run("python", name, press=[(0.3, "4")])
    # A copy of its own, or an object that says that it is stale: never another digit.
    assert result.variables["late"] in {"4", "SessionGone"}


def test_get_digits(host: Host) -> None:
    name = host.script("""
        import json
        def handler(session, args):
            session.answer()
            first = session.getDigits(3, "#", 5000)
            second = session.getDigits(2, "", 300)
            session.setVariable("saw", json.dumps([first, second]))
    """)
    result = host.run("python", name, press=[(0.3, "12#")])
    assert json.loads(result.variables["saw"]) == ["12", ""]


def test_play_and_get_digits(host: Host) -> None:
    name = host.script("""
        import json
        def handler(session, args):
            session.answer()
            prompt, wrong = "silence_stream://200", "silence_stream://20"
            got = session.playAndGetDigits(2, 4, 3, 3000, "#", prompt, wrong, r"^\\d+$")
            session.setVariable("saw", json.dumps(got))
    """)
    result = host.run("python", name, press=[(0.1, "*#"), (1.0, "345#")])
    assert json.loads(result.variables["saw"]) == "345"


def test_hangup_ends_a_wait_for_digits_at_once(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.answer()
            session.getDigits(3, "#", 15000)
    """)
    result = host.run("python", name, hangup_after=1.5, timeout=5)
    assert result.cause == "NORMAL_CLEARING"


def test_script_that_polls_ready_ends_with_the_call(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.answer()
            while session.ready():
                session.sleep(20)
            session.setVariable("loop_ended", "yes")
    """)
    assert host.run("python", name, hangup_after=1.5).variables["loop_ended"] == "yes"

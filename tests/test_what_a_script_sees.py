"""What scripts are shown alike: levels of the log, hangup hooks, playback, recordings, empty fields."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest

from hosts.base import Host
from support.saw import in_call

# What is asked for, and the level of the line.
LEVELS = {
    "err": "ERR",
    "ERR": "ERR",
    "error": "DEBUG",
    "": "CONSOLE",
    "warning": "WARNING",
    "warn": "DEBUG",
    "3": "ERR",
    "+3": "ERR",
    "3.9": "ERR",
    "-1": "CONSOLE",
    "1x": "DEBUG",
    " info": "DEBUG",
    "console": "CONSOLE",
    "alert": "ALERT",
    "DISABLE": "DEBUG",
    "debug3": "DEBUG",
}


def test_levels_of_the_log(host: Host) -> None:
    in_call(
        host,
        f"""
        def body(session, saw):
            for level in {list(LEVELS)!r}:
                freeswitch.consoleLog(level, "asked for <%s>\\n" % level)
                session.execute("log", level + " by name <" + level + ">")
        """,
    )
    asked = {line.text[len("asked for <") : -1]: line.level for line in host.log() if line.text.startswith("asked for")}
    named = {line.text[len("by name <") : -1]: line.level for line in host.log() if line.text.startswith("by name")}
    assert {level.rstrip(">"): seen for level, seen in asked.items()} == LEVELS
    # The application's first word is its level; that of " info" is none.
    named.pop(" info", None)
    assert named == {level: seen for level, seen in LEVELS.items() if level != " info"}


def test_what_a_hangup_hook_is_given(host: Host) -> None:
    """The call's variables by their bare names, and its events' headers; it is no event with a name of its own."""
    name = host.script("""
        import freeswitch, json
        NAMES = ["Event-Name", "uuid", "Unique-ID", "variable_uuid", "mine"]
        NAMES += ["API-Command", "hangup_cause", "Channel-State"]
        def fsapi(session, stream, env, args):
            seen = {name: env.getHeader(name) for name in NAMES}
            freeswitch.consoleLog("info", "given " + args + json.dumps(seen))
    """)
    result = host.call(
        ("set", "mine=yes"),
        ("set", f"api_hangup_hook=python {name} args "),
        ("hangup", "USER_BUSY"),
    )
    args, _, seen = host.wait_log("^given ").text.removeprefix("given ").partition("{")
    assert args == "args"
    assert json.loads("{" + seen) == {
        "Event-Name": None,
        "uuid": result.uuid,
        "Unique-ID": result.uuid,
        "variable_uuid": result.uuid,
        "mine": "yes",
        "API-Command": "python",
        "hangup_cause": "USER_BUSY",
        "Channel-State": "CS_HANGUP",
    }


@pytest.fixture
def sound(tmp_path: Path) -> str:
    """Six seconds of silence."""
    path = tmp_path / "six_seconds.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 48000, "NONE", "none"))
        file.writeframes(b"\0\0" * 48000)
    return str(path)


@pytest.mark.parametrize(
    ("command", "when", "milliseconds"),
    [
        ("stop", 0.3, 2048),
        ("stop", 3.5, 4096),
        ("seek:5000", 0.5, 2048 + 1000),
        ("seek:3000", 1.3, 2048 + 3000),
        ("restart", 1.0, 2048 + 6000),
        ("seek:500", 3.5, 4096 + 5500),
    ],
)
def test_how_much_was_played(host: Host, sound: str, command: str, when: float, milliseconds: int) -> None:
    """`playback_ms` counts what was read of the file, block by block, also before and after a seek."""
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            session.answer()
            session.setInputCallback(lambda session, what, obj: "{command}")
            session.streamFile("{sound}")
            saw["played"] = [session.getVariable("playback_" + name) for name in ("ms", "samples")]
        """,
        press=[(when, "1")],
    )
    assert saw["played"] == [str(milliseconds), str(milliseconds * 8)]


def test_parameters_of_a_file(host: Host, sound: str) -> None:
    """The events of a file have its parameters, in its path and as headers."""
    short = sound + "@@47000"
    result = host.call(
        "answer",
        ("playback", "{mine=7,other=a b}" + short),
        ("playback", "{vol=2}tone_stream://%(100,0,400)"),
        ("playback", "tone_stream://%(100,0,400)"),
        "hangup",
    )
    events = [event for event in result.events if event["Event-Name"].startswith("PLAYBACK_")]
    names = ("Playback-File-Path", "Playback-File-Type", "mine", "other", "vol")
    seen = [tuple(event.get(name) for name in names) for event in events]
    first = "{mine=7,other=a b}" + sound, None, "7", "a b", None
    second = "{vol=2}tone_stream://%(100,0,400)", None, None, None, "2"
    third = "tone_stream://%(100,0,400)", "tone_stream", None, None, None
    assert seen == [first, first, second, second, third, third]


def test_a_recording_that_the_caller_ends(host: Host, tmp_path: Path) -> None:
    """It has ended well; one that begins afterwards has not."""
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            session.answer()
            saw["recorded"] = [session.recordFile("{tmp_path}/1.wav", 10), session.ready()]
            saw["recorded"].append(session.recordFile("{tmp_path}/2.wav", 10))
        """,
        hangup_after=1.5,
    )
    assert saw["recorded"] == [1, False, 0]


def test_fields_without_a_value(host: Host) -> None:
    """Fields of the caller profile are empty, not missing."""
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            names = "rdnis aniii callee_id_name callee_id_number caller_ton screen_bit transfer_source no_such".split()
            saw["fields"] = [session.getVariable(name) for name in names]
        """,
    )
    rdnis, aniii, *_, ton, screen, source, nothing = saw["fields"]
    assert [rdnis, aniii, ton, screen, source, nothing] == ["", "", "255", "true", None, None]


@pytest.mark.parametrize("name", ["silence_stream://", "silence_stream://0", "silence_stream://abc"])
def test_silence_without_a_length_is_no_file(host: Host, name: str) -> None:
    saw, _ = in_call(
        host, f"def body(session, saw):\n    session.answer()\n    saw['played'] = session.streamFile({name!r})\n"
    )
    assert saw == {"played": 0}


def test_a_wait_on_a_call_that_is_over(host: Host) -> None:
    body = (
        "def body(session, saw):\n    session.answer()\n    session.hangup()\n    saw['slept'] = session.sleep(100)\n"
    )
    saw, _ = in_call(host, body)
    assert saw == {"slept": 1}


def test_a_loop_without_a_count_plays_once(host: Host) -> None:
    call = host.call("answer", ("loop_playback", "tone_stream://%(100,0,440)"), ("set", "after=yes"))
    assert call.variables["after"] == "yes"
    assert call.event_names().count("PLAYBACK_START") == 1


@pytest.mark.parametrize("data", ["", "+2 "])
def test_a_loop_without_a_file_ends_the_call(host: Host, data: str) -> None:
    assert host.call("answer", ("loop_playback", data), ("sleep", "5000")).cause == "DESTINATION_OUT_OF_ORDER"


@pytest.mark.parametrize(
    ("data", "cause"), [("+0", "ALLOTTED_TIMEOUT"), ("5 USER_BUSY", "USER_BUSY"), ("soon", "ALLOTTED_TIMEOUT")]
)
def test_a_hangup_at_no_time_is_one_at_once(host: Host, data: str, cause: str) -> None:
    call = host.call("answer", ("sched_hangup", data), ("set", "after=yes"), ("sleep", "5000"))
    assert (call.cause, "after" in call.variables) == (cause, False)


def test_a_hangup_without_a_time_is_none(host: Host) -> None:
    assert host.call("answer", ("sched_hangup", ""), ("set", "after=yes")).variables["after"] == "yes"

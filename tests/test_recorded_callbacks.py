"""Recorded calls whose scripts hand functions to the switch: by place, by keyword, with and without an argument."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts.base import Host
from support.recordings import Record, entries, recorder, replay

# How each function that takes a callback can be given it: the line, and the name that the recording has for the call.
GIVEN = [
    "session.setInputCallback(pressed, mine)",
    "session.setInputCallback(pressed, funcargs=mine)",
    "session.setInputCallback(cbfunc=pressed, funcargs=mine)",
    "session.setInputCallback(funcargs=mine, cbfunc=pressed)",
    "session.setDTMFCallback(pressed, mine)",
    "session.setDTMFCallback(cbfunc=pressed, funcargs=mine)",
]
HOOKS = [
    "session.setHangupHook(hung_up, mine)",
    "session.setHangupHook(hung_up, arg=mine)",
    "session.setHangupHook(pyfunc=hung_up, arg=mine)",
]


@pytest.fixture
def record(host: Host, tmp_path: Path) -> Record:
    """Give what runs a script on a recorded call, does things on the way, and gives the recording."""
    return recorder(host, tmp_path / "recorded")


@pytest.mark.parametrize("given", GIVEN)
def test_an_input_callback_is_played_back_however_it_was_given(record: Record, given: str) -> None:
    file = record(
        f"""
        mine = {{"digits": []}}

        def pressed(session, what, obj, arg):
            if arg is mine and what == "dtmf":
                arg["digits"].append(obj.digit)
                session.setVariable("heard", obj.digit)
                return "break"

        def handler(session, args):
            session.answer()
            {given}
            session.setVariable("kept", str(session.cb_function is pressed and session.cb_arg is mine))
            session.streamFile("tone_stream://%(60000,0,440)")
            session.setVariable("digits", str(mine["digits"]))
        """,
        press=[(0.5, "7")],
    )
    assert sum("callback" in entry for entry in entries(file)) == 1
    values = [entry["args"] for entry in entries(file) if entry.get("name") == "Session.setVariable"]
    assert values == [["kept", "True"], ["heard", "7"], ["digits", "['7']"]]
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")


@pytest.mark.parametrize("given", HOOKS)
def test_a_hangup_hook_is_played_back_however_it_was_given(record: Record, given: str) -> None:
    file = record(
        f"""
        mine = object()

        def hung_up(session, what, arg):
            session.setVariable("hook", f"{{what}} {{arg is mine}}")

        def handler(session, args):
            session.answer()
            {given}
            session.setVariable("kept", str(session.hangup_func is hung_up and session.hangup_func_arg is mine))
            session.sleep(60000)
        """,
        hangup_after=1.5,
    )
    assert sum("callback" in entry for entry in entries(file)) == 1
    values = [entry["args"] for entry in entries(file) if entry.get("name") == "Session.setVariable"]
    assert values == [["kept", "True"], ["hook", "hangup True"]]
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")


def test_a_callback_by_keyword_that_was_altered_is_stopped(record: Record, tmp_path: Path) -> None:
    file = record(
        """
        def pressed(session, what, obj):
            return "break"

        def handler(session, args):
            session.answer()
            session.setInputCallback(cbfunc=pressed)
            session.streamFile("tone_stream://%(60000,0,440)")
        """,
        press=[(0.5, "7")],
    )
    script = Path(entries(file)[0]["file"])
    (tmp_path / "altered").mkdir()
    (tmp_path / "altered" / script.name).write_text(script.read_text().replace('"break"', '"pause"'))
    played = replay(file, "--scripts", str(tmp_path / "altered"))
    assert played.returncode == 1
    assert "pressed ends with 'pause'; the recording has 'break'" in played.stderr


def test_functions_that_coroutines_give_are_played_back(record: Record, host: Host) -> None:
    away = host.extension(("answer", ""), ("sleep", "10000"))
    file = record(
        f"""
        import asyncio, freeswitch
        from freeswitch import events

        async def hung_up(session, what):
            session.setVariable("hook", what)

        async def other(session):
            await session.sleep(0.1)
            session.setVariable("app", "ran")

        async def handler(session, args):
            session.set_hangup_hook(hook=hung_up)
            await session.answer()
            pressed = asyncio.Event()
            watch = session.on("DTMF", callback=lambda event: pressed.set(), guard=lambda event: True)
            freeswitch.consoleLog("info", "listens\\n")
            await pressed.wait()
            watch.cancel()
            await session.originate("loopback/{away}/default/xml", app=other, keep=True)
            await session.sleep(60)
        """,
        press=[(0.5, "7")],
        hangup_after=2.0,
    )
    calls = [entry["args"] for entry in entries(file) if entry.get("name") == "Session.setVariable"]
    assert sorted(map(str, calls)) == ["['app', 'ran']", "['hook', 'hangup']"]
    played = replay(file)
    assert (played.returncode, played.stderr) == (0, "")

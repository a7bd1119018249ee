"""What one script leaves behind does not reach the next: processes, threads, tracing, handles, settings."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import pytest

from hosts.base import Host

COUNT_STATES = """
    import ctypes
    def fsapi(session, stream, env, args):
        python = ctypes.pythonapi
        for name in ("PyInterpreterState_Get", "PyInterpreterState_ThreadHead", "PyThreadState_Next"):
            getattr(python, name).restype = ctypes.c_void_p
        state = python.PyInterpreterState_ThreadHead(ctypes.c_void_p(python.PyInterpreterState_Get()))
        count = 0
        while state:
            count += 1
            state = python.PyThreadState_Next(ctypes.c_void_p(state))
        stream.write(str(count))
"""


def test_a_fork_that_comes_back_ends(host: Host) -> None:
    name = host.script("""
        import os
        def fsapi(session, stream, env, args):
            child = os.fork()
            if child == 0:
                return  # into a copy of the switch that has one thread
            status = os.waitpid(child, 0)[1]
            stream.write(f"exited {os.WIFEXITED(status)}")
    """)
    assert host.api(f"python {name}") == "exited True"
    assert "is ready" in host.api("status")


@pytest.mark.parametrize("kind", ["trace", "profile"])
def test_tracing_ends_with_the_script(host: Host, kind: str) -> None:
    name = host.script(f"""
        import sys
        def handler(session, args):
            before = sys.get{kind}()
            sys.set{kind}(lambda *event: None)
            session.setVariable(args, str(before))
    """)
    result = host.call(("python", f"{name} first"), ("python", f"{name} second"))
    assert result.variables["second"] == result.variables["first"]


def test_a_thread_takes_its_state_of_python_along(host: Host) -> None:
    counted = host.script(COUNT_STATES)
    runs = host.script("def runtime(args): print('ran', args)")
    before = int(host.api(f"python {counted}"))
    for n in range(30):
        host.api(f"pyrun {runs} {n}")
    for n in range(30):
        host.wait_log(f"^ran {n}$")
    host.wait_for(lambda: int(host.api(f"python {counted}")) < before + 10, what="the end of thread states")


def test_a_uuid_that_is_used_again_is_another_call(host: Host) -> None:
    name = host.script("""
        import freeswitch
        kept = []
        def handler(session, args):
            for old in kept:
                try:
                    print("old one:", old.getVariable("uuid"))
                except freeswitch.SessionGone as gone:
                    print("old one is gone")
            kept.append(session)
            print("has run", len(kept))
    """)
    uuid = "b6f4a0de-2b9c-4f58-9d5c-6a3f3c1d7e11"
    place = f"originate {{origination_uuid={uuid}}}null/x &python({name})"
    for n in (1, 2):
        # The UUID may be taken for a moment after the call has gone.
        host.wait_for(lambda: host.api(place).startswith("+OK") or None, what="a call")
        host.wait_log(f"^has run {n}$")
        host.wait_for(lambda: host.api(f"uuid_exists {uuid}").strip() == "false", what="the end of the call")
    host.wait_log("^old one is gone$")
    host.no_log("^old one:")


def test_a_playback_of_the_modules_own_is_told_as_an_application(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.answer()
            session.setInputCallback(lambda *about: None)
            session.execute("playback", "silence_stream://100")
    """)
    events = [event for event in host.run("python", name).events if event.get("Application") == "playback"]
    assert [event["Event-Name"] for event in events] == ["CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE"]
    assert [event["Application-Data"] for event in events] == ["silence_stream://100"] * 2
    assert events[1]["Application-Response"] == "FILE PLAYED"


def test_a_playback_may_start_within_the_file(host: Host, tmp_path: Path) -> None:
    sound = tmp_path / "two_seconds.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 16000, "NONE", "none"))
        file.writeframes(struct.pack("<h", 0) * 16000)
    name = host.script(f"""
        def handler(session, args):
            session.answer()
            session.setInputCallback(lambda *about: None)
            session.execute("playback", "{sound}@@12000")
    """)
    result = host.run("python", name)
    assert 400 <= int(result.variables["playback_ms"]) <= 700


def test_min_digits(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.answer()
            session.setVariable("got", session.playAndGetDigits(
                2, 4, 1, 1000, "#", "silence_stream://200", "", "[0-9]+", "", 500, ""))
    """)
    assert host.run("python", name, press=[(0.6, "1#")]).variables.get("got", "") == ""
    assert host.run("python", name, press=[(0.6, "12#")]).variables["got"] == "12"


@pytest.mark.freeswitch_only
def test_a_call_with_a_log_level_of_its_own(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def handler(session, args):
            freeswitch.consoleLog("debug", args + "\\n")
    """)
    host.api("fsctl loglevel err")
    try:
        host.call(("python", f"{name} unheard"), ("session_loglevel", "debug"), ("python", f"{name} heard"))
    finally:
        host.api("fsctl loglevel debug")
    host.wait_log("^heard$")
    host.no_log("^unheard$")


@pytest.mark.parametrize("made", ["freeswitch.Session()", "type('Mine', (freeswitch.Session,), {})()"])
def test_a_collection_sees_sessions_that_are_being_made(host: Host, made: str) -> None:
    name = host.script(f"""
        import gc
        import freeswitch
        def fsapi(session, stream, env, args):
            before = gc.get_threshold()
            gc.set_threshold(1)
            try:
                kept = [{made} for _ in range(2000)]
            finally:
                gc.set_threshold(*before)
            stream.write(str(len(kept)))
    """)
    assert host.api(f"python {name}") == "2000"

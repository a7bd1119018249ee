"""Digits, playing, recording, speech and what is said: return values and what reaches the switch."""

from __future__ import annotations

import wave

import pytest

from hosts.base import Host, LiveCall
from support.saw import coroutine, in_call, seen, start, until_waits
from support.timing import lasted


@pytest.mark.parametrize(
    ("call", "press", "digits"),
    [
        ("getDigits(3, '#', 5000)", [(0.3, "123")], "123"),
        ("getDigits(3, '#', 5000)", [(0.3, "1#")], "1"),
        ("getDigits(3, None, 2000)", [(0.3, "1#")], "1#"),
        ("getDigits(3, '', 300)", [], ""),
        ("getDigits(9, '#', 5000, 300)", [(0.3, "12")], "12"),
        ("getDigits(9, '#', 5000, 5000, 700)", [(0.3, "12")], "12"),
        ("getDigits(9, '*#', 5000)", [(0.3, "12*")], "12"),
        ("getDigits(3, '#', 5000)", [(0.3, "#")], ""),
        ("read(1, 3, 'silence_stream://200', 5000, '#')", [(0.1, "12#")], "12"),
        ("read(2, 3, '', 2000, '#')", [(0.3, "123")], "123"),
        ("read(1, 3, None, 400, None)", [], ""),
        ("playAndGetDigits(2, 4, 2, 3000, '#', 'silence_stream://100', '', r'^\\d+$')", [(0.3, "345#")], "345"),
        ("playAndGetDigits(1, 1, 1, 300, '', '', '', '')", [], ""),
        ("playAndGetDigits(1, 1, 2, 3000, '', '', '', '[5-9]')", [(0.2, "1"), (0.7, "7")], "7"),
    ],
)
def test_digits(host: Host, call: str, press: list[tuple[float, str]], digits: str) -> None:
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            session.answer()
            saw["digits"] = session.{call}
        """,
        press=press,
    )
    assert saw == {"digits": digits}


def press(host: Host, call: LiveCall, digit: str) -> None:
    """Press a digit, and wait until what reads has taken it."""
    call.press(digit)
    host.wait_event("DTMF", {"Unique-ID": call.uuid, "DTMF-Digit": digit})


def break_all(host: Host, call: LiveCall, command: str = "uuid_break {}") -> None:
    """Break what a call plays, which nothing tells; what is pressed next comes when that is over."""
    assert host.api(command.format(call.uuid)).startswith("+OK")
    host.sleep(0.2)


# Each with the digits that are pressed before and after a break of what plays; there is time enough on a busy machine.
BROKEN = [
    ("getDigits(2, '#', 30000)", "1", "2", "12"),
    ("getDigits(3, '#', 30000, 20000)", "1", "2#", "12"),
    ("getDigits(3, '#', 20000, 30000)", "", "12#", "12"),
    ("getDigits(3, '#', 0, 0, 30000)", "1", "2#", "12"),
    ("read(1, 3, '', 30000, '#')", "1", "2#", "12"),
    ("playAndGetDigits(1, 3, 1, 30000, '#', '', '', '')", "1", "2#", "12"),
]


@pytest.mark.parametrize("call", BROKEN, ids=lambda call: call[0])
@pytest.mark.parametrize("command", ["uuid_break {}", "uuid_break {} all"])
def test_digits_go_on_after_a_break(host: Host, call: tuple[str, str, str, str], command: str) -> None:
    method, before, after, expected = call
    live = start(
        host,
        f"""
        def body(session, saw):
            session.answer()
            freeswitch.consoleLog("info", "reading\\n")
            saw["digits"] = session.{method}
        """,
    )
    host.wait_log("^reading$")
    if before:
        press(host, live, before)
    until_waits(host, live.uuid)
    break_all(host, live, command)
    live.press(after)
    assert seen(live.wait())[0] == {"digits": expected}


@pytest.mark.freeswitch_only
def test_digits_go_on_after_a_hold(host: Host) -> None:
    live = start(host, "def body(session, saw):\n session.answer()\n saw['digits'] = session.getDigits(3, '#', 9000)\n")
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": live.uuid})
    press(host, live, "1")
    host.api(f"uuid_hold {live.uuid}")
    host.wait_event("CHANNEL_HOLD", {"Unique-ID": live.uuid})
    host.api(f"uuid_hold off {live.uuid}")
    live.press("2#")
    assert seen(live.wait())[0] == {"digits": "12"}


@pytest.mark.parametrize("times", ["3000", "20000, 20000, 3000", "0, 3000"])
def test_a_break_gives_digits_no_more_time(host: Host, times: str) -> None:
    live = start(
        host,
        f"""
        def body(session, saw):
            session.answer()
            begun = int(freeswitch.API().getTime())
            freeswitch.consoleLog("info", "reading\\n")
            saw["digits"] = session.getDigits(3, '#', {times})
            saw["took"] = int(freeswitch.API().getTime()) - begun
        """,
    )
    host.wait_log("^reading$")
    for _ in range(3):
        host.sleep(0.8)
        host.api(f"uuid_break {live.uuid}")
    saw, _ = seen(live.wait())
    assert saw["digits"] == ""
    # Begun again at the last break, it would end so long after that.
    lasted(host, saw["took"], 3000, other=2400 + 3000, slack=50)


def test_digits_of_a_coroutine_go_on_after_a_break(host: Host) -> None:
    name = coroutine(
        host,
        """
        async def body(session, saw):
            await session.answer()
            freeswitch.consoleLog("info", "reading\\n")
            saw["digits"] = await session.get_digits(3, timeout=30)
            reading = asyncio.create_task(session.get_digits(3, timeout=30))
            # The session's thread reads by then; sooner, the cancellation would keep it from beginning.
            await asyncio.sleep(0.2)
            reading.cancel()
            saw["cancelled"] = [type(r).__name__ for r in await asyncio.gather(reading, return_exceptions=True)]
            await session.sleep(0.1)
        """,
    )
    live = host.start_call(host.extension(("python", name)))
    host.wait_log("^reading$")
    press(host, live, "1")
    break_all(host, live)
    live.press("2#")
    assert seen(live.wait())[0] == {"digits": "12", "cancelled": ["CancelledError"]}


def test_play_and_get_digits_keeps_and_transfers(host: Host) -> None:
    target = host.extension(("set", "transferred=yes"), ("hangup", "CALL_REJECTED"))
    saw, result = in_call(
        host,
        f"""
        def body(session, saw):
            session.answer()
            saw["got"] = session.playAndGetDigits(1, 2, 1, 3000, "#", "", "", "", "kept", 300)
            saw["kept"] = session.getVariable("kept")
            session.playAndGetDigits(1, 2, 1, 200, "#", "", "", "", None, 0, "{target} XML default")
            session.setVariable("saw", json.dumps(saw))
        """,
        press=[(0.3, "42")],
    )
    assert saw == {"got": "42", "kept": "42"}
    assert (result.variables["transferred"], result.cause) == ("yes", "CALL_REJECTED")


def test_flush_digits(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            session.answer()
            session.execute("sleep", "2000")
            saw["flushed"] = session.flushDigits()
            saw["left"] = session.getDigits(5, "", 200)
            saw["events"] = session.flushEvents()
        """,
        press=[(0.2, "123")],
    )
    assert saw == {"flushed": 0, "left": "", "events": 0}


def test_playing(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            saw["none"] = session.streamFile("/no/such/file.wav")
            saw["tone"] = session.streamFile("tone_stream://%(100,0,440)")
            saw["start"] = session.streamFile("silence_stream://100", 10)
            saw["answered"] = session.answered()
            saw["media"] = session.mediaReady()
        """,
    )
    assert saw == {"none": 0, "tone": 1, "start": 1, "answered": False, "media": True}


def test_recording_and_insertion(host: Host) -> None:
    first, second = host.folder / "first.wav", host.folder / "second.wav"
    for path, seconds in ((first, 2), (second, 1)):
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, 8000, 0, "NONE", ""))
            out.writeframes(bytes(16000 * seconds))
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            session.answer()
            saw["recorded"] = session.recordFile({str(host.folder / "recorded.wav")!r}, 1)
            saw["inserted"] = session.insertFile({str(first)!r}, {str(second)!r}, 8000)
        """,
    )
    assert saw == {"recorded": 1, "inserted": 1}
    assert (host.folder / "recorded.wav").exists()
    with wave.open(str(first)) as file:
        assert 2.9 < file.getnframes() / file.getframerate() < 3.1


def test_a_recording_that_cannot_be(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            session.answer()
            saw["bad"] = session.recordFile("/proc/no/such/folder/x.wav", 1)
            saw["ready"] = session.ready()
        """,
    )
    # As FreeSWITCH does: the call is over.
    assert saw == {"bad": 0, "ready": False}


def test_speech(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            session.answer()
            saw["unset"] = [session.tts_name, session.voice_name, tried(session.speak, "x")[:10]]
            session.set_tts_params("no_such_engine", "voice")
            saw["set"] = [session.tts_name, session.voice_name, session.speak("hello")]
            saw["say"] = [session.say("12", "no_such_module", "number", "pronounced"),
                          session.say("12", "no_such_module", "number", "pronounced", "feminine")]
            saw["phrase"] = [session.sayPhrase("no_such_macro"), session.sayPhrase("no_such_macro", "data", "en")]
            saw["detect"] = [session.detectSpeech("no_such_engine", "grammar", "name", "dest"),
                             session.detectSpeech("pause"), session.detectSpeech("stop"),
                             session.detectSpeech("nonsense")]
            saw["play and detect"] = session.playAndDetectSpeech("silence_stream://20", "no_such_engine", "g")
            saw["ready"] = session.ready()
        """,
    )
    assert saw == {
        "unset": [None, None, "ValueError"],
        "set": ["no_such_engine", "voice", 0],
        "say": [None, None],
        "phrase": [None, None],
        "detect": [None] * 4,
        "play and detect": None,
        "ready": True,
    }


def test_what_the_call_is(host: Host) -> None:
    saw, result = in_call(
        host,
        """
        def body(session, saw):
            saw["before"] = [session.ready(), session.answered(), session.bridged(), session.mediaReady()]
            saw["answer"] = [session.preAnswer(), session.answered(), session.answer(), session.answered()]
            saw["cdr"] = "<cdr" in session.getXMLCDR()
            saw["print"] = session._print("text that nobody can take")
            session.consoleLog("info", "of this call\\n")
            session.consoleLog2("warning", "file.py", "function", 7, "placed\\n")
            saw["cause"] = session.hangup("user_busy")
            saw["state"] = session.hangupState()
        """,
    )
    assert saw.pop("print") in {0, 1}
    assert saw == {
        "before": [True, False, False, False],
        "answer": [1, False, 1, True],
        "cdr": True,
        "cause": None,
        "state": None,
    }
    assert result.cause == "USER_BUSY"
    assert host.wait_log("^of this call").uuid == result.uuid
    line = host.wait_log("^placed")
    assert (line.level, line.file, line.line, line.uuid) == ("WARNING", "file.py", 7, result.uuid)

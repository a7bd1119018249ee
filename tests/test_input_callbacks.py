"""Input callbacks: where they fire, with what, and what their return values do."""

from __future__ import annotations

import wave
from itertools import product

import pytest

from hosts.base import Host, LiveCall
from hosts.freeswitch import FreeSwitchHost
from support.saw import in_call, seen, start
from support.timing import lasted

# Runs a wait, says how long it took in the switch's time, and how often the callback was called.
TIMED = """
def on_input(session, what, obj, saw):
    saw["digits"] = saw.get("digits", "") + obj.digit
    return %r
def body(session, saw):
    session.answer()
    session.setInputCallback(on_input, saw)
    begun = int(freeswitch.API().getTime())
    %s
    saw["took"] = int(freeswitch.API().getTime()) - begun
"""
EVERYWHERE = [None, "", "true", "undefined"]
ON_FILES = ["pause", "restart", "seek:+500", "seek:-100", "speed:1", "volume:-1", "volume:+1"]
STOPS = ["stop", "break", "exit", "truncate", "volume", "anything else", "false"]
NO_FILE = ["session.sleep(%d)", "session.collectDigits(%d)"]
PLAYBACK = "session.execute('playback', %r)"
SLACK = 400
# In milliseconds: what goes on to its end, and what a digit ends long before.
SHORT, LONG = 2000, 20000


def silence(host: Host, milliseconds: int) -> str:
    """A file of silence that can be sought in."""
    path = host.folder / f"silence-{milliseconds}.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(16 * milliseconds))
    return str(path)


@pytest.fixture
def file(host: Host) -> str:
    """Two seconds of silence."""
    return silence(host, SHORT)


def press_when(host: Host, call: LiveCall, waits: str, digits: str) -> None:
    """Press digits once the script has said by its variable that this waits."""
    host.wait_for(lambda: host.api(f"uuid_getvar {call.uuid} waits") == waits or None, what=waits)
    call.press(digits)


def wait_of(host: Host, wait: str, milliseconds: int) -> str:
    """A wait that takes so long by itself."""
    return wait % (silence(host, milliseconds) if "%r" in wait else milliseconds)


@pytest.mark.parametrize(
    ("answer", "wait"), [*product(EVERYWHERE, ["session.streamFile(%r)"]), *product([None, ""], [*NO_FILE, PLAYBACK])]
)
def test_what_goes_on_everywhere(host: Host, answer: str | None, wait: str) -> None:
    saw, _ = in_call(host, TIMED % (answer, wait_of(host, wait, SHORT)), press=[(0.3, "1"), (0.6, "2")])
    assert saw["digits"] == "12"
    assert saw["took"] > SHORT - SLACK


@pytest.mark.parametrize(
    ("answer", "wait"),
    [*product(STOPS, ["session.streamFile(%r)"]), *product(["stop", "volume"], [*NO_FILE, PLAYBACK])],
)
def test_what_stops_everywhere(host: Host, answer: str, wait: str) -> None:
    saw, _ = in_call(host, TIMED % (answer, wait_of(host, wait, LONG)), press=[(0.3, "1"), (0.5, "2")])
    assert saw["digits"] == "1"
    lasted(host, saw["took"], 300, other=LONG, slack=SLACK)


@pytest.mark.parametrize(
    ("answer", "wait"), [*product(ON_FILES, ["session.sleep(%d)"]), ("pause", "session.collectDigits(%d)")]
)
def test_what_acts_on_files_stops_where_there_is_none(host: Host, answer: str, wait: str) -> None:
    saw, _ = in_call(host, TIMED % (answer, wait_of(host, wait, LONG)), press=[(0.3, "1")])
    assert saw["digits"] == "1"
    lasted(host, saw["took"], 300, other=LONG, slack=SLACK)


@pytest.mark.parametrize("wait", ["session.streamFile(%r)", PLAYBACK])
@pytest.mark.parametrize(
    ("answer", "press", "length", "took", "other"),
    [
        ("pause", [(0.5, "1"), (2.5, "2")], SHORT, 4000, SHORT),
        ("restart", [(1.0, "1")], SHORT, 3000, SHORT),
        ("seek:+19000", [(0.5, "1")], LONG, 1000, LONG),
        # What does not know it stops.
        ("volume:-1", [(0.5, "1")], SHORT, SHORT, 500),
    ],
)
def test_what_acts_on_files(
    host: Host, answer: str, press: list[tuple[float, str]], length: int, took: int, other: int, wait: str
) -> None:
    saw, _ = in_call(host, TIMED % (answer, wait_of(host, wait, length)), press=press)
    assert saw["digits"] == "".join(digits for _, digits in press)
    # Where the first of two digits comes late, and the second does not, a pause is shorter.
    slack = SLACK if host.is_pocket or len(press) == 1 else 1500
    lasted(host, saw["took"], took, other=other, slack=slack)


# Each with what it would take if there were places.
@pytest.mark.parametrize(("answer", "other"), [("restart", 6500), ("seek:+1000", 3000), ("seek:0", 6500)])
def test_a_tone_has_no_places_to_go_to(host: Host, answer: str, other: int) -> None:
    wait = "session.streamFile('tone_stream://%(4000,0,440)')"
    saw, _ = in_call(host, TIMED % (answer, wait), press=[(2.5, "1")])
    assert saw["digits"] == "1"
    lasted(host, saw["took"], 4000, other=other, slack=SLACK)


@pytest.mark.parametrize(("answer", "result"), [("None", 0), ("'stop'", 0)])
def test_a_recording_that_the_callback_hangs_up(host: Host, answer: str, result: int) -> None:
    path = host.folder / "hung-up.wav"
    saw, _ = in_call(
        host,
        f"""
        def on_input(session, what, obj, saw):
            session.hangup()
            return {answer}
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input, saw)
            saw["recorded"] = session.recordFile({str(path)!r}, 10)
        """,
        press=[(0.5, "1")],
    )
    assert saw["recorded"] == result


def test_the_callback_hears_while_recording(host: Host) -> None:
    path = host.folder / "heard.wav"
    saw, _ = in_call(host, TIMED % ("stop", f"session.recordFile({str(path)!r}, 10)"), press=[(0.5, "7")])
    assert (saw["digits"], path.exists()) == ("7", True)
    lasted(host, saw["took"], 500, other=10000, slack=SLACK)


def test_what_a_digit_is(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def on_input(session, what, obj, saw):
            saw["digit"] = [what, type(obj).__name__, obj.digit, obj.duration > 0, isinstance(obj.source, str)]
            saw["session"] = session is saw.pop("it")
            return "stop"
        def body(session, saw):
            session.answer()
            saw["it"] = session
            session.setInputCallback(on_input, saw)
            session.sleep(15000)
        """,
        press=[(0.3, "*")],
    )
    assert saw == {"digit": ["dtmf", "DTMF", "*", True, True], "session": True}


@pytest.mark.freeswitch_only  # events come by its event socket
@pytest.mark.parametrize("wait", ["session.sleep(15000)", "session.streamFile('silence_stream://15000')"])
def test_an_event(host: Host, wait: str) -> None:
    call = start(
        host,
        f"""
        def on_input(session, what, obj, saw):
            saw["event"] = [what, obj.getType(), obj["Said"], obj.getHeader("Event-Subclass")]
            return "stop"
        def body(session, saw):
            session.setInputCallback(on_input, saw)
            session.answer()
            {wait}
            saw["after"] = session.ready()
        """,
    )
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    assert isinstance(host, FreeSwitchHost)
    host.queue_event(call.uuid, "CUSTOM", {"Event-Subclass": "input::event", "Said": "hello"})
    saw, _ = seen(call.wait())
    assert saw == {"event": ["event", "CUSTOM", "hello", "input::event"], "after": True}


def test_a_wait_within_the_callback(host: Host) -> None:
    call = start(
        host,
        """
        def on_input(session, what, obj, saw):
            saw["order"].append(obj.digit)
            if obj.digit == "1":
                session.setVariable("waits", "within")
                session.streamFile("silence_stream://60000")
                saw["order"].append("inner over")
                session.setVariable("waits", "again")
            return None if obj.digit == "1" else "stop"
        def body(session, saw):
            saw["order"] = []
            session.answer()
            session.setInputCallback(on_input, saw)
            session.setVariable("waits", "outside")
            saw["outer"] = session.streamFile("silence_stream://60000")
        """,
    )
    for where, digit in [("outside", "1"), ("within", "2"), ("again", "3")]:
        press_when(host, call, where, digit)
    assert seen(call.wait())[0] == {"order": ["1", "2", "inner over", "3"], "outer": 0}


# What is under way when the callback plays half a second of its own, and the milliseconds that it takes without that.
STANDS_STILL = [("session.streamFile({file!r})", 2000), ("session.execute('playback', {file!r})", 2000)]


@pytest.mark.parametrize(("wait", "took"), STANDS_STILL)
def test_what_plays_stands_still_while_the_callback_plays(host: Host, file: str, wait: str, took: int) -> None:
    saw, _ = in_call(
        host,
        f"""
        def on_input(session, what, obj):
            session.streamFile("silence_stream://500")
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input)
            begun = int(freeswitch.API().getTime())
            {wait.format(file=file)}
            saw["took"] = int(freeswitch.API().getTime()) - begun
        """,
        press=[(0.5, "1")],
    )
    lasted(host, saw["took"], took + 500, other=took, slack=SLACK / 2)


@pytest.mark.pocket_only  # a far end that is parked in FreeSWITCH sends nothing to record
def test_what_records_hears_nothing_while_the_callback_plays(host: Host) -> None:
    path = host.folder / "short.wav"
    in_call(
        host,
        f"""
        def on_input(session, what, obj):
            if obj.digit == "2":
                return "stop"
            session.streamFile("silence_stream://1000")
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input)
            session.recordFile({str(path)!r}, 10)
        """,
        press=[(0.5, "1"), (2.0, "2")],
    )
    with wave.open(str(path)) as recorded:
        assert recorded.getnframes() / recorded.getframerate() == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize(
    "wait",
    ["session.streamFile({file!r})", "session.execute('playback', {file!r})", "session.sleep(2000)"],
)
@pytest.mark.parametrize("before", ["pass", "session.streamFile('silence_stream://200')"])
def test_a_transfer_in_the_callback_succeeds(host: Host, file: str, wait: str, before: str) -> None:
    target = host.extension(("set", "arrived=yes"), ("hangup", ""))
    saw, result = in_call(
        host,
        f"""
        def on_input(session, what, obj, saw):
            {before}
            saw["transferred"] = session.transfer({target!r}, "XML", "default")
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input, saw)
            {wait.format(file=file)}
            saw["ready"] = session.ready()
        """,
        press=[(0.3, "1")],
    )
    assert saw == {"transferred": 1, "ready": False}
    assert result.variables["arrived"] == "yes"


def test_callbacks_may_change_while_they_run(host: Host) -> None:
    call = start(
        host,
        """
        def first(session, what, obj, saw):
            saw["heard"].append("first " + obj.digit)
            session.setInputCallback(second, saw)
            return "stop"
        def second(session, what, obj, saw):
            saw["heard"].append("second " + obj.digit)
            return "stop"
        def body(session, saw):
            saw["heard"] = []
            session.answer()
            session.setInputCallback(first, saw)
            session.setVariable("waits", "first")
            session.sleep(60000)
            session.setVariable("waits", "second")
            session.sleep(60000)
            session.unsetInputCallback()
            session.setVariable("waits", "nobody")
            saw["left"] = session.getDigits(1, "", 60000)
        """,
    )
    for who, digit in [("first", "1"), ("second", "2"), ("nobody", "3")]:
        press_when(host, call, who, digit)
    assert seen(call.wait())[0] == {"heard": ["first 1", "second 2"], "left": "3"}


@pytest.mark.parametrize("value", ["5", "b'stop'", "object()", "['stop']", "'a\\0b'"])
def test_what_is_no_answer_is_an_error_and_goes_on(host: Host, value: str) -> None:
    saw, _ = in_call(
        host,
        f"""
        def on_input(session, what, obj): return {value}
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input)
            saw["slept"] = session.sleep(800)
        """,
        press=[(0.3, "1")],
    )
    assert saw == {"slept": 1}
    host.wait_log("TypeError|ValueError")

"""The file that a call plays, as `uuid_fileman` finds it, is there again after a callback has used the call."""

from __future__ import annotations

import wave

import pytest

from hosts.base import Host
from support.saw import in_call

# What a callback does on the call, and how long it takes.
INNER = {
    "streamFile": "session.streamFile('silence_stream://100')",
    "a missing file": "session.streamFile('/nowhere/none.wav')",
    "playback": "session.execute('playback', 'silence_stream://100')",
    "read": "session.read(1, 1, 'silence_stream://100', 100, '#')",
    "playAndGetDigits": "session.playAndGetDigits(1, 1, 1, 100, '#', 'silence_stream://100', '', '')",
    "recordFile": "session.recordFile(@RECORDED@, 1)",
    "sleep": "session.sleep(100)",
    "speak": "session.set_tts_params('none', 'v'); session.speak('x')",
    "two": "session.streamFile('silence_stream://100'); session.streamFile('silence_stream://100')",
    "set": "session.execute('set', 'a=b')",
    "an error": "session.streamFile('silence_stream://100'); 1 / 0",
}

OUTER = {
    "streamFile": "session.streamFile(@FILE@)",
    "playback": "session.execute('playback', @FILE@)",
}


@pytest.fixture
def file(host: Host) -> str:
    path = host.folder / "three_seconds.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(3 * 16000))
    return str(path)


def played(host: Host, file: str, outer: str, inner: str, after: str = "") -> dict[str, object]:
    source = f"""
        def fileman(session, command):
            return freeswitch.API().executeString(f"uuid_fileman {{session.uuid}} {{command}}").strip()
        def on_input(session, what, obj, saw):
            if obj.digit == "1":
                saw["before"] = fileman(session, "volume:+1")
                try:
                    session.unsetInputCallback()
                    {inner}
                finally:
                    session.setInputCallback(on_input, saw)
                    saw["after"] = fileman(session, "volume:+1")
            else:
                saw["later"] = fileman(session, "volume:+1")
                return "stop"
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input, saw)
            {outer}
            {after}
    """
    source = source.replace("@FILE@", repr(file)).replace("@RECORDED@", repr(str(host.folder / "recorded.wav")))
    return in_call(host, source, press=[(0.3, "1"), (2.6, "2")])[0]


@pytest.mark.parametrize("inner", INNER)
def test_after_what_a_callback_did(host: Host, file: str, inner: str) -> None:
    saw = played(host, file, OUTER["streamFile"], INNER[inner])
    assert saw == {"before": "+OK", "after": "-ERR No file handle!", "later": "+OK"} | (
        {"after": "+OK"} if inner in {"recordFile", "sleep", "speak", "set", "a missing file"} else {}
    )


def test_of_the_application(host: Host, file: str) -> None:
    saw = played(host, file, OUTER["playback"], INNER["streamFile"])
    assert saw["later"] == "+OK"


def test_in_two_callbacks(host: Host, file: str) -> None:
    """The callback of a wait that plays nothing, in that of one that does."""
    source = f"""
        def fileman(session):
            return freeswitch.API().executeString(f"uuid_fileman {{session.uuid}} volume:+1").strip()
        def inner(session, what, obj, saw):
            session.unsetInputCallback()
            session.streamFile("silence_stream://100")
            return "stop"
        def on_input(session, what, obj, saw):
            if obj.digit == "1":
                session.setInputCallback(inner, saw)
                session.collectDigits(2000)
                saw["between"] = fileman(session)
                session.setInputCallback(on_input, saw)
            else:
                saw["later"] = fileman(session)
                return "stop"
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input, saw)
            session.streamFile({file!r})
    """
    assert in_call(host, source, press=[(0.3, "1"), (0.7, "5"), (1.5, "2")])[0] == {"between": "+OK", "later": "+OK"}


def test_none_is_there_when_nothing_plays(host: Host, file: str) -> None:
    end = "saw['end'] = fileman(session, 'volume:+1')"
    saw = played(host, file, OUTER["streamFile"], INNER["streamFile"], end)
    assert saw["end"] == "-ERR No file handle!"

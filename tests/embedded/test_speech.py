"""What is spoken, heard and recorded."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import pytest

import pocket

Open = Callable[..., pocket.Switch]


def test_speech_takes_its_time_and_stands_in_the_transcript(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            session.set_tts_params("engine", "voice")
            session.speak("twenty characters ok")
            session.say("1234", "en", "number", "pronounced")
            session.sayPhrase("greeting", "x" * 10, "en")
        """
    )
    call = switch.run("python", name)
    assert call.spoken == ["twenty characters ok"]
    spoken, said, phrase = (call.transcript.of_kind(kind)[0] for kind in ("spoken", "said", "phrase"))
    assert (spoken.data["engine"], spoken.data["voice"], spoken.data["why"]) == ("engine", "voice", "end")
    assert (said.text, said.data["type"], said.data["module"]) == ("1234", "number", "en")
    assert (phrase.text, phrase.data["language"]) == ("greeting", "en")
    lengths = [float(entry.data["end"]) - float(entry.data["start"]) for entry in (spoken, said, phrase)]
    assert lengths == pytest.approx([1.2, 0.24, 0.6], abs=0.041)


def test_a_digit_and_a_hangup_end_what_is_spoken(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            session.set_tts_params("engine", "voice")
            session.setInputCallback(lambda session, what, digit: "stop")
            session.speak("a" * 1000)
            session.speak("b" * 1000)
        """
    )
    call = switch.run("python", name, press=[(1.0, "1")], hangup_after=2.0)
    assert [entry.data["why"] for entry in call.transcript.of_kind("spoken")] == ["digit", "hangup"]


def test_what_is_said_not_to_be_there_fails_at_once(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            session.set_tts_params("no_such_engine", "voice")
            saw = [session.speak("x" * 1000), session.playAndDetectSpeech("silence_stream://9000", "none", "g")]
            session.sayPhrase("no_such_macro")
            session.say("12", "none", "number", "pronounced")
            session.setVariable("saw", str(saw))
        """
    )
    call = switch.run("python", name)
    assert call.variables["saw"] == "[0, None]"
    assert not [entry for entry in call.transcript if entry.kind in ("spoken", "said", "phrase", "listens")]
    assert switch.time < 1


def test_playing_gives_early_media(switch_with: Open) -> None:
    switch = switch_with(five='<action application="playback" data="silence_stream://100"/>')
    call = switch.call("5")
    assert not call.answered
    assert call.played == ["silence_stream://100"]


def test_the_words_that_are_scheduled_are_recognised(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            for _ in range(2):
                heard = session.playAndDetectSpeech("silence_stream://5000", "engine", "menu")
                session.execute("set", f"heard=${{heard}}<{heard}>", expand=True)
        """
    )
    call = switch.run("python", name, says=[(2.0, "pizza")])
    assert call.variables["heard"] == "<pizza><>"
    prompt, again = call.transcript.of_kind("played")
    assert prompt.data["end"] == pytest.approx(2.0, abs=0.021)
    # Nobody speaks: the engine's own timer runs from the prompt's beginning.
    assert float(again.data["end"]) - float(again.data["start"]) == pytest.approx(5.0, abs=0.041)


def test_recognition_beside_a_script_tells_its_callback(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            kinds = []
            def told(session, what, event):
                kinds.append(event["Speech-Type"])
                if event["Speech-Type"] == "detected-speech":
                    session.setVariable("body", event.body)
            session.setInputCallback(told)
            session.detectSpeech("engine", "menu", "menu", "")
            session.sleep(3000)
            session.detectSpeech("pause")
            session.sleep(2000)
            session.detectSpeech("stop")
            session.sleep(100)
            session.setVariable("kinds", " ".join(kinds))
        """
    )
    call = switch.run("python", name, says=[(1.0, "yes"), (4.0, "unheard")])
    assert (call.variables["body"], call.variables["kinds"]) == ("yes", "begin-speaking detected-speech closed")
    assert [entry.text for entry in call.transcript.of_kind("heard")] == ["yes", "unheard"]


def test_a_recording_is_as_long_as_it_took(switch_with: Open, name: str, tmp_path: Path) -> None:
    path = tmp_path / "recorded.wav"
    switch = switch_with(
        script=f"""
        def handler(session, args):
            session.answer()
            session.setVariable("done", str(session.recordFile("{path}", 60, 200, 2)))
        """
    )
    switch.subscribe("RECORD_START", "RECORD_STOP")
    call = switch.run("python", name, says=[(1.0, "ten characters and more")])
    # Two seconds of silence after the last word.
    with wave.open(str(path)) as recorded:
        assert recorded.getframerate() == 8000
        length = recorded.getnframes() / 8000
    spoken = 23 * 0.06
    assert length == pytest.approx(1.0 + spoken + 2.0, abs=0.041)
    assert call.variables["silence_hits_exhausted"] == "true"
    assert int(call.variables["record_ms"]) == int(length * 1000)
    assert [event["Event-Name"] for event in switch.events] == ["RECORD_START", "RECORD_STOP"]
    assert {event["Record-File-Path"] for event in switch.events} == {str(path)}


def test_a_recording_that_cannot_be_written_ends_the_call(switch_with: Open) -> None:
    switch = switch_with(five='<action application="answer"/><action application="record" data="/nowhere/x.wav"/>')
    assert switch.call("5").cause == "DESTINATION_OUT_OF_ORDER"


def test_a_recording_pauses_while_its_callback_says_so(switch_with: Open, name: str, tmp_path: Path) -> None:
    path = tmp_path / "recorded.wav"
    switch = switch_with(
        script=f"""
        def handler(session, args):
            session.answer()
            session.setInputCallback(lambda session, what, obj: {{"1": "pause", "2": "stop"}}[obj.digit])
            session.recordFile("{path}", 60)
        """
    )
    call = switch.run("python", name, press=[(1.0, "1"), (3.0, "1"), (4.0, "2")])
    assert call.transcript.of_kind("recorded")[0].data["why"] == "digit"
    with wave.open(str(path)) as recorded:
        assert recorded.getnframes() / 8000 == pytest.approx(2.0, abs=0.061)

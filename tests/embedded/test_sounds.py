"""Sounds: where they lie, how long they are, and what the far end does when it hears them."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

import pocket

Open = Callable[..., pocket.Switch]


def sound(path: Path, seconds: float) -> Path:
    """A WAV file of silence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        file.writeframes(b"\0\0" * int(8000 * seconds))
    return path


MENU = """
def handler(session, args):
    session.answer()
    digits = session.playAndGetDigits(1, 1, 3, 3000, "", "ivr/menu.wav", "ivr/sorry.wav", r"[12]")
    session.setVariable("digits", digits)
    session.streamFile("ivr/bye.wav")
    session.hangup()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, seconds in [("ivr/menu", 2.0), ("ivr/sorry", 1.0), ("ivr/bye", 0.5)]:
        sound(tmp_path / "sounds" / f"{name}.wav", seconds)
    return tmp_path / "sounds"


def test_a_folder_of_sounds_is_the_prefix(switch_with: Open, name: str, folder: Path) -> None:
    switch = switch_with(script=MENU, sounds=folder)
    call = switch.run("python", name, press=[(2.5, "1")])
    assert call.variables["digits"] == "1"
    assert call.played == ["ivr/menu.wav", "ivr/bye.wav"]
    assert call.transcript.of_kind("played")[0].text == f"{folder}/ivr/menu.wav"
    assert (switch.globals["sound_prefix"], switch.globals["sounds_dir"]) == (str(folder), str(folder))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="nowhere"):
        pocket.Switch(sounds=tmp_path / "nowhere").open()


def test_the_beginning_of_a_sound_stands_in_the_transcript(switch_with: Open, name: str, folder: Path) -> None:
    switch = switch_with(script=MENU, sounds=folder)
    transcript = switch.run("python", name, press=[(1.0, "2")]).transcript
    begin, end = transcript.of_kind("plays")[0], transcript.of_kind("played")[0]
    assert (begin.text, end.text) == (end.text, f"{folder}/ivr/menu.wav")
    assert (begin.time, end.time, end.data["why"]) == (0.0, 1.0, "digit")
    assert transcript.index(begin) < transcript.index(end)


@pytest.mark.parametrize("sound", ["menu.wav", "menu", "ivr/menu.wav", "*menu*"])
def test_digits_answer_a_prompt_once_it_was_heard(switch_with: Open, name: str, folder: Path, sound: str) -> None:
    switch = switch_with(script=MENU, sounds=folder)
    call = switch.run("python", name, press={sound: "1"})
    assert call.variables["digits"] == "1"
    (digit,) = call.transcript.of_kind("digit")
    assert digit.time == 2.0


def test_digits_break_into_a_prompt(switch_with: Open, name: str, folder: Path) -> None:
    switch = switch_with(script=MENU, sounds=folder)
    call = switch.run("python", name, press={"menu": (0.5, "2")})
    played = call.transcript.of_kind("played")[0]
    assert (played.data["end"], played.data["why"]) == (0.5, "digit")


def test_a_list_answers_each_time_with_its_own(switch_with: Open, name: str, folder: Path) -> None:
    switch = switch_with(script=MENU, sounds=folder)
    call = switch.run("python", name, press={"menu": ["7", "2"]})
    assert call.variables["digits"] == "2"
    assert [Path(file).stem for file in call.played] == ["menu", "sorry", "menu", "bye"]
    call = switch.run("python", name, press={"menu": ["7"]})
    assert "digits" not in call.variables


def test_words_and_texts_are_cues_as_well(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            session.set_tts_params("any", "voice")
            session.speak("Please enter your PIN")
            session.setVariable("pin", session.getDigits(4, "", 5000))
            session.setVariable("said", session.playAndDetectSpeech("silence_stream://1000", "any", "grammar") or "")
        """
    )
    call = switch.run(
        "python", name, press={"*pin*": "1234"}, says={"silence_stream://1000": "yes please"}, hangup_after=60
    )
    assert (call.variables["pin"], call.variables["said"]) == ("1234", "yes please")
    assert call.transcript.of_kind("speaks")[0].text == "Please enter your PIN"


def test_prompts_are_waited_for(switch_with: Open, name: str, folder: Path) -> None:
    switch = switch_with(script=MENU, sounds=folder)
    call = switch.start_run("python", name)
    assert call.wait_played("menu", begins=True).time == pytest.approx(0.0)
    assert call.wait_played("menu").data["why"] == "end of file"
    call.press("9")
    assert call.wait_played("sorry").text == f"{folder}/ivr/sorry.wav"
    call.wait_played("menu")
    call.press("1")
    call.wait()
    assert call.variables["digits"] == "1"
    assert call.wait_played("bye")
    with pytest.raises(TimeoutError, match="has not played 'bye' before it was over"):
        call.wait_played("bye")


def test_a_prompt_that_does_not_come_in_time(switch_with: Open, name: str, folder: Path) -> None:
    switch = switch_with(script=MENU, sounds=folder)
    call = switch.start_run("python", name)
    with pytest.raises(TimeoutError, match=r"has not played 'bye' in 1 s"):
        call.wait_played("bye", timeout=1)
    assert switch.time == pytest.approx(1.0, abs=0.05)
    call.hangup()
    call.wait()


def test_a_missing_sound_fails_as_in_freeswitch_or_takes_a_time(switch_with: Open, name: str) -> None:
    script = """
    def handler(session, args):
        session.answer()
        session.streamFile("absent.wav")
        session.execute("playback", "absent.mp3")
        session.setVariable("response", session.getVariable("current_application_response"))
    """
    switch = switch_with(script=script)
    call = switch.run("python", name)
    assert call.variables["response"] == "FILE NOT FOUND"
    assert call.transcript[-1].time == 0.0
    switch.close()
    switch = switch_with(script=script, missing_sounds=1.5)
    call = switch.run("python", name)
    assert call.variables["response"] == "FILE PLAYED"
    assert [entry.data["end"] for entry in call.transcript.of_kind("played")] == [1.5, 3.0]
    assert any("missing_sounds" in line.text and line.level == "WARNING" for line in switch.log)


def test_a_pipe_and_a_file_of_no_sound_are_said_to_be_there(switch_with: Open, name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "text.wav").write_text("no sound")
    script = """
    def handler(session, args):
        session.answer()
        for sound in ("pipe.wav", "text.wav", "absent.wav"):
            session.streamFile(args + "/" + sound)
    """
    switch = switch_with(script=script, missing_sounds=1.5)
    call = switch.run("python", f"{name} {tmp_path}")
    # What is there is not played as if it was missing.
    assert [entry.data.get("end") for entry in call.transcript.of_kind("played")] == [None, None, 1.5]
    said = "".join(line.text for line in switch.log)
    for sound in ("pipe.wav", "text.wav"):
        assert f"Error Opening File [{tmp_path / sound}] [File contains data in an unknown format.]" in said


def test_any_extension_that_freeswitch_takes(switch_with: Open, name: str, tmp_path: Path) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            session.streamFile(args)
        """
    )
    for file, content, seconds in [
        ("a.ul", b"\x7f" * 8000, 1.0),
        ("a.alaw", b"\x55" * 4000, 0.5),
        ("a.r8", b"\0" * 32000, 2.0),
        ("a.gsm", b"\xd0" * 1650, 1.0),
        ("a.mp3", bytes([0xFF, 0xFB, 0x90, 0]) + b"\0" * 31996, 2.0),
    ]:
        (tmp_path / file).write_bytes(content)
        (played,) = switch.run("python", f"{name} {tmp_path}/{file}").transcript.of_kind("played")
        assert played.data["why"] == "end of file"
        assert float(played.data["end"]) - float(played.data["start"]) == pytest.approx(seconds, abs=0.02), file
    switch.run("python", f"{name} {tmp_path}/a.nonsense")
    assert any("Invalid file format [nonsense]" in line.text for line in switch.log)


def test_a_recording_of_any_extension_can_be_played(switch_with: Open, name: str, tmp_path: Path) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.answer()
            session.recordFile(args, 2, 0, 0)
            session.streamFile(args)
        """
    )
    call = switch.run("python", f"{name} {tmp_path}/message.mp3")
    (recorded,), (played,) = call.transcript.of_kind("recorded"), call.transcript.of_kind("played")
    length = float(recorded.data["end"]) - float(recorded.data["start"])
    assert float(played.data["end"]) - float(played.data["start"]) == pytest.approx(length, abs=0.02)
    assert any("as WAV" in line.text for line in switch.log)

"""The examples that are call programs, each with what its far end does: they run as they are."""

from __future__ import annotations

from pathlib import Path

from support.programs.case import HANG_UP, Case

FOLDER = Path(__file__).resolve().parents[3] / "examples"


def _sound(digit: str) -> str:
    return f"tone_stream://%(200,50,{ord(digit) - 40}00)"


CASES: dict[str, Case] = {
    "yaypm/ivr.py": Case(
        file=FOLDER / "yaypm" / "ivr.py",
        hears=(
            ("CHANNEL_ANSWER", "4"),
            (f"PLAYBACK_STOP {_sound('4')}", "2"),
            (f"PLAYBACK_STOP {_sound('2')}", HANG_UP),
        ),
        tells=("CHANNEL_ANSWER", f"PLAYBACK_START {_sound('4')}", f"PLAYBACK_START {_sound('2')}"),
    ),
}

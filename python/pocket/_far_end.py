"""What the far end of a leg does, and what of it makes no sense."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pocket import _pocket

# Digits: at once, so many seconds after the sound begins, or one of these for each time that it is heard.
Answer = str | tuple[float, str]
Answers = Mapping[str, Answer | Sequence[Answer]]
Timed = Sequence[tuple[float, str]]
# Times and digits (or words), or sounds and what they are answered with.
Press = Timed | Answers
Says = Timed | Answers

_DIGITS = re.compile(r"~?[0-9*#A-Da-dFfWw]+(@[0-9]+)?(\+[0-9*#A-Da-dFfWw]+(@[0-9]+)?)*")

# A hundred years.
LONGEST = 3.2e9

Cue = tuple[str, float | None, str, list[str], bool]


@dataclass(frozen=True)
class FarEnd:
    """What `_pocket` takes. Times are seconds."""

    answers_after: float | None = 0.0
    rings_after: float | None = None
    refuses: tuple[float, str] | None = None
    press: list[tuple[float, str]] = field(default_factory=list)
    says: list[tuple[float, str]] = field(default_factory=list)
    hangs_up_after: float | None = None
    cues: list[Cue] = field(default_factory=list)


def far_end(
    press: Press,
    says: Says,
    hangs_up_after: float | None,
    *,
    answers_after: float | None = 0.0,
    rings_after: float | None = None,
    refuses: tuple[float, str] | None = None,
) -> FarEnd:
    """A far end of what a test says; ValueError or TypeError when that makes no sense."""
    pressed, keys = _split("press", press)
    said, words = _split("says", says)
    return FarEnd(
        answers_after=seconds_or_none("answers_after", answers_after),
        rings_after=seconds_or_none("rings_after", rings_after),
        refuses=refuses,
        press=pressed,
        says=said,
        hangs_up_after=seconds_or_none("hangup_after", hangs_up_after),
        cues=keys + words,
    )


def seconds(name: str, value: float) -> float:
    """A time that is none is said at once."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: {value!r} must be a number of seconds, not {type(value).__name__}")
    if math.isnan(value):
        raise ValueError(f"{name}: {value!r} is not a number of seconds")
    if value < 0:
        raise ValueError(f"{name}: {value!r} lies in the past; give seconds of 0 or more")
    if value > LONGEST:
        raise ValueError(
            f"{name}: {value!r} is longer than a switch runs; give seconds up to {LONGEST:g}, or leave it out"
        )
    return float(value)


def seconds_or_none(name: str, value: float | None) -> float | None:
    """The same, where there may be none."""
    return None if value is None else seconds(name, value)


def digits(name: str, text: str) -> str:
    """Text that has no digit, or something else in it, is said at once."""
    if not isinstance(text, str):
        raise TypeError(f"{name}: {text!r} must be a str of digits, not {type(text).__name__}")
    if not _DIGITS.fullmatch(text):
        raise ValueError(f"{name}: {text!r} is no text of digits; there are 0 to 9, *, #, A to D, F and W (wait)")
    return text


def cause(name: str, text: str) -> str:
    """A cause that the switch does not know is said at once, with those that are like it."""
    if not isinstance(text, str):
        raise TypeError(f"{name}: {text!r} must be a str, not {type(text).__name__}")
    known = _pocket.causes()
    if text.upper() in known or text.isdigit():
        return text
    like = difflib.get_close_matches(text.upper(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(like)}?" if like else "such as NORMAL_CLEARING, USER_BUSY or NO_ANSWER"
    raise ValueError(f"{name}: {text!r} is no hangup cause; {hint}")


def _split(name: str, given: Press) -> tuple[list[tuple[float, str]], list[Cue]]:
    if isinstance(given, str):
        raise TypeError(
            f"{name}: {given!r} must say when, too: [(1.5, {given!r})] for a time, "
            f'{{"menu.wav": {given!r}}} for a sound'
        )
    if isinstance(given, Mapping):
        return [], [_cue(name, sound, answer) for sound, answer in given.items()]
    if not isinstance(given, Iterable):
        raise TypeError(f"{name}: {given!r} must be pairs of seconds and a text, or sounds and their answers")
    timed = []
    for entry in given:
        try:
            when, what = entry
        except (TypeError, ValueError):
            raise TypeError(f"{name}: {entry!r} must be a pair of seconds and a text") from None
        timed.append((seconds(name, when), _checked(name, what)))
    return timed, []


def _checked(name: str, what: str) -> str:
    if name == "press":
        return digits(name, what)
    if not isinstance(what, str):
        raise TypeError(f"{name}: {what!r} must be a str, not {type(what).__name__}")
    if not what:
        raise ValueError(f"{name}: there is nothing to say in ''")
    return what


def _cue(name: str, sound: str, answer: Answer | Sequence[Answer]) -> Cue:
    if not isinstance(sound, str):
        raise TypeError(f"{name}: {sound!r} must be a sound's name; times stand in a list: [(1.5, '1')]")
    repeats = isinstance(answer, str | tuple)
    given: Any = answer
    answers: list[Answer] = [given] if repeats or not isinstance(given, Iterable) else list(given)
    for one in answers:
        if not isinstance(one, str) and not (isinstance(one, tuple) and len(one) == 2):
            raise TypeError(
                f"{name}: the answer to {sound!r} must be a text, a pair of seconds and a text, or a list of these, "
                f"not {one!r}"
            )
    if not answers:
        raise ValueError(f"{name}: {sound!r} has no answer")
    times = {one[0] if isinstance(one, tuple) else None for one in answers}
    if len(times) > 1:
        raise ValueError(
            f"{name}: the answers to {sound!r} must all come at one time after it begins, or after its end"
        )
    texts = [_checked(name, one[1] if isinstance(one, tuple) else one) for one in answers]
    after = seconds_or_none(name, times.pop())
    return sound, after, "press" if name == "press" else "say", texts, repeats

"""Keeps digits that were pressed out of a recording, also where a script hands them on: there it has zeros.

All that is masked has been pressed: a text of three digits or more that came one after the other, wherever it stands,
and a text that is an answer as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

# Verbs whose answers are digits that were pressed.
READ_DIGITS = (
    "getDigits", "get_digits", "read", "collectDigits", "playAndGetDigits", "play_and_get_digits",
    "AsyncSession.play", "AsyncSession.record", "AsyncSession.speak",
)  # fmt: skip
# What reads digits into a variable that its arguments name.
INTO_VARIABLES = ("read", "playAndGetDigits", "play_and_get_digits")
# Digits of a UUID were not pressed.
_RUN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{3,}")
_KEYS = frozenset("0123456789ABCDabcd*#")
# Forms whose text no digits are looked for in.
_CLOSED = frozenset({"uuid", "bytes", "session"})


class Mask:
    """What a masked recording knows of the digits that were pressed."""

    def __init__(self) -> None:
        # Keys that events and callbacks had, one after the other, and answers of verbs.
        self._keys = ""
        self._answers: set[str] = set()
        # Variables that digits were read into.
        self._names: set[str] = set()

    def asked(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Give what is asked of the switch, masked."""
        name, args = entry["name"], entry["args"]
        texts = [each for each in (*args, *entry.get("kwargs", {}).values()) if isinstance(each, str)]
        if name.endswith(INTO_VARIABLES):
            self._names.update(texts)
        elif name.endswith("execute") and args[:1] and args[0] in INTO_VARIABLES:
            self._names.update(word for text in texts[1:] for word in text.split())
        hidden = {**entry, "args": self.given(args)}
        if "kwargs" in entry:
            hidden["kwargs"] = {key: self.given(each) for key, each in entry["kwargs"].items()}
        return hidden

    def answer(self, name: str, args: tuple[Any, ...], form: Any) -> Any:
        """Give what the switch answered, masked."""
        if name.endswith(READ_DIGITS) or (name.endswith("getVariable") and self._names.intersection(args[:1])):
            self._answers.update(each for each in _texts(form) if each)
            return masked(form)
        return self.heard(form)

    def heard(self, form: Any) -> Any:
        """Give what the switch tells a script, masked: the key in a DTMF or an event was pressed."""
        if isinstance(form, dict):
            if "dtmf" in form:
                self._keys += form["dtmf"][0]
                return masked(form)
            if "event" in form:
                self._keys += "".join(
                    value for name, value in form["event"][0] if name == "DTMF-Digit" and isinstance(value, str)
                )
                form = masked(form)
        return _each(form, self._run)

    def given(self, form: Any) -> Any:
        """Give what a script gives to the switch, masked."""
        return _each(form, lambda text: masked(text) if text in self._answers else self._run(text))

    def _run(self, text: str) -> str:
        return _RUN.sub(lambda found: "0" * len(found[0]) if self._was_pressed(found[0]) else found[0], text)

    def _was_pressed(self, run: str) -> bool:
        return run in self._keys or any(run in answer for answer in self._answers)


def masked(form: Any) -> Any:
    """Give a form with a zero for each digit that was pressed."""
    if isinstance(form, str):
        return "".join("0" if each in _KEYS else each for each in form)
    if isinstance(form, list):
        return [masked(each) for each in form]
    if isinstance(form, dict) and len(form) == 1:
        ((kind, held),) = form.items()
        if kind == "dtmf":
            held = ["0", held[1]]
        elif kind == "event":
            held = [[[name, "0" if name == "DTMF-Digit" else value] for name, value in held[0]], held[1]]
        elif kind == "tuple":
            held = masked(held)
        return {kind: held}
    return form


def alike(form: Any, other: Any) -> bool:
    """Whether two forms are the same but for the digits in their texts."""
    return bool(_each(form, _blank) == _each(other, _blank))


def _blank(text: str) -> str:
    return re.sub("[0-9*#]", "0", text)


def _each(form: Any, change: Callable[[str], str]) -> Any:
    """Change the texts of a form, or of what an entry has by name."""
    if isinstance(form, str):
        return change(form)
    if isinstance(form, list):
        return [_each(each, change) for each in form]
    if isinstance(form, dict):
        return {key: each if key in _CLOSED else _each(each, change) for key, each in form.items()}
    return form


def _texts(form: Any) -> list[str]:
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    _each(form, keep)
    return found

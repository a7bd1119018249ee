"""What the command line and the prompt say of a caller and of phones, as words."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from pocket._switch import Switch

_STEP = re.compile(r",(?=\s*[0-9.]+:)")
PHONE = "ADDRESS [busy] [never] [NAME=VALUE]..."


def timed(text: str) -> list[tuple[float, str]]:
    """Read `1.5:1` or `1.5:1,3:42#`: seconds after the call's beginning, and digits or words.

    A comma ends a step only where seconds and a colon follow: words may have some.
    """
    steps = []
    for part in _STEP.split(text):
        seconds, colon, what = part.partition(":")
        try:
            at = float(seconds)
        except ValueError:
            at = -1.0
        if not colon or not what or not 0 <= at < float("inf"):
            raise argparse.ArgumentTypeError(f"{part!r} must be seconds, a colon and digits or words, such as 1.5:1")
        steps.append((at, what))
    return steps


def variable(text: str) -> tuple[str, str]:
    """Read `name=value`."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} must be name=value")
    return name, value


def number(text: str) -> float:
    """Read seconds."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None


# What a phone does, as keywords of `Switch.phone`; the first two stand without a value.
DOES: dict[str, Callable[[str], Any]] = {
    "busy": bool,
    "never": bool,
    "refuses": str,
    "answers_after": number,
    "rings_after": number,
    "refuses_after": number,
    "hangs_up_after": number,
    "press": timed,
    "says": timed,
}


def phone(text: str) -> tuple[str, dict[str, Any]]:
    """Read `user/1001 answers_after=3 press=1:5`: an address, and what `Switch.phone` takes."""
    address, *words = text.split() or [""]
    does: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in DOES or bool(equals) == (DOES[name] is bool):
            raise argparse.ArgumentTypeError(
                f"a phone has no {word!r}; it has busy, never, "
                + ", ".join(f"{known}=" for known, kind in DOES.items() if kind is not bool)
            )
        does[name] = DOES[name](value) if equals else True
    return address, does


def add_phones(switch: Switch, phones: list[tuple[str, dict[str, Any]]]) -> None:
    """Name them; ValueError for what makes no sense."""
    for address, does in phones:
        switch.phone(address, **does)

"""Numbers that the command line takes: read, and refused in one line where they are none that can be meant."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Callable

from freeswitch.apps._link import LAST_PORT


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Read a whole number, of at least `least` and at most `most`."""

    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            if least <= int(text) and (most is None or int(text) <= most):
                return int(text)
        wanted = f"{least} to {most}" if most is not None else f"{least} or more"
        raise argparse.ArgumentTypeError(f"must be a whole number, {wanted}, not {text!r}")

    return read


def seconds(least: float, most: float) -> Callable[[str], float]:
    """Read how many seconds, at least `least` and at most `most`."""

    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            if least <= float(text) <= most:
                return float(text)
        raise argparse.ArgumentTypeError(f"must be {least:g} to {most:g} seconds, not {text!r}")

    return read


def not_negative(text: str) -> float:
    """Read a number of 0 or more."""
    return _number(text, "of 0 or more", zero=True)


def positive(text: str) -> float:
    """Read a number above 0."""
    return _number(text, "above 0", zero=False)


def _number(text: str, wanted: str, *, zero: bool) -> float:
    with contextlib.suppress(ValueError):
        number = float(text)
        if 0 < number < math.inf or (zero and number == 0):
            return number
    raise argparse.ArgumentTypeError(f"must be a number {wanted}, not {text!r}")


__all__ = ["LAST_PORT", "not_negative", "positive", "seconds", "whole"]

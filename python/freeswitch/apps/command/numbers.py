"""Numbers that the command line takes: read, and refused in one line where they are none that can be meant."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Callable


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Read a whole number, of at least `least` and at most `most`."""

    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            if least <= int(text) and (most is None or int(text) <= most):
                return int(text)
        wanted = f"{least} to {most}" if most is not None else f"{least} or more"
        raise argparse.ArgumentTypeError(f"it is a whole number, {wanted}, not {text!r}")

    return read


def positive(text: str) -> float:
    """Read a number above 0."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"it is a number above 0, not {text!r}")


def not_negative(text: str) -> float:
    """Read a number of 0 or more."""
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"it is a number of 0 or more, not {text!r}")


__all__ = ["not_negative", "positive", "whole"]

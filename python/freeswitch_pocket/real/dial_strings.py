"""Variables as FreeSWITCH's originate takes them."""

from __future__ import annotations

from collections.abc import Mapping

# A variable's value may hold most of these, but hardly all.
DELIMITERS = "~|!;#%@"
ESCAPES = {"\\": "\\\\", "'": "\\'", " ": "\\s", "\n": "\\n"}
# The core splits at blanks, at the delimiter and at the equals sign, and takes escapes out each time.
SPLITS = 3


def braces(variables: Mapping[str, str]) -> str:
    """Give `{^^~name=value~...}`, with a delimiter that none of the values has; ValueError where each has one."""
    everything = "".join(variables.values())
    delimiter = next((candidate for candidate in DELIMITERS if candidate not in everything), None)
    if delimiter is None:
        raise ValueError(f"variables: one of {DELIMITERS} must be in none of the values, to stand between them")
    pairs = delimiter.join(f"{name}={_escaped(value)}" for name, value in variables.items())
    return f"{{^^{delimiter}{pairs}}}"


def _escaped(value: str) -> str:
    for _ in range(SPLITS):
        value = "".join(ESCAPES.get(character, character) for character in value)
    return value

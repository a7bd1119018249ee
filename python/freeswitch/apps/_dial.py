"""Variables before a dial string, for commands that take no other form of them."""

from __future__ import annotations

from collections.abc import Mapping


def with_variables(dest: str, variables: Mapping[str, str]) -> str:
    """Put variables before a dial string: `[^^:name=value]` takes values without the delimiter in them.

    ValueError for what the switch would read otherwise than it is meant.
    """
    for name, value in variables.items():
        if not isinstance(value, str):
            raise TypeError(f"the variable {name!r} must be str, not {type(value).__name__}")
        if not name or any(c in name + value for c in "{}[]'\\\0\n\r") or value != value.strip():
            raise ValueError(f"the variable {name!r} cannot be put into a dial string: {value!r}")
    used = "".join(name + value for name, value in variables.items())
    for delimiter in ",;~|!#%@":
        if delimiter not in used:
            pairs = delimiter.join(f"{name}={value}" for name, value in variables.items())
            return f"{{{'' if delimiter == ',' else '^^' + delimiter}{pairs}}}{dest}"
    raise ValueError("the values use every delimiter that a dial string may have")

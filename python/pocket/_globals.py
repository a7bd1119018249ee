"""Global variables."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocket import _pocket


class Globals(MutableMapping[str, str]):
    """The switch's global variables, `$${name}`; names are found in any case, and setting "" removes one."""

    def __init__(self, core: _pocket.Switch) -> None:
        self._core = core

    def __getitem__(self, name: str) -> str:
        value = self._core.global_variable(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"{name}: {value!r} must be a str, not {type(value).__name__}")
        self._core.set_global(name, value)

    def __delitem__(self, name: str) -> None:
        self[name]
        self._core.set_global(name, "")

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._core.globals()])

    def __len__(self) -> int:
        return len(self._core.globals())

    def __repr__(self) -> str:
        return repr(dict(self._core.globals()))

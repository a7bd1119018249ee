"""A call's variables as a mapping."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Protocol


class _HasVariables(Protocol):
    def getVariable(self, var: str) -> str | None: ...
    def setVariable(self, var: str, val: str | None) -> None: ...
    def _variable_names(self) -> list[str]: ...


class Variables(MutableMapping[str, str]):
    """The variables of one call.

    Reading finds what `getVariable` finds: caller profile fields and global
    variables too. Iteration gives the call's own.
    """

    def __init__(self, session: _HasVariables) -> None:
        self._session = session

    def __getitem__(self, name: str) -> str:
        value = self._session.getVariable(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"a variable must be str, not {type(value).__name__}")
        self._session.setVariable(name, value)

    def __delitem__(self, name: str) -> None:
        if self._session.getVariable(name) is None:
            raise KeyError(name)
        self._session.setVariable(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._session._variable_names()))

    def __len__(self) -> int:
        return len(set(self._session._variable_names()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"

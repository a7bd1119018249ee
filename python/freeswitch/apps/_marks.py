"""Marking functions with the events they are for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_NAME = "_freeswitch_marks"


class Mark(NamedTuple):
    """One event that a function is for."""

    event: str
    kind: str
    # Events that it waits for, and that nobody else may have asked for.
    subscribe: tuple[str, ...]


def _marker(kind: str) -> Callable[..., Callable[[F], F]]:
    def mark(event: str, subscribe: Sequence[str] = ()) -> Callable[[F], F]:
        def inner(function: F) -> F:
            known: tuple[Mark, ...] = getattr(function, _NAME, ())
            setattr(function, _NAME, (*known, Mark(event, kind, tuple(subscribe))))
            return function

        return inner

    return mark


callback = event_callback = _marker("callback")
coroutine = _marker("coroutine")
handler = _marker("handler")


def marks_of(namespace: Any) -> Iterator[tuple[Mark, Callable[..., Any]]]:
    """Give what is marked in a namespace, in the order that it is written; handlers first."""
    names = list(vars(namespace)) if not isinstance(namespace, type) else []
    owner = namespace if isinstance(namespace, type) else type(namespace)
    for cls in reversed(owner.__mro__):
        names += [name for name in vars(cls) if name not in names]
    found: list[tuple[Mark, Callable[..., Any]]] = []
    for name in names:
        # What has no marks, a property say, is not asked for its value.
        function = getattr(owner, name, None) or vars(namespace).get(name)
        marks: tuple[Mark, ...] = getattr(function, _NAME, ()) if callable(function) else ()
        found += [(mark, getattr(namespace, name)) for mark in marks]
    yield from sorted(found, key=lambda item: item[0].kind != "handler")


def is_newer(app: Any, other: Any) -> bool:
    """Tell whether an app is another one whose script has been loaded anew."""
    one, two = (a if isinstance(a, type) or hasattr(a, "__name__") else type(a) for a in (app, other))
    same = all(
        getattr(one, name, None) == getattr(two, name, None) for name in ("__module__", "__qualname__", "__name__")
    )
    home, other_home = _home(app), _home(other)
    return same and home is not other_home and home.get("__name__") == other_home.get("__name__")


def _home(namespace: Any) -> dict[str, Any]:
    """Give the globals of an app's script, which are new when that is loaded anew."""
    # A class of ours, of which scripts make objects, says it itself.
    functions = getattr(namespace, "functions", None) or [function for _, function in marks_of(namespace)]
    return getattr(inspect.unwrap(functions[0]), "__globals__", {}) if functions else {}

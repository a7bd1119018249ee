"""Marks for the functions of apps, with the names that switchio has for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from freeswitch.apps._marks import Mark, callback, coroutine, event_callback, handler, marks_of

F = TypeVar("F", bound=Callable[..., Any])

_MARKERS = {"callback": callback, "coroutine": coroutine, "handler": handler}


def marker(event_type: str, cb_type: str = "callback", subscribe: Sequence[str] = ()) -> Callable[[F], F]:
    """Mark a function with an event: as a `callback`, a `coroutine` or a `handler`."""
    if cb_type not in _MARKERS:
        raise ValueError(f"cb_type is one of {', '.join(_MARKERS)}, not {cb_type!r}")
    mark: Callable[[F], F] = _MARKERS[cb_type](event_type, subscribe)
    return mark


def extend_attr_list(obj: Any, attr: str, items: Iterable[Any]) -> None:
    """Add items to a list that is an attribute of a function or an object, and may not be there yet."""
    known = getattr(obj, attr, None)
    if known is not None:
        known.extend(items)
    else:
        setattr(getattr(obj, "__func__", obj), attr, list(items))


def has_callbacks(ns: Any) -> bool:
    """Tell whether a namespace has marked functions."""
    return any(True for _ in marks_of(ns))


def get_callbacks(ns: Any, skip: Sequence[str] = (), only: str | bool = False) -> Iterator[tuple[str, str, Any]]:
    """Give the event, the kind and the function of all marks of a namespace, handlers first."""
    for mark, function in marks_of(ns):
        if getattr(function, "__name__", "") not in skip and only in {False, mark.kind}:
            yield mark.event, mark.kind, function


__all__ = [
    "Mark",
    "callback",
    "coroutine",
    "event_callback",
    "extend_attr_list",
    "get_callbacks",
    "handler",
    "has_callbacks",
    "marker",
]

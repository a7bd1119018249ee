"""Marking functions with the events they are for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from _freeswitch import known_names

from freeswitch.events import kind_of

F = TypeVar("F", bound=Callable[..., Any])

_NAME = "_freeswitch_marks"


class Mark(NamedTuple):
    """One event that a function is for."""

    event: str
    kind: str
    # Events that it waits for, and that nobody else may have asked for.
    subscribe: tuple[str, ...]


# What has no leg: only a handler gets it.
WITHOUT_LEG = frozenset({
    "CLONE", "HEARTBEAT", "LOG", "MODULE_LOAD", "MODULE_UNLOAD", "NAT", "PUBLISH", "RELOADXML", "SHUTDOWN", "STARTUP",
    "TRAP", "UNPUBLISH",
})  # fmt: skip
# A callback for these may take the job as well, as in switchio.
WITH_JOB = frozenset({"BACKGROUND_JOB", "CHANNEL_DESTROY"})


def plain(name: str) -> str:
    """Give the name that events of a kind are found by: a custom one's is its subclass.

    ValueError for what is no event, and for ALL.
    """
    known = _plain.get(name)
    if known is None:
        known = known_names([kind_of(name)])[0]
        if known == "ALL":
            raise ValueError("an app must name its events; ALL cannot be one")
        if len(_plain) < 1000:
            _plain[name] = known
    return known


_plain: dict[str, str] = {}


def arguments_of(mark: Mark, function: Callable[..., Any], name: str) -> int:
    """Give how many arguments a marked function gets: one, or the session and the job.

    TypeError for what the switch could not call, ValueError for an event that the function would never get.
    """
    title = f"{name}.{getattr(function, '__name__', function)}"
    if isinstance(function, type):
        raise TypeError(f"{title} is marked as a {mark.kind}, and is a class: mark a function")
    is_async = inspect.iscoroutinefunction(function)
    if is_async != (mark.kind == "coroutine"):
        raise TypeError(f"{title} is marked as a {mark.kind}, and is {'' if is_async else 'no '}async")
    event = plain(mark.event)
    if mark.kind != "handler" and event in WITHOUT_LEG:
        raise ValueError(
            f"{title} is marked as a {mark.kind} for {event}, which is no leg's event: mark it as a handler"
        )
    try:
        signature = inspect.signature(function)
    except ValueError:
        # One of C's says nothing of it.
        return 1
    takes = [count for count in (1, 2) if _takes(signature, count)]
    if mark.kind == "handler":
        takes = [count for count in takes if count == 1]
    if event == "BACKGROUND_JOB" and mark.kind != "handler":
        takes = [count for count in takes if count == 2]
    if not takes:
        wanted = {"handler": "the event"}.get(
            mark.kind, "the session" if event not in WITH_JOB else "the session and the job"
        )
        raise TypeError(f"{title} is marked as a {mark.kind} for {event}, and does not take {wanted}")
    return takes[-1] if event in WITH_JOB else takes[0]


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


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
    """Tell whether an app is another one whose script has been loaded again."""
    one, two = (a if isinstance(a, type) or hasattr(a, "__name__") else type(a) for a in (app, other))
    same = all(
        getattr(one, name, None) == getattr(two, name, None) for name in ("__module__", "__qualname__", "__name__")
    )
    home, other_home = _home(app), _home(other)
    return same and home is not other_home and home.get("__name__") == other_home.get("__name__")


def own_functions(namespace: Any) -> list[Callable[..., Any]]:
    """Give the functions that a script has handed to an object of a class of ours, which says so itself."""
    own = None if isinstance(namespace, type) else getattr(namespace, "functions", None)
    return own if isinstance(own, list) else []


def _home(namespace: Any) -> dict[str, Any]:
    """Give the globals of an app's script, which are new when that is loaded again."""
    functions = own_functions(namespace) or [function for _, function in marks_of(namespace)]
    return getattr(inspect.unwrap(functions[0]), "__globals__", {}) if functions else {}

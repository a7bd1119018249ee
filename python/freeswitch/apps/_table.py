"""Which functions of apps are marked with an event, found once for all events of a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from freeswitch.apps._loading import App

# An app, a function of it, and how many arguments that gets.
Function = tuple[App, Callable[..., Any], int]
# How many are kept; a subclass of CUSTOM can have any name.
KEPT = 10_000


class Marked(NamedTuple):
    """The functions for one event, in the order that they are called in."""

    handlers: tuple[Function, ...] = ()
    callbacks: tuple[Function, ...] = ()
    coroutines: tuple[Function, ...] = ()


class Table:
    """The functions by app id and the names of an event."""

    def __init__(self, apps: Mapping[str, list[App]]) -> None:
        self._apps = apps
        self._known: dict[tuple[str | None, frozenset[str]], Marked] = {}

    def of(self, app_id: str | None, names: frozenset[str]) -> Marked:
        """Give the functions of the apps under an id, or, for None, of all."""
        found = self._known.get((app_id, names))
        return found if found is not None else self._find(app_id, names)

    def _find(self, app_id: str | None, names: frozenset[str]) -> Marked:
        under = [app for ident, apps in self._apps.items() if app_id is None or ident == app_id for app in apps]

        def marked(kind: str) -> tuple[Function, ...]:
            return tuple(
                (app, function, count)
                for app in under
                for name in names
                for function, count in getattr(app, kind).get(name, ())
            )

        if len(self._known) >= KEPT:
            self._known.clear()
        found = self._known[app_id, names] = Marked(marked("handlers"), marked("callbacks"), marked("coroutines"))
        return found

    def clear(self) -> None:
        """Look again: apps were loaded or unloaded."""
        self._known.clear()


__all__ = ["Marked", "Table"]

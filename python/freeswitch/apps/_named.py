"""Which events an app names in its code: those are listened to from its load on, not only from its first wait."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CellType, CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from freeswitch.apps._marks import WITHOUT_LEG, own_functions, plain

# How an event of a leg is named: by its kind, or by a subclass of CUSTOM.
NAME = re.compile(r"[A-Z]+(_[A-Z]+)*|CUSTOM \S+|\S+::\S+")
# Kinds whose names are other words, too, and CUSTOM, which are all of them.
OTHER_WORDS = WITHOUT_LEG | {"ALL", "API", "COMMAND", "CUSTOM", "GENERAL", "MESSAGE", "TEXT"}
# A load must not take long: how much is looked at, and how long a collection is that may be one of names.
MOST, LONGEST = 20_000, 100
# How often a function may have been wrapped.
WRAPPED = 10


def events_named(app: Any, marked: Sequence[Callable[..., Any]]) -> set[str]:
    """Give the events that an app names, and what it uses of its script and of files beside that.

    `app` is an instance, a class, a module or a function, and `marked` are its functions. What is put together only as
    it runs is not found. Nothing that the app has made is asked: a value counts as what its type says, and one whose
    type is derived from a collection as none.
    """
    functions = [*marked, *_handed_over(app)]
    look = _Look(functions)
    # Its functions first: what else it has may be a lot.
    return look.at(functions) | look.at([app, type(app), *(() if type(app) is ModuleType else _state(app))])


def _handed_over(app: Any) -> list[Any]:
    try:
        return own_functions(app)
    except Exception:
        return []


class _Look:
    """Goes from functions to what they name and use; first to what is nearest."""

    def __init__(self, functions: Iterable[Any]) -> None:
        self._folders: dict[str, str] = {}
        bases = (base for base in map(_base, functions) if type(base) is FunctionType)
        self._folder_of_app = next(filter(None, (self._folder(base.__globals__) for base in bases)), None)
        # What was looked at is kept: the `id` of what is gone may be another's.
        self._seen: dict[int, Any] = {}
        self._todo: deque[Any] = deque()
        self._left = 0

    def at(self, values: Iterable[Any]) -> set[str]:
        """Give the events that these values name, and that what they use does."""
        found: set[str] = set()
        self._left = MOST
        self._add(values)
        while self._todo:
            value = self._todo.popleft()
            if type(value) is str:
                if _is_event(value):
                    found.add(value)
                continue
            # Whatever it is, a load that goes without this look must not fail by it.
            try:
                self._add(self._parts(value))
            except Exception:
                continue
        return found

    def _add(self, values: Iterable[Any]) -> None:
        for value in values:
            if self._left <= 0:
                return
            self._left -= 1
            if id(value) not in self._seen:
                self._seen[id(value)] = value
                self._todo.append(value)

    def _parts(self, value: Any) -> Iterable[Any]:
        """Give what a value is made of that may name an event."""
        kind = type(value)
        if kind in INNER:
            return INNER[kind](value)
        if kind in AROUND:
            also = (type(value.__self__),) if kind is MethodType else ()
            return (*(getattr(value, name) for name in AROUND[kind]), *also)
        if kind is FunctionType:
            own = (value.__code__, value.__defaults__ or (), value.__kwdefaults__ or {}, value.__closure__ or ())
            return (*own, vars(value).get("__wrapped__"), *self._used(value))
        if kind is ModuleType:
            return (
                [each for each in list(vars(value).values()) if self._is_own(each)]
                if self._is_beside(vars(value))
                else ()
            )
        if issubclass(kind, type):
            return [part for cls in type.__dict__["__mro__"].__get__(value)[:-1] for part in _attributes(cls)]
        return (kind, *_state(value)) if self._is_own(kind) else ()

    def _used(self, function: FunctionType) -> Iterator[Any]:
        """Give what a function of the app uses by name: what its script and the files beside it have."""
        here = function.__globals__
        if not self._is_beside(here):
            return
        names = _names_in(function.__code__)
        self._left -= len(names)
        for name in names & here.keys():
            value = here[name]
            if type(value) is not ModuleType:
                if self._is_own(value):
                    yield value
            elif self._is_beside(vars(value)):
                yield from (vars(value)[each] for each in names & vars(value).keys())

    def _is_own(self, value: Any) -> bool:
        """Tell whether a value is the app's own, and not of what it has imported from elsewhere."""
        kind = type(value)
        if kind in VALUES:
            return True
        base = _base(value)
        if type(base) is FunctionType:
            return self._is_beside(base.__globals__)
        name = type.__getattribute__(value if issubclass(kind, type) else kind, "__module__")
        module = sys.modules.get(name) if type(name) is str else None
        return type(module) is ModuleType and self._is_beside(vars(module))

    def _is_beside(self, names: dict[str, Any]) -> bool:
        """Tell whether these are the names of the app's script, or of a file beside it."""
        return self._folder_of_app is not None and self._folder(names) == self._folder_of_app

    def _folder(self, names: dict[str, Any]) -> str | None:
        """Give the folder of a file; None for what is in none, and for ours: what those name is not the app's."""
        file, package = names.get("__file__"), names.get("__package__")
        if type(file) is not str or str(package or "").partition(".")[0] == "freeswitch":
            return None
        found = self._folders.get(file)
        if found is None:
            found = self._folders[file] = os.path.dirname(os.path.abspath(file))
        return found


def _is_event(text: str) -> bool:
    if text in OTHER_WORDS or not NAME.fullmatch(text):
        return False
    try:
        plain(text)
    except (ValueError, TypeError):
        return False
    return True


def _base(function: Any) -> Any:
    """Give the function that others stand around: methods, partials, wrappers."""
    for _ in range(WRAPPED):
        kind = type(function)
        if kind in AROUND:
            function = getattr(function, AROUND[kind][0])
        elif kind is FunctionType and "__wrapped__" in vars(function):
            function = vars(function)["__wrapped__"]
        elif kind is not FunctionType and type(kind.__dict__.get("__call__")) is FunctionType:
            function = kind.__dict__["__call__"]
        else:
            break
    return function


def _names_in(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for each in code.co_consts:
        if type(each) is CodeType:
            found |= _names_in(each)
    return found


def _attributes(cls: type) -> Iterable[Any]:
    return type.__dict__["__dict__"].__get__(cls).values()  # type: ignore[no-any-return]


def _state(value: Any) -> Iterable[Any]:
    try:
        return object.__getattribute__(value, "__dict__").values()  # type: ignore[no-any-return]
    except AttributeError:
        return ()


def _short(values: Any) -> Iterable[Any]:
    return values if len(values) <= LONGEST else ()


def _short_dict(values: dict[Any, Any]) -> Iterable[Any]:
    return (*values, *values.values()) if len(values) <= LONGEST else ()


def _content(cell: CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


# What stands around a function, and the attributes that have it, first, and its arguments.
AROUND: dict[type, tuple[str, ...]] = {
    MethodType: ("__func__",),
    classmethod: ("__func__",),
    functools.cached_property: ("func",),
    functools.partial: ("func", "args", "keywords"),
    functools.partialmethod: ("func", "args", "keywords"),
    property: ("fget",),
    staticmethod: ("__func__",),
    type(functools.cache(len)): ("__wrapped__",),
}
# What is the app's own, wherever it was made.
VALUES = frozenset({str, tuple, list, set, frozenset, dict, functools.partial, SimpleNamespace})
INNER: dict[type, Callable[[Any], Iterable[Any]]] = {
    CellType: _content,
    CodeType: lambda code: code.co_consts,
    SimpleNamespace: lambda names: vars(names).values(),
    dict: _short_dict,
    frozenset: _short,
    list: _short,
    set: _short,
    tuple: _short,
}

__all__ = ["events_named"]

"""Which events an app names in its code: those are listened to from its load on, not only from its first wait."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from freeswitch.apps._marks import WITHOUT_LEG, home_of, plain

# How an event of a leg is named: by its kind, or by a subclass of CUSTOM.
NAME = re.compile(r"[A-Z]+(_[A-Z]+)*|(CUSTOM )?[\w.-]+::[\w.-]+")
# Kinds whose names are other words, too, and CUSTOM, which are all of them.
OTHER_WORDS = WITHOUT_LEG | {"ALL", "API", "COMMAND", "CUSTOM", "GENERAL", "MESSAGE", "TEXT"}
COLLECTIONS = (tuple, list, set, frozenset, dict)
# A load must not take long: how much is looked at, and how long a collection is that may be one of names.
MOST, LONGEST = 20_000, 100


def events_named(app: Any, functions: Sequence[Callable[..., Any]]) -> set[str]:
    """Give the events that an app names, and what it uses of its script and of files beside that.

    `app` is an instance, a class, a module or a function, and `functions` are those that its script has written. What
    is put together only as it runs is not found.
    """
    folder = _folder(home_of(functions))
    own = vars(app).values() if hasattr(app, "__dict__") else ()
    todo = [
        *functions,
        app,
        type(app),
        *(value for value in own if not isinstance(app, ModuleType) or _is_own(value, folder)),
    ]
    found: set[str] = set()
    # What was looked at is kept: the `id` of what is gone may be another's.
    seen: dict[int, Any] = {}
    for _ in range(MOST):
        if not todo:
            break
        value = todo.pop()
        if isinstance(value, str):
            if _is_event(value):
                found.add(value)
        elif id(value) not in seen:
            seen[id(value)] = value
            todo += _parts(value, folder)
    return found


def _is_event(text: str) -> bool:
    if text in OTHER_WORDS or not NAME.fullmatch(text):
        return False
    try:
        plain(text)
    except ValueError:
        return False
    return True


def _parts(value: Any, folder: Path | None) -> Iterable[Any]:
    """Give what a value is made of that may name an event."""
    if isinstance(value, COLLECTIONS):
        if len(value) > LONGEST:
            return ()
        return (*value, *value.values()) if isinstance(value, dict) else value
    if isinstance(value, type):
        return [part for cls in value.__mro__[:-1] for part in vars(cls).values()]
    if isinstance(value, FunctionType):
        own = (value.__code__, value.__defaults__ or (), value.__kwdefaults__ or {}, value.__closure__ or ())
        return (*own, vars(value).get("__wrapped__"), *_used(value, folder))
    inner = INNER.get(type(value))
    return () if inner is None else inner(value)


def _content(cell: CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


INNER: dict[type, Callable[[Any], Iterable[Any]]] = {
    CellType: _content,
    CodeType: lambda code: code.co_consts,
    MethodType: lambda method: (method.__func__,),
    classmethod: lambda method: (method.__func__,),
    functools.partial: lambda partial: (partial.func, partial.args, partial.keywords),
    property: lambda known: (known.fget,),
    staticmethod: lambda method: (method.__func__,),
}


def _used(function: FunctionType, folder: Path | None) -> Iterator[Any]:
    """Give what a function of the app uses by name: values, and what is defined in its file or in one beside it."""
    here = function.__globals__
    if folder is None or _folder(here) != folder:
        return
    names = _names(function.__code__)
    for name in names & here.keys():
        value = here[name]
        if isinstance(value, ModuleType):
            if _folder(vars(value)) == folder:
                yield from (vars(value)[each] for each in names & vars(value).keys())
        elif _is_own(value, folder):
            yield value


def _names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= _names(each)
    return found


def _is_own(value: Any, folder: Path | None) -> bool:
    """Tell whether a value is the script's own: no function or class that it has imported from elsewhere."""
    if isinstance(value, (FunctionType, MethodType)):
        names = getattr(value, "__globals__", {})
    elif isinstance(value, type):
        module = sys.modules.get(value.__module__)
        names = {} if module is None else vars(module)
    else:
        return isinstance(value, (str, functools.partial, *COLLECTIONS))
    return folder is not None and _folder(names) == folder


def _folder(names: dict[str, Any]) -> Path | None:
    """Give the folder of a file; None for what is in none, and for ours: what those name is not the app's."""
    file, package = names.get("__file__"), str(names.get("__package__") or "")
    if not isinstance(file, str) or package.partition(".")[0] == "freeswitch":
        return None
    return Path(file).parent


__all__ = ["events_named"]

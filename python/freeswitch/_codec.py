"""Values of a recording: as JSON, and back. What has no form of its own becomes its repr, which nothing is made of."""

from __future__ import annotations

import copy
import importlib
import re
import uuid
from collections.abc import Callable
from typing import Any

import freeswitch

# The form of an object that a method of its own gives.
ITSELF = {"itself": True}
PLAIN = (bool, int, float, str)


class Opaque:
    """Stands for an object that a recording could not hold."""

    def __init__(self, shown: str) -> None:
        self.shown = shown

    def __repr__(self) -> str:
        return self.shown


Inner = Callable[[Any], Any]
FORMS: tuple[tuple[Any, Callable[[Any, Inner], Any]], ...] = (
    (Opaque, lambda value, _: {"repr": value.shown}),
    (list, lambda value, inner: [inner(each) for each in value]),
    (tuple, lambda value, inner: {"tuple": [inner(each) for each in value]}),
    # What gives the rows of a database: looking at it must not use it up.
    (type(iter([])), lambda value, inner: {"rows": [inner(each) for each in copy.copy(value)]}),
    ((set, frozenset), lambda value, _: {"set": sorted(map(repr, value))}),
    (dict, lambda value, inner: {"dict": [[inner(key), inner(each)] for key, each in value.items()]}),
    ((bytes, bytearray), lambda value, _: {"bytes": bytes(value).hex()}),
    (uuid.UUID, lambda value, _: {"uuid": value.hex}),
    (freeswitch.DTMF, lambda value, _: {"dtmf": [value.digit, value.duration]}),
    (freeswitch.Event, lambda value, _: {"event": [list(map(list, value.items())), value.getBody()]}),
)


def encode(value: Any, number_of: Callable[[Any], int], argument: Any = None) -> Any:
    """Give the form in a recording; `number_of` names a session, `argument` is what a script gave with a callback."""

    def inner(each: Any) -> Any:
        return encode(each, number_of, argument)

    if value is None or type(value) in PLAIN:
        return value
    if argument is not None and value is argument:
        return {"argument": True}
    for kind, form in FORMS:
        if isinstance(value, kind):
            return form(value, inner)
    if isinstance(value, freeswitch.CoreSession):
        return {"session": number_of(value)}
    if callable(value):
        return {"repr": f"function {getattr(value, '__qualname__', type(value).__name__)}"}
    return {"repr": type(value).__name__}


def asked(
    name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], number_of: Callable[[Any], int]
) -> dict[str, Any]:
    """Give the form of what is asked of the switch."""
    entry: dict[str, Any] = {"name": name}
    if isinstance(target, freeswitch.CoreSession):
        entry["on"] = number_of(target)
    entry["args"] = [encode(each, number_of) for each in args]
    if kwargs:
        entry["kwargs"] = {key: encode(each, number_of) for key, each in kwargs.items()}
    return entry


# How deep forms may lie in each other: what json reads, encode and decode can go through, too.
DEEPEST = 100


def _is_text(held: Any) -> bool:
    return isinstance(held, str)


def _is_headers(held: Any) -> bool:
    # Several headers of one name are a list.
    return isinstance(held, list) and all(
        isinstance(each, list)
        and len(each) == 2
        and _is_text(each[0])
        and (_is_text(each[1]) or (isinstance(each[1], list) and all(map(_is_text, each[1]))))
        for each in held
    )


def is_form(form: Any, depth: int = 0) -> bool:
    """Whether this is a form that `encode` gives, and `decode` takes."""
    if form is None or type(form) in PLAIN:
        return True
    if depth > DEEPEST:
        return False

    def all_are(held: Any) -> bool:
        return isinstance(held, list) and all(is_form(each, depth + 1) for each in held)

    if isinstance(form, list):
        return all_are(form)
    if not isinstance(form, dict) or len(form) != 1:
        return False
    ((kind, held),) = form.items()
    checks: dict[str, Callable[[Any], bool]] = {
        "argument": lambda held: held is True,
        "itself": lambda held: held is True,
        "repr": _is_text,
        "tuple": all_are,
        "rows": all_are,
        "set": lambda held: isinstance(held, list) and all(map(_is_text, held)),
        "dict": lambda held: isinstance(held, list) and all(all_are(each) and len(each) == 2 for each in held),
        "bytes": lambda held: _is_text(held) and re.fullmatch("([0-9a-f]{2})*", held) is not None,
        "uuid": lambda held: _is_text(held) and re.fullmatch("[0-9a-f]{32}", held) is not None,
        "session": lambda held: type(held) is int,
        "dtmf": lambda held: isinstance(held, list) and list(map(type, held)) == [str, int],
        "event": lambda held: (
            isinstance(held, list)
            and len(held) == 2
            and _is_headers(held[0])
            and (held[1] is None or _is_text(held[1]))
        ),
    }
    return kind in checks and checks[kind](held)


def is_error(form: Any) -> bool:
    """Whether this is a form that `encode_error` gives."""
    return (
        isinstance(form, dict)
        and form.keys() >= {"type", "args", "with"}
        and _is_text(form["type"])
        and isinstance(form["args"], list)
        and all(map(is_form, form["args"]))
        and isinstance(form["with"], dict)
    )


def decode(form: Any, session_of: Callable[[int], Any], argument: Any = None) -> Any:
    """Make a value again; `session_of` gives the session of a number."""

    def inner(each: Any) -> Any:
        return decode(each, session_of, argument)

    if isinstance(form, list):
        return [inner(each) for each in form]
    if not isinstance(form, dict):
        return form
    ((kind, held),) = form.items()
    made: dict[str, Callable[[], Any]] = {
        "argument": lambda: argument,
        "repr": lambda: Opaque(held),
        "tuple": lambda: tuple(inner(each) for each in held),
        "rows": lambda: iter([inner(each) for each in held]),
        "set": lambda: Opaque(", ".join(held)),
        "dict": lambda: {inner(key): inner(each) for key, each in held},
        "bytes": lambda: bytes.fromhex(held),
        "uuid": lambda: uuid.UUID(held),
        "session": lambda: session_of(held),
        "dtmf": lambda: freeswitch.DTMF(*held),
        "event": lambda: event(*held),
    }
    if kind not in made:
        raise ValueError(f"a recording holds no value of kind {kind!r}")
    return made[kind]()


def event(headers: list[list[str]], body: str | None) -> Any:
    """Make an event with these headers."""
    made = freeswitch.Event("CUSTOM")
    for name in list(made.keys()):
        made.delHeader(name)
    for name, value in headers:
        made.addHeader(name, value)
    if body:
        made.addBody(body)
    return made


def encode_error(error: BaseException, number_of: Callable[[Any], int]) -> dict[str, Any]:
    """Give the form of what was raised."""
    kind = type(error)
    extra = {name: getattr(error, name) for name in ("cause",) if isinstance(getattr(error, name, None), str)}
    return {
        "type": f"{kind.__module__}:{kind.__qualname__}",
        "args": [encode(each, number_of) for each in error.args],
        "with": extra,
    }


def decode_error(form: dict[str, Any], session_of: Callable[[int], Any]) -> BaseException:
    """Make what was raised again; a kind that is not known here is a RuntimeError with its name."""
    module, _, name = form["type"].partition(":")
    args = [decode(each, session_of) for each in form["args"]]
    try:
        kind = getattr(importlib.import_module(module), name)
        if not issubclass(kind, BaseException):
            raise TypeError(f"{name} is no exception")
        error: BaseException = kind(*args)
    except Exception:
        return RuntimeError(f"{name}: {', '.join(map(str, args))}")
    for attribute, value in form["with"].items():
        setattr(error, attribute, value)
    return error

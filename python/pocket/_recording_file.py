"""Reads the file of a recorded call, and refuses a bad line before it plays anything."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from freeswitch import _codec
from freeswitch._recording import FORMAT

Entry = dict[str, Any]


class RecordingError(ValueError):
    """A file is no recording, or not one that can be played."""


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e11


def _is_hash_seed(value: Any) -> bool:
    # What Python takes as PYTHONHASHSEED.
    return isinstance(value, str) and (
        value == "random" or (re.fullmatch("[0-9]{1,10}", value) is not None and int(value) < 2**32)
    )


def _are_forms(value: Any) -> bool:
    return isinstance(value, list) and all(map(_codec.is_form, value))


# What a recording's first line has, and each other by its kind.
_HEAD: dict[str, Callable[[Any], bool]] = {
    "line": _is(str),
    "async": _is(bool),
    "file": _is(str, type(None)),
    "time": _is_time,
    "seed": _is(int),
    "hash_seed": _is_hash_seed,
}
_KINDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "session": {"session": _is(int), "uuid": _is(str)},
    "open": {"open": _is(str), "what": _is(str), "line": _is(str)},
    "call": {"call": _is(int), "name": _is(str), "args": _are_forms, "line": _is(str)},
    "result": {"result": _is(int)},
    "callback": {"callback": _is(int), "args": _are_forms},
    "returned": {"returned": _is(int)},
    "cancelled": {"cancelled": _is(int)},
    "lost": {"lost": _is(str)},
    "end": {"end": _is(str, type(None))},
    "cut": {},
}
# What lines of several kinds may have.
_ANY: dict[str, Callable[[Any], bool]] = {
    "at": _is_time,
    "task": _is(int),
    "on": _is(int),
    "kwargs": lambda value: isinstance(value, dict) and all(map(_codec.is_form, value.values())),
    "value": _codec.is_form,
    "error": _codec.is_error,
}
# Lines that have no time.
_TIMELESS = frozenset({"session", "open", "cut"})
_OUTCOMES = frozenset({"result", "returned"})


class Recording:
    """The entries of a recorded call."""

    def __init__(self, file: Path) -> None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise RecordingError(f"{file} is no recording: {error}") from None
        first, *lines = text.split("\n")
        # Behind the last line nothing follows; a switch that was killed may have left half of one.
        del lines[-1:]
        self.head = _object(first) or {}
        if "format" not in self.head:
            raise RecordingError(f"{file} is no recording: its first line does not say what ran")
        if self.head["format"] != FORMAT:
            raise RecordingError(f"{file} has format {self.head['format']}, and this replay plays {FORMAT}")
        for name, is_good in _HEAD.items():
            if name not in self.head:
                raise RecordingError(f"{file} is no recording: its first line has no {name!r}")
            if not is_good(self.head[name]):
                raise RecordingError(f"{file} is no recording: its first line has {self.head[name]!r:.60} as {name!r}")
        self.entries: list[Entry] = []
        for number, line in enumerate(lines, 2):
            entry = _object(line)
            if entry is None or not _is_entry(entry):
                raise RecordingError(f"{file}:{number} is no line of a recording: {line[:60]!r}")
            self.entries.append(entry)
        self._check_callbacks(file)

    def _check_callbacks(self, file: Path) -> None:
        """A function can only be called back when a call has given it."""
        given = {0}
        for number, entry in enumerate(self.entries, 2):
            if "call" in entry:
                given.add(entry["call"])
            elif "callback" in entry and entry["callback"] not in given:
                raise RecordingError(f"{file}:{number} calls back what no call has given: {entry['callback']}")

    @property
    def outside(self) -> list[str]:
        """What the script used that was not recorded."""
        return [f"{entry['open']} {entry['what']} ({entry['line']})" for entry in self.entries if "open" in entry]

    @property
    def is_whole(self) -> bool:
        """Whether it goes to the end of the script."""
        return any("end" in entry for entry in self.entries)

    @property
    def module(self) -> str:
        """The script's module; RecordingError for what no script is called: nothing else is run."""
        module: str = self.head["line"].partition(" ")[0].partition("::")[0]
        if not re.fullmatch(r"[^\s./\\]+(\.[^\s./\\]+)*", module):
            raise RecordingError(f"{module!r} is no script's name")
        if module.partition(".")[0] in sys.stdlib_module_names:
            raise RecordingError(f"{module!r} is of the standard library, and no script")
        return module


def _is_entry(entry: Entry) -> bool:
    kind = next((kind for kind, fields in _KINDS.items() if kind in entry and fields.keys() <= entry.keys()), None)
    if kind is None or (kind not in _TIMELESS and "at" not in entry):
        return False
    if kind in _OUTCOMES and not {"value", "error"} & entry.keys():
        return False
    checks = {**_ANY, **_KINDS[kind]}
    return all(checks[name](value) for name, value in entry.items() if name in checks)


def _object(line: str) -> Entry | None:
    """Read a line of a recording; None where it is no object."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

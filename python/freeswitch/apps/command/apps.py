"""Finding the apps that a command line names."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any


def find(text: str) -> tuple[Any, dict[str, Any]]:
    """Give an app and the arguments of its `prepost`.

    `Name`, one that comes with this package; `folder/file.py:Name`; `package.module:Name`; each with `/key=value,...`
    behind it for arguments. Values that are numbers, true or false are taken as such.
    """
    where, _, last = text.rpartition(":")
    name, _, given = last.partition("/")
    if not where and "." in name and not name.endswith(".py"):
        where, _, name = name.rpartition(".")
    if not name or (not where and name.endswith(".py")):
        raise ValueError(f"{text!r} names no app: write FILE.py:NAME")
    return _named(where, name, text), arguments(given)


def _named(where: str, name: str, text: str) -> Any:
    if not where:
        from freeswitch import apps

        apps.load()
        found = apps.get(name)
        if found is None:
            known = ", ".join(sorted(apps.names()))
            raise ValueError(f"there is no app {name!r}; there are {known}, and those of files: FILE.py:NAME")
        return found
    module = load_file(where) if where.endswith(".py") else importlib.import_module(where)
    try:
        return getattr(module, name)
    except AttributeError:
        raise ValueError(f"{where} has no {name!r}, which {text!r} names") from None


def load_file(path: str) -> ModuleType:
    """Load a file as a module; its neighbours can be imported by it."""
    path = os.path.abspath(os.path.expanduser(path))
    name = os.path.splitext(os.path.basename(path))[0]
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        sys.modules.pop(name, None)
        # What is no text at all, Python does not name.
        error.filename, error.lineno = error.filename or path, error.lineno or 1
        raise
    except SystemExit as error:
        sys.modules.pop(name, None)
        raise ImportError(f"{path} ends the program when it is loaded: SystemExit({error.code!r})") from None
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def arguments(text: str) -> dict[str, Any]:
    """Read `key=value,key=value`."""
    found = {}
    for part in filter(None, text.split(",")):
        key, sign, value = part.partition("=")
        if not sign or not key.isidentifier():
            raise ValueError(f"an argument of an app is KEY=VALUE, not {part!r}")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


__all__ = ["arguments", "find", "load_file"]

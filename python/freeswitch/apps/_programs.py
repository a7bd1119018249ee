"""Call programs that serve calls from outside: found and checked before there is a call."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from freeswitch.apps.command.apps import load_file


class Program:
    """An `async def handler(session, args)`, and the name that a dialplan calls it by."""

    def __init__(
        self, name: str, function: Callable[[Any, str], Awaitable[object]], keeps_checkpoints: bool = False
    ) -> None:
        self.name, self.function, self.keeps_checkpoints = name, function, keeps_checkpoints


def is_program(text: str) -> bool:
    """Tell whether a word of a command line names a program, and no host."""
    where, _, function = text.partition(".py")
    return bool(where) and text != where and (not function or function.startswith(":"))


def load(text: str) -> Program:
    """Load `FILE.py`, or `FILE.py:FUNCTION`. ValueError says what cannot serve calls from outside."""
    path, _, function = text.rpartition(":") if ".py:" in text else (text, "", "")
    module = load_file(path) if path.endswith(".py") else importlib.import_module(path)
    stem = os.path.splitext(os.path.basename(path))[0]
    # As the dialplan's names: `handler` is meant where none is named.
    name = f"{stem}::{function}" if function not in {"", "handler"} else stem
    found = getattr(module, function or "handler", None)
    if found is None:
        raise ValueError(f"{path} has no function {function or 'handler'!r}")
    if not inspect.iscoroutinefunction(found):
        raise ValueError(
            f"{path}: {function or 'handler'} is not an async function: a program outside of the switch serves calls "
            "by `async def handler(session, args)`; a plain one runs in the switch, by the application python"
        )
    try:
        inspect.signature(found).bind(None, "")
    except TypeError as error:
        raise ValueError(f"{path}: {function or 'handler'} is called with (session, args): {error}") from None
    return Program(name, found, _keeps_checkpoints(module))


def _keeps_checkpoints(module: ModuleType) -> bool:
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(isinstance(node, ast.Attribute) and node.attr == "checkpoint" for node in ast.walk(tree))


__all__ = ["Program", "is_program", "load"]

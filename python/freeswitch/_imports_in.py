"""What a script may import, as its source shows."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
from collections.abc import Iterable


def parsed(data: bytes, path: str, tries: int = 3) -> ast.AST:
    """Parse a script; CPython 3.11 fails where a finalizer that runs meanwhile parses, as printing a traceback does."""
    try:
        return ast.parse(data, path)
    except SystemError:
        if tries == 1:
            raise
        return parsed(data, path, tries - 1)


def modules(tree: ast.AST, package: str) -> Iterable[str]:
    """Give the full names that a script's imports may mean."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _by_call(node, package)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".") if package else []
                kept = parents[: len(parents) - node.level + 1]
                base = ".".join([*kept, *([base] if base else [])])
            if base:
                yield base
            for alias in node.names:
                yield f"{base}.{alias.name}" if base else alias.name


def _by_call(node: ast.Call, package: str) -> Iterable[str]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    name = node.args[0] if node.args else None
    if called == "import_module" and isinstance(name, ast.Constant) and isinstance(name.value, str):
        with contextlib.suppress(ImportError):
            yield importlib.util.resolve_name(name.value, package)

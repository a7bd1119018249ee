"""App files that were written for switchio, as they are: `switchio` and `switchy` are names of this package for them.

    app, arguments = alias.find("counter.py:Counter")

The names are of the real modules: `switchio.models` is `freeswitch.apps.models`. They hold for that file and its
neighbours alone, whenever these import: an installed switchio stays what it is for everybody else.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, cast

NAMES = ("switchio", "switchy")
# Where switchio keeps its apps: files from there have relative imports.
PACKAGE = "switchio.apps"
# What Python has removed, by how it is written, and what takes its place.
REMOVED = {
    r"\basyncio\.coroutine\b": "asyncio.coroutine was removed from Python: write `async def`",
    r"\basyncio\.async\b": "asyncio.async is no Python any more: write asyncio.ensure_future",
    r"\basyncio\.\w+\([^)\n]*\bloop=": "asyncio takes no loop= any more: leave it out",
    r"\basyncio\.Task\.(all_tasks|current_task)\b": "asyncio.Task has these no longer: write asyncio.all_tasks()",
    r"\binspect\.getargspec\b": "inspect.getargspec was removed from Python: write inspect.getfullargspec",
}

log = logging.getLogger("freeswitch.apps")

# The folders whose files have these names, and the files that are loaded: what they are called, and when they were
# changed.
_folders: set[str] = set()
_loaded: dict[str, tuple[str, int]] = {}
_import = builtins.__import__


def real_name(name: str) -> str | None:
    """Give the name of this package's module for one of switchio's; None for a name that is none."""
    first, _, rest = name.partition(".")
    if first not in NAMES:
        return None
    if rest == "apps":
        rest = ""
    return f"freeswitch.apps.{rest.removeprefix('apps.')}".rstrip(".")


def _importing(
    name: str,
    namespace: Mapping[str, Any] | None = None,
    scope: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Stand in for `__import__` in the files that have the names."""
    full = importlib.util.resolve_name("." * level + name, _package(namespace)) if level else name
    known = real_name(full)
    if known is None:
        return _import(name, namespace, scope, fromlist, level)
    module = _module(known, full)
    if not fromlist:
        # `import switchio.models` binds `switchio`.
        return importlib.import_module("freeswitch.apps")
    for item in fromlist:
        if item != "*" and not hasattr(module, item):
            submodule = f"{known}.{item}"
            if importlib.util.find_spec(submodule) is not None:
                importlib.import_module(submodule)
            else:
                raise ImportError(f"{full} has no {item!r} here; docs/switchio.md says what is left out", name=full)
    return module


def _package(namespace: Mapping[str, Any] | None) -> str:
    found = (namespace or {}).get("__package__") or ""
    return str(found) or PACKAGE


def _package_of(folder: str) -> str:
    """Give the package that relative imports of a file in this folder are of: where it lies in a copy of switchio."""
    parts = folder.split(os.sep)
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] in NAMES and parts[at + 1 : at + 2] == ["apps"]:
            return ".".join(parts[at:])
    return PACKAGE


def _module(known: str, full: str) -> ModuleType:
    try:
        return importlib.import_module(known)
    except ModuleNotFoundError as error:
        if error.name != known:
            raise
        raise ImportError(f"there is no {full} here; docs/switchio.md says what is left out", name=full) from None


class _Loader:
    """Loads a file with the names, and its neighbours with them."""

    def __init__(self, path: str) -> None:
        self.path = path

    def create_module(self, spec: Any) -> None:
        """Take the usual one."""

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        with open(self.path, "rb") as file:
            source = file.read()
        _tell_removed(self.path, source.decode("utf-8", "replace"))
        code = compile(source, self.path, "exec")
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _importing}
        exec(code, module.__dict__)


class _Neighbours:
    """Finds the neighbours of a file that has the names."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        """Find one."""
        for folder in [entry for entry in (path or _folders) if os.path.abspath(entry) in _folders]:
            file = os.path.join(folder, f"{name.rpartition('.')[2]}.py")
            if os.path.isfile(file):
                return _spec(name, file)
        return None


def _spec(name: str, file: str) -> Any:
    return importlib.util.spec_from_file_location(name, file, loader=cast(Any, _Loader(file)))


def _tell_removed(path: str, source: str) -> None:
    for number, line in enumerate(source.splitlines(), 1):
        for pattern, words in REMOVED.items():
            if re.search(pattern, line.partition("#")[0]):
                log.warning("MR0019 %s:%d: %s", path, number, words)


def load_file(path: str) -> ModuleType:
    """Load a file that imports switchio. FileNotFoundError if it does not exist, ImportError for a missing name."""
    path = os.path.abspath(os.path.expanduser(path))
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}")
    folder = os.path.dirname(path)
    _folders.add(folder)
    if not any(isinstance(finder, _Neighbours) for finder in sys.meta_path):
        sys.meta_path.append(_Neighbours())
    name = os.path.splitext(os.path.basename(path))[0]
    changed = os.stat(path).st_mtime_ns
    known, then = _loaded.get(path, ("", 0))
    if then == changed and known in sys.modules:
        return sys.modules[known]
    if not known:
        # Beside the module that is there already under this name, if there is one.
        known = name if name not in sys.modules else f"switchio_file_{name}_{len(_loaded)}"
    _loaded[path] = known, changed
    spec = _spec(known, path)
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__package__"] = _package_of(folder)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(spec.name, None)
        raise
    return module


def find(text: str) -> tuple[Any, dict[str, Any]]:
    """Give an app of such a file, `file.py:Name`, and the arguments of its `prepost`, `/key=value,...` behind it."""
    from freeswitch.apps.command.apps import arguments

    where, _, last = text.rpartition(":")
    name, _, given = last.partition("/")
    if not where or not name:
        raise ValueError(f"{text!r} names no app: write FILE.py:NAME")
    module = load_file(where)
    if not hasattr(module, name):
        raise ValueError(f"{where} has no {name!r}")
    return getattr(module, name), arguments(given)


__all__ = ["find", "load_file", "real_name"]

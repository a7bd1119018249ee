"""Finding and compiling scripts for import statements."""

from __future__ import annotations

import builtins
import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from freeswitch import _imports_in, _registry


class ScriptLoader(SourceFileLoader):
    """Loads one script from its source."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        _registry.stamps[fullname] = _registry.stamp_of(path)
        data = self.get_data(path)
        package = fullname if self.is_package(fullname) else fullname.rpartition(".")[0]
        code: CodeType = self.source_to_code(data, path)
        _registry.imports[fullname] = set(_imports_in.modules(_imports_in.parsed(data, path), package))
        return code

    def exec_module(self, module: ModuleType) -> None:
        _note_importer(module.__name__)
        folder = _registry.private_folder(module.__name__)
        if folder is not None:
            # Its `import` statements look into its own folder first.
            module.__dict__["__builtins__"] = {
                **vars(builtins),
                "__import__": _FolderImport(*folder),
            }
        super().exec_module(module)
        _registry.loaded(module.__name__)


def _note_importer(full: str) -> None:
    """Note who imports a script by a name that he has made up, which no statement of his shows."""
    frame = sys._getframe(1).f_back
    while frame and frame.f_code not in _registry.entries:
        importer = str(frame.f_globals.get("__name__"))
        if importer in _registry.imports and full not in {importer, *_registry.imports_of(importer)}:
            _registry.noted[importer] = _registry.noted.get(importer, frozenset()) | {full}
        if not importer.startswith(("importlib", "_frozen_importlib", "freeswitch.")):
            return
        frame = frame.f_back


class ScriptFinder(importlib.abc.MetaPathFinder):
    """Finds scripts under the script roots, and hides none of the standard library."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if path is None:
            if top in sys.stdlib_module_names or not _registry.roots:
                return None
            path = _registry.roots
        elif not _registry.is_script_package(fullname.rpartition(".")[0]):
            return None
        return script_spec(fullname, path)


def script_spec(fullname: str, path: Sequence[str]) -> ModuleSpec | None:
    """Find a script in these folders."""
    spec = PathFinder.find_spec(fullname, path)
    if spec is not None and type(spec.loader) is SourceFileLoader and spec.origin:
        spec.loader = ScriptLoader(fullname, spec.origin)
        spec.cached = None
    return spec


class _FolderImport:
    """`__import__` for modules of a private folder."""

    def __init__(self, package: str, folder: str) -> None:
        self._package = package
        self._folder = folder

    def __call__(
        self,
        name: str,
        globals: dict[str, Any] | None = None,
        locals: dict[str, Any] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> Any:
        top = name.partition(".")[0]
        mine = level == 0 and top not in sys.stdlib_module_names
        if mine and PathFinder.find_spec(top, [self._folder]) is not None:
            inner = f"{self._package}.{name}"
            module = builtins.__import__(inner, globals, locals, fromlist or ("*none*",), 0)
            return module if fromlist else sys.modules[f"{self._package}.{top}"]
        return builtins.__import__(name, globals, locals, fromlist, level)


# The one in sys.meta_path.
FINDER = ScriptFinder()

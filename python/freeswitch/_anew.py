"""Loading scripts anew: those that changed, and what is built on them, all at once or not at all."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from freeswitch import _scripts


def _stale(full: str, forced: str | None) -> set[str]:
    """Give what must be loaded anew with a script: what has changed, and all that is built on it."""
    members = _scripts._members(full) | {full}
    stale = {full}
    if forced is not None:
        top = full.partition(".")[0]
        stale |= {forced, f"{top}.{forced}"} & members
    for name in members & set(_scripts._stamps):
        built = _scripts._built.get(name, {})
        if _has_changed(name) or any(_scripts._versions.get(dep) != version for dep, version in built.items()):
            stale.add(name)
    while True:
        more = {name for name in members - stale if _scripts._imports_of(name) & stale}
        # `from package import module` looks at the package first.
        more |= {name.rpartition(".")[0] for name in stale} & (members - stale)
        if not more:
            return stale
        stale |= more


def _has_changed(name: str) -> bool:
    stamp = _scripts._stamps[name]
    try:
        return _scripts._stamp(stamp[0]) != stamp
    except OSError:
        return True


def load(full: str, forced: str | None) -> None:
    """Load a script, and what it is made of and is stale, into new modules.

    Nobody sees them before the last has run: code that runs keeps the old ones,
    and when one fails they are what stays.
    """
    members = _stale(full, forced)
    tables = (_scripts._stamps, _scripts._imports, _scripts._versions, _scripts._built)
    before = [{name: table[name] for name in members if name in table} for table in tables]
    loading = _NewModules(members)
    try:
        with loading.in_import_module():
            loading.load(full)
            # What is imported by functions, when they are called.
            for name in sorted(members & _scripts._members(full)):
                if name in _scripts._stamps and os.path.exists(_scripts._stamps[name][0]):
                    loading.load(name)
    except BaseException:
        for table, old in zip(tables, before, strict=True):
            table.update(old)  # type: ignore[attr-defined]
        raise
    loading.finish()


@contextlib.contextmanager
def _in_its_place(full: str, module: ModuleType) -> Iterator[None]:
    """Have `sys.modules` show a module while it runs, as its own code may look there; imports wait meanwhile."""
    spec = module.__spec__
    with importlib._bootstrap._ModuleLockManager(full):  # type: ignore[attr-defined]
        before = sys.modules.get(full)
        spec._initializing = True  # type: ignore[union-attr]
        sys.modules[full] = module
        try:
            yield
        finally:
            spec._initializing = False  # type: ignore[union-attr]
            if before is None:
                sys.modules.pop(full, None)
            else:
                sys.modules[full] = before


class _NewModules:
    """New versions of some modules, while they load."""

    def __init__(self, members: set[str]) -> None:
        self._members = members
        self._modules: dict[str, ModuleType] = {}
        self._done = False
        self._builtins = {**vars(builtins), "__import__": self}

    def load(self, full: str) -> ModuleType:
        """Give the new version of a member, and the module itself of others."""
        if full in self._modules:
            return self._modules[full]
        parent, _, last = full.rpartition(".")
        package = self.load(parent) if parent else None
        if full not in self._members:
            return importlib.import_module(full)
        spec = _scripts._finder.find_spec(full, getattr(package, "__path__", None) if package else None)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {full!r}", name=full)
        module = importlib.util.module_from_spec(spec)
        if _scripts._private_folder(full) is None:
            module.__dict__["__builtins__"] = self._builtins
        self._modules[full] = module
        try:
            if spec.loader is not None:
                with _in_its_place(full, module):
                    spec.loader.exec_module(module)
        except BaseException:
            del self._modules[full]
            raise
        if package is not None and parent in self._modules:
            setattr(package, last, module)
        return module

    @contextlib.contextmanager
    def in_import_module(self) -> Iterator[None]:
        """Have `importlib.import_module` give the new versions, too, to the thread that loads them."""
        thread, before = threading.get_ident(), importlib.import_module

        def import_module(name: str, package: str | None = None) -> ModuleType:
            if self._done or threading.get_ident() != thread:
                return before(name, package)
            full = importlib.util.resolve_name(name, package or "")
            return self.load(full) if self._is_ours(full, {full}) else before(full)

        importlib.import_module = import_module
        try:
            yield
        finally:
            importlib.import_module = before

    def finish(self) -> None:
        """Put them in the place of the old ones, all at once."""
        self._done = True
        sys.modules.update(self._modules)
        for full, module in self._modules.items():
            parent, _, last = full.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], last, module)

    def _is_ours(self, full: str, wanted: set[str]) -> bool:
        """Tell whether an import of this module, that may mean all of these, is for a new version."""
        top = full.partition(".")[0]
        if top not in sys.modules and _scripts._finder.find_spec(top, None) is not None:
            # A script that nobody has imported yet: it is to see the new ones too.
            self._members |= {top, full}
        return bool(wanted & self._members) or top in self._members

    def __call__(
        self,
        name: str,
        globals: dict[str, Any] | None = None,
        locals: dict[str, Any] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> Any:
        """`__import__` of the new modules: they see each other."""
        if self._done:
            return builtins.__import__(name, globals, locals, fromlist, level)
        full = name
        if level:
            package = str((globals or {}).get("__package__") or "")
            full = importlib.util.resolve_name("." * level + name, package)
        top = full.partition(".")[0]
        if not self._is_ours(full, {full, *(f"{full}.{item}" for item in fromlist or ())}):
            return builtins.__import__(name, globals, locals, fromlist, level)
        module = self.load(full)
        if not fromlist:
            return module if level else self.load(top)
        for item in fromlist:
            if not hasattr(module, item) and f"{full}.{item}" in self._members:
                self.load(f"{full}.{item}")
        return module

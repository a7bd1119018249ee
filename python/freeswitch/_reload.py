"""Reloading scripts: those that changed, and what is built on them, all at once or not at all."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from freeswitch import _registry
from freeswitch._finder import FINDER, script_spec


def _stale(full: str, force: str | None) -> set[str]:
    """Give what must be reloaded with a script: what has changed, and all that is built on it."""
    members = _registry.members_of(full) | {full}
    stale = {full}
    if force is not None:
        top = full.partition(".")[0]
        stale |= {force, f"{top}.{force}"} & members
    for name in members & set(_registry.stamps):
        built = _registry.built.get(name, {})
        if _has_changed(name) or any(_registry.versions.get(dep) != version for dep, version in built.items()):
            stale.add(name)
    while True:
        more = {name for name in members - stale if _registry.imports_of(name) & stale}
        # `from package import module` looks at the package first.
        more |= {name.rpartition(".")[0] for name in stale} & (members - stale)
        if not more:
            return stale
        stale |= more


def _has_changed(name: str) -> bool:
    stamp = _registry.stamps[name]
    try:
        return _registry.stamp_of(stamp[0]) != stamp
    except OSError:
        return True


def load(full: str, force: str | None) -> None:
    """Load a script, and what it is made of and is stale, into new modules.

    Nobody sees them before the last has run: code that runs keeps the old ones,
    and when one fails they are what stays.
    """
    importlib.invalidate_caches()
    members = _stale(full, force)
    tables: tuple[dict[str, Any], ...] = (_registry.stamps, _registry.imports, _registry.versions, _registry.built)
    before = [{name: table[name] for name in members if name in table} for table in tables]
    loading = _NewModules(members)
    try:
        with loading.imported():
            loading.load(full)
            # What is imported by functions, when they are called.
            for name in sorted(members & _registry.members_of(full)):
                if name in _registry.stamps and os.path.exists(_registry.stamps[name][0]):
                    loading.load(name)
    except BaseException:
        for table, old in zip(tables, before, strict=True):
            table.update(old)
        raise
    loading.finish()


class _NewModules:
    """New versions of some modules, while they load; nobody but the thread that loads them sees them."""

    def __init__(self, members: set[str]) -> None:
        self._members = members
        self._modules: dict[str, ModuleType] = {}
        self._thread = threading.get_ident()
        # What others see in place of those that `sys.modules` shows while they run.
        self._old: dict[str, ModuleType] = {}
        self._import, self._import_module = builtins.__import__, importlib.import_module

    @contextlib.contextmanager
    def imported(self) -> Iterator[None]:
        """Have imports give the new versions to the thread that loads them, and the old ones to all others."""
        importlib.import_module = self._by_call
        # typeshed's __import__ takes less than the interpreter's own statement gives it.
        builtins.__import__ = self._by_statement  # type: ignore[assignment]
        try:
            yield
        finally:
            builtins.__import__, importlib.import_module = self._import, self._import_module

    def load(self, full: str) -> ModuleType:
        """Give the new version of a member, and the module itself of others."""
        if full in self._modules:
            return self._modules[full]
        parent, _, last = full.rpartition(".")
        package = self.load(parent) if parent else None
        is_new = full in self._members or full not in sys.modules
        spec = self._spec(full, package) if is_new else None
        if spec is not None:
            module = self._run(full, spec)
        elif full in self._members:
            raise ModuleNotFoundError(f"No module named {full!r}", name=full)
        else:
            module = self._import_module(full)
        if package is not None and parent in self._modules:
            setattr(package, last, module)
        return module

    def _spec(self, full: str, package: ModuleType | None) -> ModuleSpec | None:
        if package is None:
            return FINDER.find_spec(full, None)
        path, parent = getattr(package, "__path__", None), full.rpartition(".")[0]
        if path is None or not (parent in self._modules or _registry.is_script_package(parent)):
            return None
        return script_spec(full, path)

    def _run(self, full: str, spec: ModuleSpec) -> ModuleType:
        module = importlib.util.module_from_spec(spec)
        self._modules[full] = module
        try:
            if spec.loader is not None:
                with self._in_its_place(full, module, spec):
                    spec.loader.exec_module(module)
        except BaseException:
            del self._modules[full]
            raise
        return module

    @contextlib.contextmanager
    def _in_its_place(self, full: str, module: ModuleType, spec: Any) -> Iterator[None]:
        """Have `sys.modules` show a module while it runs, as its own code may look there."""
        # One that is new to all is waited for, as ever, by importlib's own marks, which typeshed does not name.
        with importlib._bootstrap._ModuleLockManager(full):  # type: ignore[attr-defined]
            before = sys.modules.get(full)
            if before is not None:
                self._old[full] = before
            spec._initializing = True
            sys.modules[full] = module
            try:
                yield
            finally:
                spec._initializing = False
                if before is None:
                    sys.modules.pop(full, None)
                else:
                    sys.modules[full] = before
                    del self._old[full]

    def finish(self) -> None:
        """Put them in the place of the old ones, all at once."""
        sys.modules.update(self._modules)
        for full, module in self._modules.items():
            parent, _, last = full.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], last, module)

    def _by_call(self, name: str, package: str | None = None) -> ModuleType:
        """`importlib.import_module`."""
        full = importlib.util.resolve_name(name, package or "")
        if threading.get_ident() != self._thread:
            return self._old.get(full) or self._import_module(full)
        return self.load(full) if self._is_ours(full) else self._import_module(full)

    def _by_statement(
        self,
        name: str,
        globals: dict[str, Any] | None = None,
        locals: dict[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """`__import__`."""
        full = name
        if level:
            package = str((globals or {}).get("__package__") or "")
            full = importlib.util.resolve_name("." * level + name, package)
        if threading.get_ident() != self._thread:
            old = self._old.get(full)
            if old is None or (not fromlist and "." in full):
                return self._import(name, globals, locals, fromlist or (), level)
            return old
        if not self._is_ours(full, *(f"{full}.{item}" for item in fromlist or ())):
            return self._import(name, globals, locals, fromlist or (), level)
        module = self.load(full)
        if not fromlist:
            return module if level else self.load(full.partition(".")[0])
        if "*" in fromlist:
            fromlist = [*fromlist, *getattr(module, "__all__", ())]
        for item in fromlist:
            inner = f"{full}.{item}"
            is_there = inner in self._members or inner in sys.modules or self._spec(inner, module) is not None
            if not hasattr(module, item) and is_there:
                self.load(inner)
        return module

    def _is_ours(self, full: str, *inner: str) -> bool:
        """Tell whether an import of a module, or of these in it, is for a new version."""
        top = full.partition(".")[0]
        if top not in sys.modules and FINDER.find_spec(top, None) is not None:
            # A script that nobody has imported yet: it is to see the new ones too.
            self._members.add(top)
        return not self._members.isdisjoint((top, full, *inner))

"""Finding, loading and reloading scripts.

Entry modules come from the script roots alone: the switch's script folder and
PYTHONPATH. They are compiled from the bytes that were read, never from a .pyc,
which an edit of the same size within a second would leave stale.
"""

from __future__ import annotations

import builtins
import fnmatch
import importlib
import importlib.abc
import importlib.util
import os
import site
import sys
import threading
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

import _freeswitch
from _freeswitch import Busy, Refused

from freeswitch import _imports_in


Stamp = tuple[str, int, int, int]

# Nobody's scripts, wherever they lie.
OURS = {"freeswitch", "_freeswitch", "pocket", "__main__"}


def _stamp(path: str) -> Stamp:
    found = os.stat(path)
    return (path, found.st_mtime_ns, found.st_size, found.st_ino)


class ScriptLoader(SourceFileLoader):
    """Loads one script from its source."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        _stamps[fullname] = _stamp(path)
        data = self.get_data(path)
        package = fullname if self.is_package(fullname) else fullname.rpartition(".")[0]
        code: CodeType = self.source_to_code(data, path)
        _imports[fullname] = set(_imports_in.modules(_imports_in.parsed(data, path), package))
        return code

    def exec_module(self, module: ModuleType) -> None:
        _note_importer(module.__name__)
        folder = _private_folder(module.__name__)
        if folder is not None:
            # Its `import` statements look into its own folder first.
            module.__dict__["__builtins__"] = {
                **vars(builtins),
                "__import__": _FolderImport(*folder),
            }
        super().exec_module(module)
        _loaded(module.__name__)


def _loaded(full: str) -> None:
    """Note that a script was loaded, and with what."""
    _versions[full] = _versions.get(full, 0) + 1
    _built[full] = {name: _versions[name] for name in _imports_of(full) if name in _versions}
    _freeswitch.script_loaded()


def _note_importer(full: str) -> None:
    """Note who imports a script by a name that he has made up, which no statement of his shows."""
    frame = sys._getframe(1).f_back
    while frame and frame.f_code is not load.__code__:
        importer = str(frame.f_globals.get("__name__"))
        if importer in _imports and full not in {importer, *_imports_of(importer)}:
            _noted[importer] = _noted.get(importer, frozenset()) | {full}
        if not importer.startswith(("importlib", "_frozen_importlib", "freeswitch.")):
            return
        frame = frame.f_back


class ScriptFinder(importlib.abc.MetaPathFinder):
    """Finds scripts under the roots, and hides none of the standard library."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if path is None:
            if top in sys.stdlib_module_names or not roots:
                return None
            path = roots
        elif not _is_script_package(fullname.rpartition(".")[0]):
            return None
        return script_spec(fullname, path)


def script_spec(fullname: str, path: Sequence[str]) -> ModuleSpec | None:
    """Find a script in these folders."""
    spec = PathFinder.find_spec(fullname, path)
    if spec is not None and type(spec.loader) is SourceFileLoader and spec.origin:
        spec.loader = ScriptLoader(fullname, spec.origin)
        spec.cached = None
    return spec


def _is_script_package(name: str) -> bool:
    """Tell whether a package lies in a script root, or is a private folder."""
    top = name.partition(".")[0]
    if top in _folders:
        return True
    package = sys.modules.get(name)
    return package is not None and any(
        _lies_in(folder, root) for folder in getattr(package, "__path__", ()) for root in roots
    )


def _lies_in(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder if os.path.isabs(path) else False


_finder = ScriptFinder()
roots: list[str] = []
_allowed: list[str] = ["*"]
# Those that were put into sys.path.
_added: list[str] = []
_stamps: dict[str, Stamp] = {}
_imports: dict[str, set[str]] = {}
# What scripts have imported by names that no statement of theirs shows.
_noted: dict[str, frozenset[str]] = {}
# How often a script was loaded, and which versions of its imports it was loaded with.
_versions: dict[str, int] = {}
_built: dict[str, dict[str, int]] = {}
# Private folders (python_script_path): the package that stands for each, by name.
_folders: dict[str, str] = {}
_lock = threading.RLock()
_folders_lock = threading.Lock()


def use_roots(folders: Iterable[str], allowed: Iterable[str] = ("*",)) -> None:
    """Set the script roots, and let other imports see them after all else.

    `allowed` are patterns of the modules that may be named from outside.
    """
    # What can fail comes first: nothing is taken in then.
    patterns, new_roots = list(allowed), [os.path.abspath(folder) for folder in folders if folder]
    _allowed[:] = patterns
    for root in _added:
        if root in sys.path:
            sys.path.remove(root)
    _added.clear()
    roots[:] = new_roots
    if _finder not in sys.meta_path:
        at = next((i for i, f in enumerate(sys.meta_path) if f is PathFinder), len(sys.meta_path))
        sys.meta_path.insert(at, _finder)
    for root in roots:
        if root not in sys.path:
            sys.path.append(root)
            _added.append(root)


def forget() -> None:
    """Let go of every script: the module is loaded again, maybe with other roots."""
    for name in [*_stamps, *_folders]:
        sys.modules.pop(name, None)
    for table in (_stamps, _imports, _noted, _versions, _built, _folders):
        table.clear()


def _known_folder(folder: str) -> str | None:
    """Give the package that stands for a private folder, where there is one."""
    folder = os.path.abspath(folder)
    # Another thread may add one meanwhile.
    return next((name for name, known in list(_folders.items()) if known == folder), None)


def _folder_package(folder: str) -> str:
    """Give the package that stands for a private folder, and make it where there is none."""
    with _folders_lock:
        known = _known_folder(folder)
        if known is not None:
            return known
        folder = os.path.abspath(folder)
        name = f"_script_path_{len(_folders)}"
        package = ModuleType(name, f"Scripts in {folder}.")
        package.__path__ = [folder]
        package.__spec__ = importlib.util.spec_from_loader(name, None, is_package=True)
        sys.modules[name] = package
        _folders[name] = folder
        return name


def _private_folder(module: str) -> tuple[str, str] | None:
    top = module.partition(".")[0]
    folder = _folders.get(top)
    return None if folder is None else (top, folder)


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


def check(name: str, folder: str | None) -> None:
    """Refuse a module that may not be named from outside, loaded or not."""
    parts = name.split(".")
    # A module is named after its file, which need not be a name that an import statement takes.
    if not all(parts):
        raise Refused(f"'{name}' is no module name")
    if parts[0] in sys.stdlib_module_names:
        raise Refused(f"'{parts[0]}' is of the standard library, not of the script folders")
    if parts[0] in OURS:
        raise Refused(f"'{parts[0]}' is the module that scripts are written with, and no script")
    if not any(fnmatch.fnmatchcase(name, pattern) for pattern in _allowed):
        raise Refused(f"'{name}' is not among the modules that allow-modules names")
    # What is loaded may be of a folder that is none of ours any more, or of nobody's.
    _check_there(parts[0], folder)


def load(
    name: str, folder: str | None, fresh: bool, forced: str | None = None, patience: float = 0
) -> tuple[ModuleType, list[Stamp]]:
    """Give an entry module, and the files whose change makes it stale.

    With `fresh` it is loaded anew, and with it what it imports and has changed, or is `forced`; should that
    fail, what was loaded before stays in use. Raises Busy where others are loaded anew for more than `patience`
    seconds: they may wait for whoever asks.
    """
    from freeswitch import _anew

    check(name, folder)
    full = _full(name, folder)
    if fresh:
        if not _lock.acquire(timeout=patience):
            raise Busy(f"'{name}' is not loaded anew: another script is, for more than {patience:.0f} s")
        try:
            _anew.load(full, forced)
        finally:
            _lock.release()
    # A first load needs no lock but importlib's own, module by module.
    module = _import(full)
    return module, files(name, folder)


def files(name: str, folder: str | None) -> list[Stamp]:
    """Give the files whose change makes an entry module stale, as they were loaded."""
    # Another thread may import one more meanwhile.
    members = [_stamps.get(name) for name in _members(_full(name, folder))]
    return sorted(stamp for stamp in members if stamp is not None)


def _full(name: str, folder: str | None) -> str:
    return name if folder is None else f"{_folder_package(folder)}.{name}"


def uses(name: str, folder: str | None, module: str) -> bool:
    """Tell whether an entry module is this script, or imports it."""
    return _full(name, folder) in sys.modules and _full(module, folder) in _members(_full(name, folder))


def _check_there(top: str, folder: str | None) -> None:
    """Look for the first component before anything is imported."""
    places = _places() if folder is None else [os.path.abspath(folder)]
    package = None if folder is None else _known_folder(folder)
    full = top if package is None else f"{package}.{top}"
    known = getattr(sys.modules.get(full), "__file__", None)
    if known is not None and any(_lies_in(known, place) for place in places):
        # It stays in use, even while its file is gone.
        return
    importlib.invalidate_caches()
    if PathFinder.find_spec(top, places) is None:
        raise Refused(f"no module '{top}' in {os.pathsep.join(places) or 'any script folder'}")


def _places() -> list[str]:
    """Give the folders that entry modules may lie in."""
    if sys.prefix == sys.base_prefix:
        return roots
    # A virtual environment was chosen for its modules.
    own = [path for path in site.getsitepackages() if _lies_in(path, sys.prefix)]
    return [*roots, *own]


def _import(full: str) -> ModuleType:
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name is not None and (full == error.name or full.startswith(f"{error.name}.")):
            shown = error.name.partition(".")[2] if _private_folder(full) else error.name
            raise Refused(f"no module '{shown}'") from None
        raise


def _imports_of(full: str) -> set[str]:
    """Give what a script may mean by its imports."""
    names = _imports.get(full, set()) | _noted.get(full, frozenset())
    private = _private_folder(full)
    return names if private is None else names | {f"{private[0]}.{name}" for name in names}


def _members(full: str) -> set[str]:
    """Give the scripts that a script is made of: itself and what it imports."""
    members: set[str] = set()
    todo = [full]
    while todo:
        name = todo.pop()
        if name in members:
            continue
        if name in sys.modules and name not in _imports and _is_script_package(name):
            # A package without a file of its own.
            members.add(name)
        elif name in _imports:
            members.add(name)
            todo += _imports_of(name)
        parent = name.rpartition(".")[0]
        if parent and parent not in _folders:
            todo.append(parent)
    return members

"""Finding, loading and reloading scripts.

Entry modules come from the script roots alone: the switch's script folder and
PYTHONPATH. They are compiled from the bytes that were read, never from a .pyc,
which an edit of the same size within a second would leave stale.
"""

from __future__ import annotations

import fnmatch
import importlib
import importlib.abc
import importlib.util
import os
import site
import sys
import threading
from collections.abc import Iterable
from importlib.machinery import PathFinder
from types import ModuleType

from _freeswitch import Busy, Refused

from freeswitch import _registry, _reload
from freeswitch._finder import FINDER

# Nobody's scripts, wherever they lie.
OURS = {"freeswitch", "_freeswitch", "pocket", "__main__"}
# What the module itself calls as it calls scripts.
OWN = "freeswitch.apps.in_switch"

_lock = threading.RLock()


def use_roots(folders: Iterable[str], allowed: Iterable[str] = ("*",)) -> None:
    """Set the script roots, and let other imports see them after all else.

    `allowed` are patterns of the modules that may be named from outside.
    """
    # What can fail comes first: nothing is taken in then.
    patterns, new_roots = list(allowed), [os.path.abspath(folder) for folder in folders if folder]
    _registry.allowed[:] = patterns
    for root in _registry.added:
        if root in sys.path:
            sys.path.remove(root)
    _registry.added.clear()
    _registry.roots[:] = new_roots
    if FINDER not in sys.meta_path:
        at = next((i for i, f in enumerate(sys.meta_path) if f is PathFinder), len(sys.meta_path))
        sys.meta_path.insert(at, FINDER)
    for root in new_roots:
        if root not in sys.path:
            sys.path.append(root)
            _registry.added.append(root)


# What python.conf says by `switchio-app`.
switchio_apps: list[str] = []


def use_switchio_apps(lines: Iterable[str]) -> None:
    """Note which app files that import switchio are to be loaded."""
    switchio_apps[:] = lines


def forget() -> None:
    """Let go of every script: the module is loaded again, maybe with other roots."""
    for name in [*_registry.stamps, *_registry.folders]:
        sys.modules.pop(name, None)
    _registry.clear()


def check(name: str, folder: str | None) -> None:
    """Refuse a module that may not be named from outside, loaded or not."""
    if name == OWN:
        return
    parts = name.split(".")
    # A module is named after its file, which need not be a name that an import statement takes.
    if not all(parts):
        raise Refused(f"'{name}' is not a module name")
    if parts[0] in sys.stdlib_module_names:
        raise Refused(f"'{parts[0]}' is of the standard library, not of the script folders")
    if parts[0] in OURS:
        raise Refused(f"'{parts[0]}' is mod_rust's own module, not a script")
    if not any(fnmatch.fnmatchcase(name, pattern) for pattern in _registry.allowed):
        raise Refused(f"'{name}' is not among the modules that allow-modules names")
    # What is loaded may be of a folder that is none of ours any more, or of nobody's.
    _check_there(parts[0], folder)


def load(
    name: str, folder: str | None, reload: bool, force: str | None = None, patience: float = 0
) -> tuple[ModuleType, list[_registry.Stamp]]:
    """Give an entry module, and the files whose change makes it stale.

    With `reload` it is loaded again, and with it what it imports and has changed, or is what `force` names; should that
    fail, what was loaded before stays in use. Raises Busy if others are being loaded for more than `patience`
    seconds: they may wait for the caller.
    """
    check(name, folder)
    full = _full(name, folder)
    if reload:
        if not _lock.acquire(timeout=patience):
            raise Busy(f"'{name}' was not reloaded: another script has been reloading for more than {patience:.0f} s")
        try:
            _reload.load(full, force)
        finally:
            _lock.release()
    # A first load needs no lock but importlib's own, module by module.
    module = _import(full)
    return module, files(name, folder)


_registry.entries.add(load.__code__)


def files(name: str, folder: str | None) -> list[_registry.Stamp]:
    """Give the files whose change makes an entry module stale, as they were loaded."""
    # Another thread may import one more at the same time.
    members = [_registry.stamps.get(name) for name in _registry.members_of(_full(name, folder))]
    return sorted(stamp for stamp in members if stamp is not None)


def _full(name: str, folder: str | None) -> str:
    return name if folder is None else f"{_registry.folder_package(folder)}.{name}"


def uses(name: str, folder: str | None, module: str) -> bool:
    """Tell whether an entry module is this script, or imports it."""
    return _full(name, folder) in sys.modules and _full(module, folder) in _registry.members_of(_full(name, folder))


def _check_there(top: str, folder: str | None) -> None:
    """Look for the first component before anything is imported."""
    places = _places() if folder is None else [os.path.abspath(folder)]
    package = None if folder is None else _registry.known_folder(folder)
    full = top if package is None else f"{package}.{top}"
    known = getattr(sys.modules.get(full), "__file__", None)
    if known is not None and any(_registry.lies_in(known, place) for place in places):
        # It stays in use, even while its file is gone.
        return
    importlib.invalidate_caches()
    if PathFinder.find_spec(top, places) is None:
        raise Refused(f"no module '{top}' in {os.pathsep.join(places) or 'any script folder'}")


def _places() -> list[str]:
    """Give the folders that entry modules may lie in."""
    if sys.prefix == sys.base_prefix:
        return _registry.roots
    # A virtual environment was chosen for its modules.
    own = [path for path in site.getsitepackages() if _registry.lies_in(path, sys.prefix)]
    return [*_registry.roots, *own]


def _import(full: str) -> ModuleType:
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name is not None and (full == error.name or full.startswith(f"{error.name}.")):
            shown = error.name.partition(".")[2] if _registry.private_folder(full) else error.name
            raise Refused(f"no module '{shown}'") from None
        raise

"""What is known of scripts: where they may lie, what was loaded from which file, and what it is made of."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from types import CodeType, ModuleType

import _freeswitch

Stamp = tuple[str, int, int, int]

roots: list[str] = []
allowed: list[str] = ["*"]
# Those that were put into sys.path.
added: list[str] = []
stamps: dict[str, Stamp] = {}
imports: dict[str, set[str]] = {}
# What scripts have imported by names that no statement of theirs shows.
noted: dict[str, frozenset[str]] = {}
# How often a script was loaded, and which versions of its imports it was loaded with.
versions: dict[str, int] = {}
built: dict[str, dict[str, int]] = {}
# Private folders (python_script_path): the package that stands for each, by name.
folders: dict[str, str] = {}
_folders_lock = threading.Lock()
# What loads entry modules: nothing that has called it has imported them.
entries: set[CodeType] = set()


def clear() -> None:
    """Forget every script; the roots stay."""
    for table in (stamps, imports, noted, versions, built, folders):
        table.clear()


def stamp_of(path: str) -> Stamp:
    """Give what shows that a file has changed: path, time, size and inode."""
    found = os.stat(path)
    return (path, found.st_mtime_ns, found.st_size, found.st_ino)


def loaded(full: str) -> None:
    """Note that a script was loaded, and with what."""
    versions[full] = versions.get(full, 0) + 1
    built[full] = {name: versions[name] for name in imports_of(full) if name in versions}
    _freeswitch.script_loaded()


def is_script_package(name: str) -> bool:
    """Tell whether a package lies in a script root, or is a private folder."""
    top = name.partition(".")[0]
    if top in folders:
        return True
    package = sys.modules.get(name)
    return package is not None and any(
        lies_in(folder, root) for folder in getattr(package, "__path__", ()) for root in roots
    )


def lies_in(path: str, folder: str) -> bool:
    """Tell whether a file lies somewhere under a folder."""
    return os.path.commonpath([path, folder]) == folder if os.path.isabs(path) else False


def known_folder(folder: str) -> str | None:
    """Give the package that stands for a private folder, where there is one."""
    folder = os.path.abspath(folder)
    # Another thread may add one at the same time.
    return next((name for name, known in list(folders.items()) if known == folder), None)


def folder_package(folder: str) -> str:
    """Give the package that stands for a private folder; make it if it does not exist."""
    with _folders_lock:
        known = known_folder(folder)
        if known is not None:
            return known
        folder = os.path.abspath(folder)
        name = f"_script_path_{len(folders)}"
        package = ModuleType(name, f"Scripts in {folder}.")
        package.__path__ = [folder]
        package.__spec__ = importlib.util.spec_from_loader(name, None, is_package=True)
        sys.modules[name] = package
        folders[name] = folder
        return name


def private_folder(module: str) -> tuple[str, str] | None:
    """Give the package and the path of the private folder that a module is of."""
    top = module.partition(".")[0]
    folder = folders.get(top)
    return None if folder is None else (top, folder)


def imports_of(full: str) -> set[str]:
    """Give what a script may mean by its imports."""
    names = imports.get(full, set()) | noted.get(full, frozenset())
    private = private_folder(full)
    return names if private is None else names | {f"{private[0]}.{name}" for name in names}


def members_of(full: str) -> set[str]:
    """Give the scripts that a script is made of: itself and what it imports."""
    members: set[str] = set()
    todo = [full]
    while todo:
        name = todo.pop()
        if name in members:
            continue
        if name in sys.modules and name not in imports and is_script_package(name):
            # A package without a file of its own.
            members.add(name)
        elif name in imports:
            members.add(name)
            todo += imports_of(name)
        parent = name.rpartition(".")[0]
        if parent and parent not in folders:
            todo.append(parent)
    return members

"""`breakpoint()` in a script: it reaches the terminal, though what scripts print goes to the switch's log."""

from __future__ import annotations

import os
import pdb
import sys
from typing import Any

from pocket import _pocket

_before = sys.breakpointhook


def _pytests() -> Any:
    """Pytest's debugger, where `breakpoint` leads to it."""
    debugging = sys.modules.get("_pytest.debugging")
    found = getattr(debugging, "pytestPDB", None)
    return found if found is not None and _before == found.set_trace else None


def _stop(*args: Any, **kwargs: Any) -> Any:
    """As Python's hook, or pytest's; on a thread of a script with the program's own terminal."""
    if os.environ.get("PYTHONBREAKPOINT", "") not in {"", "pdb.set_trace"}:
        return sys.__breakpointhook__(*args, **kwargs)
    terminal: dict[str, Any] = {}
    if _pocket.counts():
        terminal = {"stdin": sys.__stdin__, "stdout": sys.__stdout__, "nosigint": True}
    pytests = _pytests()
    debugger = pdb.Pdb(**terminal) if pytests is None else pytests._init_pdb("set_trace", **terminal)
    debugger.set_trace(sys._getframe(1))
    return None


def install() -> None:
    """Replace Python's and pytest's hook; any other debugger keeps its own."""
    if _before is sys.__breakpointhook__ or _pytests() is not None:
        sys.breakpointhook = _stop

"""Threads of the switch, made known to debuggers and coverage for as long as Python runs on them.

The module written in Rust calls these where a trace function is set for all threads, and only there.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

_threading: Any = threading


def settrace(function: Callable[..., Any] | None) -> None:
    """As `sys.settrace`, by the function beneath pydevd's own, which warns of every other caller."""
    tracing = sys.modules.get("pydevd_tracing")
    original = getattr(getattr(tracing, "TracingFunctionHolder", None), "_original_tracing", None)
    (original or sys.settrace)(function)


def know() -> bool:
    """Have `threading` know the thread that this runs on; whether it did not before."""
    ident = threading.get_ident()
    if ident in _threading._active:
        return False
    threading.current_thread()
    return ident in _threading._active


def forget() -> None:
    """Have `threading` forget the thread again: it may end without Python, and its number be used again."""
    with _threading._active_limbo_lock:
        thread = _threading._active.get(threading.get_ident())
        if type(thread) is _threading._DummyThread:
            del _threading._active[threading.get_ident()]

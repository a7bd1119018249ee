"""Which switch the scripts of this process work with."""

from __future__ import annotations

import sys
import threading
from contextvars import ContextVar
from typing import Any

import _freeswitch

# What reaches the switch of the call that a coroutine works for, where that is not this process (`Outside`).
OUTSIDE: ContextVar[Any] = ContextVar("freeswitch_outside", default=None)

# Has "socket", once a program that has no switch in it has chosen so.
_chosen: list[str] = []


def place() -> str | None:
    """Give "switch" inside FreeSWITCH, "pocket" while one is open, "socket" for a program that has links, or None."""
    if "_freeswitch" in sys.builtin_module_names:
        return "switch"
    return "pocket" if _freeswitch.running() else next(iter(_chosen), None)


def choose_socket() -> None:
    """Have a program that has no switch in it work with others by their event sockets."""
    if place() is None:
        # The event loop needs the interpreter, and must have ended before that does.
        register = getattr(threading, "_register_atexit")  # noqa: B009
        register(_freeswitch.leave_alone)
        _chosen.append("socket")


def need(what: str) -> None:
    """Refuse what needs a switch in this process, where there is none."""
    here = place()
    if here not in {"switch", "pocket"}:
        raise RuntimeError(
            f"{what} needs the switch that it runs in, and there is none in this process: run the script inside "
            "FreeSWITCH or in a pocket.Switch, or reach one by its event socket: freeswitch.apps.Client(host)"
        )

"""A Python console on a dialer."""

from __future__ import annotations

import code
import contextlib
from typing import Any

from freeswitch.apps.command.places import Place

BANNER = """`dialer` is ready: dialer.start(), .rate, .limit, .stop(), .hupall(). `sleep(seconds)` lets the switch's
time go by, `pool` has its switches. Ctrl-D hangs up and writes the report."""


def interact(dialer: Any, where: Place) -> None:
    """Let somebody work with a dialer, until the end of the input: by IPython, where that is installed."""
    names = {
        "dialer": dialer,
        "pool": dialer.pool,
        "client": dialer.pool.clients[0],
        "measurers": dialer.measurers,
        "sleep": where.sleep,
    }
    try:
        import IPython  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        # Lines can be edited and found again where this is there.
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401
        code.interact(BANNER, local=names, exitmsg="")
        return
    print(BANNER)
    IPython.start_ipython(argv=[], user_ns=names)


__all__ = ["interact"]

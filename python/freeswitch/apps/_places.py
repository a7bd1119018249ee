"""Which thread this is, and how what runs on the loop is reached from others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def on_loop() -> bool:
    """Tell whether this is the loop's own thread."""
    import _freeswitch

    return bool(_freeswitch.on_loop())


def call(function: Callable[..., T], *args: object) -> T:
    """Call a function on the loop, and give what it gives."""
    from freeswitch import _loop

    return _loop.call(function, *args)


__all__ = ["call", "on_loop"]

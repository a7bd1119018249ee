"""Which thread this is, and how what runs on the loop is reached from others."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

# An app is being loaded or unloaded here: what it asks the switch for, all may wait for.
SETTING_UP: ContextVar[bool] = ContextVar("freeswitch_setting_up", default=False)


def on_loop() -> bool:
    """Tell whether this is the loop's own thread."""
    import _freeswitch

    return bool(_freeswitch.on_loop())


def call(function: Callable[..., T], *args: object) -> T:
    """Call a function on the loop, and give what it gives."""
    from freeswitch import _loop

    return _loop.call(function, *args)


def run_on_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop, and wait in this thread for what it gives."""
    from freeswitch import _loop

    done: concurrent.futures.Future[T] = concurrent.futures.Future()

    async def run() -> None:
        try:
            done.set_result(await work)
        except BaseException as error:
            done.set_exception(error)

    call(lambda: _loop.spawn(run()))
    return done.result()


__all__ = ["SETTING_UP", "call", "on_loop", "run_on_loop"]

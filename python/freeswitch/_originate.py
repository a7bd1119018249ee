"""Placing calls in coroutines."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable, Mapping

from _freeswitch import place

from freeswitch import _loop
from freeswitch._async import AsyncSession, SessionLost

App = Callable[[AsyncSession], Awaitable[object]]


async def originate(
    dest: str,
    *,
    timeout: float = 60.0,
    variables: Mapping[str, str] | None = None,
    caller: AsyncSession | None = None,
    app: App | None = None,
    keep: bool = False,
) -> AsyncSession:
    """Place a call and wait, for `timeout` seconds, rounded up, until it is answered or has early media.

    It has `variables` beside those of the dial string, whatever is in them but `${`, which the switch refuses.
    Raises OriginateError, whose `cause` says why there is no call. The hangup of `caller`, whose caller id it has,
    ends it, as does cancelling the await. The call ends with the coroutine that has placed it, unless it is to be
    kept; `app` is started on it as a coroutine of its own, and the call ends with that.
    """
    _loop.only_here("freeswitch.originate")
    if not dest:
        raise ValueError("argument 'dest' is empty")
    if not isinstance(timeout, (int, float)) or not 0 <= timeout <= 1e6:
        raise ValueError("argument 'timeout' must be a number of seconds, from 0 to 1,000,000")
    if caller is not None and not isinstance(caller, AsyncSession):
        raise TypeError(f"argument 'caller' must be AsyncSession, not {type(caller).__name__}")
    if app is not None and not callable(app):
        raise TypeError(f"argument 'app' must be an async function, not {type(app).__name__}")
    given = {**(_caller_id(caller) if caller is not None else {}), **(variables or {})}
    if "" in given:
        raise ValueError("a variable in 'variables' has no name")
    await _loop.turn()
    if caller is not None and caller.lost:
        raise SessionLost(f"the caller is gone ({caller.lost})")
    # The core is not told of the caller: its own thread reads its media, and one may.
    placing = place(dest, max(1, math.ceil(timeout)), list(given.items()))
    future = _loop.expect(placing.ticket)
    placed_for = caller._placing if caller is not None else set()
    placed_for.add(placing)
    try:
        session: AsyncSession = await future
    except asyncio.CancelledError:
        placing.cancel()
        if future.done() and not future.cancelled() and future.exception() is None:
            # It was answered in the turn that cancelled the await, and is nobody's.
            future.result()._end()
        raise
    finally:
        placed_for.discard(placing)
    running = _loop.current()
    if app is not None:
        session._app = _loop.work(_name(app), session.uuid, _run_app(session, app), lambda: session.lost is not None)
    elif running is not None and not keep:
        running.placed.append(session)
    return session


def _name(app: App) -> str:
    return getattr(app, "__qualname__", type(app).__name__)


def _caller_id(caller: AsyncSession) -> dict[str, str]:
    known = {name: caller.getVariable(f"caller_id_{name}") for name in ("name", "number")}
    return {f"origination_caller_id_{name}": value for name, value in known.items() if value}


async def _run_app(session: AsyncSession, app: App) -> None:
    async with session:
        work = app(session)
        if not inspect.isawaitable(work):
            raise TypeError(f"{_name(app)} is no async function")
        await work


__all__ = ["originate"]

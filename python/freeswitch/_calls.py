"""What the switch says of calls: one is there for a handler, is over, was placed.

The module written in Rust calls the functions here, on the loop's thread; scripts do not.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import Any

import _freeswitch

from freeswitch import _checkpoints, _loop, _spans
from freeswitch._async import AsyncSession
from freeswitch._errors import BusError, SessionLost
from freeswitch._place import OUTSIDE
from freeswitch._tape import TAPE
from freeswitch.events import at_end


def begin(run: Any) -> None:
    """Start an async handler; `run` is the module's side of it."""
    start(run, AsyncSession(run.thread))


def _was_recovered(session: AsyncSession) -> bool:
    """Tell whether the switch was killed with this call, or a worker was: the core and `pyremote` say so."""
    try:
        return any(session.getVariable(name) == "true" for name in ("recovered", "pyremote_resumed"))
    except _freeswitch.SessionGone:
        return False


def _program_of(name: str, session: AsyncSession) -> str:
    """Name the program that checkpoints are of: `pyremote_fallback` goes on with those of the workers' program."""
    with contextlib.suppress(_freeswitch.SessionGone):
        fallback, _, program = (session.getVariable("pyremote_program") or "").partition(" ")
        if _checkpoints.plain(fallback) == _checkpoints.plain(name):
            return program
    return name


async def _resume(session: AsyncSession) -> None:
    try:
        await session._resume()
    except BusError as error:
        _loop.log.error("MR0025 call %s begins again: its checkpoint cannot be read: %s", session.uuid, error)


def start(run: Any, session: AsyncSession, outside: Any = None) -> None:
    """Start an async handler with its session; `outside` reaches its switch, where that is not this process."""
    if outside is None:
        session._program = _program_of(run.name, session)
        session.resumed = _was_recovered(session)
    running = _loop.here.runs[run.id] = _loop.Running(run.id, session, run.uuid, run.finish)
    running.context.run(OUTSIDE.set, outside)
    if outside is None and _freeswitch.records_calls():
        from freeswitch import _recording

        running.context.run(_recording.begin, session, run.line)
    _loop.start(running, _handle(run, running, session))


async def _handle(run: Any, running: _loop.Running, session: AsyncSession) -> None:
    error: BaseException | None = None
    try:
        if session.resumed and session._checkpoint is None:
            await _resume(session)
        with _spans.of_call(session, run.name) as span:
            try:
                await _loop.of_script(run.call(session))
            except (asyncio.CancelledError, SessionLost) as ended:
                # The call is over: the script is not at fault.
                error = None if session.lost else ended
            except BaseException as ended:
                error = ended
            span.end(error, session.lost)
        # It may have hung up itself, and ended before the switch could tell.
        await session._run_hook()
        running.end_placed()
    finally:
        _loop.here.runs.pop(run.id, None)
        if TAPE.get() is not None:
            from freeswitch import _recording

            _recording.end(run.uuid, None if error is None else f"{type(error).__name__}: {error}")
        run.finish(error)
        if OUTSIDE.get() is None and session._checkpoint is not None:
            # Nobody goes on with it.
            with contextlib.suppress(BusError):
                await session._checkpoint.forget()


def lost(number: int, how: str) -> None:
    """The call is over; `how` is hangup, transfer or taken."""
    running = _loop.here.runs.get(number)
    if running is not None:
        context = running.context
        if _freeswitch.records_calls():
            from freeswitch import _recording

            context = _recording.beside(running.session, context)
        _loop.spawn(_farewell(running, how), context)


async def _farewell(running: _loop.Running, how: str) -> None:
    session = running.session
    assert session is not None and running.task is not None
    tape = TAPE.get()
    if tape is not None:
        tape.lost(how)
    session._lose(how)
    await session._run_hook()
    if session._shields:
        # What is shielded goes on without the call's thread.
        session._give_up_verbs()
        session._thread.release()
    else:
        running.task.cancel(how)


def originated_over(uuid: str, how: str | None) -> None:
    """Be told that a call that a coroutine has placed is over, or was let go of."""
    placed = _loop.here.placed.pop(uuid, None)
    if placed is None:
        return
    session, watch = placed
    watch.cancel()
    _freeswitch.forget_placed(uuid)
    if how is not None:
        session._lose(how)
        _loop.spawn(part(session, how))


async def part(session: AsyncSession, how: str) -> None:
    await session._run_hook()
    session._give_up_verbs()
    if session._app is not None and not session._shields:
        session._app.cancel(how)


def placed(ticket: int, thread: Any, cause: str | None) -> None:
    """Be told what came of a call that was placed."""
    future = _loop.here.waiting.pop(ticket, None)
    if future is None or future.done():
        if thread is not None:
            thread.hangup("ORIGINATOR_CANCEL")
            thread.release()
        return
    if thread is None:
        error = _freeswitch.OriginateError(f"there is no call: {cause}")
        error.cause = cause or "NONE"
        future.set_exception(error)
        return
    session, uuid = AsyncSession(thread), thread.uuid
    session._when_transferred = functools.partial(originated_over, uuid, "transfer")
    # A call that ends before its thread comes for work has nobody else to tell of it.
    watch = at_end(uuid, lambda _: originated_over(uuid, "hangup"))
    _loop.here.placed[uuid] = (session, watch)
    future.set_result(session)
    if session.lost:
        originated_over(uuid, session.lost)

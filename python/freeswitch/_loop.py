"""The event loop of the switch: one for all coroutines, on a thread of its own.

The module written in Rust calls the functions here, on the loop's thread; scripts do not.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import concurrent.futures
import logging
import os
import threading
from asyncio import Task
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import _freeswitch

from freeswitch import _errors
from freeswitch._errors import OtherGone, SessionLost, VerbError
from freeswitch._shared import RUN, Own

if TYPE_CHECKING:
    from freeswitch._async import AsyncSession
    from freeswitch.events import Watch

# The UUID of the call that a coroutine works for, for its lines in the log.
CALL: ContextVar[str | None] = _freeswitch.call_variable()

log = logging.getLogger("freeswitch.loop")

T = TypeVar("T")


class Running(Own):
    """One coroutine that the switch has started."""

    def __init__(
        self, number: int, session: AsyncSession | None, uuid: str | None, fail: Callable[[BaseException], object]
    ) -> None:
        super().__init__()
        self.number = number
        # Tells who waits for it that it has failed.
        self.fail = fail
        self.session = session
        self.context = Context()
        self.context.run(CALL.set, uuid)
        self.context.run(RUN.set, self)
        self.task: asyncio.Task[Any] | None = None
        # Calls that it has placed, and that end with it.
        self.placed: list[AsyncSession] = []

    def end_placed(self) -> None:
        """End the calls that it has placed."""
        for session in self.placed:
            session._end()

    def end(self) -> None:
        """Let go of what refers to it, so that all of it is freed at once: there are some of these for each call."""
        self.end_placed()
        self.context, self.task = _NOTHING, None


# In the place of the context of a run that has ended.
_NOTHING = Context()


class _Loop:
    """What belongs to the loop that runs."""

    def __init__(self) -> None:
        # This process is a child that a coroutine has forked.
        self.forked = False
        self.reset()

    def reset(self) -> None:
        """Start afresh: the switch before this one has ended."""
        self.loop: Any = None
        self.ends = False
        # It has come round since it was last run.
        self.turned = False
        # Whoever names what blocks it.
        self.watch: threading.Thread | None = None
        self.runs: dict[int, Running] = {}
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.placed: dict[str, tuple[AsyncSession, Watch]] = {}
        self.taps: dict[int, Any] = {}
        # What waits for one event read from.
        self.sources: dict[Any, Any] = {}
        self.listener: Any = None
        # Tasks that nobody else refers to.
        self.tasks: set[asyncio.Task[Any]] = set()
        self.beat = 0.0
        # When the next call may be placed.
        self.next_turn = 0.0


here = _Loop()


def spawn(work: Coroutine[Any, Any, Any], context: Context | None = None) -> asyncio.Task[Any]:
    """Run a coroutine on the loop, and keep it until it ends."""
    assert here.loop is not None
    # No factory of a script's has a part in it.
    task = Task(work, loop=here.loop, context=context)
    run = RUN.get() if context is None else context.get(RUN)
    if run is not None:
        run.tasks.add(task)
    here.tasks.add(task)
    task.add_done_callback(here.tasks.discard)
    return task


# Runs


async def of_script(work: Awaitable[T]) -> T:
    """Await a script's coroutine; a child that it has forked ends with it.

    The other threads are not there in a child, and their locks are as the fork left them: what the
    module does at the end of a coroutine could wait there without end.
    """
    try:
        return await work
    finally:
        if here.forked:
            os._exit(0)


def start(running: Running, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run a coroutine as the task of a run."""
    try:
        task = running.task = spawn(work, running.context)
    except BaseException:
        work.close()
        here.runs.pop(running.number, None)
        raise
    return task


def kill(number: int) -> None:
    """End a coroutine, for `pykill`."""
    running = here.runs.get(number)
    if running is not None and running.task is not None:
        running.task.cancel("told to end")


def frame(number: int) -> FrameType | None:
    """Where a coroutine is: its innermost frame that is the script's own."""
    running = here.runs.get(number)
    if running is None or running.task is None:
        return None
    found: FrameType | None = None
    work: Any = running.task.get_coro()
    while work is not None:
        at = getattr(work, "cr_frame", None)
        if at is not None and not at.f_globals.get("__name__", "").startswith(("freeswitch.", "asyncio")):
            found = at
        work = getattr(work, "cr_await", None)
    return found


def run_for(work: Coroutine[Any, Any, Any], waiter: Any, number: int, uuid: str | None) -> None:
    """Run a coroutine for a thread of the switch that waits for it."""
    running = Running(number, None, uuid, lambda error: waiter.done(None, error))
    outer = here.runs.get(number)
    here.runs[number] = running

    async def run() -> None:
        try:
            result = await of_script(work)
        except BaseException as error:
            waiter.done(None, error)
        else:
            waiter.done(result)
        finally:
            running.end()
            if outer is None:
                here.runs.pop(number, None)
            else:
                here.runs[number] = outer

    start(running, run())


# Events


def deliver(number: int) -> None:
    """Hand out what a tap has; the rest when others have had their turn."""
    watch = here.taps.get(number)
    if watch is not None and watch._deliver():
        assert here.loop is not None
        here.loop.call_soon(deliver, number)


# Apps


def work(name: str, uuid: str, coroutine: Awaitable[object], is_over: Callable[[], bool]) -> asyncio.Task[Any]:
    """Run a coroutine that works on a call, listed as a script; `is_over` says whether the call is."""
    task = begin_work(name, uuid, coroutine, is_over).task
    assert task is not None
    return task


def begin_work(name: str, uuid: str, coroutine: Awaitable[object], is_over: Callable[[], bool]) -> Running:
    """As `work`; gives the run."""
    item = _freeswitch.work_of_app(name, uuid)
    running = here.runs[item.id] = Running(item.id, None, uuid, lambda _: item.finish(True))

    async def run() -> None:
        failed = False
        try:
            await of_script(coroutine)
        except (asyncio.CancelledError, SessionLost):
            # By the end of its call, or by pykill.
            failed = not is_over()
        except SystemExit:
            pass
        except BaseException:
            failed = True
            log.exception("MR0004 app %s failed", name)
        finally:
            here.runs.pop(item.id, None)
            running.end()
            item.finish(failed)

    start(running, run())
    return running


def only_here(what: str) -> None:
    """Refuse what is for the loop's own coroutines, before it has begun."""
    if not _freeswitch.on_loop():
        raise RuntimeError(f"{what} is for coroutines that the switch runs: make the function an async one")


def call(function: Callable[..., T], *args: Any) -> T:
    """Call a function on the loop, from wherever this is."""
    if _freeswitch.on_loop():
        return function(*args)
    done: concurrent.futures.Future[T] = concurrent.futures.Future()
    _freeswitch.post(_Asked(done, function, args))
    return done.result()


class _Asked:
    """A function that another thread waits for; one that is never called fails."""

    def __init__(self, done: concurrent.futures.Future[Any], function: Callable[..., Any], args: tuple[Any, ...]):
        self._done, self._function, self._args = done, function, args

    def __call__(self) -> None:
        try:
            self._done.set_result(self._function(*self._args))
        except BaseException as error:
            self._done.set_exception(error)

    def __del__(self) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError("the event loop has ended"))


# Answers


def expect(ticket: int) -> asyncio.Future[Any]:
    """Make the future that `answered` and its like resolve under this number."""
    assert here.loop is not None
    future: asyncio.Future[Any] = here.loop.create_future()
    here.waiting[ticket] = future
    return future


def forget(ticket: int) -> None:
    """Nobody waits for it any more."""
    here.waiting.pop(ticket, None)


def answered(ticket: int, kind: str, value: str | None, terminator: str | None) -> None:
    """Be told how a verb ended."""
    future = here.waiting.pop(ticket, None)
    if future is None or future.done():
        return
    if kind == "failed":
        future.set_exception(VerbError(value or "it failed"))
    elif kind == "gone":
        future.set_exception(_errors.lost(value))
    elif kind == "other_gone":
        future.set_exception(OtherGone("the other call is gone"))
    else:
        future.set_result((value, terminator))


def current() -> Running | None:
    """Give the run that this task belongs to."""
    run = RUN.get()
    return run if isinstance(run, Running) else None


async def turn(most: float | None = None) -> None:
    """Wait for one's turn to place a call: the switch refuses more sessions a second than it is set to.

    `most` is what another switch is set to.
    """
    assert here.loop is not None
    if most is None:
        most = _freeswitch.sessions_per_second()
    now = here.loop.time()
    mine = max(now, here.next_turn)
    here.next_turn = mine + 1.0 / max(1.0, most * 0.8)
    if mine > now:
        await asyncio.sleep(mine - now)

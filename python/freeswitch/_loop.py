"""The event loop of the switch: one for all coroutines, on a thread of its own.

The module written in Rust calls the functions here, on the loop's thread; scripts do not.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar
from types import FrameType
from typing import Any, TypeVar

import _freeswitch

from freeswitch._async import AsyncSession, SessionLost, VerbError
from freeswitch._selector import SwitchLoop, SwitchSelector
from freeswitch.events import Watch, at_end

# The UUID of the call that a coroutine works for, for its lines in the log.
CALL: ContextVar[str | None] = ContextVar("freeswitch_call", default=None)
# The run that a task belongs to.
RUN: ContextVar[Running | None] = ContextVar("freeswitch_run", default=None)

# A loop that has not come round for so long is blocked, in seconds.
BLOCKED = 1.0
BEAT = 0.25

log = logging.getLogger("freeswitch.loop")

T = TypeVar("T")


class Running:
    """One coroutine that the switch has started."""

    def __init__(self, number: int, session: AsyncSession | None, uuid: str | None) -> None:
        self.number = number
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


class _Loop:
    """What belongs to the loop that runs."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: the switch before this one has ended."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.ends = False
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
    task = here.loop.create_task(work, context=context)
    here.tasks.add(task)
    task.add_done_callback(here.tasks.discard)
    return task


def _make() -> asyncio.AbstractEventLoop:
    descriptor = _freeswitch.descriptor()
    if descriptor is None:
        return SwitchLoop()
    try:
        import uvloop
    except ImportError:
        loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    loop.add_reader(descriptor, _freeswitch.drain)
    return loop


def serve() -> None:
    """Run the loop until `stop`; whatever a callback raises, the others go on."""
    here.reset()
    loop = here.loop = _make()
    asyncio.set_event_loop(loop)
    watched = _freeswitch.descriptor() is not None
    if watched:
        threading.Thread(target=_watch, args=(threading.get_ident(),), name="mod_rust loop watch", daemon=True).start()
        loop.call_soon(_beat)
    try:
        # What came before the loop was there.
        loop.call_soon(_freeswitch.drain)
        while not here.ends:
            try:
                loop.run_forever()
            except BaseException:
                log.exception("a callback left the event loop")
        _finish(loop)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class _Over:
    """Stands for the callbacks that wait, in a child that a coroutine has forked: to look for one ends it."""

    def append(self, handle: object) -> None:
        """Take one in: none of them is called any more."""

    def popleft(self) -> None:
        """End the child."""
        os._exit(0)

    def __len__(self) -> int:
        self.popleft()
        return 0


def _in_child() -> None:
    if not _freeswitch.on_loop():
        return
    loop: Any = here.loop
    if isinstance(loop, asyncio.BaseEventLoop):
        # Not by a profile function: code that was specialised before hangs under one, in CPython 3.11.
        loop._ready = _Over()  # type: ignore[attr-defined]
    else:
        sys.setprofile(_end_child)


def _end_child(frame: FrameType, event: str, _: Any) -> None:
    """End a child that a coroutine has forked where it comes back to the loop: it is not a second switch's."""
    if event == "return" and (frame.f_back is None or frame.f_back.f_code in _OF_LOOP):
        os._exit(0)


# What calls callbacks and coroutines; a loop that is written in C shows none of its own.
_OF_LOOP = {serve.__code__, asyncio.Handle._run.__code__, SwitchSelector.select.__code__}
os.register_at_fork(after_in_child=_in_child)


def stop() -> None:
    """End the loop."""
    here.ends = True
    assert here.loop is not None
    here.loop.stop()


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel("the switch ends")

    async def last() -> None:
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        await loop.shutdown_asyncgens()

    loop.run_until_complete(last())
    for number in list(here.runs):
        _forget(number)


def _beat() -> None:
    here.beat = time.monotonic()
    assert here.loop is not None
    here.loop.call_later(BEAT, _beat)


def _watch(loop_thread: int) -> None:
    """Name what blocks the loop, once each time."""
    told = 0.0
    mine = here.loop
    here.beat = time.monotonic()
    while not here.ends and here.loop is mine:
        time.sleep(BEAT)
        beat = here.beat
        if time.monotonic() - beat < BLOCKED or beat == told:
            continue
        told = beat
        frame = sys._current_frames().get(loop_thread)
        stack = []
        while frame is not None:
            if not frame.f_globals.get("__name__", "").startswith(("asyncio", "freeswitch.")):
                code = frame.f_code
                stack.append(f"{code.co_filename}:{frame.f_lineno} in {code.co_name}")
            frame = frame.f_back
        if stack:
            log.warning("MR0014 the event loop is blocked, and every coroutine with it: %s", ", from ".join(stack))


# What the switch tells of calls


def begin(run: Any) -> None:
    """Start an async handler; `run` is the module's side of it."""
    session = AsyncSession(run.hands)
    running = here.runs[run.id] = Running(run.id, session, run.uuid)
    running.task = spawn(_handle(run, running, session), running.context)


async def _handle(run: Any, running: Running, session: AsyncSession) -> None:
    error: BaseException | None = None
    try:
        await run.call(session)
    except (asyncio.CancelledError, SessionLost) as ended:
        # The call is over: that is no error of the script's.
        error = None if session.lost else ended
    except BaseException as ended:
        error = ended
    try:
        # It may have hung up itself, and ended before the switch could tell.
        await session._run_hook()
        running.end_placed()
    finally:
        del here.runs[run.id]
        run.finish(error)


def _forget(number: int) -> None:
    running = here.runs.pop(number, None)
    if running is not None and running.session is not None:
        running.session._hands.release()


def lost(number: int, how: str) -> None:
    """The call is over; `how` is hangup, transfer or taken."""
    running = here.runs.get(number)
    if running is not None:
        spawn(_farewell(running, how), running.context)


async def _farewell(running: Running, how: str) -> None:
    session = running.session
    assert session is not None and running.task is not None
    session._lose(how)
    await session._run_hook()
    if session._shields:
        # What is shielded goes on without the call's thread.
        session._give_up_verbs()
        session._hands.release()
    else:
        running.task.cancel(how)


def originated_over(uuid: str, how: str | None) -> None:
    """Be told that a call that a coroutine has placed is over, or was let go of."""
    placed = here.placed.pop(uuid, None)
    if placed is None:
        return
    session, watch = placed
    watch.cancel()
    _freeswitch.forget_placed(uuid)
    if how is not None:
        session._lose(how)
        spawn(_part(session, how))


async def _part(session: AsyncSession, how: str) -> None:
    await session._run_hook()
    session._give_up_verbs()
    if session._app is not None and not session._shields:
        session._app.cancel(how)


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
    running = Running(number, None, uuid)
    outer = here.runs.get(number)
    here.runs[number] = running

    async def run() -> None:
        try:
            result = await work
        except BaseException as error:
            waiter.done(None, error)
        else:
            waiter.done(result)
        finally:
            running.end_placed()
            if outer is None:
                here.runs.pop(number, None)
            else:
                here.runs[number] = outer

    running.task = spawn(run(), running.context)


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
    running = here.runs[item.id] = Running(item.id, None, uuid)

    async def run() -> None:
        failed = False
        try:
            await coroutine
        except (asyncio.CancelledError, SessionLost):
            # By the end of its call, or by pykill.
            failed = not is_over()
        except SystemExit:
            pass
        except BaseException:
            failed = True
            log.exception("MR0004 app %s failed", name)
        finally:
            del here.runs[item.id]
            running.end_placed()
            item.finish(failed)

    running.task = spawn(run(), running.context)
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

    def run() -> None:
        try:
            done.set_result(function(*args))
        except BaseException as error:
            done.set_exception(error)

    _freeswitch.post(run)
    return done.result()


# Answers


def expect(ticket: int) -> asyncio.Future[Any]:
    """Give what is told when the thing with this number has happened."""
    assert here.loop is not None
    future = here.waiting[ticket] = here.loop.create_future()
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
        future.set_exception(SessionLost("the call is over"))
    else:
        future.set_result((value, terminator))


def placed(ticket: int, hands: Any, cause: str | None) -> None:
    """Be told what came of a call that was placed."""
    future = here.waiting.pop(ticket, None)
    if future is None or future.done():
        if hands is not None:
            hands.hangup("ORIGINATOR_CANCEL")
            hands.release()
        return
    if hands is None:
        error = _freeswitch.OriginateError(f"there is no call: {cause}")
        error.cause = cause or "NONE"
        future.set_exception(error)
        return
    session, uuid = AsyncSession(hands), hands.uuid
    # A call that ends before its thread comes for work has nobody else to tell of it.
    watch = at_end(uuid, lambda _: originated_over(uuid, "hangup"))
    here.placed[uuid] = (session, watch)
    future.set_result(session)
    if session.lost:
        originated_over(uuid, session.lost)


def current() -> Running | None:
    """Give the run that this task belongs to."""
    return RUN.get()


async def turn() -> None:
    """Wait for one's turn to place a call: the switch refuses more sessions a second than it is set to."""
    assert here.loop is not None
    now = here.loop.time()
    mine = max(now, here.next_turn)
    here.next_turn = mine + 1.0 / max(1.0, _freeswitch.sessions_per_second() * 0.8)
    if mine > now:
        await asyncio.sleep(mine - now)

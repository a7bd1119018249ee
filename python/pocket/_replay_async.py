"""Plays a recorded call back to an async handler, on an event loop whose time is the recording's."""

from __future__ import annotations

import asyncio
import selectors
import types
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import freeswitch
from freeswitch import _border, _calls, _codec
from freeswitch._async import AsyncSession
from pocket._recording_file import Entry, Recording
from pocket._replay import Player, Stopped, taken, told

# How late a timer or a wake-up may have been when the call was recorded, in seconds.
LATE = 0.02


# How often a task lets the others go on, where the recording has them first.
TURNS = 100


@types.coroutine
def _turn() -> Generator[None, None, None]:
    yield


class Thread:
    """Stands for the call's own thread, of which a replay has no need."""

    leg = None

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid

    def lost(self) -> None:
        """Tell nothing: the recording does."""

    def cancel(self, ticket: int) -> None:
        """End nothing."""

    def hangup(self, cause: str) -> None:
        """Hang up nothing."""

    def release(self) -> None:
        """Let go of nothing."""


class PlayedSession(AsyncSession):
    """A session of a replay."""

    def __new__(cls, _uuid: str) -> PlayedSession:
        return freeswitch.Session.__new__(cls)

    def __init__(self, uuid: str) -> None:
        super().__init__(Thread(uuid))


class Loop(asyncio.SelectorEventLoop):
    """An event loop that goes on with the recording when nothing else is to be done."""

    def __init__(self, player: AsyncPlayer) -> None:
        super().__init__(_Selector(self))
        self._player = player

    def time(self) -> float:
        """Give the recording's time."""
        return self._player.clock.now

    def idle(self) -> None:
        """Nothing runs: go on with the recording, or to the next timer."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        live = [timer for timer in timers if not timer.cancelled()]
        due = min((timer.when() for timer in live), default=None)
        if not self._player.go_on(due):
            if due is None:
                self._player.stuck()
                self.stop()
                return
            self._player.clock.reach(due)


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._loop.idle()
        return super().select(0)


class AsyncPlayer(Player):
    """Plays a recording to coroutines."""

    running: Any = None
    _farewell: Any = None

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        # The numbers of the script's tasks in the recording.
        self._tasks: dict[asyncio.Task[Any] | None, int] = {}
        # Tasks that wait until others have gone on.
        self._parked: list[asyncio.Future[None]] = []

    def go_on(self, due: float | None) -> bool:
        """Take the next thing that was done to the script, unless a timer comes first; whether there was one."""
        entry = self._head()
        if entry is None or not ({"result", "callback", "lost"} & entry.keys()):
            return False
        if due is not None and due < entry["at"] - LATE:
            return False
        if "callback" in entry:
            self._call_back()
        elif "lost" in entry:
            how = self._next()["lost"]
            self._farewell = asyncio.ensure_future(_calls._farewell(self.running, how))
        else:
            self._deliver()
        return True

    def _deliver(self) -> None:
        """Answer a verb, or a wait."""
        entry = super()._next()
        future = self._pending.get(entry["result"])
        if future is None or future.done():
            return
        try:
            future.set_result(self._answer(entry))
        except BaseException as error:
            future.set_exception(error)

    def _is_awaited(self, entry: Entry | None) -> bool:
        future = self._pending.get(entry["result"]) if entry is not None and "result" in entry else None
        return future is not None and not future.done()

    def _next(self) -> Entry:
        """Take an entry, and answer what was answered in the same moment: who waits for it was woken by then."""
        taken = super()._next()
        if "call" in taken and "task" in taken:
            self._tasks[asyncio.current_task()] = taken["task"]
        for parked in self._parked:
            if not parked.done():
                parked.set_result(None)
        self._parked.clear()
        while (entry := self._head()) is not None and self._is_awaited(entry):
            if entry["at"] > self.clock.now + LATE:
                break
            self._deliver()
        return taken

    async def cross_async(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], _go: Callable[[], Any]
    ) -> Any:
        """Give what the switch answered, when the recording comes to it; others may have been woken before."""
        asked = _codec.asked(name, target, args, kwargs, self.number_of)
        turns = 0
        while turns < TURNS and self.difference is None:
            entry = self._head()
            if entry is None or self.is_of(entry, asked) or self._is_own(entry):
                break
            if self._is_awaited(entry):
                self._deliver()
            elif entry.get("task") in self._tasks.values():
                # That task is to go on first.
                self._parked.append(asyncio.get_running_loop().create_future())
                await self._parked[-1]
                continue
            turns += 1
            await _turn()
        return await super().cross_async(name, target, args, kwargs, _go)

    def _is_own(self, entry: Entry) -> bool:
        """Whether it is what the running task did next."""
        number = self._tasks.get(asyncio.current_task())
        return number is not None and "call" in entry and entry.get("task") == number

    async def _wait(self, number: int) -> Any:
        entry = self._head()
        if entry is not None and entry.get("result") == number and entry["at"] <= self.clock.now + LATE:
            # Nothing was done meanwhile but what other tasks did that could go on.
            await _turn()
            if self._head() is entry:
                return self._answer(super()._next())
        return await super()._wait(number)

    def stuck(self) -> None:
        """Say that the script waits for something that the recording does not have."""
        if self.difference is None:
            text = f"the script waits, and nothing comes any more; {told(self._head())}"
            number = (self._head() or {}).get("task")
            task = next((task for task, its in self._tasks.items() if task and its == number), self.running.task)
            self._differ(text, _standing(task))

    def _run(self, function: Callable[..., Any], text: str) -> None:
        self._make_session = PlayedSession
        session = self.session_of(0)
        loop = Loop(self)
        task = loop.create_task(self._handle(function, session, text))
        self.running = SimpleNamespace(session=session, task=task)
        task.add_done_callback(lambda _: loop.stop())
        loop.set_exception_handler(_not_stopped)
        asyncio.set_event_loop(loop)
        # What the script leaves is not ended: that would run more of it.
        loop.run_forever()
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None:
            raise error

    def _differ(self, text: str, place: str = "") -> Stopped:
        stopped = super()._differ(text, place)
        # Whichever task it was: nothing of the script runs any more.
        asyncio.get_event_loop().stop()
        return stopped

    async def _handle(self, function: Callable[..., Any], session: PlayedSession, text: str) -> None:
        error: BaseException | None = None
        try:
            await function(*taken(function, session, text))
        except (asyncio.CancelledError, freeswitch.SessionLost) as ended:
            error = None if session._lost else ended
        except Stopped:
            raise
        except BaseException as ended:
            error = ended
        await session._run_hook()
        is_failure = error is not None and not isinstance(error, SystemExit)
        self._end(error if is_failure else None)


def _not_stopped(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of what the script's tasks have raised, and not of the end of the replay."""
    if not isinstance(context.get("exception"), Stopped):
        loop.default_exception_handler(context)


def _standing(task: asyncio.Task[Any]) -> str:
    """Give the file and line of a script at which its task waits."""
    place = ""
    coroutine: Any = task.get_coro()
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        if _border.is_script(frame):
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        coroutine = getattr(coroutine, "cr_await", None)
    return place

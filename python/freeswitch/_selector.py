"""The event loop in pocket: it waits in the switch's own time, where nothing else is waited for."""

from __future__ import annotations

import _thread
import asyncio
import selectors
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import _freeswitch

from freeswitch._shared import Shared

# How often other people's descriptors are looked at while the clock follows real time, in seconds.
LOOK = 0.005
# How often is looked at whether the loop is blocked, and after how long it is, in real seconds.
LOOK_FOR_BLOCK = 0.25
BLOCKED = 1.0
# How long its end is waited for: a child that was forked has no such thread.
ENDS_WITHIN = 2.0


class SwitchSelector(selectors.BaseSelector):
    """Waits for the switch's messages; for descriptors only while there are any but the loop's own."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        # How many descriptors are watched. The loop's own pipe is always there, and what wakes the loop by it
        # (`_write_to_self`) ends a wait in the switch, too.
        self._watched = 0
        self._is_closed = False
        self.jobs = 0
        # Whose it is.
        self.loop: asyncio.AbstractEventLoop | None = None
        # Since when it has been at work, in real time; None while it waits.
        self.works_since: float | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a descriptor."""
        key = self._real.register(fileobj, events, data)
        self._watched += 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch it no longer."""
        key = self._real.unregister(fileobj)
        self._watched -= 1
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch it for something else."""
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """What is watched."""
        return self._real.get_map()

    def close(self) -> None:
        """Watch nothing."""
        self._is_closed = True
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait, then do what the switch has left for the loop."""
        self.works_since = None
        if asyncio._get_running_loop() is not self.loop and self.loop is not None:
            # A script has set another one as the one that runs.
            asyncio._set_running_loop(self.loop)
        waits = timeout is None or timeout > 0
        ready = []
        if self.jobs or self._watched > 1 or self._is_closed:
            ready = self._real.select(0)
            if not ready and waits:
                ready = self._real.select(LOOK if timeout is None else min(timeout, LOOK))
        elif waits:
            _freeswitch.wait(timeout)
        self.works_since = time.perf_counter()
        _freeswitch.drain()
        return ready


class SwitchLoop(Shared, asyncio.SelectorEventLoop):  # type: ignore[misc]
    """A loop whose clock is the switch's."""

    def __init__(self) -> None:
        self._switch = SwitchSelector()
        super().__init__(self._switch)
        self._switch.loop = self
        self._clock_resolution = 1e-6
        # What ends the thread that watches it, and what says that it has.
        self._watched_by: tuple[_thread.LockType, _thread.LockType] | None = None

    # The switch's time, in seconds: asked for twice in each turn.
    time = staticmethod(_freeswitch.clock)

    def watch(self, blocked: Callable[[int], str]) -> None:
        """Have what blocks this loop, on this thread, named in the log by a thread that lives in real time."""
        from pocket import _threads

        # A coroutine that nobody awaits can then be reported with the line that made it.
        sys.set_coroutine_origin_tracking_depth(1)
        end, ended = _threads.lock_outside(), _threads.lock_outside()
        end.acquire()
        ended.acquire()
        _threads.start_outside(self._watch, blocked, threading.get_ident(), end, ended)
        self._watched_by = end, ended

    def close(self) -> None:
        """Close it, and wait for the end of what watches it.

        A thread that still waited in Python when the program ends would be ended by CPython 3.11 and 3.12 in the middle
        of Rust's frames, which ends the process with SIGABRT.
        """
        super().close()
        watched_by, self._watched_by = self._watched_by, None
        if watched_by is not None:
            end, ended = watched_by
            end.release()
            ended.acquire(timeout=ENDS_WITHIN)

    def _watch(
        self, blocked: Callable[[int], str], thread: int, end: _thread.LockType, ended: _thread.LockType
    ) -> None:
        try:
            self._look(blocked, thread, end)
        finally:
            ended.release()

    def _look(self, blocked: Callable[[int], str], thread: int, end: _thread.LockType) -> None:
        told = None
        while not end.acquire(timeout=LOOK_FOR_BLOCK):
            since = self._switch.works_since
            if since is None or since == told or time.perf_counter() - since < BLOCKED:
                continue
            told = since
            text = blocked(thread)
            if text:
                _freeswitch.consoleLog("warning", f"{text}\n")

    def _write_to_self(self) -> None:
        super()._write_to_self()  # type: ignore[misc]
        _freeswitch.wake()

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Any, *args: Any
    ) -> asyncio.Future[Any]:
        """Run it; time does not jump while it works."""
        # This is read inside FreeSWITCH as well, where there is no pocket.
        from pocket import _threads

        executor = self.executor_for(executor)
        known = _threads.all_count(executor)
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        if not known:
            # The clock does not see who does the job, so the loop does not wait in it until it is done.
            self.hold()
            future.add_done_callback(lambda _: self.let_go())
        return future

    def hold(self) -> None:
        """Have time not jump until this is over."""
        self._switch.jobs += 1

    def let_go(self) -> None:
        """Have it jump again."""
        self._switch.jobs -= 1

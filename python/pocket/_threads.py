"""Threads of scripts in the switch's time.

A thread that a script starts counts in the clock as the switch's own do: the clock stands
still while it works, and moves on when all wait for each other, for the switch or for a time.
What such a thread waits in is therefore replaced here, for such threads alone: every other
thread of the program, pytest's among them, gets Python's own.
"""

from __future__ import annotations

import _thread
import concurrent.futures
import queue
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable
from concurrent.futures import process
from types import FrameType
from typing import Any, TypeVar

from pocket import _pocket

T = TypeVar("T")

# Parts of the standard library that wait by what is replaced here. The others wait for what is outside of the
# switch, a process or a socket, and by the real clock.
IN_SWITCH_TIME = frozenset({"concurrent", "queue", "sched", "threading"})
# Debuggers, while they have stopped a script's thread, wait for somebody who looks at it.
DEBUGGERS = frozenset(
    {"IPython", "_pydev_bundle", "_pydevd_bundle", "_pydevd_frame_eval", "_pydevd_sys_monitoring", "debugpy", "ipdb"}
    | {"prompt_toolkit", "pudb", "pydevd", "pydevd_tracing", "remote_pdb", "web_pdb"}
)
# By way of these everybody starts threads and makes locks; debuggers put the last in between.
ON_THE_WAY = frozenset({__name__, "queue", "threading", "_pydev_bundle.pydev_monkey"})
OUTSIDE = (sys.stdlib_module_names | DEBUGGERS) - IN_SWITCH_TIME

# Where a thread's object keeps what is set as the thread ends.
ENDED = "_pocket_ended"

_real_allocate = _thread.allocate_lock
_real_join = threading.Thread.join
_real_monotonic = time.monotonic
_real_monotonic_ns = time.monotonic_ns
_real_sleep = time.sleep
_real_time = time.time
_real_time_ns = time.time_ns
_real_start = _thread.start_new_thread
_real_submit = process.ProcessPoolExecutor.submit


class _Monotonic:
    """`time.monotonic` at the zero of the clock, in nanoseconds: never less than it was with a switch before."""

    def __init__(self) -> None:
        self.zero = 0
        self.last = 0

    def begin(self) -> None:
        self.zero = max(_real_monotonic_ns(), self.last)

    def at(self, micros: int) -> int:
        self.last = max(self.last, self.zero + micros * 1000)
        return self.zero + micros * 1000


_monotonic = _Monotonic()


def begin() -> None:
    """Start afresh with a switch that opens."""
    _monotonic.begin()


# Times


def _from_outside() -> bool:
    """Whether a part of the standard library asks that has to do with the world outside of the switch."""
    name = sys._getframe(2).f_globals.get("__name__")
    return isinstance(name, str) and name.partition(".")[0] in OUTSIDE


def _sleep(seconds: float, /) -> None:
    """As Python's `time.sleep`; in a script it waits in the switch's time."""
    if not _pocket.counts() or _from_outside():
        _real_sleep(seconds)
        return
    try:
        waits = seconds > 0
    except TypeError:
        waits = False
    if waits:
        _pocket.sleep(seconds)
    else:
        # Nothing to wait for, or an error.
        _real_sleep(seconds)


def _time_ns() -> int:
    """As Python's `time.time_ns`; in a script it is the switch's time."""
    now = _pocket.now()
    return _real_time_ns() if now is None or _from_outside() else now[1] * 1000


def _time() -> float:
    """As Python's `time.time`; in a script it is the switch's time."""
    now = _pocket.now()
    return _real_time() if now is None or _from_outside() else now[1] / 1e6


def _monotonic_ns() -> int:
    """As Python's `time.monotonic_ns`; in a script it is the switch's time."""
    now = _pocket.now()
    return _real_monotonic_ns() if now is None or _from_outside() else _monotonic.at(now[0])


def _monotonic_time() -> float:
    """As Python's `time.monotonic`; in a script it is the switch's time."""
    now = _pocket.now()
    return _real_monotonic() if now is None or _from_outside() else _monotonic.at(now[0]) / 1e9


# Threads


class _Run:
    """What a thread that counts runs."""

    def __init__(self, place: _pocket.Place, function: Callable[..., object], thread: threading.Thread | None) -> None:
        self._place = place
        self._function = function
        self._ended = threading.Event()
        if thread is not None:
            # Past a class that guards its attributes.
            thread.__dict__[ENDED] = self._ended

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        self._place.enter()
        try:
            self._function(*args, **kwargs)
        finally:
            self._ended.set()
            _pocket.leave()


def _counting(start: Callable[..., T]) -> Callable[..., T]:
    """Have threads that are started by a thread that counts count, too."""

    def start_new_thread(function: Callable[..., object], *args: Any, **kwargs: Any) -> T:
        thread = getattr(function, "__self__", None)
        thread = thread if isinstance(thread, threading.Thread) else None
        # What manages a pool of processes waits for them all the time; their jobs are counted.
        manages = type(thread).__module__ == process.__name__
        place = None if manages or not callable(function) or _for_debugger() else _pocket.Place.reserve()
        if place is None:
            return start(function, *args, **kwargs)
        try:
            return start(_Run(place, function, thread), *args, **kwargs)
        except BaseException:
            place.give_up()
            raise

    return start_new_thread


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    """Wait until the thread ends; in a script in the switch's time."""
    ended = self.__dict__.get(ENDED)
    if ended is not None and self is not threading.current_thread() and _pocket.counts():
        if not ended.wait(None if timeout is None else max(timeout, 0)):
            return
        # What is left of it takes a moment.
        timeout = None
    _real_join(self, timeout)


def start_outside(function: Callable[..., object], *args: object) -> None:
    """Start a thread that does not count, on any thread: the clock does not wait for it."""
    _real_start(function, args)


def lock_outside() -> _thread.LockType:
    """Make a lock that every thread waits for in real time."""
    return _real_allocate()


def all_count(executor: concurrent.futures.Executor | None) -> bool:
    """Whether the clock counts the threads of this executor; None is a loop's own."""
    if executor is None:
        return True
    if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
        return False
    return all(ENDED in thread.__dict__ for thread in list(executor._threads))


# What they wait in


def _allocate_lock() -> Any:
    """Make a lock; `threading` waits in those that it makes by this."""
    return _real_allocate() if _for_debugger() else _pocket.Gate.new() or _real_allocate()


def _for_debugger() -> bool:
    """Whether a debugger asks for a lock or a thread, on a thread that it has stopped."""
    if "bdb" not in sys.modules and "pydevd" not in sys.modules:
        return False
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in ON_THE_WAY:
        frame = frame.f_back
    name = "" if frame is None else frame.f_globals.get("__name__")
    return isinstance(name, str) and name.partition(".")[0] in DEBUGGERS


class SimpleQueue(queue.SimpleQueue[T]):
    """As Python's; a thread of a script waits in it in the switch's time."""

    def __init__(self) -> None:
        self._waiting: deque[Any] = deque()

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Put an item in; usable in finalizers and signal handlers, as Python's."""
        super().put(item, block, timeout)
        self._wake_one()

    def put_nowait(self, item: T) -> None:
        """Put an item in."""
        self.put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take an item out, waiting for one."""
        if not block or not _pocket.counts():
            return super().get(block, timeout)
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        until = None if timeout is None else _wait_clock() + timeout
        while True:
            gate = _allocate_lock()
            gate.acquire()
            self._waiting.append(gate)
            try:
                return super().get(False)
            except queue.Empty:
                left = -1.0 if until is None else until - _wait_clock()
                if until is not None and left <= 0:
                    raise
                gate.acquire(True, left)
            finally:
                try:
                    self._waiting.remove(gate)
                except ValueError:
                    # It was woken for an item. Whatever it has taken, another may be there.
                    if not self.empty():
                        self._wake_one()

    def get_nowait(self) -> T:
        """Take an item that is there."""
        return self.get(False)

    def _wake_one(self) -> None:
        try:
            gate = self._waiting.popleft()
        except IndexError:
            return
        gate.release()


def _wait_clock() -> float:
    """The clock that `threading` and `queue` count their timeouts by."""
    now = _pocket.now()
    return _real_monotonic() if now is None else _monotonic.at(now[0]) / 1e9


def _submit(
    self: process.ProcessPoolExecutor, fn: Callable[..., T], /, *args: Any, **kwargs: Any
) -> concurrent.futures.Future[T]:
    """Give a job to a pool of processes; the clock stands still until it is done."""
    place = _pocket.Place.reserve()
    try:
        future = _real_submit(self, fn, *args, **kwargs)
    except BaseException:
        if place is not None:
            place.give_up()
        raise
    if place is not None:
        # Those that wait for the job have been woken before this is called.
        future.add_done_callback(lambda _: place.give_up())
    return future


def _lasting() -> dict[str, Any]:
    """Give what stands in the place of Python's own with names of its own.

    Python takes those of a module away as it ends, and objects that end later sleep and look at the time.
    """
    names = {**globals(), "_pocket": types.SimpleNamespace(**vars(_pocket))}
    for function in (
        *(_from_outside, _sleep, _time, _time_ns, _monotonic_time, _monotonic_ns),
        *(_for_debugger, _allocate_lock, _wait_clock, _join),
    ):
        copy = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)
        copy.__doc__, copy.__annotations__ = function.__doc__, function.__annotations__
        names[function.__name__] = copy
    return names


def install() -> None:
    """Replace them, once."""
    lasting = _lasting()
    for name, replaced in {
        "sleep": lasting["_sleep"],
        "time": lasting["_time"],
        "time_ns": lasting["_time_ns"],
        "monotonic": lasting["_monotonic_time"],
        "monotonic_ns": lasting["_monotonic_ns"],
    }.items():
        replaced.__name__ = replaced.__qualname__ = name
        setattr(time, name, replaced)
    for module, name in (
        (_thread, "start_new_thread"),
        (threading, "_start_new_thread"),
        # The name since Python 3.13.
        (_thread, "start_joinable_thread"),
        (threading, "_start_joinable_thread"),
    ):
        if hasattr(module, name):
            setattr(module, name, _counting(getattr(module, name)))
    threading.Thread.join = lasting["_join"]  # type: ignore[method-assign]
    threading._allocate_lock = lasting["_allocate_lock"]  # type: ignore[attr-defined]
    threading._time = lasting["_wait_clock"]  # type: ignore[attr-defined]
    queue.time = lasting["_wait_clock"]  # type: ignore[attr-defined]
    queue.SimpleQueue = SimpleQueue  # type: ignore[misc]
    process.ProcessPoolExecutor.submit = _submit  # type: ignore[method-assign, assignment]

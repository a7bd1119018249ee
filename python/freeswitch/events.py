"""Waiting for events of the switch, in coroutines.

    event = await events.once("CHANNEL_ANSWER", guard={"Unique-ID": uuid}, timeout=30)
    async for event in events.stream("DTMF", "CHANNEL_HANGUP"):
        ...
    watch = events.on("CUSTOM conference::maintenance", callback)

A name is a kind of event, `CUSTOM subclass` or `ALL`. A guard is a dict of headers that must have these values,
or a function of the event. A dict is looked at before Python is; of one that names a call, only its Unique-ID is.
What a wait cannot keep up with is dropped, counted, and reported in the log once a second.

The events are those of the switch that the script runs in. `switch=` names another one: a `freeswitch.apps.Client` or
`Connection` that is connected to its event socket, or the `con` of one of its sessions. `nodes=` names switches of the
bus: `"*"` for all of them, this one included, or a node's name, or a list of names; such an event has the header
`Bus-Node`. A switch sends what it was asked for: those of the first milliseconds after a wait began may be missing.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractContextManager
from contextvars import copy_context
from typing import Any, TypeAlias

from _freeswitch import Event, Tap, known_names, on_loop

from freeswitch import _bus, _loop
from freeswitch._once import UUID, Armed, Feed, end_of, exists, lose
from freeswitch._once import source as _source
from freeswitch._place import OUTSIDE
from freeswitch._waits import Test

# Headers, a function, or both.
Guard: TypeAlias = Mapping[str, str] | Test | tuple[Mapping[str, str], Test] | None

# How many events a wait keeps that nobody has taken.
QUEUE = 10_000
# How many are handed out before other coroutines get their turn.
BATCH = 256

_log = logging.getLogger("freeswitch.events")


class Abandoned(Exception):
    """What the wait was to last until has happened before the event."""


def kind_of(name: str) -> str:
    """Give the name of a kind as the switch has it: a subclass alone is one of CUSTOM."""
    return f"CUSTOM {name}" if isinstance(name, str) and "::" in name and " " not in name else name


def _taps_of(switch: Any) -> Any:
    """Give what makes a tap of another switch."""
    found = getattr(switch, "tap", None)
    if found is None:
        raise TypeError(
            f"argument 'switch' must be a Client, a Connection or a session's con, not {type(switch).__name__}"
        )
    return found


def _whose(switch: Any, nodes: str | Iterable[str] | None) -> Any:
    """Give what the events are of: another switch, nodes of the bus, or None for this switch."""
    if nodes is None:
        return switch
    if switch is not None:
        raise ValueError("a switch and nodes were named: the events are of either")
    return _bus.nodes_of(nodes)


def _parts(guard: Guard) -> tuple[Mapping[str, str], Test | None]:
    if guard is None:
        return {}, None
    if isinstance(guard, Mapping):
        return guard, None
    if isinstance(guard, tuple):
        return guard
    if callable(guard):
        return {}, guard
    raise TypeError(f"a guard must be a dict of headers or a function, not {type(guard).__name__}")


def _check(names: tuple[str, ...], queue: int, drop: str) -> None:
    if not names:
        raise ValueError("an event must be named")
    if queue < 1:
        raise ValueError(f"argument 'queue' must be 1 or more, not {queue}")
    if drop not in {"oldest", "newest"}:
        raise ValueError(f'argument \'drop\' must be "oldest" or "newest", not {drop!r}')


class Watch:
    """A subscription; it ends with `cancel()`."""

    def __init__(
        self,
        names: tuple[str, ...],
        callback: Callable[[Event], object],
        guard: Guard,
        queue: int,
        drop: str,
        switch: Any = None,
    ) -> None:
        if not callable(callback) or inspect.iscoroutinefunction(callback):
            raise TypeError(f"argument 'callback' must be a plain function, not {callback!r}")
        _check(names, queue, drop)
        headers, self._test = _parts(guard)
        self._callback = callback
        self._context = copy_context()
        switch = switch or OUTSIDE.get()
        begin = Tap if switch is None else _taps_of(switch)
        self._tap = begin([kind_of(name) for name in names], list(headers.items()), queue, drop == "oldest")
        self._taps = _loop.here.taps
        self._taps[self._tap.id] = self

    @property
    def dropped(self) -> int:
        """How many events there was no room for."""
        return self._tap.dropped

    def cancel(self) -> None:
        """Take no more events."""
        self._taps.pop(self._tap.id, None)
        self._tap.close()

    def _deliver(self) -> bool:
        """Hand out a batch; false when there was none."""
        batch = self._tap.take(BATCH)
        if batch:
            self._context.run(self._hand_out, batch)
        return bool(batch)

    def _hand_out(self, batch: list[Event]) -> None:
        callback, test = self._callback, self._test
        for event in batch:
            try:
                if test is None or test(event):
                    callback(event)
            except SystemExit:
                pass
            # Whatever it is, the events behind this one are others' business.
            except BaseException:
                _log.exception("a callback or guard for %s", event.get("Event-Name"))


def on(
    *names: str,
    callback: Callable[[Event], object],
    guard: Guard = None,
    queue: int = QUEUE,
    drop: str = "oldest",
    switch: Any = None,
    nodes: str | Iterable[str] | None = None,
) -> Watch:
    """Have a function called with each event, until the subscription is cancelled."""
    return _loop.call(Watch, names, callback, guard, queue, drop, _whose(switch, nodes))


def once(
    *names: str,
    guard: Guard = None,
    until: Awaitable[Any] | None = None,
    timeout: float | None = None,
    switch: Any = None,
    nodes: str | Iterable[str] | None = None,
) -> Coroutine[Any, Any, Event]:
    """Wait for one event, for `timeout` seconds from when the coroutine that this gives begins.

    The wait begins with this call, not with the await: it is made, the command is given, it is awaited. One for a
    call, whose guard has its `Unique-ID`, begins after the event that ended the last such wait of the same coroutine:
    nothing that comes between two of them is lost. Other waits do so when one for the same events follows at once.

    Raises Abandoned when `until` is done before, TimeoutError, what the guard raises, and ConnectionError when the
    connection to another switch is lost. A coroutine that is given
    as `until` runs for as long as somebody has it, and can be given to several waits.
    """
    return _once(names, guard, until, timeout, False, _whose(switch, nodes))


def _once(
    names: tuple[str, ...],
    guard: Guard,
    until: Awaitable[Any] | None,
    timeout: float | None,
    is_bound: bool,
    switch: Any = None,
) -> Coroutine[Any, Any, Event]:
    if not on_loop():
        return _misplaced()
    if not names:
        raise ValueError("an event must be named")
    headers, test = _parts(guard)
    names = tuple(kind_of(name) for name in names)
    known = known_names(list(names))
    switch = switch or OUTSIDE.get()
    if switch is not None:
        _taps_of(switch)
    source, of_headers = _source(names, headers, switch)
    wait = source.arm(known, _both(of_headers, test))
    if is_bound and not wait.done():
        source.bound.add(wait)
        if not source.past.number and not exists(headers["Unique-ID"], switch):
            lose(wait)
    return _wait_for(Armed(wait), until, timeout, _bus.pace_of(switch))


def _both(one: Test | None, two: Test | None) -> Test | None:
    if one is None or two is None:
        return one or two
    return lambda event: one(event) and two(event)


async def _misplaced() -> Event:
    _loop.only_here("freeswitch.events.once")
    raise RuntimeError("freeswitch.events.once is armed where it is called: call it in a coroutine of the switch")


async def _wait_for(
    armed: Armed, until: Awaitable[Any] | None, timeout: float | None, pace: AbstractContextManager[None]
) -> Event:
    wait = armed.take()
    del armed
    waits: set[asyncio.Future[Any]] = {wait}
    over = end_of(until) if until is not None else None
    if over is not None:
        waits.add(over)
    try:
        with pace:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if wait.done():
            return wait.result()
        if over is not None and over.done():
            if not over.cancelled() and over.exception() is not None:
                raise Abandoned("the wait was abandoned") from over.exception()
            raise Abandoned("the wait was abandoned")
        raise TimeoutError(f"no such event in {timeout} s")
    finally:
        wait.cancel()
        if over is not None and over is not until and not inspect.iscoroutine(until):
            over.cancel()


def at_end(uuid: str, callback: Callable[[Event], object]) -> Watch:
    """Have a function called at the end of a call that there is now."""
    return Watch(("CHANNEL_DESTROY",), callback, {"Unique-ID": uuid}, 1, "newest")


class Stream:
    """The events that come, from when it was made; an `async for` over it takes them.

    One for a call, whose guard has its `Unique-ID`, begins and is read as a wait is (`once`): it begins after the event
    that ended the coroutine's last wait for the call, and the next wait after the event that was taken last.
    """

    def __init__(self, names: tuple[str, ...], guard: Guard, queue: int, drop: str, switch: Any = None) -> None:
        self._waiting: deque[tuple[int, Event]] = deque()
        self._news = asyncio.Event()
        self._queue, self._newest = queue, drop == "newest"
        self._dropped = 0
        self._closed = False
        # The subscription must not keep what nobody reads any more.
        mine = weakref.ref(self)

        def found(number: int, event: Event) -> bool:
            stream = mine()
            return stream is not None and stream._take(number, event)

        def end() -> None:
            stream = mine()
            if stream is not None:
                stream.close()

        # The switch of one's own call, wherever that is.
        self._switch = switch or OUTSIDE.get()
        is_own = self._switch is OUTSIDE.get()
        feed = _loop.call(_feed, names, guard, queue, drop, found, end, self._switch) if is_own else None
        self._source: Feed | Watch = feed or _loop.call(
            Watch, names, lambda event: found(0, event), guard, queue, drop, self._switch
        )

    def _take(self, number: int, event: Event) -> bool:
        """Keep an event; whether one was waited for."""
        if len(self._waiting) >= self._queue:
            self._dropped += 1
            if self._newest:
                return False
            self._waiting.popleft()
        self._waiting.append((number, event))
        begun = not self._news.is_set()
        self._news.set()
        return begun

    @property
    def dropped(self) -> int:
        """How many events there was no room for."""
        return self._dropped + self._source.dropped

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Event:
        _loop.only_here("a stream of events")
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            with _bus.pace_of(self._switch):
                await self._news.wait()
        number, event = self._waiting.popleft()
        if isinstance(self._source, Feed):
            self._source.read(number)
        return event

    def close(self) -> None:
        """Take no more; an `async for` ends with what is here already."""
        self._source.cancel()
        self._closed = True
        self._news.set()

    def close_with(self, uuid: str) -> None:
        """Close one for a call when this ends."""
        assert isinstance(self._source, Feed)
        _loop.call(self._source.bind)
        if not exists(uuid, self._switch):
            self.close()

    def __del__(self) -> None:
        source = getattr(self, "_source", None)
        if source is not None:
            source.cancel()


def _feed(
    names: tuple[str, ...],
    guard: Guard,
    queue: int,
    drop: str,
    found: Callable[[int, Event], bool],
    end: Callable[[], None],
    switch: Any,
) -> Feed | None:
    """Make what a stream of one call reads; none where the guard names no call."""
    headers, test = _parts(guard)
    if not any(str(name).lower() == UUID for name in headers):
        return None
    _check(names, queue, drop)
    known = known_names([kind_of(name) for name in names])
    source, of_headers = _source(names, headers, switch)
    return Feed(source, known, _both(of_headers, test), found, end)


def stream(
    *names: str,
    guard: Guard = None,
    queue: int = QUEUE,
    drop: str = "oldest",
    switch: Any = None,
    nodes: str | Iterable[str] | None = None,
) -> Stream:
    """Give the events that come from now on, until nobody holds the stream any more."""
    return Stream(names, guard, queue, drop, _whose(switch, nodes))


__all__ = ["Abandoned", "Stream", "Watch", "on", "once", "stream"]

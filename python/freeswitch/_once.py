"""What waits for one event, armed by the call, and streams of a call read from, and when that is closed."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable, Iterable, Mapping
from typing import Any

from _freeswitch import API, Event, Tap, on_loop, post

from freeswitch import _loop
from freeswitch._errors import SessionLost
from freeswitch._waits import Paced, Past, Test, Wait, log, names_of

# How many events a queue keeps that the loop has not handled.
QUEUE = 10_000
# How many turns of the loop a queue that is for no call stays after its last wait, for the coroutine's next one.
LINGER = 8

UUID = "unique-id"
# What a link to another switch says when its connection is lost.
LOST = "SERVER_DISCONNECTED"


class Source(Paced):
    """A tap, and the waits that read from it: of the switch that this runs in, or of another one."""

    def __init__(
        self, key: Hashable, names: list[str], headers: list[tuple[str, str]], uuid: str | None, switch: Any = None
    ) -> None:
        self._is_local = switch is None
        self._tap: Any = (
            Tap(names, headers, QUEUE, False) if self._is_local else switch.tap(names, headers, QUEUE, False)
        )
        super().__init__(self._tap)
        self.past = Past(f"events of {uuid or ', '.join(names)}")
        self.is_over = False
        self._key = key
        self._uuid = uuid
        # Those that have waited here.
        self._readers: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        # Waits that end with the call, and streams.
        self.bound: weakref.WeakSet[Wait] = weakref.WeakSet()
        self.bound_feeds: dict[Feed, None] = {}
        self._here = _loop.here
        self._here.taps[self._tap.id] = self
        self._here.sources[key] = self
        # Whatever is waited for may come while the switch is away.
        self._lost = None if self._is_local else _Lost(self, switch)

    def _hand(self, event: Event) -> bool:
        names = names_of(event)
        begun = self.past.add(names | {"ALL"}, event)
        if self._uuid is not None and "CHANNEL_DESTROY" in names:
            self.is_over = True
            for wait in list(self.bound):
                begun |= not wait.done()
                lose(wait)
            for feed in list(self.bound_feeds):
                feed.end()
                begun = True
            self.look()
        return begun

    def arm(self, names: Iterable[str], test: Test | None) -> Wait:
        """Begin a wait here."""
        wait = self.past.wait(names, test)
        self.reads()
        wait.add_done_callback(lambda _: self.look())
        if wait.done():
            self.look()
        return wait

    @property
    def dropped(self) -> int:
        """How many events there was no room for."""
        return int(self._tap.dropped)

    def reads(self) -> None:
        """Take note that this coroutine reads here."""
        run = _loop.current()
        # The tasks that a script makes come and go: it reads here until it ends itself.
        reader = run.task if run is not None and run.task is not None else asyncio.current_task()
        if reader is not None and self._uuid is not None and reader not in self._readers:
            self._readers.add(reader)
            reader.add_done_callback(self._reader_ended)

    def look(self, turns: int = LINGER) -> None:
        """Close it when nobody reads here any more."""
        if self.past.feeds or self.past.pending():
            return
        if self._uuid is None:
            if turns:
                asyncio.get_running_loop().call_soon(self.look, turns - 1)
                return
        elif not self.is_over and any(not task.done() for task in self._readers) and self._is_of_a_call():
            return
        self.close()

    def _is_of_a_call(self) -> bool:
        # Also where nothing has come yet: the next wait begins where the one that was in vain has begun.
        return bool(self.past.number) or not self._is_local or (self._uuid is not None and exists(self._uuid))

    def _reader_ended(self, _: asyncio.Task[Any]) -> None:
        self.look()

    def close(self) -> None:
        """Take no more events."""
        for reader in list(self._readers):
            reader.remove_done_callback(self._reader_ended)
        if self._here.sources.get(self._key) is self:
            del self._here.sources[self._key]
        self._here.taps.pop(self._tap.id, None)
        self._tap.close()
        if self._lost is not None:
            self._lost.close()


class _Lost:
    """Ends the waits for events of another switch when the connection to it is lost."""

    def __init__(self, source: Source, switch: Any) -> None:
        self._of = source
        self._tap: Any = switch.tap((LOST,), (), 8, True)
        _loop.here.taps[self._tap.id] = self

    def _deliver(self) -> bool:
        found: list[Event] = self._tap.take(8)
        for event in found:
            why = f"the connection to the switch was lost: {event.getHeader('Reason')}; what has come is not known"
            for wait in list(self._of.past.pending()):
                wait.fail(ConnectionError(why))
        return bool(found)

    def close(self) -> None:
        """Look no longer."""
        _loop.here.taps.pop(self._tap.id, None)
        self._tap.close()


class Feed:
    """All events of some kinds on one call, for a stream: `found(number, event)` says whether somebody waits for it."""

    def __init__(
        self,
        source: Source,
        names: Iterable[str],
        test: Test | None,
        found: Callable[[int, Event], bool],
        end: Callable[[], None],
    ) -> None:
        self.names = frozenset(names)
        # Closes the stream, where that ends with the call.
        self.end = end
        self._source, self._test, self._found = source, test, found
        self._dropped = source.dropped
        source.reads()
        source.past.feed(self)

    def offer(self, number: int, event: Event) -> bool:
        """Take an event."""
        try:
            return bool(self._test is None or self._test(event)) and self._found(number, event)
        except SystemExit:
            return False
        # Whatever it is, the events behind this one are others' business.
        except BaseException:
            log.exception("a guard for %s", event.get("Event-Name"))
            return False

    def read(self, number: int) -> None:
        """Take note that this coroutine has taken an event from the stream."""
        self._source.reads()
        self._source.past.read(number)

    def bind(self) -> None:
        """End with the call."""
        self._source.bound_feeds[self] = None

    @property
    def dropped(self) -> int:
        """How many events there was no room for since it was made."""
        return self._source.dropped - self._dropped

    def cancel(self) -> None:
        """Take no more events."""
        if on_loop():
            self._leave()
        else:
            # A stream may be let go of in any thread.
            post(self._leave)

    def _leave(self) -> None:
        self._source.bound_feeds.pop(self, None)
        if self in self._source.past.feeds:
            del self._source.past.feeds[self]
            self._source.look()


def source(names: tuple[str, ...], headers: Mapping[str, str], switch: Any = None) -> tuple[Source, Test | None]:
    """Give where a wait for these events reads, and what it must still look at."""
    uuid = next((value for name, value in headers.items() if str(name).lower() == UUID), None)
    if uuid is not None:
        rest = {name: value for name, value in headers.items() if name.lower() != UUID}
        whose: Hashable = uuid if switch is None else (uuid, id(switch))
        found = _loop.here.sources.get(whose)
        if found is None:
            # Whatever comes on the call, for the next wait may be for another kind.
            found = Source(whose, ["ALL"], [("Unique-ID", uuid)], uuid, switch)
        return found, _has(rest) if rest else None
    # A wait for no call in particular goes on where one of the same coroutine for the same events has just ended.
    key = (names, tuple(sorted(headers.items())), _loop.current() or asyncio.current_task(), id(switch))
    return _loop.here.sources.get(key) or Source(key, list(names), list(headers.items()), None, switch), None


def _has(headers: Mapping[str, str]) -> Test:
    return lambda event: all(event.getHeader(name) == value for name, value in headers.items())


def lose(wait: Wait) -> None:
    """End a wait whose call is over."""
    wait.fail(SessionLost("the call is over"))


def exists(uuid: str, switch: Any = None) -> bool:
    """Tell whether there is such a call."""
    if switch is not None:
        return bool(switch.exists(uuid))
    return API().execute("uuid_exists", uuid).strip() == "true"


class Armed:
    """A wait in the hands of a coroutine that has not begun: with that it goes, too."""

    def __init__(self, wait: Wait) -> None:
        self._wait: Wait | None = wait

    def take(self) -> Wait:
        """Give the wait to the coroutine, which has begun."""
        wait, self._wait = self._wait, None
        assert wait is not None
        return wait

    def __del__(self) -> None:
        wait = self._wait
        if wait is not None and not wait.done():
            if on_loop():
                wait.cancel()
            else:
                post(wait.cancel)


class _Lent:
    """Runs a coroutine that others have: it ends when nobody has it any more."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self.work = weakref.ref(work)

    def __await__(self) -> Generator[Any, None, None]:
        error: BaseException | None = None
        while (work := self.work()) is not None:
            try:
                waits_for = work.send(None) if error is None else work.throw(error)
            except StopIteration:
                return
            del work
            try:
                yield waits_for
            except BaseException as ended:
                error = ended
            else:
                error = None


# What was given as `until`, and the task that runs it: it can be given again, also when it has ended.
_ends: weakref.WeakKeyDictionary[Coroutine[Any, Any, Any], asyncio.Future[Any]] = weakref.WeakKeyDictionary()


def end_of(until: Awaitable[Any]) -> asyncio.Future[Any]:
    """Give the future of an awaitable. A coroutine runs for as long as somebody has it: it can be given again."""
    if not inspect.iscoroutine(until):
        return asyncio.ensure_future(until)
    end = _ends.get(until)
    if end is None:
        end = _ends[until] = asyncio.ensure_future(_run(_Lent(until)))
        weakref.finalize(until, _drop, end).atexit = False
    return end


async def _run(lent: _Lent) -> None:
    await lent


def _drop(end: asyncio.Future[Any]) -> None:
    if on_loop():
        end.cancel()
    elif not end.done():
        post(end.cancel)

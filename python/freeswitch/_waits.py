"""What waits read from: the events of one call in their order, and the position of each coroutine in them.

The loop hands out events faster than coroutines get their turn. So an event is kept after it was handed out, and a
wait begins after the event that ended the last wait of the same coroutine, not when it is called: what came between
the two is found.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextvars import Context, ContextVar, Token
from typing import Any, Protocol

import _freeswitch
from _freeswitch import Event

from freeswitch import _loop
from freeswitch._loop import Running

Test = Callable[[Event], bool]

# How many events of a call are kept for coroutines that are late, and where nobody has waited yet.
KEPT = 256
KEPT_UNREAD = 64
# How many events are taken from a tap at once.
BATCH = 256
# How many turns the loop gets after an event that somebody has waited for, before the next is handed out: one for
# each await that lies around the wait (`asyncio.wait_for`, a task, the coroutine itself), and one to begin the next.
TURNS = 4

# How many calls a task knows of that the tasks it has been made by have waited on.
KNOWN = 8

# Where who has made a task is in the events of calls: the task's first wait on one begins there.
PLACES: ContextVar[tuple[tuple[weakref.ref[Past], Place], ...]] = ContextVar("freeswitch_places", default=())

log = logging.getLogger("freeswitch.events")


class Outcome(concurrent.futures.Future[Any]):
    """What comes of something that the event loop does: `result(timeout)` waits in a thread, `await` in a coroutine."""

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.wrap_future(self).__await__()

    def _invoke_callbacks(self) -> None:
        super()._invoke_callbacks()  # type: ignore[misc]
        # Each is called once. What it refers to often refers to this, and could then be freed by the collector alone.
        self._done_callbacks: list[Callable[..., object]] = []


class Place:
    """The position of a coroutine in the events of a call."""

    __slots__ = ("_at", "_ended", "_given", "_tasks")

    def __init__(self, at: int) -> None:
        # The number of the event after which the next wait begins.
        self._at = at
        # The first event that has ended a wait since one was begun.
        self._ended: int | None = None
        # Later ones that waits were given, too: no event is given to a coroutine twice.
        self._given: set[int] = set()
        # Tasks that it has made: what they have seen before they end, it has.
        self._tasks: list[tuple[asyncio.Task[Any], Place]] = []

    def begin(self) -> int:
        """Begin a wait, in the coroutine itself or a new task of it: after which event."""
        at = max(self._at, self._ended or 0)
        self._ended = None
        going_on = []
        for task, place in self._tasks:
            if task.done():
                at = max(at, place.begin())
            else:
                going_on.append((task, place))
        self._tasks = going_on
        self.reach(at)
        return at

    def reach(self, at: int) -> None:
        """Begin no wait before this event."""
        self._at = max(self._at, at)
        if self._given:
            self._given = {number for number in self._given if number > self._at}

    def branch(self, task: asyncio.Task[Any]) -> Place:
        """Give the place of a new task of this coroutine."""
        place = Place(self.begin())
        self._tasks.append((task, place))
        return place

    def end(self, number: int) -> None:
        """Take note that an event has ended a wait."""
        if self._ended is None:
            self._ended = number
        self._given.add(number)

    def give(self, number: int) -> None:
        """Take note that a wait was given an event, which has not ended it for the coroutine yet."""
        self._given.add(number)

    def has(self, number: int) -> bool:
        """Tell whether a wait of this coroutine was given an event."""
        return number in self._given


class Wait(asyncio.Future[Event]):
    """One wait for one event."""

    def __init__(self, past: Past, names: frozenset[str], test: Test | None, place: Place, is_verb: bool) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.names = names
        # Set by who waits on a call that a coroutine works on: its end cancels that.
        self.is_mine = False
        self._past = past
        self._test = test
        self._place = place
        # A command may be given and never awaited. Its end is a coroutine's business only if that takes it.
        self._is_verb = is_verb
        self._number: int | None = None
        self.timer: asyncio.TimerHandle | None = None

    def offer(self, number: int, event: Event, *, at_once: bool = False) -> bool:
        """End with this event, if it is the one; `at_once` before the caller has the wait."""
        if self.done():
            return False
        try:
            if self._test is not None and not self._test(event):
                return False
        except StopIteration:
            # No future can have it.
            self.fail(RuntimeError("the guard raised StopIteration"))
        except BaseException as error:
            self.fail(error)
        else:
            self._leave()
            self.set_result(event)
        self._number = number
        if at_once:
            # Waits that are begun together with this one begin where it has begun.
            self._place.give(number)
            self.get_loop().call_soon(self._take)
        elif not self._is_verb:
            self._take()
        return True

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        if self.done():
            return
        self._leave()
        self.set_exception(error)
        if self._is_verb:
            # Nobody need await a command; what was refused is in the log.
            self.exception()

    def cancel(self, msg: Any | None = None) -> bool:
        """End it."""
        if not self.done():
            self._leave()
        return super().cancel(msg)

    def _leave(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self._past._forget(self)

    def _take(self) -> None:
        if self._number is not None:
            self._place.end(self._number)
            self._number = None

    def result(self) -> Event:
        """Give the event."""
        self._take()
        return super().result()

    def __await__(self) -> Generator[Any, None, Event]:
        if not self.done():
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    __iter__ = __await__


class Feed(Protocol):
    """Takes all events of some kinds, as they come."""

    names: frozenset[str]

    def offer(self, number: int, event: Event) -> bool:
        """Take an event; whether somebody has waited for it."""


class Past:
    """The events of one call, what waits for them, and the position of each coroutine."""

    def __init__(self, what: str) -> None:
        # For the log.
        self.what = what
        self.number = 0
        self._me = weakref.ref(self)
        self.waits: dict[str, dict[Wait, None]] = {}
        self.feeds: dict[Feed, None] = {}
        self._kept: deque[tuple[int, frozenset[str], Event]] = deque()
        # The newest event that is kept no longer.
        self._gone = 0
        # Made when a coroutine waits: on most legs none does.
        self._places: weakref.WeakKeyDictionary[asyncio.Task[Any], Place] | None = None
        # Of scripts of which only the tasks that they have made wait here.
        self._runs: weakref.WeakKeyDictionary[Running, Place] | None = None
        # Waits that other threads have asked for, and the loop has not begun yet.
        self.asked: set[object] = set()

    def begin(self, task: asyncio.Task[Any], context: Context) -> None:
        """Have a coroutine that the latest event has started begin after it."""
        place = Place(self.number)
        self._keep(task, place)
        context.run(self.known_as, place)

    def _keep(self, task: asyncio.Task[Any], place: Place) -> None:
        if self._places is None:
            self._places = weakref.WeakKeyDictionary()
        self._places[task] = place

    def known_as(self, place: Place) -> Token[Any]:
        """Have tasks that are made from now on in this context begin at a place."""
        others = [known for known in PLACES.get() if known[0]() not in (self, None)]
        return PLACES.set(((self._me, place), *others[: KNOWN - 1]))

    def callback(self) -> Token[Any]:
        """Have tasks that a callback makes begin after the event that it is called for, which is handed out next."""
        return self.known_as(Place(self.number + 1))

    def add(self, names: frozenset[str], event: Event) -> bool:
        """Hand out an event; whether somebody has waited for it."""
        self.number += 1
        kept = self._kept
        kept.append((self.number, names, event))
        if len(kept) > KEPT_UNREAD:
            limit = KEPT if self.is_read() else KEPT_UNREAD
            while len(kept) > limit:
                self._gone = kept.popleft()[0]
        ended = False
        if self.waits:
            for name in names:
                for wait in list(self.waits.get(name, ())):
                    ended |= wait.offer(self.number, event)
        if self.feeds:
            for feed in list(self.feeds):
                if feed.names & names:
                    ended |= feed.offer(self.number, event)
        return ended

    def is_read(self) -> bool:
        """Tell whether coroutines have waited here that live."""
        return bool(self._places or self._runs or self.asked)

    def wait(
        self,
        names: Iterable[str],
        test: Test | None = None,
        *,
        is_verb: bool = False,
        timeout: float | None = None,
        since: int | None = None,
    ) -> Wait:
        """Wait for one of these events: those after this coroutine's last wait, or `since`, or from now on."""
        place = self._place()
        wait = Wait(self, frozenset(names), test, place, is_verb)
        at = place.begin()
        if since is None:
            since = self.number if is_verb else at
        for number, event in self._after(since, place, wait.names):
            if wait.offer(number, event, at_once=not is_verb):
                return wait
        for name in wait.names:
            self.waits.setdefault(name, {})[wait] = None
        if timeout is not None:
            late = TimeoutError(f"no {', '.join(sorted(wait.names))} in {timeout} s")
            wait.timer = wait.get_loop().call_later(timeout, wait.fail, late)
        return wait

    def _after(self, since: int, place: Place, names: frozenset[str]) -> list[tuple[int, Event]]:
        """Give the events of these kinds that have come since one and that the coroutine was not given."""
        if since < self._gone:
            self._miss(since)
            place.reach(self._gone)
        if since >= self.number:
            return []
        return [
            (number, event)
            for number, kinds, event in self._kept
            if number > since and names & kinds and not place.has(number)
        ]

    def feed(self, feed: Feed) -> None:
        """Give all events of some kinds: those after this coroutine's last wait, and what comes."""
        place = self._place()
        for number, event in self._after(place.begin(), place, feed.names):
            feed.offer(number, event)
        self.feeds[feed] = None

    def read(self, number: int) -> None:
        """Take note that this coroutine has taken an event from a feed: its next wait begins after it."""
        self._place(number).reach(number)

    def _place(self, at: int | None = None) -> Place:
        """Give how far this coroutine has come: one that has not waited here yet, as far as `at`, or now."""
        at = self.number if at is None else at
        task = asyncio.current_task()
        if task is None:
            return Place(at)
        place = self._places.get(task) if self._places is not None else None
        if place is None:
            maker = self._maker()
            place = maker.branch(task) if maker is not None else Place(at)
            self._keep(task, place)
            self.known_as(place)
        return place

    def _maker(self) -> Place | None:
        """Give the place of what has made this task."""
        for past, place in PLACES.get():
            if past() is self:
                return place
        run = _loop.current()
        if run is None or run.task is asyncio.current_task():
            return None
        if self._runs is None:
            self._runs = weakref.WeakKeyDictionary()
        return self._runs.setdefault(run, Place(self.number))

    def _miss(self, since: int) -> None:
        count = self._gone - since
        _freeswitch.count_dropped(count)
        log.warning(
            "MR0012 %s: %d events came since a coroutine's last wait that are kept no longer: it waits too seldom",
            self.what,
            count,
        )

    def _forget(self, wait: Wait) -> None:
        for name in wait.names:
            waits = self.waits.get(name)
            if waits is not None:
                waits.pop(wait, None)

    def pending(self) -> list[Wait]:
        """Give the waits that have not ended."""
        return [wait for waits in self.waits.values() for wait in waits if not wait.done()]

    def clear(self) -> None:
        """Keep no event any longer."""
        self._kept.clear()


class _Tap(Protocol):
    def take(self, most: int) -> list[Event]: ...
    def has_more(self) -> bool: ...


def _others_are_ready() -> bool:
    """Tell whether the loop has other callbacks to call; one that does not say so has."""
    ready = getattr(asyncio.get_running_loop(), "_ready", None)
    return ready is None or bool(ready)


class Paced:
    """Hands out the events of a tap in batches, and gives the loop its turns where somebody has waited."""

    def __init__(self, tap: _Tap) -> None:
        self._source = tap
        self._batch: deque[Event] = deque()
        self._turns = 0

    def _deliver(self) -> bool:
        """Hand out what there is until somebody has waited for it; whether there is more, or the next event tells."""
        if self._turns:
            self._turns -= 1
            # Where nothing else is ready, nobody needs the turns that are left.
            if _others_are_ready():
                return True
            self._turns = 0
        batch = self._batch
        if not batch:
            batch.extend(self._source.take(BATCH))
            if not batch:
                return False
        while batch:
            if self._hand(batch.popleft()):
                self._turns = TURNS - 1
                break
        return bool(batch) or self._source.has_more()

    def _hand(self, event: Event) -> bool:
        raise NotImplementedError


def names_of(event: Event) -> frozenset[str]:
    """Give the names that an event can be waited for by; a custom one also has its subclass."""
    kind = event.getType()
    if kind == "CUSTOM":
        subclass = event.getHeader("Event-Subclass")
        if subclass is not None:
            return frozenset((kind, subclass))
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = frozenset((kind,))
    return names


# By a kind of event, of which there are not many.
_NAMES: dict[str, frozenset[str]] = {}

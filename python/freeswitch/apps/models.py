"""Calls, their legs and background jobs, as apps see them."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

import _freeswitch
from _freeswitch import Event

from freeswitch import _loop
from freeswitch._async import SessionLost, VerbError
from freeswitch._waits import Outcome, Past, Test, Wait, names_of
from freeswitch.apps._events import Events, event_time
from freeswitch.apps._jobs import Job, JobError, JobLost
from freeswitch.apps._link import NoAnswer, Refused
from freeswitch.apps._marks import plain
from freeswitch.apps._verbs import Act, VerbLost, Verbs

if TYPE_CHECKING:
    from freeswitch.apps._dispatch import Listener

# The states of a channel whose originate has not ended, or whose thread has not yet seen that it has.
BEFORE_RUNNING = frozenset({None, "CS_NEW", "CS_INIT", "CS_ROUTING", "CS_CONSUME_MEDIA"})
# Events that show it to be past them, and after how many seconds they are not waited for any longer.
RUNNING, RUNNING_SOON = ("CHANNEL_EXECUTE", "CHANNEL_PARK", "CHANNEL_BRIDGE"), 1.0


class Session(Verbs):
    """One leg of a call, known by its events. `session["header"]` is the latest value of a header.

    Commands are given at once and carried out by the leg's own thread. Those that have an event which says that
    they are done give an awaitable that ends with it.
    """

    # The event that a leg begins with.
    create_ev = "CHANNEL_CREATE"

    def __init__(self, event: Event, listener: Listener) -> None:
        self.events = Events(event)
        self.uuid: str = self.events["Unique-ID"]
        # What apps keep.
        self.vars: dict[str, Any] = {}
        self.call: Call | None = None
        self.bg_job: Job | None = None
        # Whether a leg that was placed is known to run what its originate has it run, and what it is given until then.
        self._runs = False
        self._held: deque[tuple[Callable[[], object], Refused]] = deque()
        self.answered = False
        self.hungup = False
        self.duration = 0.0
        # Tasks that work on this leg.
        self.tasks: set[asyncio.Task[Any]] = set()
        self.times: dict[str, float | None] = dict.fromkeys(
            ("create", "answer", "req_originate", "originate", "hangup")
        )
        self.times["create"] = event_time(event)
        self.cid = "default"
        self._listener = listener
        self.con = listener.link
        self._past = Past(f"the call {self.uuid}")

    def __repr__(self) -> str:
        return f"<freeswitch.apps.Session {self.uuid}>"

    def __getitem__(self, key: str) -> Any:
        return self.events[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Give the latest value of a header."""
        return self.events.get(key, default)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the leg as it is."""

    def update(self, event: Event) -> None:
        """Take in an event."""
        self.events.update(event)

    @property
    def log(self) -> logging.Logger:
        """Where to log to."""
        return logging.getLogger("freeswitch.apps")

    @property
    def host(self) -> str:
        """Where the switch is that it is on."""
        return self.con.host

    @property
    def event_loop(self) -> Any:
        """The event loop of its listener."""
        return self._listener.event_loop

    @property
    def appname(self) -> str | None:
        """The app id that the leg was given as a variable."""
        found = (self.get(header) for header in self._listener.headers)
        return next((str(name) for name in found if name), None)

    @property
    def time(self) -> float:
        """When the latest event was fired, in seconds since 1970."""
        return event_time(self.events[0])

    @property
    def uptime(self) -> float:
        """How long after the first event the latest one was, in seconds."""
        return self.time - (self.times["create"] or 0.0)

    def done(self) -> bool:
        """Tell whether the leg is over."""
        return self.hungup

    def is_inbound(self) -> bool:
        """Tell whether the switch has been called."""
        return bool(self["Call-Direction"] == "inbound")

    def is_outbound(self) -> bool:
        """Tell whether the switch has placed the call."""
        return bool(self["Call-Direction"] == "outbound")

    def _execute(self, app: str, argument: str, then: Refused, loops: int = 1, event_uuid: str | None = None) -> None:
        give = functools.partial(super()._execute, app, argument, then, loops, event_uuid)
        job = self.bg_job
        if job is None and (self._held or self._is_about_to_run()):
            if _freeswitch.on_loop():
                self._hold(give, then)
            else:
                _freeswitch.post(lambda: self._hold(give, then))
            return
        if job is None or self._runs or (job.done() and self._is_running()):
            give()
            return

        def placed() -> None:
            if not job.successful():
                then("the call was not placed")
            elif self._is_running():
                give()
            else:
                self._give_once_it_runs(give, then)

        # What a leg runs before it has turned to what its originate has it run is cut off by that. A job that is done
        # calls back in this thread, and only the loop waits.
        job.fut.add_done_callback(lambda _: placed() if _freeswitch.on_loop() else _freeswitch.post(placed))

    def _is_about_to_run(self) -> bool:
        """Tell whether somebody else's originate has placed the leg, and will have it run something in a moment."""
        # Its answer comes whatever its thread has come to by then, and events have that state.
        return self.answered and not self._is_running()

    def _hold(self, give: Callable[[], object], then: Refused) -> None:
        """Give a command once the leg runs what it was placed for, behind those that wait for that already."""
        if not self._held and not self._is_about_to_run():
            give()
            return
        self._need(*RUNNING)
        self._give_once_it_runs(give, then)

    def _give_once_it_runs(self, give: Callable[[], object], then: Refused) -> None:
        self._held.append((give, then))
        if len(self._held) == 1:
            self._wait(RUNNING, self._is_running, True, RUNNING_SOON, None).add_done_callback(self._give_held)

    def _give_held(self, wait: asyncio.Future[Event]) -> None:
        is_lost = _is_lost(wait)
        while self._held:
            give, then = self._held.popleft()
            if is_lost:
                then("the call is over")
            else:
                give()

    def _is_running(self, event: Event | None = None) -> bool:
        """Tell whether the leg has turned to what its originate has it run, by this event or all that have come."""
        state = self.get("Channel-State") if event is None else event.getHeader("Channel-State")
        self._runs = self._runs or state not in BEFORE_RUNNING
        return self._runs

    # Waiting

    @property
    def _waits(self) -> dict[str, dict[Wait, None]]:
        return self._past.waits

    def recv(self, name: str, timeout: float | None = None) -> asyncio.Future[Event]:
        """Give an awaitable that ends with the next event of this kind on this leg, for `timeout` seconds.

        A coroutine's wait begins after the event that ended its last wait on this leg, or that started it; its first
        one begins with the call of `recv`. The end of the leg cancels a coroutine that works on it; in others,
        SessionLost is raised. In a thread it gives a future whose `result(timeout)` waits.
        """
        self._listener.need(name)
        return self._begin((plain(name),), timeout=timeout)  # type: ignore[no-any-return]

    def poll(
        self, events: Iterable[str], timeout: float | None = None, return_when: str = asyncio.FIRST_COMPLETED
    ) -> Coroutine[Any, Any, tuple[list[Event], list[str]]]:
        """Wait for any of these events: those that came, and the names of those that did not.

        It begins as a `recv` does. TimeoutError when none of them came in `timeout` seconds.
        """
        _loop.only_here("Session.poll")
        names = list(dict.fromkeys(events))
        if not names:
            raise ValueError("poll needs the name of an event")
        for name in names:
            self._listener.need(name)
        if return_when == asyncio.FIRST_COMPLETED:
            return self._first(names, self._begin({plain(name) for name in names}, timeout=timeout))
        return self._all({self.recv(name): name for name in names}, timeout, return_when)

    async def _first(self, names: list[str], wait: asyncio.Future[Event]) -> tuple[list[Event], list[str]]:
        event = await wait
        came = names_of(event)
        return [event], [name for name in names if plain(name) not in came]

    async def _all(
        self, names: dict[asyncio.Future[Event], str], timeout: float | None, return_when: str
    ) -> tuple[list[Event], list[str]]:
        done, pending = await asyncio.wait(names, timeout=timeout, return_when=return_when)
        left = [names[future] for future in names if future in pending]
        for future in pending:
            future.cancel()
        if not done:
            raise TimeoutError(f"none of {', '.join(names.values())} in {timeout} s")
        return [future.result() for future in names if future in done], left

    def unreg_tasks(self, fut: asyncio.Future[Any]) -> None:
        """End a wait that `recv` has given, and that nothing has ended yet."""
        fut.cancel()

    def _begin(
        self,
        names: Iterable[str],
        test: Test | None = None,
        *,
        act: Act | None = None,
        delay: float = 0.0,
        timeout: float | None = None,
    ) -> Any:
        """Begin a wait, and carry out the command that it is for, which says why it is refused."""
        if not _freeswitch.on_loop():
            return self._begin_elsewhere(names, test, act, delay, timeout)
        wait = self._wait(names, test, act is not None, timeout, None)
        if act is not None:
            self._act(wait, act, delay)
        return wait

    def _wait(
        self, names: Iterable[str], test: Test | None, is_verb: bool, timeout: float | None, since: int | None
    ) -> Wait:
        wait = self._past.wait(names, test, is_verb=is_verb, timeout=timeout, since=since)
        wait.is_mine = asyncio.current_task() in self.tasks
        if self.hungup and not wait.done():
            self._tell(wait)
        return wait

    def _begin_elsewhere(
        self,
        names: Iterable[str],
        test: Test | None,
        act: Act | None,
        delay: float,
        timeout: float | None,
    ) -> Outcome:
        """As `_begin`, in a thread that is not the loop's: it must not wait for the loop, which may wait for it."""
        outcome, past = Outcome(), self._past
        past.asked.add(outcome)
        since, waits = past.number, []

        def begin() -> None:
            past.asked.discard(outcome)
            wait = self._wait(names, test, act is not None, timeout, since)
            waits.append(wait)
            wait.add_done_callback(lambda _: _pass_on(wait, outcome))
            if delay and act is not None:
                self._act(wait, act, delay)

        _freeswitch.post(begin)
        if act is not None and not delay:
            act(lambda why: None if why is None else _freeswitch.post(lambda: self._acted(waits[0], why)))
        return outcome

    def _act(self, wait: Wait, act: Act, delay: float) -> None:
        if wait.done():
            # The leg is over.
            return
        if delay:
            wait.get_loop().call_later(delay, self._act, wait, act, 0.0)
        else:
            act(lambda why: self._acted(wait, why))

    def _acted(self, wait: Wait, refused: str | None) -> None:
        if refused is None or wait.done():
            return

        def looked(exists: str) -> None:
            if wait.done():
                return
            if exists.strip() == "false":
                self._tell(wait)
            else:
                wait.fail(VerbLost(refused) if isinstance(refused, NoAnswer) else VerbError(refused))

        self.con.give(f"uuid_exists {self.uuid}", looked)

    def _done_already(self) -> Any:
        done: Any = asyncio.get_running_loop().create_future() if _freeswitch.on_loop() else Outcome()
        done.set_result(self.events[0])
        return done

    def _need(self, *names: str) -> None:
        for name in names:
            self._listener.need(name)

    def _over(self) -> bool:
        """End what waits for more; whether there was any."""
        pending = self._past.pending()
        for wait in pending:
            self._tell(wait)
        return bool(pending)

    def _tell(self, wait: Wait) -> None:
        over = f"the call {self.uuid} is over"
        if wait.is_mine:
            wait.cancel(over)
        else:
            wait.fail(SessionLost(over))
            # Whom it does not reach waits for it no longer.
            if not wait.cancelled():
                wait.exception()


class Call:
    """The legs that make up a call, in the order that they came."""

    def __init__(self, uuid: str, session: Session) -> None:
        self.uuid = uuid
        self.sessions: deque[Session] = deque([session])
        self.vars: dict[str, Any] = {}
        self.first: Session = session
        self.last: Session | None = None

    def __repr__(self) -> str:
        return f"<freeswitch.apps.Call {self.uuid}, {len(self.sessions)} legs>"

    def append(self, session: Session) -> None:
        """Add a leg; the one that the call is named after is its first, also where its events come later."""
        if session.uuid == self.uuid and self.first is not session:
            self.sessions.appendleft(session)
            self.first, self.last = session, self.last or self.first
        else:
            self.sessions.append(session)
            self.last = session

    def get_peer(self, session: Session | None) -> Session | None:
        """Of the first and the last leg, give the one that this is not."""
        if session is None:
            return None
        return self.last if session is self.first else self.first if session is self.last else None

    def hangup(self) -> None:
        """Hang up the first leg."""
        self.first.hangup()


def _is_lost(wait: asyncio.Future[Event]) -> bool:
    """Tell whether the leg has ended first."""
    return wait.cancelled() or isinstance(wait.exception(), SessionLost)


def _pass_on(wait: asyncio.Future[Event], outcome: Outcome) -> None:
    """Have a thread know what came of its wait."""
    if not outcome.set_running_or_notify_cancel():
        return
    if wait.cancelled():
        outcome.set_exception(SessionLost("the wait was cancelled"))
    elif (error := wait.exception()) is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(wait.result())


__all__ = ["Call", "Events", "Job", "JobError", "JobLost", "Session", "VerbLost", "event_time"]

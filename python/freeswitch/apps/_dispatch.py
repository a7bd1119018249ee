"""Giving events to apps: which leg they are of, which apps work on it, and who waits for them. On the loop."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

from _freeswitch import Event, count_refused

from freeswitch import _loop, events
from freeswitch._waits import PLACES, Paced, names_of
from freeswitch.apps._counters import Counters
from freeswitch.apps._link import Link, NoAnswer, local
from freeswitch.apps._loading import App
from freeswitch.apps._marks import plain
from freeswitch.apps._table import Table
from freeswitch.apps.models import RUNNING, Call, Job, Session, event_time

log = logging.getLogger("freeswitch.apps")

# What is always listened to.
BASE = (
    "CHANNEL_CREATE", "CHANNEL_ORIGINATE", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_HANGUP", "CHANNEL_DESTROY",
    "CALL_UPDATE", "BACKGROUND_JOB",
)  # fmt: skip
# The first is a SIP header, too: it is there on the far leg of a call that comes back.
APP_HEADERS = ("variable_sip_h_X-switchio_app", "variable_freeswitch_app", "variable_switchio_app")
# A burst of events that the loop has not handled yet.
QUEUE = 100_000
OF_JOBS = frozenset({"BACKGROUND_JOB"})
# What a leg begins with. One that was there before the first app was has no event of its beginning.
BEGINS = frozenset({"CHANNEL_CREATE", "CHANNEL_ORIGINATE", "CHANNEL_PARK"})
# Of how many legs that have ended the end is remembered.
ENDED = 4096
# Of how many legs that have not begun events are kept, and how many of each.
EARLY, EARLY_EVENTS = 100, 10
# How many events of a leg that has failed are kept with it.
LAST = 2
# How long after its leg a coroutine may go on unnoticed, in seconds.
FAREWELL = 10.0


class Listener(Paced, Counters):
    """The legs, calls and jobs of one switch, and the apps that work on them. On the loop."""

    def __init__(self, link: Link | None = None) -> None:
        self.link = link or local()
        self.sessions: dict[str, Session] = {}
        self.calls: dict[str, Call] = {}
        self.bg_jobs: dict[str, Job] = {}
        self.hangup_causes: Counter[str] = Counter()
        self.failed_sessions: dict[str, deque[Session]] = {}
        # Those that place a leg whose UUID is known, by that.
        self._placing: dict[str, Job] = {}
        # The numbers of the events with which the latest legs have ended, by UUID.
        self._ended: dict[str, int] = {}
        # Events of legs whose beginning has not come; and those of one that has begun now.
        self._early: dict[str, deque[Event]] = {}
        self._due: deque[Event] = deque()
        # By what they said.
        self.failed_jobs: Counter[str] = Counter()
        self.total_answered_sessions = 0
        self.apps: dict[str, list[App]] = {}
        self._table = Table(self.apps)
        self.headers = list(APP_HEADERS)
        self._needed: set[str] = set()
        self._tap = self.link.tap((*BASE, *self.link.own_names), limit=QUEUE)
        self.recovery = self.link.recovery(self, self._tap)
        super().__init__(self._tap)
        self._needed.update(BASE)
        _loop.here.taps[self._tap.id] = self

    def need(self, name: str) -> None:
        """Listen to a kind of event; a name that is no kind is a subclass of CUSTOM."""
        if name not in self._needed:
            plain(name)
            self._tap.extend([events.kind_of(name)])
            self._needed.add(name)

    def loaded(self) -> Iterator[App]:
        """Give all apps that are loaded."""
        for under in self.apps.values():
            yield from under

    def look_again(self) -> None:
        """Take in what is loaded, and which headers may have an id."""
        self._table.clear()
        own = [app.header for app in self.loaded() if app.header is not None]
        self.headers = [*dict.fromkeys(own), *APP_HEADERS]

    def count_sessions(self) -> int:
        """How many legs there are."""
        return len(self.sessions)

    def count_calls(self) -> int:
        """How many calls there are."""
        return len(self.calls)

    def count_jobs(self) -> int:
        """How many jobs run."""
        return len(self.bg_jobs)

    def count_failed(self) -> int:
        """How many legs ended for another reason than NORMAL_CLEARING."""
        return sum(self.hangup_causes.values()) - self.hangup_causes["NORMAL_CLEARING"]

    def _hand(self, event: Event) -> bool:
        try:
            if self.recovery is not None:
                self.recovery.look(event)
            begun = self._take_in(event)
            while self._due:
                begun |= self._take_in(self._due.popleft(), was_kept=True)
        except BaseException:
            log.exception("an event %s", event.getType())
            return True
        return begun

    def _take_in(self, event: Event, was_kept: bool = False) -> bool:
        """Hand out an event; whether somebody has waited for it, or was started by it.

        One that was kept for the beginning of its leg has been handled: that is not the leg's.
        """
        names = names_of(event)
        name = event.getType()
        if name == "CUSTOM":
            name = event.getHeader("Event-Subclass") or name
        uuid = event.getHeader("Unique-ID")
        job = self._end_job(event) if name == "BACKGROUND_JOB" else None
        session = self._session_of(name, event, uuid) if job is None else self._session_of_job(job)
        app_id = self._app_id(event, session)
        # What belongs to no leg is for the app that is marked with it.
        marked = self._table.of(app_id if session is not None or uuid else None, names)
        for app, handler, _ in () if was_kept else marked.handlers:
            self._guarded(app, handler, event)
        if job is not None:
            return self._tell_of_job(job, session)
        if session is None:
            return False
        begun = False
        # What is called may load and unload apps: then it is looked again.
        if marked.handlers:
            marked = self._table.of(app_id, names)
        for app, function, count in marked.callbacks:
            begun = True
            begun_at = session._past.callback()
            self._guarded(app, function, session, *((session.bg_job,) if count > 1 else ()))
            PLACES.reset(begun_at)
        if marked.callbacks:
            marked = self._table.of(app_id, names)
        # Waits are served before new coroutines start, lest these take the event for one to come.
        begun |= session._past.add(names, event)
        for app, function, count in marked.coroutines:
            begun = True
            self._start(app, function, session, *((session.bg_job,) if count > 1 else ()))
        if name == "CHANNEL_DESTROY":
            begun |= session._over()
            if session.tasks:
                _loop.spawn(self._look_after(session))
            else:
                session._past.clear()
        return begun

    def _tell_of_job(self, job: Job, session: Session | None) -> bool:
        """Call what is marked with the end of a job: that of the leg that it has placed, else all."""
        marked = self._table.of(session.cid if session is not None else None, OF_JOBS)
        for app, function, _ in marked.callbacks:
            self._guarded(app, function, session, job)
        for app, function, _ in marked.coroutines:
            self._start(app, function, session, job)
        return bool(marked.callbacks or marked.coroutines)

    def _app_id(self, event: Event, session: Session | None) -> str:
        for header in self.headers:
            found = event.getHeader(header)
            if found and found in self.apps:
                if session is not None:
                    session.cid = found
                return str(found)
        return session.cid if session is not None else "default"

    def _guarded(self, app: App, function: Callable[..., Any], *arguments: Any) -> None:
        try:
            function(*arguments)
        except SystemExit:
            pass
        # Whatever it is, the other apps and events go on.
        except BaseException:
            log.exception("MR0004 app %s failed in %s", app.name, getattr(function, "__name__", function))

    def _start(self, app: App, function: Callable[..., Any], session: Session | None, *more: Job | None) -> None:
        name = f"{app.name}::{getattr(function, '__name__', 'coroutine')}"
        if session is None:
            job = next(job for job in more if job is not None)
            _loop.work(name, job.uuid, function(None, *more), lambda: False)
            return
        leg = session
        running = _loop.begin_work(name, leg.uuid, function(leg, *more), lambda: leg.hungup)
        task = running.task
        assert task is not None
        leg._past.begin(task, running.context)
        leg.tasks.add(task)
        task.add_done_callback(leg.tasks.discard)

    async def _look_after(self, session: Session) -> None:
        # The last may have ended before this began.
        if session.tasks:
            await asyncio.wait(session.tasks, timeout=FAREWELL)
        session._past.clear()
        if session.tasks:
            log.warning("MR0013 %d coroutines of apps go on after the end of %s", len(session.tasks), session.uuid)

    def _session_of(self, name: str, event: Event, uuid: str | None) -> Session | None:
        if not uuid:
            return None
        session = self.sessions.get(uuid)
        if name == "CHANNEL_DESTROY":
            self._remember_end(uuid, event)
        if session is None:
            if name not in BEGINS:
                self._keep_early(uuid, event)
                return None
            if self._is_late(uuid, event):
                return None
            session = self._new(event, uuid)
            early = self._early.pop(uuid, ())
            # A leg of which the first that is heard is that it is parked is older than what was kept.
            if name != "CHANNEL_PARK":
                self._due.extend(early)
        elif name not in {"CHANNEL_CREATE", "CHANNEL_ORIGINATE"}:
            session.events.update(event)
        if name == "CHANNEL_ANSWER" and not session.answered:
            self._answered(session, event_time(event))
        elif name == "CHANNEL_ORIGINATE":
            session.times["originate"] = event_time(event)
        elif name == "CHANNEL_HANGUP":
            session.times["hangup"] = event_time(event)
        elif name == "CHANNEL_DESTROY":
            self._end(session, event)
        return session

    def _keep_early(self, uuid: str, event: Event) -> None:
        """Keep an event until its leg has begun: its far leg can answer it before its own thread says that it has.

        Of many legs the beginning never comes: they are older than this listener, or over.
        """
        if uuid in self._ended:
            return
        self._early.setdefault(uuid, deque(maxlen=EARLY_EVENTS)).append(event)
        if len(self._early) > EARLY:
            del self._early[next(iter(self._early))]

    def _remember_end(self, uuid: str, event: Event) -> None:
        self._early.pop(uuid, None)
        # The newest is behind all others.
        self._ended.pop(uuid, None)
        self._ended[uuid] = _number(event)
        if len(self._ended) > ENDED:
            del self._ended[next(iter(self._ended))]

    def _is_late(self, uuid: str, event: Event) -> bool:
        """Tell whether an event was fired before the end of its leg, which has come first.

        Threads of the switch that fire events change places between the number and the queue. A later leg may have
        the same UUID.
        """
        ended = self._ended.get(uuid)
        return ended is not None and _number(event) < ended

    def forget_ends(self) -> None:
        """Take all that comes as new: a switch that has begun again numbers its events from the start."""
        self._ended.clear()
        self._early.clear()

    def take_up(self, event: Event, uuid: str) -> None:
        """Begin to work with a leg that is there already."""
        session = self._new(event, uuid)
        session.answered = event.getHeader("Answer-State") == "answered"

    def _new(self, event: Event, uuid: str) -> Session:
        session = self.sessions[uuid] = Session(event, self)
        job = session.bg_job = self._placing.pop(uuid, None)
        if job is not None:
            job.has_leg = True
        session.call = self._join(session, event)
        if event.getHeader("Answer-State") == "answered":
            # The far leg can be faster than the event of this one's beginning.
            self._answered(session, int(event.getHeader("Caller-Channel-Answered-Time") or 0) / 1e6)
        return session

    def _join(self, session: Session, event: Event) -> Call:
        """Give the call that a leg is of, a new one where it is the first."""
        for header in self._call_headers:
            uuid = event.getHeader(header)
            other = self.sessions.get(uuid) if uuid and uuid != session.uuid else None
            call = self.calls.get(uuid or "") or (other.call if other is not None else None)
            if call is not None:
                call.append(session)
                return call
        named = (event.getHeader(header) for header in self._call_headers)
        uuid = next((found for found in named if found), session.uuid)
        call = self.calls[uuid] = Call(uuid, session)
        return call

    def _answered(self, session: Session, when: float) -> None:
        session.answered = True
        session.times["answer"] = when
        self.total_answered_sessions += 1

    def _end(self, session: Session, event: Event) -> None:
        session.hungup = True
        session.duration = session.uptime
        del self.sessions[session.uuid]
        cause = event.getHeader("Hangup-Cause") or "NONE"
        self.hangup_causes[cause] += 1
        if not session.answered or cause != "NORMAL_CLEARING":
            session.events.keep(LAST)
            self.failed_sessions.setdefault(cause, deque(maxlen=1000)).append(session)
        call = session.call
        if call is not None and session in call.sessions:
            call.sessions.remove(session)
            self._forget_call(call.uuid)

    def _forget_call(self, uuid: str) -> None:
        """Forget a call that has no leg left, and none to come: the far leg can be over before the first is known."""
        call = self.calls.get(uuid)
        if call is not None and not call.sessions and uuid not in self._placing:
            del self.calls[uuid]

    def _placed(self, job: Job) -> None:
        """Expect no leg of a job any more."""
        if job.sess_uuid is not None and self._placing.pop(job.sess_uuid, None) is not None:
            self._forget_call(job.sess_uuid)

    def begin_job(self, job: Job) -> None:
        """Keep a job until its end."""
        self.bg_jobs[job.uuid] = job
        if job.sess_uuid is not None:
            self._placing[job.sess_uuid] = job
            for name in RUNNING:
                self.need(name)

    def _end_job(self, event: Event) -> Job | None:
        job = self.bg_jobs.pop(event.getHeader("Job-UUID") or "", None)
        if job is None:
            return None
        self._placed(job)
        failed = job._end(event)
        if failed is not None:
            self.count_failure(failed)
        return job

    def bgapi(
        self,
        command: str,
        callback: Callable[..., Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        cid: str | None = None,
        leg: str | None = None,
    ) -> Job:
        """Run a command in the background; see `freeswitch.apps.bgapi`."""
        why_not: list[str] = []
        job: Job | None = None

        def refused(why: str) -> None:
            # It has not begun, so it has no end to report.
            why_not.append(why)
            if job is not None:
                self.fail_job(job, why)

        job = Job(self.link.bgapi(command, refused), command, callback, kwargs or {})
        job.cid, job.sess_uuid, job.con = cid, leg, self.link
        if why_not:
            self.fail_job(job, why_not[0])
        else:
            self.begin_job(job)
        return job

    def fail_job(self, job: Job, why: str) -> None:
        """End a job of which the switch will tell nothing."""
        self.bg_jobs.pop(job.uuid, None)
        self._placed(job)
        if not job.done():
            job._fail(why)
            self.count_failure(why)

    def close(self) -> None:
        """Take no more events. Loaded apps get no more callbacks; what waits for something fails."""
        self._is_open = False
        _loop.here.taps.pop(self._tap.id, None)
        self._tap.close()
        for job in list(self.bg_jobs.values()):
            self.fail_job(job, NoAnswer(f"the link to {self.link.name} was closed"))
        for session in list(self.sessions.values()):
            session._over()
        if not self.link.is_local:
            self.link.close()

    def count_failure(self, why: str) -> None:
        """Count a job that has failed."""
        self.failed_jobs[why] += 1
        count_refused()

    def _session_of_job(self, job: Job) -> Session | None:
        """Give the leg that a job has placed."""
        if job.sess_uuid is None and job.successful() and str(job.result) in self.sessions:
            job.sess_uuid = str(job.result)
        session = self.sessions.get(job.sess_uuid or "")
        if session is not None:
            session.bg_job = job
        return session


def _number(event: Event) -> int:
    """Give its number in the order that events are fired; 0 for one that no switch has fired."""
    number = event.getHeader("Event-Sequence") or ""
    return int(number) if number.isdecimal() else 0


def listener() -> Listener:
    """Give the listener to the switch that this runs in, made when the first app is loaded."""
    found: Listener | None = _loop.here.listener
    if found is None:
        found = _loop.here.listener = Listener()
    return found

"""Calls, their legs and background jobs, as apps see them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from _freeswitch import API, Event, send_execute

from freeswitch import _loop
from freeswitch._async import SessionLost

if TYPE_CHECKING:
    from freeswitch.apps._dispatch import Listener

# How many events of a leg are kept; the newest have what is asked for.
EVENTS = 64


class JobError(RuntimeError):
    """A background job failed."""


class Events:
    """Events of one thing, the latest first. A key is looked for in the latest event that has it."""

    def __init__(self, event: Event | None = None) -> None:
        self._events: deque[Event] = deque(maxlen=EVENTS)
        if event is not None:
            self.update(event)

    def update(self, event: Event) -> None:
        """Add an event."""
        self._events.appendleft(event)

    def keep(self, count: int) -> None:
        """Forget all but so many of the latest."""
        while len(self._events) > count:
            self._events.pop()

    def get(self, key: str, default: Any = None) -> Any:
        """Give the latest value of a header."""
        for event in self._events:
            value = event.getHeader(key)
            if value:
                return value
        return default

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, int):
            return self._events[key]
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __repr__(self) -> str:
        return f"Events({[event.getType() for event in self._events]})"


def event_time(event: Event) -> float:
    """When an event was fired, in seconds since 1970."""
    return int(event.getHeader("Event-Date-Timestamp") or 0) / 1e6


class Session:
    """One leg of a call, known by its events. `session["header"]` is the latest value of a header.

    Commands are given at once and carried out by the leg's own thread. Those that have an event which says that
    they are done give an awaitable that ends with it.
    """

    def __init__(self, event: Event, listener: Listener) -> None:
        self.events = Events(event)
        self.uuid: str = self.events["Unique-ID"]
        # What apps keep.
        self.vars: dict[str, Any] = {}
        self.call: Call | None = None
        self.bg_job: Job | None = None
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
        # Who waits for an event, and whether it is a task that works on this leg.
        self._waits: dict[str, dict[asyncio.Future[Event], bool]] = {}

    def __repr__(self) -> str:
        return f"<freeswitch.apps.Session {self.uuid}>"

    def __getitem__(self, key: str) -> Any:
        return self.events[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Give the latest value of a header."""
        return self.events.get(key, default)

    def update(self, event: Event) -> None:
        """Take in an event."""
        self.events.update(event)

    @property
    def log(self) -> logging.Logger:
        """Where to log to."""
        return logging.getLogger("freeswitch.apps")

    @property
    def appname(self) -> str | None:
        """The app id that the leg was given as a variable."""
        name: str | None = self.get("variable_freeswitch_app") or self.get("variable_switchio_app")
        return name

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

    # Waiting

    def recv(self, name: str, timeout: float | None = None) -> asyncio.Future[Event]:
        """Give an awaitable that ends with the next event of this kind on this leg.

        The end of the leg cancels a coroutine that works on it; in others, SessionLost is raised.
        """
        _loop.only_here("Session.recv")
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        is_mine = asyncio.current_task() in self.tasks
        if self.hungup:
            self._tell(future, is_mine)
            return future
        self._listener.need(name)
        name = name.removeprefix("CUSTOM ")
        self._waits.setdefault(name, {})[future] = is_mine
        future.add_done_callback(lambda _: self._waits.get(name, {}).pop(future, None))
        if timeout is None:
            return future
        return asyncio.ensure_future(asyncio.wait_for(future, timeout))

    async def poll(
        self, events: Iterable[str], timeout: float | None = None, return_when: str = asyncio.FIRST_COMPLETED
    ) -> tuple[list[Event], list[str]]:
        """Wait for any of these events: those that came, and the names of those that did not."""
        names = {self.recv(name): name for name in events}
        done, pending = await asyncio.wait(names, timeout=timeout, return_when=return_when)
        left = [names[future] for future in pending]
        for future in pending:
            future.cancel()
        if not done:
            raise TimeoutError(f"none of {', '.join(names.values())} in {timeout} s")
        return [future.result() for future in done], left

    def _resume(self, name: str, event: Event) -> None:
        for future in self._waits.pop(name, {}):
            if not future.done():
                future.set_result(event)

    def _over(self) -> None:
        waits, self._waits = self._waits, {}
        for futures in waits.values():
            for future, is_mine in futures.items():
                if not future.done():
                    self._tell(future, is_mine)

    def _tell(self, future: asyncio.Future[Event], is_mine: bool) -> None:
        over = f"the call {self.uuid} is over"
        if is_mine:
            future.cancel(over)
        else:
            future.set_exception(SessionLost(over))
            # Whom it does not reach waits for it no longer.
            future.exception()

    # Commands

    def api(self, command: str) -> str:
        """Run an API command; its answer."""
        name, _, argument = command.partition(" ")
        return API().execute(name, argument)

    def execute(self, cmd: str, arg: str = "", params: str = "", loops: int = 1) -> bool:
        """Have the leg's thread run a dialplan application; whether there is such a leg."""
        return send_execute(self.uuid, cmd, f"{params}{arg}", loops)

    def getvar(self, var: str) -> str | None:
        """Read a channel variable."""
        value = self.api(f"uuid_getvar {self.uuid} {var}")
        return None if value == "_undef_" or value.startswith("-ERR") else value

    def setvar(self, var: str, value: str) -> None:
        """Set a channel variable."""
        self.api(f"uuid_setvar {self.uuid} {var} {value}")

    def setvars(self, params: Mapping[str, Any]) -> None:
        """Set several channel variables."""
        for name, value in params.items():
            self.setvar(name, str(value))

    def unsetvar(self, var: str) -> None:
        """Remove a channel variable."""
        self.api(f"uuid_setvar {self.uuid} {var}")

    def answer(self) -> asyncio.Future[Event]:
        """Answer; await it to go on once the call is answered."""
        if self.answered or self.get("Answer-State") == "answered":
            wait: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
            wait.set_result(self.events[0])
            return wait
        wait = self.recv("CHANNEL_ANSWER")
        self.api(f"uuid_answer {self.uuid}")
        return wait

    def hangup(self, cause: str = "NORMAL_CLEARING") -> asyncio.Future[Event]:
        """Hang up; await it to go on once the leg is hung up."""
        wait = self.recv("CHANNEL_HANGUP")
        self.api(f"uuid_kill {self.uuid} {cause}")
        return wait

    def park(self) -> asyncio.Future[Event]:
        """Take the leg out of what it does, and park it."""
        wait = self.recv("CHANNEL_PARK")
        self.api(f"uuid_park {self.uuid}")
        return wait

    def sched_hangup(self, timeout: int, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up in so many seconds."""
        self.api(f"sched_hangup +{timeout} {self.uuid} {cause}")

    def clear_tasks(self) -> None:
        """Forget what was scheduled for this leg."""
        self.api(f"sched_del {self.uuid}")

    def send_dtmf(self, sequence: str, duration: str | int = "w") -> None:
        """Send digits to the far end, each of so many milliseconds."""
        self.api(f"uuid_send_dtmf {self.uuid} {sequence}{'' if duration == 'w' else f'@{duration}'}")

    def sched_dtmf(self, delay: float, sequence: str, tone_duration: str | None = None) -> str:
        """Send digits in so many seconds."""
        tone = "" if tone_duration is None else f"@{tone_duration}"
        return self.api(f"sched_api +{round(delay)} none uuid_send_dtmf {self.uuid} {sequence}{tone}")

    def playback(
        self,
        args: str | Iterable[str],
        start_sample: int | None = None,
        endless: bool = False,
        leg: str = "aleg",
        params: Mapping[str, Any] | None = None,
    ) -> asyncio.Future[Event]:
        """Play a file, or several after each other; await it to go on once that has stopped (PLAYBACK_STOP)."""
        wait = self.recv("PLAYBACK_STOP")
        files = [args] if isinstance(args, str) else list(args)
        if len(files) > 1:
            self.setvar("playback_delimiter", ";")
        start = f"@@{start_sample}" if start_sample else ""
        self.execute("endless_playback" if endless else "playback", ";".join(files) + start, _params(params))
        return wait

    def speak(self, text: str, engine: str = "flite", voice: str = "kal", timer_name: str = "") -> bool:
        """Speak text by a TTS engine."""
        return self.execute("speak", "|".join(part for part in (engine, voice, text, timer_name) if part))

    def breakmedia(self) -> None:
        """Stop what plays."""
        self.api(f"uuid_break {self.uuid}")

    def broadcast(self, path: str, leg: str = "", delay: float | None = None, hangup_cause: str | None = None) -> str:
        """Have the leg, or both legs, play a file or run `application::argument`, in so many seconds."""
        path = f"{path}!{hangup_cause}" if hangup_cause else path
        if delay:
            return self.api(f"sched_broadcast +{delay} {self.uuid} {path} {leg}".rstrip())
        return self.api(f"uuid_broadcast {self.uuid} {path} {leg}".rstrip())

    def bridge(
        self,
        dest_url: str | None = None,
        profile: str | None = None,
        gateway: str | None = None,
        proxy: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> asyncio.Future[Event]:
        """Call a SIP address and join the legs; await it to go on once they are (CHANNEL_BRIDGE).

        By default it is the address that was asked for, by the same profile. A `dest_url` with a slash is a dial
        string as it is: `loopback/1000`, `user/1000`.
        """
        if dest_url is not None and "/" in dest_url:
            target = dest_url
        else:
            via = f"gateway/{gateway}" if gateway else profile or self["variable_sofia_profile_name"]
            target = f"sofia/{via}/{dest_url or self['variable_sip_req_uri']}"
        wait = self.recv("CHANNEL_BRIDGE")
        self.execute("bridge", f"{target};fs_path=sip:{proxy}" if proxy else target, _params(params))
        return wait

    def start_record(
        self, path: str, rx_only: bool = False, stereo: bool = False, rate: int = 16000
    ) -> asyncio.Future[Event]:
        """Record the leg to a file, at so many samples a second; await it to go on once it is (RECORD_START)."""
        wait = self.recv("RECORD_START")
        if rx_only:
            self.setvar("RECORD_READ_ONLY", "true")
        elif stereo:
            self.setvar("RECORD_STEREO", "true")
        self.setvar("record_sample_rate", str(rate))
        self.execute("record_session", path)
        return wait

    def stop_record(self, path: str = "all", delay: float = 0) -> asyncio.Future[Event]:
        """End a recording, in so many seconds; await it to go on once it has ended (RECORD_STOP)."""
        wait = self.recv("RECORD_STOP")
        if delay:
            self.api(f"sched_api +{round(delay)} none uuid_record {self.uuid} stop {path}")
        else:
            self.execute("stop_record_session", path)
        return wait

    def record(self, action: str, path: str, rx_only: bool = True) -> None:
        """Do something with a recording: start, stop, mask or unmask."""
        self.api(f"uuid_record {self.uuid} {action} {path}")

    def echo(self) -> None:
        """Send back what is heard."""
        self.execute("echo")

    def mute(self, direction: str = "write", level: int = 1) -> None:
        """Make one direction silent; a level above 1 puts noise of comfort there."""
        self.api(f"uuid_audio {self.uuid} start {direction} mute {level}")

    def unmute(self, direction: str = "write") -> None:
        """End the silence."""
        self.mute(direction, 0)

    def bypass_media(self, state: bool) -> None:
        """Take the switch out of the media's way, or back in."""
        self.api(f"uuid_media off {self.uuid}" if state else f"uuid_media {self.uuid}")

    def start_amd(self, delay: float | None = None) -> None:
        """Look for an answering machine's tone, for so many seconds."""
        self.api(f"avmd {self.uuid} start")
        if delay is not None:
            self.api(f"sched_api +{int(delay)} none avmd {self.uuid} stop")

    def stop_amd(self) -> None:
        """Look for it no longer."""
        self.api(f"avmd {self.uuid} stop")

    def respond(self, response: str | int) -> None:
        """Answer a SIP request with this code."""
        self.execute("respond", str(response))

    def deflect(self, uri: str) -> None:
        """Send the caller to another SIP address."""
        self.execute("deflect", uri)


def _params(params: Mapping[str, Any] | None) -> str:
    return f"{{{','.join(f'{name}={value}' for name, value in params.items())}}}" if params else ""


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
        """Add a leg."""
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


class Job:
    """A command that runs in the background; await it for its answer."""

    def __init__(self, uuid: str, callback: Callable[..., Any] | None, kwargs: Mapping[str, Any]) -> None:
        self.uuid = uuid
        self.events = Events()
        self.launch_time = time.time()
        self.sess_uuid: str | None = None
        self._callback, self._kwargs = callback, dict(kwargs)
        self._future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._future.__await__()

    def done(self) -> bool:
        """Tell whether it has ended."""
        return self._future.done()

    ready = done

    def successful(self) -> bool:
        """Tell whether it has ended well."""
        return self.done() and not self._future.cancelled() and self._future.exception() is None

    @property
    def result(self) -> Any:
        """Its answer, once it has ended."""
        return self._future.result()

    def _end(self, event: Event) -> None:
        self.events.update(event)
        body = (event.getBody() or "").strip()
        if self._future.done():
            return
        if body.startswith("-ERR") or body.endswith(": Command not found!"):
            self._future.set_exception(JobError(body.removeprefix("-ERR").strip()))
            # One that nobody awaits is told of in the log by the dispatcher.
            self._future.exception()
            return
        answer = body.removeprefix("+OK").strip()
        try:
            self._future.set_result(self._callback(answer, **self._kwargs) if self._callback else answer)
        except Exception as error:
            logging.getLogger("freeswitch.apps").exception("MR0004 the callback of a job failed")
            self._future.set_exception(error)
            self._future.exception()

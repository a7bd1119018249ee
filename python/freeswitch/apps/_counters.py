"""What switchio's EventListener has beside the dispatcher's own: states, counters and look-ups."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from freeswitch.apps._errors import ConfigurationError
from freeswitch.apps._event_loop import EventLoop

if TYPE_CHECKING:
    from _freeswitch import Event

    from freeswitch.apps._link import Link
    from freeswitch.apps.models import Job, Session

# Which header has what joins the legs of a call: that of the leg which was asked for first, also over SIP.
CALL_HEADERS = ("variable_sip_h_X-switchio_originating_session", "variable_call_uuid")


class Counters:
    """What one asks a listener for.

    It listens from when it is made; `connect`, `start` and `disconnect` are there for programs that call them.
    """

    link: Link
    _placing: dict[str, Job]
    sessions: dict[str, Session]
    bg_jobs: dict[str, Job]
    hangup_causes: Counter[str]
    failed_jobs: Counter[str]
    total_answered_sessions: int
    # How many calls a dialer puts on this switch at most.
    max_limit: float = float("inf")
    _is_open: bool = True
    _event_loop: EventLoop | None = None
    _call_headers: tuple[str, ...] = CALL_HEADERS

    @property
    def host(self) -> str:
        """Where the switch is."""
        return self.link.host

    @property
    def port(self) -> int | None:
        """The port of its event socket; None for the switch that this runs in."""
        return self.link.port

    @property
    def log(self) -> logging.Logger:
        """Where to log to."""
        return logging.getLogger("freeswitch.apps")

    @property
    def event_loop(self) -> EventLoop:
        """Its functions by the names that switchio has for them, and those of the asyncio loop."""
        if self._event_loop is None:
            self._event_loop = EventLoop(self)
        return self._event_loop

    @property
    def call_tracking_header(self) -> str:
        """The header whose value the legs of one call share; those that have none share `variable_call_uuid`."""
        return self._call_headers[0]

    @call_tracking_header.setter
    def call_tracking_header(self, name: str) -> None:
        self._call_headers = tuple(dict.fromkeys((name, CALL_HEADERS[-1])))

    @property
    def sessions_per_app(self) -> Counter[str]:
        """How many legs the apps have, by their ids."""
        return Counter(session.cid for session in self.sessions.values())

    def count_placing(self) -> int:
        """How many legs were asked for of which nothing is known yet."""
        return len(self._placing)

    def is_placing(self, uuid: str) -> bool:
        """Tell whether a leg with this UUID was asked for of which nothing is known yet."""
        return uuid in self._placing

    def reset(self) -> None:
        """Count from zero: causes, failed jobs and answered legs."""
        self.hangup_causes.clear()
        self.failed_jobs.clear()
        self.total_answered_sessions = 0

    def register_job(self, future: Any = None, **kwargs: Any) -> Job:
        """Refuse what a listener does by itself here."""
        raise ConfigurationError("a job is registered where it is begun: use bgapi() of the client or the listener")

    def lookup_sess(self, e: Event) -> tuple[bool, Session | None]:
        """Give whether an event is of a leg that is known, and the leg."""
        session = self.sessions.get(e.getHeader("Unique-ID") or "")
        return session is not None, session

    def lookup_sess_and_job(self, e: Event) -> tuple[bool, Session | None, Job | None]:
        """Give the same, and the job that has placed the leg."""
        is_known, session = self.lookup_sess(e)
        return is_known, session, session.bg_job if session is not None else None

    def is_alive(self) -> bool:
        """Tell whether it takes events: those of a switch that is away for a time, once that is there again."""
        return self._is_open

    is_running = is_alive

    def connected(self) -> bool:
        """Tell whether the switch is there."""
        return self._is_open and self.link.is_up()

    def connect(self, **_: Any) -> None:
        """Nothing: it is connected when it is made."""

    def start(self) -> None:
        """Nothing: it listens when it is made."""

    def unsubscribe(self, evname: str) -> None:
        """Nothing: what nobody is marked for costs nothing but its bytes."""

    def disconnect(self, **_: Any) -> None:
        """End it where it is another switch's; that of the switch that this runs in goes on."""
        from freeswitch.apps._link import LocalLink
        from freeswitch.apps._places import call

        if not isinstance(self.link, LocalLink) and self._is_open:
            self._is_open = False
            call(self.close)

    def close(self) -> None:
        """Take no more events."""
        raise NotImplementedError


__all__ = ["CALL_HEADERS", "Counters"]

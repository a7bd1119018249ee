"""What becomes of calls when the connection to their switch is lost, and comes back.

They are kept for some time (`SocketLink.grace`). When the connection is there again, the switch is asked for each of
them, and for those that it has besides. Its answers come in their place among its events, so none of them is older
than what is known already.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from _freeswitch import Event, SocketTap, read_event

from freeswitch.apps._link import CONNECTION_LOST, LinkError, NoAnswer
from freeswitch.apps._places import call

if TYPE_CHECKING:
    from freeswitch.apps._dispatch import Listener
    from freeswitch.apps._socket_link import SocketLink
    from freeswitch.apps.models import Session

log = logging.getLogger("freeswitch.apps")

# What a link tells of itself.
NAMES = ("SERVER_CONNECTED", "SERVER_DISCONNECTED")
# What is still reported of a leg that went on while the link was down.
ENDS = frozenset({"CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY"})

# What an event says of itself, and not of its leg.
OF_THE_EVENT = frozenset({"Event-Name", "Event-Subclass", "Event-Sequence", "Content-Length"})

CHANNELS = "api show channels as json"
DUMP = "api uuid_dump "


class Recovery:
    """Sees to the calls of one listener. On the loop."""

    def __init__(self, listener: Listener, link: SocketLink, tap: SocketTap) -> None:
        self._listener, self._link, self._tap = listener, link, tap
        self._why = ""
        self._timer: asyncio.TimerHandle | None = None
        # Legs that there were before the connection came back, and that were not asked for yet.
        self._before: set[str] = set()
        # What waits for the switch to be there.
        self._late: list[Callable[[], object]] = []

    def when_back(self, function: Callable[[], object]) -> None:
        """Have a function called in a thread when the switch is there again."""
        self._late.append(function)
        if self._link.is_up():
            # It has come meanwhile, and may have told already.
            call(self._begin_late)

    def _begin_late(self) -> None:
        late, self._late = self._late, []
        for function in late:
            asyncio.get_running_loop().run_in_executor(None, self._do_late, function)

    def _do_late(self, function: Callable[[], object]) -> None:
        try:
            function()
        except LinkError:
            # It is away again.
            self.when_back(function)
        except Exception:
            log.exception("MR0004 what waited for FreeSWITCH at %s failed", self._link.name)

    def look(self, event: Event) -> None:
        """Take in an event, if it is of the connection itself."""
        name = event.getType()
        if not name.startswith("SERVER_"):
            return
        if name == "SERVER_DISCONNECTED":
            self._lost(event.getHeader("Reason") or "")
        elif name == "SERVER_CONNECTED":
            self._back()
        elif name == "SERVER_ANSWER":
            self._answer(event.getHeader("Command") or "", event.getBody() or "")

    def _lost(self, why: str) -> None:
        self._why = f"the connection to FreeSWITCH at {self._link.name} was lost: {why}"
        for job in list(self._listener.bg_jobs.values()):
            self._listener.fail_job(job, NoAnswer(f"{self._why}; how it has ended is not known"))
        self._stop_timer()
        if self._link.state == "closed":
            self._give_up()
            return
        self._timer = asyncio.get_running_loop().call_later(self._link.grace, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._link.state == "up":
            # It came back, and the loop has not handled that yet.
            return
        sessions = list(self._listener.sessions.values())
        if sessions:
            log.warning("MR0020 %s: %d calls of it have ended for the apps", self._why, len(sessions))
        for session in sessions:
            self._end(session)

    def _back(self) -> None:
        self._stop_timer()
        self._listener.forget_ends()
        self._begin_late()
        self._before = set(self._listener.sessions)
        for uuid in self._before:
            self._link.query(f"uuid_dump {uuid}", self._tap)
        self._link.query("show channels as json", self._tap)

    def _answer(self, command: str, answer: str) -> None:
        if command == CHANNELS:
            self._found(answer)
        elif command.startswith(DUMP):
            self._dumped(command.removeprefix(DUMP), answer)

    def _found(self, answer: str) -> None:
        try:
            rows = json.loads(answer).get("rows", [])
        except ValueError:
            log.warning("MR0020 FreeSWITCH at %s does not say which calls it has: %.200s", self._link.name, answer)
            return
        for row in rows:
            if row["uuid"] not in self._listener.sessions:
                self._link.query(f"uuid_dump {row['uuid']}", self._tap)

    def _dumped(self, uuid: str, answer: str) -> None:
        session = self._listener.sessions.get(uuid)
        was_before = uuid in self._before
        self._before.discard(uuid)
        dump = read_event(answer)
        if dump is None or dump.getHeader("Unique-ID") != uuid:
            # It has ended while nothing was heard of it.
            if session is not None and was_before:
                self._end(session)
            return
        if session is None:
            self._listener.take_up(dump, uuid)
            return
        session.update(dump)
        if was_before:
            self._go_on(session, dump, answer)

    def _go_on(self, session: Session, dump: Event, text: str) -> None:
        """Fail waits for what may have happened while the link was down: no event will say so."""
        told = set(ENDS)
        if not session.answered and dump.getHeader("Answer-State") == "answered":
            self._put("CHANNEL_ANSWER", text)
            told.add("CHANNEL_ANSWER")
        for wait in session._past.pending():
            if not wait.names & told:
                wait.fail(LinkError(f"{self._why}; whether {', '.join(sorted(wait.names))} has come is not known"))

    def _end(self, session: Session) -> None:
        """Have a leg end in its apps, as one that the switch tells of."""
        # An app that is told of the end asks for what the events of a switch's own have.
        known = {**_headers(session.events[-1]), **_headers(session.events[0])}
        header = {
            **{name: value for name, value in known.items() if name not in OF_THE_EVENT},
            "Unique-ID": session.uuid,
            "Answer-State": "hangup",
            "Hangup-Cause": CONNECTION_LOST,
            "Event-Date-Timestamp": str(time.time_ns() // 1000),
            "Reason": self._why,
        }
        text = "".join(f"{name}: {quote(value, errors='surrogateescape')}\n" for name, value in header.items())
        if session.times["hangup"] is None:
            self._put("CHANNEL_HANGUP", text)
        self._put("CHANNEL_DESTROY", text)

    def _put(self, name: str, text: str) -> None:
        lines = [line for line in text.split("\n") if line and not line.startswith("Event-Name:")]
        self._tap.put("\n".join((f"Event-Name: {name}", *lines, "\n")))


def _headers(event: Event) -> dict[str, str]:
    return {name: value for name, value in event.items() if isinstance(value, str)}

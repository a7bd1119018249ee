"""A FreeSWITCH that is elsewhere, by its event socket.

Bytes are read, cut into messages and looked through on one thread of the module's own, for all sockets of the process:
an event that nobody has asked for costs no Python.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import uuid as uuids
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from _freeswitch import Event, Socket, SocketTap, on_loop

from freeswitch import _loop, _place
from freeswitch._waits import Outcome
from freeswitch.apps._link import Link, LinkError, NoAnswer, Refused, Reply, Then, not_begun, port_of, refusal
from freeswitch.apps._places import SETTING_UP
from freeswitch.apps._recovery import NAMES, Recovery

if TYPE_CHECKING:
    from freeswitch.apps._dispatch import Listener

log = logging.getLogger("freeswitch.apps")

# Commands that the switch has done at once. It carries them out in the order that they come, and sends nothing
# meanwhile; every other one is left to a job of its own (bgapi).
AT_ONCE = frozenset({
    "acl", "avmd", "cond", "create_uuid", "domain_exists", "echo", "eval", "expand", "global_getvar", "global_setvar",
    "group_call", "hostname", "hupall", "in_group", "interface_ip", "is_lan_addr", "limit_usage", "md5",
    "module_exists", "pysocket", "regex", "replace", "say_string", "sched_api", "sched_broadcast", "sched_del",
    "sched_hangup", "sched_transfer", "show", "sofia_contact", "status", "switchname", "tolower", "toupper",
    "uptime", "url_decode",
    "url_encode", "user_data", "user_exists", "uuid_answer", "uuid_audio", "uuid_break", "uuid_broadcast",
    "uuid_buglist", "uuid_deflect", "uuid_displace", "uuid_display", "uuid_dump", "uuid_exists", "uuid_flush_dtmf",
    "uuid_getvar", "uuid_hold", "uuid_kill", "uuid_limit", "uuid_limit_release", "uuid_loglevel", "uuid_park",
    "uuid_pre_answer", "uuid_preprocess", "uuid_record", "uuid_recv_dtmf", "uuid_ring_ready", "uuid_send_dtmf",
    "uuid_send_info", "uuid_send_message", "uuid_session_heartbeat", "uuid_setvar", "uuid_setvar_multi",
    "uuid_simplify", "uuid_transfer", "version",
})  # fmt: skip
# How long an answer is waited for where nothing else is said, in seconds.
PATIENCE = 10.0
# An argument that is longer, or has line breaks, is sent as a body.
LONGEST_LINE = 1000


class SocketLink(Link):
    """A switch by its event socket. Make it, then `connect()`, or `await ready()` on the loop.

    timeout: how long each step of a connection may take, in seconds.
    silence: after how long the switch is asked whether it is still there, in seconds.
    grace: how long calls are kept when the connection is lost, in seconds, for it to come back.
    persists: whether a first connection that fails is tried again.
    """

    is_local = False
    own_names = NAMES

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int | str = 8021,
        password: str = "ClueCon",
        *,
        timeout: float = 10.0,
        silence: float = 20.0,
        grace: float = 5.0,
        persists: bool = False,
    ) -> None:
        port = port_of(port)
        self.host, self.port, self.name = host, port, f"{host}:{port}"
        self.timeout, self.grace = timeout, grace
        self._told: str | None = None
        self._was_up = self._ended = False
        self._opening: list[Outcome] = []
        # Commands that run as jobs, and the tap that their ends come by.
        self._lock = threading.Lock()
        self._jobs: dict[str, Outcome] = {}
        self._tap: SocketTap | None = None
        _place.choose_socket()
        mine = weakref.ref(self)

        def changed(what: str, why: str) -> None:
            link = mine()
            if link is not None:
                link._changed(what, why)

        self._socket = Socket(host, port, password, timeout, silence, persists, changed)

    # The connection

    @property
    def state(self) -> str:
        """Give "opening", "up", "down" (it is tried again), "failed" (it is not), or "closed"."""
        return self._socket.state[0]

    def is_up(self) -> bool:
        """Tell whether it is connected."""
        return self.state == "up"

    def is_closed(self) -> bool:
        """Tell whether `close` has ended it, or the program ends."""
        return self._ended or self.state == "closed"

    @property
    def counts(self) -> tuple[int, int]:
        """How many events were received, and how many of them nobody asked for."""
        return self._socket.counts

    def connect(self) -> None:
        """Wait for the first connection. Raises LinkError with the reason if it fails."""
        if on_loop():
            raise RuntimeError("SocketLink.connect waits in a thread: await ready() in a coroutine")
        # Each of its steps ends within the time.
        self._socket.wait(self.timeout * 4 + 1)
        self._check()

    async def ready(self) -> None:
        """Wait for the first connection in a coroutine. Raises LinkError with the reason if it fails."""
        if self.state == "opening":
            outcome = Outcome()
            self._opening.append(outcome)
            # It may have been reported before.
            if self.state == "opening":
                await asyncio.wrap_future(outcome)
        self._check()

    def _check(self) -> None:
        state, why, _ = self._socket.state
        if state != "up":
            why = why or f"it is not connected after {self.timeout} s"
            raise LinkError(f"FreeSWITCH at {self.name}: {why}")

    def _changed(self, what: str, why: str) -> None:
        """Be told on the loop that the connection was made or lost."""
        opening, self._opening = self._opening, []
        for outcome in opening:
            outcome.set_result(None)
        if what == "up":
            if self._was_up or self._told is not None:
                log.warning("MR0020 connected again to FreeSWITCH at %s", self.name)
            self._was_up, self._told = True, None
        elif why != self._told and (self._was_up or self.state != "failed"):
            self._told = why
            lost = "was lost" if what == "lost" else "is not there"
            log.warning("MR0020 the connection to FreeSWITCH at %s %s: %s; it is tried again", self.name, lost, why)

    def close(self) -> None:
        """End the connection."""
        self._ended = True
        self._socket.close()

    # Events

    def tap(
        self,
        names: Iterable[str],
        headers: Iterable[tuple[str, str]] = (),
        limit: int = 10_000,
        drop_oldest: bool = True,
    ) -> SocketTap:
        """Have the switch send them."""
        return self._socket.tap(list(names), list(headers), limit, drop_oldest)

    def settle(self) -> None:
        """Wait for the answer to what was asked before: the switch sends events from then on.

        One that does not answer, or is away, is asked again by the connection itself.
        """
        if not on_loop():
            with contextlib.suppress(TimeoutError):
                self._socket.ask(["api echo"], PATIENCE)

    def recovery(self, listener: Listener, tap: SocketTap) -> Recovery:
        """See to its calls."""
        return Recovery(listener, self, tap)

    def query(self, line: str, tap: SocketTap) -> None:
        """Run an API command, whose answer comes by a tap, SERVER_ANSWER: in its place among the events."""
        self._socket.query(f"api {line}", tap)

    # Commands

    def command(self, line: str, *headers: str) -> Outcome:
        """Give a command of the event socket itself, with these lines after its first: await the reply."""
        return self._send([line, *headers])

    def _send(self, lines: list[str], body: str | None = None) -> Outcome:
        outcome = Outcome()

        def answered(text: str | None, why: str | None) -> None:
            if not outcome.set_running_or_notify_cancel():
                return
            if text is None:
                outcome.set_exception(LinkError(f"FreeSWITCH at {self.name}: {why}"))
            else:
                outcome.set_result(Reply(text))

        self._socket.send(lines, answered, body)
        return outcome

    def ask(self, line: str, timeout: float | None = None) -> str:
        """Send it, and wait. What an app asks while it is loaded is not left to a job."""
        if not _is_at_once(line) and not (on_loop() and SETTING_UP.get()):
            return self._as_job(line, timeout)
        text, why = self._socket.ask([f"api {line}"], PATIENCE if timeout is None else timeout)
        if text is None:
            raise LinkError(f"FreeSWITCH at {self.name}: {why}")
        return text

    def give(self, line: str, then: Then | None = None) -> None:
        """Send it."""
        if not _is_at_once(line):
            outcome = self.api(line)
            if then is not None:
                outcome.add_done_callback(lambda _: _on_loop(then, _text_of(outcome)))
            return
        if then is None:
            self._socket.send([f"api {line}"])
            return
        done = then
        name = self.name

        def answered(text: str | None, why: str | None) -> None:
            done(text if text is not None else NoAnswer(f"-ERR FreeSWITCH at {name}: {why}"))

        self._socket.send([f"api {line}"], answered)

    def api(self, line: str) -> Outcome:
        """Send it; one that may take long runs as a job."""
        return self._send([f"api {line}"]) if _is_at_once(line) else self._begin_job(line)

    def _as_job(self, line: str, timeout: float | None) -> str:
        if on_loop():
            raise RuntimeError(f"'{line}' may take long, and every coroutine would wait with it: await api()")
        return str(self._begin_job(line).result(timeout))

    def _begin_job(self, line: str) -> Outcome:
        outcome = Outcome()
        uuid = str(uuids.uuid4())

        def answered(text: str | None, why: str | None) -> None:
            if text is None:
                self._end_job(uuid, error=why or "")
            elif not text.startswith("+OK"):
                self._end_job(uuid, text)

        with self._lock:
            if self._tap is None:
                self._tap = self.tap(("BACKGROUND_JOB", "SERVER_DISCONNECTED"), limit=100_000)
                _loop.here.taps[self._tap.id] = self
            self._jobs[uuid] = outcome
        try:
            self._socket.send([f"bgapi {line}", f"Job-UUID: {uuid}"], answered)
        except BaseException:
            del self._jobs[uuid]
            raise
        return outcome

    def _end_job(self, uuid: str, text: str = "", error: str | None = None) -> None:
        outcome = self._jobs.pop(uuid, None)
        if outcome is None or not outcome.set_running_or_notify_cancel():
            return
        if error is None:
            outcome.set_result(Reply(text))
        else:
            outcome.set_exception(LinkError(f"FreeSWITCH at {self.name}: {error}"))

    def _deliver(self) -> bool:
        """Be told by the loop that jobs have ended."""
        tap = self._tap
        events: list[Event] = tap.take(256) if tap is not None else []
        for event in events:
            if event.getType() == "BACKGROUND_JOB":
                self._end_job(event.getHeader("Job-UUID") or "", event.getBody() or "")
                continue
            for uuid in list(self._jobs):
                self._end_job(uuid, error=event.getHeader("Reason") or "the connection was lost")
        return bool(events)

    def begin(self, line: str) -> Outcome:
        """Have the switch begin it."""
        return self.command(f"bgapi {line}")

    def bgapi(self, line: str, refused: Callable[[str], object] | None = None) -> str:
        """Have the switch begin it."""
        uuid = str(uuids.uuid4())
        refused = refused or not_begun(line)

        def answered(text: str | None, why: str | None) -> None:
            if text is None:
                refused(NoAnswer(f"FreeSWITCH at {self.name}: {why}"))
            elif not text.startswith("+OK"):
                refused(refusal(text) or text)

        self._socket.send([f"bgapi {line}", f"Job-UUID: {uuid}"], answered)
        return uuid

    def execute(self, uuid: str, app: str, argument: str, loops: int, event_uuid: str | None, then: Refused) -> None:
        """Send the leg a message."""
        lines = [f"sendmsg {uuid}", "call-command: execute", f"execute-app-name: {app}", f"loops: {loops}"]
        if event_uuid is not None:
            lines.append(f"event-uuid: {event_uuid}")
        body = None
        if len(argument) > LONGEST_LINE or argument != argument.strip() or "\n" in argument:
            lines.append("content-type: text/plain")
            body = argument
        elif argument:
            lines.append(f"execute-app-arg: {argument}")

        def answered(text: str | None, why: str | None) -> None:
            if text is None:
                then(NoAnswer(f"FreeSWITCH at {self.name}: {why}"))
            elif text.startswith("-ERR invalid session"):
                then("there is no such call")
            else:
                then(refusal(text))

        self._socket.send(lines, answered, body)


def connect(host: str = "127.0.0.1", port: int | str = 8021, password: str = "ClueCon", **options: Any) -> SocketLink:
    """Give a link to the switch whose event socket this is, connected; LinkError says why that failed.

    In a thread, not on the loop. Options are those of `SocketLink`.
    """
    link = SocketLink(host, port, password, **options)
    link.connect()
    return link


def _is_at_once(line: str) -> bool:
    return line.partition(" ")[0] in AT_ONCE


def _text_of(outcome: Outcome) -> str:
    error = outcome.exception()
    return NoAnswer(f"-ERR {error}") if error is not None else str(outcome.result())


def _on_loop(function: Callable[..., Any], *arguments: Any) -> None:
    from _freeswitch import post

    if on_loop():
        function(*arguments)
    else:
        post(lambda: function(*arguments))

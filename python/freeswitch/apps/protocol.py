"""What switchio's connection speaks by: the commands and the events of one switch.

The wire itself is read by the module; a program gives commands here, and takes events from `event_queue`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from _freeswitch import Event

from freeswitch import _loop, events
from freeswitch._waits import Outcome
from freeswitch.apps._link import EventTap, Link, LinkError, Reply, local, port_of, refusal
from freeswitch.apps._places import call
from freeswitch.apps._socket_link import SocketLink

log = logging.getLogger("freeswitch.apps")

# Events that nobody has taken.
QUEUE = 100_000


class EventQueue:
    """Events in their order; any coroutine of any event loop may take them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[Event] = deque(maxlen=QUEUE)
        self._takers: deque[Outcome] = deque()

    def put_nowait(self, event: Event) -> None:
        """Add one; the oldest goes where there are 100,000."""
        with self._lock:
            while self._takers:
                taker = self._takers.popleft()
                if taker.set_running_or_notify_cancel():
                    break
            else:
                self._events.append(event)
                return
        taker.set_result(event)

    async def get(self) -> Event:
        """Take the oldest; where there is none, wait."""
        taker = Outcome()
        with self._lock:
            if self._events:
                return self._events.popleft()
            self._takers.append(taker)
        try:
            return await taker  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            taker.cancel()
            raise

    def qsize(self) -> int:
        """How many there are."""
        return len(self._events)

    def empty(self) -> bool:
        """Tell whether there is none."""
        return not self._events

    def task_done(self) -> None:
        """Nothing: nobody waits for what was taken."""


class InboundProtocol:
    """One switch: that in which this runs where `host` is None, else the one with this event socket.

    autorecon: for how many seconds a connection that is lost is tried again; True: for as long as it takes.
    on_disconnect: called with this protocol, on the loop, when the connection is lost and will be tried again.
    """

    def __init__(
        self,
        host: str | None,
        password: str = "ClueCon",
        loop: Any = None,
        autorecon: float | bool = False,
        on_disconnect: Callable[[InboundProtocol], object] | None = None,
        *,
        port: int | str = 8021,
    ) -> None:
        self.host, self.port, self.password, self.loop = host, port_of(port), password, loop
        self.autorecon, self.on_disconnect = autorecon, on_disconnect
        self.log = log
        self.event_queue = EventQueue()
        self._link: Link | None = None
        self._tap: EventTap | None = None
        self._over = Outcome()
        self._timer: asyncio.TimerHandle | None = None

    # The connection

    def connect(self) -> None:
        """Connect, in a thread. ConnectionError when the switch cannot be reached, or refuses the password."""
        link = self._open()
        if isinstance(link, SocketLink):
            link.connect()

    async def ready(self) -> None:
        """Connect, in a coroutine of the module's loop or of another one."""
        link = self._open()
        if not isinstance(link, SocketLink):
            return
        from _freeswitch import on_loop

        await (link.ready() if on_loop() else asyncio.to_thread(link.connect))

    def _open(self) -> Link:
        if self._link is not None and self.connected():
            return self._link
        self._over = Outcome()
        if self.host is None:
            self._link = local()
            return self._link
        link = self._link = SocketLink(self.host, self.port, self.password)
        call(self._begin_tap, link, link.own_names)
        return link

    def _begin_tap(self, link: Link, names: Iterable[str]) -> None:
        self._tap = link.tap(names, limit=QUEUE)
        _loop.here.taps[self._tap.id] = self

    @property
    def link(self) -> Link:
        """What the commands go by. ConnectionError where it is not connected."""
        if self._link is None or not self.connected():
            raise LinkError(f"there is no connection to {self.host or 'this switch'}: call connect() first")
        return self._link

    def connected(self) -> bool:
        """Tell whether the switch is there."""
        return self._link is not None and not self._over.done() and self._link.is_up()

    def authenticated(self) -> bool:
        """Tell whether it has taken the password."""
        return self.connected()

    def disconnected(self) -> Outcome:
        """Give what is done when the connection has ended, and is not tried again."""
        return self._over

    def disconnect(self) -> Outcome:
        """End the connection; that to the switch in which this runs takes no more events."""
        self.autorecon = False
        call(self._end)
        return self._over

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._tap is not None:
            _loop.here.taps.pop(self._tap.id, None)
            self._tap.close()
            self._tap = None
        if self._link is not None and not self._link.is_local:
            self._link.close()
        if not self._over.done():
            self._over.set_result(True)

    def _deliver(self) -> bool:
        """Be told by the loop of events."""
        tap = self._tap
        found: list[Event] = tap.take(256) if tap is not None else []
        for event in found:
            name = event.getType()
            if name == "SERVER_CONNECTED":
                if self._timer is not None:
                    self._timer.cancel()
                continue
            self.event_queue.put_nowait(event)
            if name == "SERVER_DISCONNECTED":
                self._lost()
        return bool(found)

    def _lost(self) -> None:
        if not self.autorecon:
            self._end()
            return
        if self.autorecon is not True:
            self._timer = asyncio.get_running_loop().call_later(float(self.autorecon), self._end)
        if self.on_disconnect is not None:
            self.on_disconnect(self)

    # Commands

    def subscribe(self, names: Iterable[str]) -> None:
        """Have events of these kinds put into the queue: `NAME`, `CUSTOM subclass`, or a subclass alone."""
        kinds, link = [events.kind_of(name) for name in names], self.link

        def begin() -> None:
            if self._tap is None:
                self._begin_tap(link, kinds)
            else:
                self._tap.extend(kinds)

        call(begin)

    def sendrecv(self, data: str) -> Outcome:
        """Give a command of the event socket itself, lines and all: await the reply."""
        first, *lines = data.rstrip("\n").split("\n")
        return self.link.command(first, *lines)

    def api(self, cmd: str, errcheck: bool = True) -> Outcome:
        """Run an API command: await its answer. What is refused is in the log, unless `errcheck` is False."""
        return self._checked(cmd, self.link.api(cmd), errcheck)

    def bgapi(self, cmd: str, errcheck: bool = True) -> Outcome:
        """Run an API command in the background: await the reply, whose `["Job-UUID"]` its BACKGROUND_JOB has."""
        return self._checked(f"bgapi {cmd}", self.link.begin(cmd), errcheck)

    def sendmsg(self, uuid: str, cmd: str, app: str = "", arg: str = "", params: str = "", loops: int = 1) -> Outcome:
        """Send a leg a message: `execute`, an application; `hangup`, with a cause as `app`."""
        outcome = Outcome()

        def answered(why: str | None) -> None:
            if outcome.set_running_or_notify_cancel():
                outcome.set_result(Reply("+OK" if why is None else f"-ERR {why}"))

        if cmd == "execute":
            self.link.execute(uuid, app, f"{params}{arg}", loops, None, answered)
        elif cmd == "hangup":
            self.link.give(f"uuid_kill {uuid} {app}".rstrip(), lambda answer: answered(refusal(answer)))
        else:
            raise ValueError(f"a leg's message is execute or hangup, not {cmd!r}")
        return self._checked(f"{cmd} {app} of {uuid}", outcome, True)

    def _checked(self, cmd: str, outcome: Outcome, errcheck: bool) -> Outcome:
        def look(_: object) -> None:
            error = None if outcome.cancelled() else outcome.exception()
            why = str(error) if error is not None else None if outcome.cancelled() else refusal(outcome.result())
            if why is not None:
                log.warning("MR0015 '%s' was refused: %s", cmd, why)

        if errcheck:
            outcome.add_done_callback(look)
        return outcome


__all__ = ["EventQueue", "InboundProtocol"]

"""Connections: commands and events of one switch, with no app around them."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, Self

from _freeswitch import Event

from freeswitch._waits import Outcome
from freeswitch.apps._link import LinkError, Reply, port_of
from freeswitch.apps.protocol import InboundProtocol

ConnectionError = LinkError


class Connection:
    """The event socket at `host`, or where that is None the switch in which this runs; `with` connects and ends it.

    Its methods may be called in any thread. What `api`, `bgapi` and `execute` give is awaited in a coroutine, of
    whichever event loop, or asked in a thread by `result(timeout)`.

    autorecon: for how many seconds a connection that is lost is tried again; True: for as long as it takes.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | str = 8021,
        password: str = "ClueCon",
        loop: Any = None,
        autorecon: float | bool = 30,
    ) -> None:
        self.host, self.port, self.password = host or "localhost", port_of(port), password
        self._given_host = host
        self.loop = loop
        self.autorecon = autorecon
        self.log = logging.getLogger("freeswitch.apps")
        self.protocol: InboundProtocol | None = None

    def __repr__(self) -> str:
        return f"<freeswitch.apps.Connection to {self.host}:{self.port}>"

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    def connect(
        self,
        host: str | None = None,
        port: int | str | None = None,
        password: str | None = None,
        loop: Any = None,
        block: bool = True,
        timeout: float | None = None,
    ) -> Coroutine[Any, Any, None] | None:
        """Connect; where `block` is False, await what this gives. ConnectionError says why it cannot be."""
        self._given_host = host or self._given_host
        self.host = self._given_host or "localhost"
        self.port = self.port if port is None else port_of(port)
        self.password, self.loop = password or self.password, loop or self.loop
        if self.connected():
            return _nothing() if not block else None
        where = self._given_host, self.password, self.loop, self.autorecon
        protocol = self.protocol = InboundProtocol(*where, port=self.port)
        if not block:
            return protocol.ready()
        protocol.connect()
        return None

    def connected(self) -> bool:
        """Tell whether it is connected."""
        return self.protocol is not None and self.protocol.connected()

    def disconnect(self, block: bool = True, loop: Any = None) -> Outcome | None:
        """End the connection; where `block` is False, what this gives says when it has ended."""
        if self.protocol is None:
            return None
        ended = self.protocol.disconnect()
        return None if block else ended

    @property
    def _on(self) -> InboundProtocol:
        if self.protocol is None:
            raise LinkError(f"there is no connection to {self.host}:{self.port}: call connect() first")
        return self.protocol

    def new_connection(self) -> Self:
        """Give another one to the same switch, which is not connected yet."""
        return type(self)(self._given_host, self.port, self.password, self.loop, self.autorecon)

    # Events

    def subscribe(self, event_types: Iterable[str], fmt: str = "plain") -> Outcome:
        """Have events of these kinds come: `NAME`, `CUSTOM subclass`, or a subclass alone."""
        self._on.subscribe(event_types)
        done = Outcome()
        done.set_result(Reply(f"+OK event listener enabled {fmt}"))
        return done

    def tap(self, *what: Any) -> Any:
        """Have events kept for the loop: what `freeswitch.events` asks for."""
        return self._on.link.tap(*what)

    async def recv_event(self) -> Event:
        """Wait for the next event, in their order. SERVER_DISCONNECTED says that the connection was lost."""
        return await self._on.event_queue.get()

    # Commands

    def api(self, cmd: str, errcheck: bool = True, block: bool = False, timeout: float | None = None) -> Any:
        """Run an API command: await its answer; where `block` is True, wait for it, and give that.

        What is refused is in the log, unless `errcheck` is False.
        """
        if block:
            return Reply(self._on.link.ask(cmd, timeout))
        return self._on.api(cmd, errcheck)

    def cmd(self, cmd: str) -> str:
        """Run an API command, and wait for its answer. APIError when it is refused."""
        return self._on.link.cmd(cmd)

    def bgapi(self, cmd: str, block: bool = False) -> Any:
        """Run an API command in the background: the reply's `["Job-UUID"]` is that of its BACKGROUND_JOB."""
        reply = self._on.bgapi(cmd)
        return reply.result() if block else reply

    def execute(self, uuid: str, app: str, arg: str = "", params: str = "", loops: int = 1) -> Outcome:
        """Have a leg's thread run a dialplan application."""
        return self._on.sendmsg(uuid, "execute", app, arg, params, loops)


async def _nothing() -> None:
    """Be connected already."""


def get_connection(
    host: str | None = None, port: int | str = 8021, password: str = "ClueCon", loop: Any = None
) -> Connection:
    """Give a connection, which `connect()` makes."""
    return Connection(host, port, password, loop)


__all__ = ["Connection", "ConnectionError", "get_connection"]

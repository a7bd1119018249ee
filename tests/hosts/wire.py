"""A client of the event socket that hides nothing: what it sends and gets are bytes."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import unquote_to_bytes

TIMEOUT = 20.0
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Ended(Exception):
    """The switch has closed the connection."""


@dataclass
class Packet:
    """One packet: its head as it came, with both line ends, and its body."""

    head: bytes
    body: bytes = b""
    headers: dict[str, bytes] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        """All of it."""
        return self.head + self.body

    @property
    def kind(self) -> str:
        """Its Content-Type."""
        return self.headers["Content-Type"].decode()

    @property
    def reply(self) -> bytes:
        """Its Reply-Text."""
        return self.headers["Reply-Text"]

    def event(self) -> dict[str, bytes]:
        """The headers of the plain event in its body, decoded; the event's own body under `_body`."""
        return decoded(self.body)


def decoded(text: bytes) -> dict[str, bytes]:
    """The headers of a plain event, decoded."""
    head, _, body = text.partition(b"\n\n")
    event = {}
    for line in head.split(b"\n"):
        name, _, value = line.partition(b": ")
        event[name.decode()] = unquote_to_bytes(value)
    if body:
        event["_body"] = body
    return event


class Wire:
    """A connection, of a client to the switch or of the switch to a client."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT)
        MADE.append(self)
        self.socket = connection
        self._kept = b""

    @classmethod
    def to(cls, port: int, password: str | None = None) -> Self:
        """Connect, and with a password be let in."""
        wire = cls(socket.create_connection(("127.0.0.1", port)))
        if password is not None:
            assert wire.packet().kind == "auth/request"
            assert wire.ask(f"auth {password}").reply == b"+OK accepted"
        return wire

    def send(self, data: bytes) -> None:
        """Send just these bytes."""
        self.socket.sendall(data)

    def command(self, line: str | bytes) -> None:
        """Send a command."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\n\n")

    def ask(self, line: str | bytes) -> Packet:
        """Send a command and take the next packet, which must not be an event."""
        self.command(line)
        packet = self.packet()
        assert packet.kind in ("command/reply", "api/response"), packet
        return packet

    def packet(self) -> Packet:
        """Take the next packet."""
        while b"\n\n" not in self._kept:
            self._more()
        head, _, self._kept = self._kept.partition(b"\n\n")
        head += b"\n\n"
        headers = {}
        for line in head.split(b"\n"):
            name, colon, value = line.partition(b": ")
            if colon:
                headers[name.decode()] = value
        length = int(headers.get("Content-Length", 0))
        while len(self._kept) < length:
            self._more()
        body, self._kept = self._kept[:length], self._kept[length:]
        return Packet(head, body, headers)

    def event(self) -> dict[str, bytes]:
        """Take the next packet, a plain event."""
        packet = self.packet()
        assert packet.kind == "text/event-plain", packet
        return packet.event()

    def events_until(self, name: str) -> list[dict[str, bytes]]:
        """Take plain events up to the first of that name."""
        events = [self.event()]
        while events[-1]["Event-Name"] != name.encode():
            events.append(self.event())
        return events

    def ask_connect(self) -> Packet:
        """Say `connect`, as the client of a call; its data, which stands in the head."""
        self.command("connect")
        return self.packet()

    def packets_to(self, kind: str) -> list[Packet]:
        """Take packets up to the first of that kind."""
        packets = [self.packet()]
        while packets[-1].kind != kind:
            packets.append(self.packet())
        return packets

    def rest(self) -> bytes:
        """Take what comes until the switch closes."""
        try:
            while True:
                self._more()
        except Ended:
            rest, self._kept = self._kept, b""
            return rest

    def quiet(self) -> bool:
        """Whether nothing has come that was not taken; after an answered command nothing is on its way."""
        self.socket.setblocking(False)
        try:
            self._more()
        except (BlockingIOError, Ended):
            pass
        finally:
            self.socket.settimeout(TIMEOUT)
        return not self._kept

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            # It was closed with something that was not read.
            data = b""
        if not data:
            raise Ended
        self._kept += data

    def close(self) -> None:
        """Hang up on the switch."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Lines:
    """Where the switch connects to by the application `socket`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        MADE.append(self)
        self._listener.settimeout(TIMEOUT)
        self.port: int = self._listener.getsockname()[1]

    def accept(self) -> Wire:
        """The next call."""
        return Wire(self._listener.accept()[0])

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()


MADE: list[Wire | Lines] = []


def close_all() -> None:
    """Close all that was made: a test that fails leaves what it had."""
    while MADE:
        MADE.pop().close()


Connect = Callable[[], Wire]

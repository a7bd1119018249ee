"""A small client of FreeSWITCH's event socket: enough to watch a private instance and to command it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

Headers = dict[str, str]


class EslError(ConnectionError):
    """The socket was closed or refused us: the switch is gone, or about to be."""


@dataclass
class Packet:
    """One answer or message of the switch."""

    headers: Headers
    body: str = ""

    @property
    def kind(self) -> str:
        """What the switch says it is, such as `command/reply`."""
        return self.headers.get("Content-Type", "")


class Connection:
    """One authenticated connection, used by one thread at a time."""

    def __init__(self, port: int, password: str, timeout: float = 30) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._file = self._socket.makefile("rb")
        try:
            self.read()  # it asks for the password
            reply = self.command(f"auth {password}")
            if not reply.headers.get("Reply-Text", "").startswith("+OK"):
                # Another process may have taken the port: its password is not ours.
                raise EslError("the event socket refused the password")
        except EslError:
            self.close()
            raise

    def command(self, line: str) -> Packet:
        """Send one command and read its answer; only where no events are subscribed to."""
        self.send(line)
        return self.read()

    def send(self, line: str) -> None:
        """Send one command."""
        try:
            self._socket.sendall(line.encode("utf-8", "surrogateescape") + b"\n\n")
        except OSError as error:
            raise EslError(str(error)) from error

    def wait_forever(self) -> None:
        """Take the timeout off: the next packet may be long in coming."""
        self._socket.settimeout(None)

    def read(self) -> Packet:
        """The next packet."""
        try:
            headers: Headers = {}
            while True:
                raw = self._file.readline()
                if not raw:
                    raise EslError("the switch closed the event socket")
                line = decode(raw).rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    headers[name] = value
                elif headers:
                    break
            length = int(headers.get("Content-Length", 0))
            return Packet(headers, decode(self._file.read(length)) if length else "")
        except (OSError, ValueError) as error:
            # A ValueError is a read of a file that close() took away.
            raise EslError(str(error)) from error

    def close(self) -> None:
        """Close it, also under a thread that reads: that one gets an EslError."""
        with contextlib.suppress(OSError):  # the other side may have been first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self._socket.close()


class Pool:
    """Connections for commands: one that is idle, or a new one while all are busy."""

    def __init__(self, port: int, password: str) -> None:
        self._port = port
        self._password = password
        self._idle: list[Connection] = []
        # The switch listens with a backlog of 5: of more that come at once the system loses some.
        self._connects = threading.Lock()

    def api(self, command: str) -> str:
        """Run one command of the console, from any thread."""
        return self.command(f"api {command}").body

    def command(self, line: str) -> Packet:
        """Run one command of the event socket, from any thread."""
        try:
            connection = self._idle.pop()
        except IndexError:
            with self._connects:
                connection = Connection(self._port, self._password)
        try:
            reply = connection.command(line)
        except EslError:
            connection.close()
            raise
        self._idle.append(connection)
        return reply

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()


@dataclass
class Listener:
    """A connection that takes every event and log line, on a thread of its own."""

    port: int
    password: str
    on_event: Callable[[Headers], None]
    on_log: Callable[[Packet], None]
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._connection = Connection(self.port, self.password)
        self._connection.command("log debug")
        # From here on events may stand before the reply, so the loop reads that, too.
        self._connection.wait_forever()
        self._thread = threading.Thread(target=self._run, name="event socket", daemon=True)
        self._connection.command("event plain ALL")
        # Each command fires one: a loop that measures commands would measure us. The answer is left to the loop.
        self._connection.send("nixevent API")
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                packet = self._connection.read()
                if packet.kind == "log/data":
                    self.on_log(packet)
                elif packet.kind == "text/event-plain":
                    self.on_event(parse_event(packet.body))
        except EslError:
            self.ended.set()

    def close(self) -> None:
        """Stop listening."""
        self._connection.close()
        self._thread.join(10)


def parse_event(text: str) -> Headers:
    """An event's headers, its body under `_body`."""
    head, _, body = text.partition("\n\n")
    event: Headers = {}
    for line in head.split("\n"):
        name, _, value = line.partition(": ")
        event[name] = unquote(value, errors="surrogateescape")
    if body:
        event["_body"] = body
    return event


def decode(raw: bytes) -> str:
    """Text of the switch; what is no UTF-8 keeps its bytes."""
    return raw.decode("utf-8", "surrogateescape")

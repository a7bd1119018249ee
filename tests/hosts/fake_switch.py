"""An event socket that says what a test has it say, bytes and all."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

GREETING = b"Content-Type: auth/request\n\n"
DEADLINE = 60.0


class FakeSwitch:
    """Listens on 127.0.0.1; `answers` are what API commands are answered with, `commands` what was asked, in order."""

    def __init__(
        self,
        password: str = "ClueCon",
        *,
        port: int = 0,
        greeting: bytes = GREETING,
        answers: Mapping[str, str | Callable[[str], str]] | None = None,
    ) -> None:
        self.password, self.greeting = password, greeting
        self.answers: dict[str, str | Callable[[str], str]] = dict(answers or {})
        self.commands: queue.Queue[str] = queue.Queue()
        self.all_commands: list[str] = []
        self.connections: list[socket.socket] = []
        # Those that have given the password.
        self.entered: queue.Queue[socket.socket] = queue.Queue()
        # Held by who speaks: an answer must not come in the middle of an event.
        self.speaks = threading.RLock()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection.makefile("rb") as file:
            connection.sendall(self.greeting)
            lines: list[str] = []
            for raw in file:
                line = raw.decode("utf-8", "surrogateescape").rstrip("\n")
                if line:
                    lines.append(line)
                elif lines:
                    length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
                    body = file.read(length).decode("utf-8", "surrogateescape")
                    command = "\n".join([*lines, *([body] if body else [])])
                    lines = []
                    self._obey(connection, command)

    def _obey(self, connection: socket.socket, command: str) -> None:
        if command.startswith("auth "):
            if command == f"auth {self.password}":
                connection.sendall(reply("+OK accepted"))
                self.entered.put(connection)
            else:
                connection.sendall(reply("-ERR invalid"))
            return
        name = command.partition(" ")[0]
        two = " ".join(command.split("\n", maxsplit=1)[0].split(" ")[:2])
        answer = self.answers.get(command, self.answers.get(two, self.answers.get(name)))
        text = answer(command) if callable(answer) else answer
        with self.speaks:
            if name == "api":
                connection.sendall(framed("api/response", text if text is not None else "+OK\n"))
            else:
                connection.sendall(reply(text if text is not None else "+OK"))
        # Whoever waits for it finds it answered.
        self.all_commands.append(command)
        self.commands.put(command)

    # What a test does

    def wait_entered(self) -> socket.socket:
        """Wait for the next client that has given the password."""
        return self.entered.get(timeout=DEADLINE)

    def wait_for(self, begins: str) -> str:
        """Wait for a command that begins so; others before it are skipped."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            command = self.commands.get(timeout=DEADLINE)
            if command.startswith(begins):
                return command
        raise TimeoutError(f"no command that begins with {begins!r}")

    def send(self, raw: bytes) -> None:
        """Say this to the last that has come."""
        with self.speaks:
            self.connections[-1].sendall(raw)

    def drop(self) -> None:
        """Close all connections, as a process that dies does."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.connections.clear()

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()


def reply(text: str) -> bytes:
    """Give a reply to a command of the socket's own."""
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode("utf-8", "surrogateescape")


def framed(kind: str, body: str | bytes) -> bytes:
    """Give a message with a body."""
    raw = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    return f"Content-Type: {kind}\nContent-Length: {len(raw)}\n\n".encode() + raw


def plain(name: str, headers: Mapping[str, str | bytes], body: str = "") -> bytes:
    """Give an event as text."""
    lines = [f"Event-Name: {name}", *(f"{key}: {quote(value)}" for key, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\n".join(lines) + "\n\n" + body).encode()


def event(name: str, body: str = "", **headers: str | bytes) -> bytes:
    """Give an event as it is sent; in names, `_` stands for `-`."""
    return framed("text/event-plain", plain(name, {key.replace("_", "-"): v for key, v in headers.items()}, body))


def leg(name: str, uuid: str, **headers: str | bytes) -> bytes:
    """Give an event of a leg."""
    about = {"Unique_ID": uuid, "Call_Direction": "inbound", "Answer_State": "ringing", **headers}
    about["Event_Date_Timestamp"] = str(time.time_ns() // 1000)
    return framed("text/event-plain", plain(name, {key.replace("_", "-"): value for key, value in about.items()}))


PRELUDE = """
import asyncio, json, logging, os, sys, threading, time
import freeswitch
from freeswitch import _loop, apps
from freeswitch.apps import _link, _prepost, _socket_link
from freeswitch.apps._dispatch import Listener
from freeswitch.apps._socket_link import SocketLink
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
PORT, PORTS = int(sys.argv[1]), [int(port) for port in sys.argv[1:]]

def say(what, **more):
    print(json.dumps({"what": what, **more}), flush=True)

def load(listener, app, app_id="default"):
    _loop.call(_prepost.load, listener, app, app_id, None, False, {}, {})

def serve(app, link=None, **options):
    link = link or _socket_link.connect("127.0.0.1", PORT, **options)
    listener = _loop.call(Listener, link)
    load(listener, app)
    return listener
"""


class Client:
    """A program outside of every switch, that has a link to some; it says what it sees, a JSON object a line."""

    def __init__(self, script: str, *ports: int) -> None:
        command = [sys.executable, "-c", PRELUDE + script, *map(str, ports)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._kept: list[dict[str, Any]] = []
        self.log: list[str] = []
        self._readers = [threading.Thread(target=target, daemon=True) for target in (self._read, self._read_log)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._said.put(json.loads(line))

    def _read_log(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def wait_for(self, what: str) -> dict[str, Any]:
        """Wait until it has said this; give all of it. What else it says meanwhile is kept."""
        deadline = time.monotonic() + DEADLINE
        for said in self._kept:
            if said["what"] == what:
                self._kept.remove(said)
                return said
        while time.monotonic() < deadline:
            try:
                said = self._said.get(timeout=0.2)
            except queue.Empty:
                # It may have ended, and what it said last not be read yet.
                if not self._readers[0].is_alive() and self._said.empty():
                    break
                continue
            if said["what"] == what:
                return said
            self._kept.append(said)
        raise TimeoutError(f"it has not said {what!r}, but {self._kept}; its log: {self.log}")

    def wait_log(self, part: str) -> str:
        """Wait for a line of its log that has this in it."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            found = next((line for line in list(self.log) if part in line), None)
            if found is not None:
                return found
            time.sleep(0.01)
        raise TimeoutError(f"no {part!r} in its log: {self.log}")

    def end(self) -> int:
        """Have it end, by the end of its input, and wait: its status. Its log is whole then."""
        assert self.process.stdin
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        status = self.process.wait(DEADLINE)
        for reader in self._readers:
            reader.join(DEADLINE)
        return status

    def kill(self) -> None:
        """End it anyhow."""
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

"""`freeswitch-apps serve` beside a switch, for tests: a process of its own with some programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import Host, LiveCall

# A program whose call waits, and that says so by a variable which is written in the order of its verbs.
WAITS = """
import asyncio
import freeswitch

async def handler(session, args):
    await session.answer()
    session.variables["begun"] = args
    await session.execute("set", "in_order=${begun}")
    await session.play("silence_stream://60000")
    session.variables["never"] = "carried out"
"""


class Served:
    """`freeswitch-apps serve`, with some programs."""

    def __init__(
        self, host: Host, *files: Path, options: tuple[str, ...] = (), at: tuple[int, str] | None = None
    ) -> None:
        port, password = at or host.event_socket()
        line = [sys.executable, "-m", "freeswitch.apps", "serve", f"127.0.0.1:{port}", *map(str, files)]
        self.process = subprocess.Popen(
            [*line, "--password", password, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self.files = files
        self._read = threading.Thread(target=self._reads)
        self._read.start()
        self._host = host

    def _reads(self) -> None:
        assert self.process.stderr
        self.said.extend(iter(self.process.stderr.readline, ""))

    def up(self) -> Served:
        """Wait until it serves."""
        self._host.wait_for(lambda: any("serves the calls" in line for line in self.said) or None, 30, str(self.said))
        return self

    def again(self) -> None:
        """Wait until it serves again."""
        self._host.wait_for(lambda: any("served again" in line for line in self.said) or None, 30, str(self.said))

    def end(self, how: int = signal.SIGINT) -> int:
        """End it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(30)
        self._read.join(30)
        assert self.process.stdout
        self.process.stdout.close()
        assert self.process.stderr
        self.process.stderr.close()
        return code


Serve = Callable[..., Served]


@pytest.fixture
def serve(served: Host, tmp_path: Path) -> Iterator[Serve]:
    """Start a program on the switch's event socket."""
    started: list[Served] = []

    def start(*sources: str, options: tuple[str, ...] = ()) -> Served:
        files = []
        for number, text in enumerate(sources):
            path = tmp_path / f"program_{os.getpid()}_{len(started)}_{number}.py"
            path.write_text(text, encoding="utf-8")
            files.append(path)
        started.append(Served(served, *files, options=options))
        return started[-1]

    yield start
    for one in started:
        one.end(signal.SIGKILL)


def after(served: Host, program: str, **how: str) -> str:
    """An extension whose dialplan goes on after the program."""
    sets = [("set", f"{name}={value}") for name, value in how.items()]
    return served.extension(*sets, ("pysocket", f"{program} one"), ("set", "went=on"), ("sleep", "200"))


def begun(served: Host, program: str) -> LiveCall:
    """A call whose program, `WAITS`, has begun."""
    call = served.start_call(after(served, program))
    served.wait_for(lambda: served.api(f"uuid_getvar {call.uuid} in_order").strip() == "one" or None, 20)
    return call


__all__ = ["WAITS", "Serve", "Served", "after", "begun", "serve"]

"""`freeswitch-apps serve` beside a switch, for tests: a process of its own with some programs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import Host, LiveCall
from support.serving import Serving

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


class Served(Serving):
    """`freeswitch-apps serve` on a switch's event socket."""

    def __init__(
        self, host: Host, *files: Path, options: tuple[str, ...] = (), at: tuple[int, str] | None = None
    ) -> None:
        port, password = at or host.event_socket()
        super().__init__(host, f"127.0.0.1:{port}", *files, "--password", password, *options)
        self.files = files

    def up(self) -> Served:
        """Wait until it serves."""
        self.says("serves the calls")
        return self

    def again(self) -> None:
        """Wait until it serves again."""
        self.says("served again")

    def end(self, how: int = signal.SIGINT) -> int:
        """End it; its exit code."""
        return super().end(how)


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

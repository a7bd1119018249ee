"""Workers for tests: `freeswitch-apps serve nats://... program.py`, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import CallResult, Host, LiveCall
from support.configuration import settings
from support.nats import Nats, connected, needs_nats, node_of, server
from support.serving import NOWHERE, Serving

# What a test has to name itself, so that workers of two do not serve each other's calls.
NAMES = iter(range(1, 1_000_000))


class Worker(Serving):
    """A worker with some programs."""

    def __init__(self, host: Host, url: str, *files: Path, options: tuple[str, ...] = (), out: Path = NOWHERE) -> None:
        super().__init__(host, url, *files, *options, out=out)

    def up(self) -> Worker:
        """Wait until it serves."""
        self.name = self.says(r"worker (\S+) serves the calls").group(1)
        return self

    def end(self, how: int = signal.SIGKILL) -> int:
        """End it; its exit code."""
        return super().end(how)


Work = Callable[..., Worker]


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats | None]:
    """A server for all tests of a module."""
    yield from server(tmp_path_factory)


def on_bus(host: Host, nats: Nats, url: str | None = None) -> None:
    """Have a switch be on the bus, by a way of its own where one is given."""
    host.config(settings(("bus-url", url or nats.url), ("bus-node", node_of(host))))
    connected(host)


@pytest.fixture
def node(served: Host, nats: Nats) -> Host:
    """The switch under test, on the bus."""
    on_bus(served, nats)
    return served


@pytest.fixture
def app() -> str:
    """The name of a program that no other test has."""
    return f"app{next(NAMES)}_{os.getpid()}"


@pytest.fixture
def work(node: Host, nats: Nats, tmp_path: Path, app: str) -> Iterator[Work]:
    """Start a worker for a program, which is known when this returns."""
    started: list[Worker] = []

    def start(source: str, *options: str, name: str = app, function: str = "", url: str = nats.url) -> Worker:
        program = tmp_path / f"{name}.py"
        program.write_text(source, encoding="utf-8")
        started.append(Worker(node, url, Path(f"{program}{function}"), options=options).up())
        return started[-1]

    yield start
    for one in started:
        one.end()


def known(host: Host, app: str) -> None:
    """Wait until every worker has had the time to be known: from then on none is waited for."""
    nobody = f"no worker serves '{app}'"
    host.wait_for(lambda: host.call(("pyremote", app)).variables["python_error"] == nobody or None)


def variable(host: Host, uuid: str, name: str) -> str:
    """Wait until a live call has a variable, and give it."""

    def look() -> str | None:
        found = host.api(f"uuid_getvar {uuid} {name}").strip()
        return None if found.startswith(("-ERR", "_undef_")) else found

    return host.wait_for(look, 30, f"{name} of {uuid}")


HEAD = "import asyncio, json, os, sys, time\nimport freeswitch\n"


# How a handler starts whose calls `begun` waits for; what follows is its body.
BEGINS = (
    HEAD
    + """
async def handler(session, args):
    await session.answer()
    session.setVariable("pid", str(os.getpid()))
    await session.execute("set", "begun=${pid}")
"""
)


def keeps(state: str) -> str:
    """A program that keeps a checkpoint, says so by `is_kept`, and waits."""
    return (
        BEGINS
        + f"""
    await session.checkpoint({state!r})
    await session.execute("set", "is_kept=${{pid}}")
    await session.play("silence_stream://-1")
"""
    )


def saw(result: CallResult) -> object:
    """What the handler has left in a variable."""
    assert "saw" in result.variables, result.variables.get("python_error")
    return json.loads(result.variables["saw"])


WAITS = (
    HEAD
    + """
async def handler(session, args):
    async def gone(session, what):
        session.setVariable("hooked", what)
    session.set_hangup_hook(gone)
    await session.answer()
    session.setVariable("pid", str(os.getpid()))
    await session.execute("set", "begun=${pid}")
    try: await session.play("silence_stream://-1")
    finally: session.setVariable("saw", json.dumps(session.lost))
"""
)


def begun(host: Host, app: str, *before: tuple[str, str]) -> tuple[LiveCall, int]:
    """A call whose handler has begun, and the process that it runs in."""
    call = host.start_call(host.extension(*before, ("pyremote", f"{app} one"), ("set", "went=on"), ("sleep", "200")))
    return call, int(variable(host, call.uuid, "begun"))


__all__ = [
    "BEGINS", "HEAD", "WAITS", "Nats", "Work", "Worker", "app", "begun", "keeps", "known", "nats", "needs_nats", "node",
    "on_bus", "saw", "variable", "work",
]  # fmt: skip

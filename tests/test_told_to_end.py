"""Programs that are told to end just when they have taken a lock."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hosts.ports import free_port
from support.nats import Nats, needs_nats
from support.signals import Signalled, in_a_lock

DEADLINE = 60.0

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
SERVES = """
async def handler(session, args):
    await session.answer()
"""

APP = """
from freeswitch import apps

class Mine:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, sess): pass
"""


def until(line: Callable[[], str], what: str) -> str:
    """Read lines until there is one with this; that one."""
    seen: list[str] = []
    while what not in (found := line()):
        assert found, f"{what} is not in {seen}"
        seen.append(found)
    return found


def ends(program: Signalled) -> int:
    """Have the signal come; the exit code."""
    program.signal()
    return program.process.wait(DEADLINE)


@needs_nats
@BOTH
def test_the_bus_to_try(number: int) -> None:
    with in_a_lock(number, "freeswitch.apps", "bus", "--port", str(free_port())) as program:
        until(program.line, "bus-url")
        assert ends(program) == 0


@BOTH
def test_a_pocket_that_is_served(number: int) -> None:
    with in_a_lock(number, "pocket", "serve", "--listen", "127.0.0.1:0") as program:
        until(program.line, "event socket on ")
        assert ends(program) == 0


def test_a_call_that_is_watched(tmp_path: Path) -> None:
    script = tmp_path / "begins.py"
    begun = tmp_path / "begun"
    script.write_text(f"def handler(session, args):\n    open({str(begun)!r}, 'w')\n    while True: pass\n")
    with in_a_lock(signal.SIGINT, "pocket", "watch", str(script)) as program:
        end = time.monotonic() + DEADLINE
        while not begun.exists():
            assert time.monotonic() < end, "the script has not begun"
            time.sleep(0.05)
        # No call has ended yet.
        assert ends(program) == 0


@BOTH
def test_programs_that_serve_a_switch(number: int, tmp_path: Path) -> None:
    script = tmp_path / "serves.py"
    script.write_text(SERVES)
    with in_a_lock(number, "freeswitch.apps", "serve", "--pocket", str(script)) as program:
        until(program.error_line, "serves the calls of")
        assert ends(program) == 0


@BOTH
def test_apps_that_serve_a_switch(number: int, tmp_path: Path) -> None:
    app = tmp_path / "mine.py"
    app.write_text(APP)
    with in_a_lock(number, "freeswitch.apps", "serve", "--pocket", "--app", f"{app}:Mine") as program:
        until(program.error_line, "serves the calls of")
        assert ends(program) == 0


@needs_nats
@BOTH
def test_a_worker(number: int, tmp_path: Path) -> None:
    script = tmp_path / "works.py"
    script.write_text(SERVES)
    nats = Nats(tmp_path / "nats")
    try:
        with in_a_lock(number, "freeswitch.apps", "serve", nats.url, str(script)) as program:
            until(program.error_line, "serves the calls of")
            assert ends(program) == 0
    finally:
        nats.stop()


def test_a_dialer() -> None:
    with in_a_lock(
        signal.SIGINT, "freeswitch.apps", "dial", "--pocket", "--rate", "10", "--limit", "20", "--duration", "1"
    ) as program:
        until(program.line, "ORIGINATING")
        assert ends(program) == 0


def test_a_search_for_the_capacity() -> None:
    with in_a_lock(
        signal.SIGINT, "freeswitch.apps", "find-capacity", "--pocket", "--start-rate", "5", "--duration", "1"
    ) as program:
        until(program.line, "ORIGINATING")
        # As one that Ctrl-C ends: there is no result.
        assert ends(program) == 130

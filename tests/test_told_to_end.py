"""Ctrl-C and SIGTERM end programs: while they hold a lock, as soon as they are up, and when it comes twice."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from hosts.ports import free_port
from pocket._signals import SECOND, Noted
from support.nats import Nats, needs_nats
from support.signals import Running, Signalled, in_a_lock, started

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


STAYS = """
import time
from freeswitch import apps

class Stays:
    def prepost(self):
        yield
        time.sleep(1000)
    @apps.callback("CHANNEL_PARK")
    def on_park(self, sess): pass
"""


def test_a_second_ctrl_c_leaves_what_does_not_end(tmp_path: Path) -> None:
    app = tmp_path / "stays.py"
    app.write_text(STAYS)
    with started(
        "freeswitch.apps", "dial", "--pocket", "--app", f"{app}:Stays", "--rate", "10", "--limit", "5"
    ) as program:
        until(program.line, "ORIGINATING")
        end = time.monotonic() + DEADLINE
        while program.process.poll() is None:
            assert time.monotonic() < end, "it stays"
            program.process.send_signal(signal.SIGINT)
            time.sleep(SECOND * 1.5)
        assert program.process.returncode == 130


def test_two_ctrl_c_at_once_are_one() -> None:
    with started("pocket", "serve", "--listen", "127.0.0.1:0") as server:
        address = until(server.line, "event socket on ").split()[-1]
        with started("freeswitch.apps", "dial", address, "--dest-url", "loopback/9", "--rate", "1") as program:
            until(program.line, "ORIGINATING")
            program.process.send_signal(signal.SIGINT)
            program.process.send_signal(signal.SIGINT)
            said, wrong = program.process.communicate(timeout=DEADLINE)
    assert program.process.returncode == 0, wrong
    assert "calls offered" in said


@BOTH
def test_a_program_that_is_told_as_soon_as_it_serves_ends_in_order(number: int, tmp_path: Path) -> None:
    script = tmp_path / "serves.py"
    script.write_text(SERVES)
    with started("freeswitch.apps", "serve", "--pocket", str(script)) as program:
        until(program.error_line, "serves the calls of")
        program.process.send_signal(number)
        assert program.process.wait(DEADLINE) == 0


def test_a_switch_in_the_background_of_a_script_ends_by_ctrl_c() -> None:
    command = f"trap '' INT; exec {sys.executable} -m pocket serve --listen 127.0.0.1:0"
    with contextlib.closing(Running("sh", "-c", command)) as program:
        until(program.line, "event socket on ")
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(DEADLINE) == 0


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Set the clock that Noted reads."""
    time_now = [100.0]
    monkeypatch.setattr("pocket._signals.time", SimpleNamespace(monotonic=lambda: time_now[0]))
    return time_now


def test_a_second_one_is_raised_also_through_others(now: list[float]) -> None:
    with Noted(signal.SIGINT) as outer, Noted(signal.SIGINT) as inner:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert (inner.has_come, outer.has_come) == (True, False)
        now[0] += SECOND
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_others_handle_is_not_raised(now: list[float]) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        with Noted(signal.SIGTERM) as noted:
            signal.raise_signal(signal.SIGTERM)
            now[0] += SECOND
            signal.raise_signal(signal.SIGTERM)
            assert noted.has_come
        assert came == []
        signal.raise_signal(signal.SIGTERM)
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("even_ignored", [False, True])
def test_what_is_ignored_stays_so_but_where_it_is_asked_for(even_ignored: bool) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Noted(signal.SIGINT, even_ignored=even_ignored) as noted:
            signal.raise_signal(signal.SIGINT)
            assert noted.has_come is even_ignored
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_has_come_is_let_through_once_it_may() -> None:
    with Noted(signal.SIGINT) as noted:
        signal.raise_signal(signal.SIGINT)
        assert noted.wait(DEADLINE)
        with pytest.raises(KeyboardInterrupt):
            noted.let_through()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_another_thread_nothing_is_noted() -> None:
    found: list[bool] = []

    def enter() -> None:
        with Noted(signal.SIGINT) as noted:
            found.append(noted.has_come)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(DEADLINE)
    assert found == [False]

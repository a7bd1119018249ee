"""`python -m pocket watch`, and calls that Ctrl-C ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from pocket._commands import watch

# Real seconds: processes have to start.
DEADLINE = 60.0
WAITS = "--- waiting for a change in"

SAYS = "def handler(session, args):\n    session.answer()\n    print('says {}')\n"
STAYS = "def handler(session, args):\n    session.answer()\n    open({!r}, 'w').close()\n    while True: pass\n"


def stays(script: Path) -> Path:
    """Write a script that stays; what is there once it runs."""
    begun = script.parents[1] / "begun"
    script.write_text(STAYS.format(str(begun)), encoding="utf-8")
    return begun


def wait_for(path: Path) -> None:
    """Wait until it is there."""
    end = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < end, f"there is no {path}"
        time.sleep(0.05)


class Program:
    """`python -m pocket`, whose output is waited for; a group of its own gets Ctrl-C as from a terminal."""

    def __init__(self, *words: object) -> None:
        self.told = ""
        self._from = 0
        # A run in the background has it ignored.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pocket", *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, before)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def wait(self, text: str) -> None:
        """Wait until that was printed, after what was waited for before."""
        end = time.monotonic() + DEADLINE
        while (at := self.told.find(text, self._from)) < 0:
            assert self._read(end), f"no {text!r} in:\n{self.told}"
        self._from = at + len(text)

    def _read(self, end: float) -> bool:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
        new = os.read(self.process.stdout.fileno(), 65536) if ready else b""
        self.told += new.decode()
        return bool(new)

    def interrupt(self) -> int:
        """Press Ctrl-C; the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        end = time.monotonic() + DEADLINE
        while self._read(end):
            pass
        return self.process.wait(DEADLINE)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "scripts" / "ivr.py"
    path.parent.mkdir()
    path.write_text(SAYS.format(1), encoding="utf-8")
    return path


@pytest.fixture
def watched(script: Path) -> Iterator[Program]:
    with Program("watch", script) as program:
        program.wait("[INFO] says 1")
        program.wait(WAITS)
        yield program


def test_watch_calls_again_when_a_script_is_saved(watched: Program, script: Path) -> None:
    script.write_text(SAYS.format(2), encoding="utf-8")
    watched.wait("[INFO] says 2")
    watched.wait(WAITS)
    assert watched.interrupt() == 0
    assert "Traceback" not in watched.told


def test_watch_ends_after_so_many_calls(script: Path) -> None:
    with Program("watch", script, "--times", 1) as program:
        program.wait("[INFO] says 1")
        assert program.process.wait(DEADLINE) == 0


def test_watch_outlives_what_is_wrong_with_a_script(watched: Program, script: Path) -> None:
    script.write_text("def handler(session, args:\n", encoding="utf-8")
    watched.wait("SyntaxError: '(' was never closed")
    watched.wait(WAITS)
    script.unlink()
    watched.wait(f"call: there is no script {script}")
    watched.wait(WAITS)
    script.write_text(SAYS.format(3), encoding="utf-8")
    watched.wait("[INFO] says 3")


def test_watch_ends_a_call_that_goes_on_when_a_script_is_saved(watched: Program, script: Path) -> None:
    # A save before the call has read the file would be the same file for both.
    wait_for(stays(script))
    script.write_text(SAYS.format(4), encoding="utf-8")
    watched.wait("--- saved: the call that goes on is ended")
    watched.wait(f"ivr::handler at {script}:")
    watched.wait("[INFO] says 4")
    watched.wait(WAITS)


def test_ctrl_c_ends_a_call_and_says_where_its_script_stood(script: Path) -> None:
    begun = stays(script)
    with Program("call", script) as program:
        wait_for(begun)
        assert program.interrupt() == 130
    assert "interrupted; the call " in program.told
    assert f"ivr::handler at {script}:" in program.told
    assert 'Traceback (most recent call last):\n  File "<frozen runpy>' not in program.told


def test_virtual_environments_and_hidden_folders_are_not_looked_through(tmp_path: Path) -> None:
    for name in ("ivr.py", "lib/menu.py", "plan.xml", "notes.txt", ".git/hook.py", "env/lib/far.py", "env/pyvenv.cfg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = {str(path.relative_to(tmp_path)) for path in watch.stamps([tmp_path], [])}
    assert found == {"ivr.py", "lib/menu.py", "plan.xml"}

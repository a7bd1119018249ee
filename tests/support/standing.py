"""A process that stands still."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

# How long a busy machine may take to bring a process to a stop, in seconds.
PATIENCE = 20.0


def stop(pid: int) -> None:
    """Send SIGSTOP, and wait until none of its threads runs: a signal that is sent has stopped nobody yet."""
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + PATIENCE
    while any(state not in "TZ" for state in _states(pid)):
        assert time.monotonic() < end, f"process {pid} does not stand still"
        time.sleep(0.001)


def _states(pid: int) -> list[str]:
    lines = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    # Behind the name, which may have anything in it.
    return [line.rpartition(")")[2].split()[0] for line in lines]


__all__ = ["stop"]

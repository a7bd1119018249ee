"""Calls that a test has recorded, and their replay by the command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hosts.base import Host, Press

Record = Callable[..., Path]


def config(folder: Path, *more: str) -> str:
    """Give a configuration that keeps recordings in the folder."""
    return f'''<configuration name="python.conf"><settings>
        <param name="record-calls" value="{folder}"/>{"".join(more)}</settings></configuration>'''


def recorder(host: Host, folder: Path) -> Record:
    """Have the switch keep recordings in the folder; gives what runs a script on a recorded call and gives its file."""
    folder.mkdir()
    host.config(config(folder))
    return running(host, folder)


def running(host: Host, folder: Path) -> Record:
    """Give what runs a script on a recorded call, on a switch that keeps them in this folder."""

    def run(source: str, *, wanted: str = "true", press: Press = (), hangup_after: float | None = None) -> Path:
        actions = ("set", f"python_record={wanted}"), ("python", f"{host.script(source)} some text")
        host.call(*actions, press=press, hangup_after=hangup_after)
        return host.wait_for(lambda: ended(folder), what="the recording's end")

    return run


def ended(folder: Path) -> Path | None:
    """Give the newest recording, once it has ended."""
    found = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    return found[-1] if found and '{"end":' in found[-1].read_text().rpartition("\n{")[2].join(["{", ""]) else None


def entries(file: Path) -> list[dict[str, Any]]:
    """Give the lines of a recording."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def replay(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Play a recording, as an operator does."""
    command = [sys.executable, "-m", "pocket", "replay", str(file), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

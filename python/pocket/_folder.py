"""Runs call scripts of one folder for a program that asks, each in a process of its own, with limits.

Nothing outside of the folder can be named. The scripts themselves are not confined: they do what the user may.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
import re
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NUMBER = re.compile(r"[0-9A-Za-z*#+_.-]{1,64}")
DIGITS = re.compile(r"[0-9A-DFa-dfwW*#]{1,128}")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# What is kept of what a call has written, in bytes; one that writes more is ended.
LARGEST = 1024 * 1024
LONGEST_TEXT = 4096
# The address space of a call's process, in bytes.
MEMORY = 4 * 1024**3


class Refused(ValueError):
    """What was asked is not done; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """What came of a call."""

    text: str
    status: int | None
    # Why it was ended, or "".
    ended: str

    @property
    def summary(self) -> str:
        """Say how it went."""
        if self.ended:
            return f"ended: {self.ended}"
        return {0: "the call has ended", 1: "a script failed, or the call did not end"}.get(
            self.status or 0, f"the call could not be placed (status {self.status})"
        )


class Folder:
    """The scripts of a folder."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.path = path.resolve(strict=True)
        if not self.path.is_dir():
            raise NotADirectoryError(f"{path} is no folder")
        self._seconds = seconds
        self._running: set[int] = set()

    def script(self, name: str) -> Path:
        """Give the file of a script that lies in the folder; what leads out of it, by `..` or a link, is refused."""
        if "\0" in name or not name.endswith(".py"):
            raise Refused(f"{name!r} is not the name of a script, such as ivr.py")
        try:
            file = (self.path / name).resolve(strict=True)
        except (OSError, RuntimeError):
            raise Refused(f"there is no script {name!r} in the folder") from None
        if not file.is_relative_to(self.path) or not file.is_file():
            raise Refused(f"{name!r} is no script in the folder")
        return file

    def scripts(self) -> list[str]:
        """Name the scripts and their functions."""
        found = []
        for file in sorted(self.path.rglob("*.py")):
            name = str(file.relative_to(self.path))
            with contextlib.suppress(Refused):
                found.append(f"{name}: {', '.join(_functions(self.script(name)))}")
        return found

    def command(
        self,
        script: str,
        *,
        function: str,
        args: str,
        number: str,
        press: Sequence[tuple[float, str]],
        hangup_after: float | None,
        variables: Mapping[str, str],
    ) -> list[str]:
        """Give the command that places such a call."""
        target = str(self.script(script))
        if function:
            target += "::" + _checked("function", function, FUNCTION)
        command = [sys.executable, "-m", "pocket", "call", f"--scripts={self.path}"]
        command += [f"--dial={_checked('number', number, NUMBER)}", f"--args={_plain('args', args)}"]
        command += [f"--press={_seconds(at)}:{_checked('press', digits, DIGITS)}" for at, digits in press]
        if hangup_after is not None:
            command.append(f"--hangup-after={_seconds(hangup_after)}")
        for name, value in variables.items():
            command.append(f"--variable={_checked('variables', name, NAME)}={_plain(name, value)}")
        return [*command, "--", target]

    async def run(self, command: list[str]) -> Outcome:
        """Place the call; it is ended when it takes too long, or writes too much."""
        return await asyncio.to_thread(self._run, command)

    def _run(self, command: list[str]) -> Outcome:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.path,
            # What it starts is ended with it.
            start_new_session=True,
        ) as process:
            self._running.add(process.pid)
            try:
                cpu = round(self._seconds) + 1
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
                    # Where this process is killed, what it has started ends by itself.
                    resource.prlimit(process.pid, resource.RLIMIT_CPU, (cpu, cpu))
                written = bytearray()
                ended = _follow(process, written, self._seconds)
            finally:
                _kill(process.pid)
                self._running.discard(process.pid)
        text = bytes(written[:LARGEST]).decode("utf-8", "replace")
        return Outcome(text, None if ended else process.returncode, ended)

    def close(self) -> None:
        """End what runs."""
        for group in list(self._running):
            _kill(group)


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _follow(process: subprocess.Popen[bytes], written: bytearray, seconds: float) -> str:
    """Read what a process writes until it has ended; why it is to be ended before that, or ""."""
    assert process.stdout
    out = process.stdout.fileno()
    deadline = time.monotonic() + seconds
    pidfd = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            selector.register(pidfd, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                ready = {key.fd for key, _ in selector.select(left)}
                some = os.read(out, 65536) if out in ready else b""
                written += some
                if len(written) > LARGEST:
                    return f"it wrote more than {LARGEST >> 20} MB"
                # All that it has written is read first. What it has left behind may keep its output open.
                if not some and pidfd in ready:
                    return ""
                if out in ready and not some:
                    selector.unregister(out)
    finally:
        os.close(pidfd)
    return f"it took more than {seconds:g} s of real time"


def _functions(file: Path) -> list[str]:
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ["it does not compile"]
    kinds = {ast.FunctionDef: "", ast.AsyncFunctionDef: "async "}
    return [
        f"{kinds[type(each)]}{each.name}"
        for each in body
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and not each.name.startswith("_")
    ] or ["no function"]


def _checked(what: str, text: str, form: re.Pattern[str]) -> str:
    if not form.fullmatch(text):
        raise Refused(f"{what} {text[:100]!r} does not have the form {form.pattern}")
    return text


def _plain(what: str, text: str) -> str:
    # The dialplan would expand `${...}`, and so run any command of the switch.
    if "${" in text or any(ord(each) < 32 for each in text) or len(text) > LONGEST_TEXT:
        raise Refused(f"{what} has at most {LONGEST_TEXT} characters, on one line, and no ${{")
    return text


def _seconds(value: float) -> str:
    if not 0 <= value < 86400:
        raise Refused(f"{value} is not a number of seconds from 0 to 86400")
    return f"{value:g}"

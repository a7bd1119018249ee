"""`python -m pocket watch`: the same call again on every save."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

from pocket._commands import call
from pocket._signals import Noted

# How often the files are looked at, in seconds; an editor may write one in several steps.
LOOK = 0.2
SUFFIXES = frozenset({".py", ".xml"})
# How long a call that is ended may take for it, in seconds.
PATIENCE = 5.0

Stamps = dict[Path, tuple[int, int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes: what `call` does."""
    call.add_arguments(parser)
    parser.add_argument("--times", type=int, default=0, metavar="N", help="end after so many calls (never)")


def run(args: argparse.Namespace) -> int:
    """Place the call again and again, each time in a new process; the last one's exit status."""
    words = sys.argv[sys.argv.index("watch") + 1 :]
    command = [sys.executable, "-m", "pocket", "call", *_without_times(words)]
    places = [Path(args.script.partition("::")[0]).resolve().parent] if args.script else [Path.cwd()]
    places += [folder.resolve() for folder in (args.scripts, args.conf) if folder]
    files = [args.dialplan.resolve()] if args.dialplan else []
    terminal = _Terminal()
    status, done = 0, 0
    with Noted(signal.SIGINT) as ctrl_c:
        while True:
            seen = stamps(places, files)
            if ctrl_c.has_come:
                return status
            print(f"\n=== {time.strftime('%H:%M:%S')}", flush=True)
            with subprocess.Popen(command) as process:
                try:
                    saved = _wait_for_end(process, places, files, seen, ctrl_c)
                    if ctrl_c.has_come:
                        # The terminal has sent it to the call, too, which says where it was and ends.
                        _ends(process, PATIENCE)
                        return status
                finally:
                    _end(process)
                    terminal.restore()
            status = process.returncode
            done += 1
            if done == args.times:
                return status
            if not saved:
                print(f"--- waiting for a change in {', '.join(map(str, places))}", flush=True)
                _wait_for_change(places, files, seen, ctrl_c)


def stamps(places: list[Path], files: list[Path]) -> Stamps:
    """Tell files and their state from each other."""
    found: Stamps = {}
    for file in [*files, *(path for place in places for path in _files(place))]:
        try:
            state = file.stat()
        except OSError:
            # It is being written again.
            continue
        found[file] = (state.st_mtime_ns, state.st_size)
    return found


def _files(place: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(place):
        folder = Path(name)
        # A virtual environment has thousands of files that nobody edits, and takes longer to look through than LOOK.
        folders[:] = [
            inner
            for inner in folders
            if not inner.startswith((".", "__pycache__")) and not (folder / inner / "pyvenv.cfg").exists()
        ]
        yield from (folder / file for file in files if Path(file).suffix in SUFFIXES)


def _wait_for_end(
    process: subprocess.Popen[bytes], places: list[Path], files: list[Path], seen: Stamps, ctrl_c: Noted
) -> bool:
    """Wait until a call is over, a file is saved, or Ctrl-C comes; whether a file is saved."""
    while not _ends(process, LOOK) and not ctrl_c.has_come:
        if stamps(places, files) != seen:
            print("--- saved: the call that goes on is ended", flush=True)
            _wait_until_written(places, files)
            return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a call that goes on as Ctrl-C does: it says where its script stood."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        if not _ends(process, PATIENCE):
            process.kill()


def _ends(process: subprocess.Popen[bytes], timeout: float) -> bool:
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        return False
    return True


def _wait_for_change(places: list[Path], files: list[Path], seen: Stamps, ctrl_c: Noted) -> None:
    while stamps(places, files) == seen:
        if ctrl_c.wait(LOOK):
            return
    _wait_until_written(places, files)


def _wait_until_written(places: list[Path], files: list[Path]) -> None:
    last: Stamps = {}
    while (now := stamps(places, files)) != last:
        last = now
        time.sleep(LOOK)


class _Terminal:
    """How the terminal was: a debugger that is ended at its prompt leaves it without echo."""

    def __init__(self) -> None:
        self._state = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None

    def restore(self) -> None:
        """Have it as it was."""
        if self._state is not None and termios.tcgetattr(sys.stdin) != self._state:
            termios.tcsetattr(sys.stdin, termios.TCSANOW, self._state)


def _without_times(words: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "--times":
            skip = True
        elif not word.startswith("--times="):
            kept.append(word)
    return kept

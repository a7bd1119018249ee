"""`python -m pocket watch`: the same call again on every save."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from pocket._commands import call

# How often the files are looked at, in seconds; an editor may write one in several steps.
LOOK = 0.2
SUFFIXES = frozenset({".py", ".xml"})

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
    status, done = 0, 0
    try:
        while True:
            seen = stamps(places, files)
            print(f"\n=== {time.strftime('%H:%M:%S')}", flush=True)
            status = subprocess.run(command, check=False).returncode
            done += 1
            if done == args.times:
                return status
            print(f"--- waiting for a change in {', '.join(map(str, places))}", flush=True)
            _wait_for_change(places, files, seen)
    except KeyboardInterrupt:
        return status


def stamps(places: list[Path], files: list[Path]) -> Stamps:
    """Tell files and their state from each other."""
    found: Stamps = {}
    for file in [*files, *(path for place in places for path in place.rglob("*") if path.suffix in SUFFIXES)]:
        try:
            state = file.stat()
        except OSError:
            # It is being written again.
            continue
        found[file] = (state.st_mtime_ns, state.st_size)
    return found


def _wait_for_change(places: list[Path], files: list[Path], seen: Stamps) -> None:
    now = seen
    while now == seen:
        time.sleep(LOOK)
        now = stamps(places, files)
    # Until it stays as it is.
    last: Stamps = {}
    while now != last:
        time.sleep(LOOK)
        last, now = now, stamps(places, files)


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

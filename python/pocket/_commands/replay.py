"""`python -m pocket replay`: a recorded call, played back to its script."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from freeswitch import _border
from pocket._recording_file import Recording, RecordingError
from pocket._replay import Differs, Over, Player
from pocket._replay_async import AsyncPlayer

# Exit statuses: the same, different, no recording, and one that uses what is not recorded.
SAME, DIFFERENT, NONE, OPEN = 0, 1, 2, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("recording", type=Path, help="a file that the module has recorded (record-calls)")
    parser.add_argument(
        "--scripts",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="where the script lies (where it lay when it was recorded); repeatable",
    )
    parser.add_argument(
        "--anyway", action="store_true", help="play one that has used sockets, files, threads or programs: it uses them"
    )


def run(args: argparse.Namespace) -> int:
    """Play it; 0 where the script did the same, 1 where it did something else."""
    try:
        recording = Recording(args.recording)
    except RecordingError as error:
        print(f"replay: {error}", file=sys.stderr)
        return NONE
    head = recording.head
    if head["hash_seed"] != "random" and os.environ.get("PYTHONHASHSEED") != head["hash_seed"]:
        os.environ["PYTHONHASHSEED"] = head["hash_seed"]
        os.execv(sys.executable, [sys.executable, "-m", "pocket", *sys.argv[1:]])
    if recording.outside:
        print("open: the script used what is not recorded, and a replay uses it again:", file=sys.stderr)
        for what in recording.outside:
            print(f"  {what}", file=sys.stderr)
        if not args.anyway:
            return OPEN
    _border.install()
    player = (AsyncPlayer if head["async"] else Player)(recording)
    status = _play(player, args.scripts or [Path(head["file"] or "").parent])
    if head["async"]:
        # The script's coroutines are left as they stand: to end them would run more of it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def _play(player: Player, scripts: list[Path]) -> int:
    recording = player.recording
    try:
        player.play(scripts)
    except Over:
        pass
    except Differs as difference:
        print(f"different: {difference}", file=sys.stderr)
        return DIFFERENT
    except RecordingError as error:
        print(f"replay: {error}", file=sys.stderr)
        return NONE
    whole = "" if recording.is_whole else ", as far as the recording goes"
    print(f"{'open' if recording.outside else 'identical'}: {player.calls} calls of the switch{whole}")
    return OPEN if recording.outside else SAME

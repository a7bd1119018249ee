"""The program `freeswitch-apps`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Sequence

from freeswitch.apps import alias
from freeswitch.apps._errors import ESLError
from freeswitch.apps.command import calls, cluster, results, served, withdraw

# After how many objects the garbage collector comes. Calls come and go by the thousand: to look for the circles that
# they leave all the time costs a tenth.
COLLECTED = (50_000, 20, 100)


def parser() -> argparse.ArgumentParser:
    """Give what reads the command line."""
    top = argparse.ArgumentParser(prog="freeswitch-apps", description="Apps, load and measurements for FreeSWITCH.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for part in (served, calls, results, cluster, withdraw):
        part.add_commands(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command: 0, or 1 with a line on stderr that says what was wrong."""
    arguments = parser().parse_args(argv)
    gc.set_threshold(*COLLECTED)
    try:
        return int(arguments.run(arguments) or 0)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"freeswitch-apps {arguments.command}: {_told(error)}", file=sys.stderr)
        return 1


def _told(error: Exception) -> str:
    """Give an error in one line: with its place, where it is one of an app's file."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    # What imports for a file that has switchio's names stands between that file and the error.
    while len(frames) > 1 and frames[-1].filename == alias.__file__ and frames[-1].name != "find":
        frames.pop()
    place = frames[-1]
    is_theirs = f"{os.sep}freeswitch{os.sep}apps{os.sep}" not in place.filename and "<frozen" not in place.filename
    where = f"{place.filename}:{place.lineno}: " if is_theirs else ""
    kind = "" if isinstance(error, (ESLError, OSError, ValueError)) and not where else f"{type(error).__name__}: "
    return f"{where}{kind}{error}"


__all__ = ["COLLECTED", "main", "parser"]

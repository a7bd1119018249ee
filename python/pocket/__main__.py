"""pocket at the command line: `python -m pocket COMMAND`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

# Each is a module of pocket._commands with `add_arguments(parser)` and `run(args)`, which gives the exit status.
COMMANDS = {
    "call": "place a call to a script, and show what happened on it",
    "watch": "do the same, and again whenever a script is saved",
    "shell": "work at a prompt, as with fs_cli",
    "replay": "play a recorded call back to its script",
    "mcp": "have coding agents run the scripts of a folder (Model Context Protocol, on standard input and output)",
    "serve": "speak FreeSWITCH's event socket, for its clients to be tried out",
}

# The exit status of a program that Ctrl-C has ended, as shells have it.
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line says."""
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if not word.startswith("-")), "")
    parser = argparse.ArgumentParser(
        prog="python -m pocket", description="The embedded switch for scripts of FreeSWITCH."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, what in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        if name == chosen:
            module = importlib.import_module(f"pocket._commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    args = parser.parse_args(words)
    try:
        status: int = args.run(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main())

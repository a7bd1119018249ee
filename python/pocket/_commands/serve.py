"""`python -m pocket serve`: an event socket to try clients out with, and no FreeSWITCH."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from pathlib import Path

from pocket._checks import LAST_PORT
from pocket._commands import words
from pocket._commands.call import add_world
from pocket._event_socket import LOOPBACK
from pocket._serve import serve
from pocket._signals import Noted

DEFAULT = ("127.0.0.1", 8021)
LEVELS = ("console", "alert", "crit", "err", "warning", "notice", "info", "debug")


def address(text: str) -> tuple[str, int]:
    """Read `host:port`, `[::1]:port` or `:port`."""
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch("[0-9]{1,5}", port) or int(port) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} must be an address and a port, such as 127.0.0.1:8021")
    return host.removeprefix("[").removesuffix("]") or DEFAULT[0], int(port)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--listen", type=address, default=DEFAULT, metavar="HOST:PORT", help="where to listen (127.0.0.1:8021)"
    )
    parser.add_argument("--password", default="ClueCon", metavar="TEXT", help="what clients must say (ClueCon)")
    parser.add_argument(
        "--acl", action="append", metavar="NETWORK", help="where clients may come from (127.0.0.0/8, ::1/128)"
    )
    parser.add_argument("--dialplan", type=Path, metavar="FILE", help="extensions or contexts, as XML")
    parser.add_argument("--scripts", type=Path, metavar="FOLDER", help="the folder of the scripts")
    parser.add_argument("--conf", type=Path, metavar="FOLDER", help="a folder of configuration")
    add_world(parser)
    parser.add_argument("--log", choices=LEVELS, metavar="LEVEL", help="show the switch's log up to this level")


def run(args: argparse.Namespace) -> int:
    """Serve until the program is interrupted or told to end."""
    # A script that starts it in its background, where Ctrl-C is ignored, ends it by SIGINT, too.
    with Noted(signal.SIGINT, signal.SIGTERM, even_ignored=True) as ends:
        return _serve_until(args, ends)


def _serve_until(args: argparse.Namespace, ends: Noted) -> int:
    host, port = args.listen
    try:
        server = serve(
            host,
            port,
            password=args.password,
            acl=LOOPBACK if args.acl is None else args.acl,
            scripts=args.scripts,
            conf=args.conf,
            dialplan=args.dialplan or "",
            sounds=args.sounds,
            missing_sounds=args.missing_sounds,
        )
    except (OSError, ValueError) as error:
        print(f"python -m pocket serve: {error}", file=sys.stderr)
        return 1
    with server:
        try:
            words.add_phones(server.switch, args.phones)
        except ValueError as error:
            print(f"python -m pocket serve: {error}", file=sys.stderr)
            return 1
        if args.log:
            server.switch.api(f"console loglevel {args.log}")
        print(f"event socket on {server.host}:{server.port}", flush=True)
        while not ends.wait(1.0):
            pass
    return 0

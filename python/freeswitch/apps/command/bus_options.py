"""How commands reach a bus: their options, and the connection."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator

# How long the bus may take to be there when a command begins, in seconds.
BEGINS = 10.0
# The options that name files; `bus.connect` has arguments of these names.
FILES = {
    "credentials": "a file of credentials",
    "ca": "a file: who has signed the server's certificate (default: the system's list)",
    "certificate": "our own certificate, where the server asks for one; with --key",
    "key": "the certificate's key, without a password",
}


def add_options(command: argparse.ArgumentParser, of: str = "") -> None:
    """Add them; `of` says what they are options of, where the command has others."""
    for name, what in FILES.items():
        command.add_argument(f"--{name}", default=None, metavar="FILE", help=of + what)


@contextlib.contextmanager
def connected(arguments: argparse.Namespace, url: str, node: str | None = None) -> Iterator[None]:
    """Open the bus, and wait until it is there; ValueError says why it is not."""
    from freeswitch import bus

    files = {name: getattr(arguments, name) for name in FILES}
    if (files["certificate"] is None) != (files["key"] is None):
        raise ValueError("--certificate and --key go together")
    for name, file in files.items():
        if file is not None:
            _read(name, file)
    user, password, token = (os.environ.get(f"BUS_{what}") for what in ("USER", "PASSWORD", "TOKEN"))
    replicas = getattr(arguments, "replicas", 1)
    try:
        bus.connect(url, node=node, user=user, password=password, token=token, replicas=replicas, **files)
    except ValueError as error:
        # It is of the command line: where it was raised says nothing.
        raise ValueError(str(error)) from None
    try:
        end = time.monotonic() + BEGINS
        while not bus.state().connected:
            if time.monotonic() > end:
                raise ValueError(f"the bus is not connected: {bus.state().why}")
            time.sleep(0.02)
        yield
    finally:
        bus.close()


def _read(option: str, file: str) -> None:
    """Raise where a file cannot be read: to try again would not help."""
    try:
        with open(file, "rb") as opened:
            opened.read(1)
    except OSError as error:
        raise ValueError(f"--{option} {file}: {error.strerror}") from None


__all__ = ["add_options", "connected"]

"""Ports that nobody has, and that nobody gets by chance."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket

# Lower than the ports that the system gives to outgoing connections, and than FreeSWITCH's for media: nobody takes
# the port of a server while it is started again.
ALL = range(10_000, 16_000)
# Nor does another run of the tests, of which each has a share.
SHARES = 8


def _share() -> tuple[range, socket.socket | None]:
    """Give the ports of this run, and what keeps them its own."""
    for number in range(SHARES):
        kept = socket.socket(socket.AF_UNIX)
        try:
            # A name that the system forgets with the process.
            kept.bind(f"\0mod_rust test ports {number}")
        except OSError:
            kept.close()
            continue
        size = len(ALL) // SHARES
        return ALL[number * size : (number + 1) * size], kept
    return ALL, None


PORTS, _KEPT = _share()
_NEXT = itertools.count(random.randrange(len(PORTS)))


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Give a port of the loopback address that nobody has, and that this run has not given yet."""
    for turn in itertools.islice(_NEXT, len(PORTS)):
        port = PORTS[turn % len(PORTS)]
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port of {PORTS.start} to {PORTS.stop} is free")


__all__ = ["free_port"]

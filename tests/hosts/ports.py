"""Ports that nobody has, and that nobody gets by chance."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket

# Below those that the system gives to whoever connects, and below FreeSWITCH's own for media: a server that is
# started again finds its port as it left it.
PORTS = range(10_000, 16_000)

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

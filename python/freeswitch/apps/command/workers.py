"""`serve nats://... program.py`: a worker."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import threading
import time
import uuid as uuids
from collections.abc import Sequence

from freeswitch.apps._programs import Program
from freeswitch.apps.command.bus_options import connected

# How long calls may take to end when a worker does, in seconds.
FAREWELL = 5.0

log = logging.getLogger("freeswitch.apps")


def is_bus(text: str) -> bool:
    """Tell whether a word of a command line names a bus."""
    return text.startswith(("nats://", "tls://"))


def work(arguments: argparse.Namespace, programs: Sequence[Program]) -> None:
    """Serve calls until SIGTERM, which lets those that there are end or move, or Ctrl-C, which ends them."""
    host = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "-" for c in socket.gethostname())[:40]
    name = f"{host}-{os.getpid()}-{uuids.uuid4().hex[:4]}"
    with connected(arguments, ",".join(arguments.hosts), name):
        _serve(arguments, programs, name)


def _serve(arguments: argparse.Namespace, programs: Sequence[Program], name: str) -> None:
    from freeswitch import _loop
    from freeswitch.apps._places import run_on_loop
    from freeswitch.apps._worker import Worker

    worker = Worker(name, programs, arguments.version, arguments.weight, arguments.beat)
    drains = threading.Event()
    # Before it begins: it may have calls before that returns.
    signal.signal(signal.SIGTERM, lambda *_: drains.set())
    run_on_loop(worker.begin())
    names = ", ".join(sorted(program.name for program in programs))
    log.info("worker %s serves the calls of %s", name, names)
    left = float("inf") if arguments.seconds is None else arguments.seconds
    with contextlib.suppress(KeyboardInterrupt):
        while left > 0 and not drains.wait(min(left, 0.2)):
            left -= 0.2
        if drains.is_set():
            log.info("worker %s takes no more calls, and ends with those that it has", name)
            _loop.call(worker.drain)
            until = time.monotonic() + arguments.drain
            while worker.running and time.monotonic() < until:
                time.sleep(0.05)
    run_on_loop(worker.stop(FAREWELL))


__all__ = ["is_bus", "work"]

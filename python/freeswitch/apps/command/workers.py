"""`serve nats://... program.py`: a worker."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
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
    from pocket._signals import Noted

    worker = Worker(name, programs, arguments.version, arguments.weight, arguments.beat)
    # Before it begins: it may have calls before that returns.
    with Noted(signal.SIGTERM) as drains, Noted(signal.SIGINT) as ends:
        run_on_loop(worker.begin())
        names = ", ".join(sorted(program.name for program in programs))
        log.info("worker %s serves the calls of %s", name, names)
        until = float("inf") if arguments.seconds is None else time.monotonic() + arguments.seconds
        while time.monotonic() < until and not drains.has_come:
            if ends.wait(0.1):
                break
        if drains.has_come:
            log.info("worker %s takes no more calls, and ends with those that it has", name)
            _loop.call(worker.drain)
            until = time.monotonic() + arguments.drain
            while worker.running and time.monotonic() < until and not ends.wait(0.05):
                pass
        run_on_loop(worker.stop(FAREWELL))


__all__ = ["is_bus", "work"]

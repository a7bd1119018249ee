"""`list-apps` and `serve`."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import logging
import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from freeswitch.apps._programs import Program, is_program, load
from freeswitch.apps.command import bus_options
from freeswitch.apps.command.apps import find
from freeswitch.apps.command.numbers import not_negative, positive, seconds, whole
from freeswitch.apps.command.places import Place, add_options, place, rehearsal
from freeswitch.apps.command.workers import is_bus, work

if TYPE_CHECKING:
    from pocket._signals import Noted

# How often it is looked whether to go on, in seconds.
STEP = 0.2


def add_commands(commands: Any) -> None:
    """Add them."""
    listing = commands.add_parser("list-apps", help="say which apps there are")
    listing.set_defaults(run=list_apps)
    serving = commands.add_parser(
        "serve", help="have apps, and call programs (FILE.py), work on the calls of switches, or of a bus, until Ctrl-C"
    )
    add_options(serving)
    serving.add_argument("--app", action="append", default=[], metavar="APP", help="NAME, FILE.py:NAME or MODULE:NAME")
    serving.add_argument("--switchio", action="append", default=[], metavar="FILE.py:NAME",
                         help="an app file that imports switchio, as it is")  # fmt: skip
    serving.add_argument(
        "--app-id", "--app-header", default="default", help="for the calls of this id (%(default)s: all)"
    )
    serving.add_argument("--loglevel", "-l", default="INFO", help="what is logged to stderr (default: %(default)s)")
    serving.add_argument("--for", dest="seconds", type=positive, default=None, help="stop after so many seconds")
    bus_options.add_options(serving, "of the bus: ")
    serving.add_argument("--version", default="", help="of the programs, as `nodes` shows it")
    share = "of the bus: its share of the calls beside those of others, 0 to 1000; with 0 it takes none (%(default)s)"
    serving.add_argument("--weight", type=whole(0, 1000), default=100, metavar="N", help=share)
    # A switch takes a worker for dead after 1.25 s (bus-worker-patience).
    often = "of the bus: how often it says that it is there, 0.1 to 20 (%(default)s): docs/cluster.md"
    serving.add_argument("--beat", type=seconds(0.1, 20), default=0.4, metavar="SECONDS", help=often)
    kept = "of the bus: how many servers keep what is kept, as bus-replicas of the switches (%(default)s)"
    serving.add_argument("--replicas", type=int, choices=range(1, 6), default=1, help=kept)
    serving.add_argument("--drain", type=not_negative, default=600.0, metavar="SECONDS",
                         help="how long calls of a bus may take to end after SIGTERM (%(default)s)")  # fmt: skip
    serving.set_defaults(run=serve)


def list_apps(_: argparse.Namespace) -> None:
    """Print the apps that come with this package."""
    from freeswitch import apps

    apps.load()
    for module, members in apps.groupbymod():
        print(f"{module}:")
        for name, app in members:
            print(f"  {name}: {(inspect.getdoc(app) or '').partition(chr(10))[0]}")


def serve(arguments: argparse.Namespace) -> None:
    """Serve."""
    from freeswitch.apps.serve import Service
    from freeswitch.apps.utils import get_name, log_to_stderr
    from pocket._signals import Noted

    log_to_stderr(arguments.loglevel)
    found = [find(text) for text in arguments.app]
    if arguments.switchio:
        from freeswitch.apps.alias import find as find_original

        found += [find_original(text) for text in arguments.switchio]
    programs = [load(text) for text in arguments.hosts if is_program(text)]
    if programs:
        arguments.hosts = [text for text in arguments.hosts if not is_program(text)]
        if found:
            raise ValueError("serve programs (FILE.py) and apps (--app) by two commands")
        if any(is_bus(text) for text in arguments.hosts):
            work(arguments, programs)
        else:
            serve_programs(arguments, programs)
        return
    if not found:
        raise ValueError("name a program, FILE.py, or an app: --app NAME, or --app FILE.py:NAME")
    with place(arguments) as where:
        service = Service(where.contacts)
        # Before it says that it serves: it may be told to end at once.
        with Noted(signal.SIGINT, signal.SIGTERM) as ends:
            try:
                for app, given in found:
                    service.apps.load_app(app, app_id=arguments.app_id, ppkwargs=given)
                names = ", ".join(get_name(app) for app, _ in found)
                switches = ", ".join(listener.link.name for listener in service.pool.listeners)
                logging.getLogger("freeswitch.apps").info("%s serves the calls of %s", names, switches)
                until_told(where, arguments.seconds, service.is_alive, ends)
            finally:
                service.stop()


def until_told(where: Place, seconds: float | None, goes_on: Callable[[], bool], ends: Noted) -> None:
    """Serve until SIGINT or SIGTERM, or for so many seconds: then calls are left in order."""
    left = float("inf") if seconds is None else seconds
    while goes_on() and left > 0 and not ends.has_come:
        where.sleep(min(left, STEP))
        left -= STEP


def serve_programs(arguments: argparse.Namespace, programs: list[Program]) -> None:
    """Serve the calls that the switches' application `pysocket` offers."""
    if arguments.pocket:
        with rehearsal(programs) as (where, contacts):
            _serve_programs(arguments, programs, where, contacts)
        return
    with place(arguments) as where:
        assert where.contacts is not None
        _serve_programs(arguments, programs, where, where.contacts)


def _serve_programs(
    arguments: argparse.Namespace,
    programs: list[Program],
    where: Place,
    contacts: Sequence[tuple[str, int, str]],
) -> None:
    from freeswitch.apps import _outside
    from freeswitch.apps._places import run_on_loop
    from freeswitch.apps._socket_link import connect
    from pocket._signals import Noted

    log = logging.getLogger("freeswitch.apps")
    for name in sorted(program.name for program in programs if program.keeps_checkpoints):
        log.warning(
            "MR0022 %s keeps checkpoints, which no program beside a switch can: session.checkpoint raises RuntimeError "
            "there. Serve its calls over a bus (freeswitch-apps serve nats://...), or in the switch", name,
        )  # fmt: skip
    links = [connect(*contact) for contact in contacts]
    serving = []
    with Noted(signal.SIGINT, signal.SIGTERM) as ends:
        try:
            for link in links:
                serving.append(run_on_loop(_outside.serve(link, programs)))
                names = ", ".join(sorted(program.name for program in programs))
                log.info("%s serves the calls of %s", names, link.name)
            until_told(where, arguments.seconds, lambda: True, ends)
        finally:
            for outside in serving:
                with contextlib.suppress(OSError):
                    run_on_loop(outside.stop())
            for link in links:
                link.close()


__all__ = ["add_commands", "list_apps", "serve"]

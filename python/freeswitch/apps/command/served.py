"""`list-apps` and `serve`."""

from __future__ import annotations

import argparse
import contextlib
import inspect
from typing import Any

from freeswitch.apps.command.apps import find
from freeswitch.apps.command.places import add_options, place


def add_commands(commands: Any) -> None:
    """Add them."""
    listing = commands.add_parser("list-apps", help="say which apps there are")
    listing.set_defaults(run=list_apps)
    serving = commands.add_parser("serve", help="have apps work on the calls of switches, until Ctrl-C")
    add_options(serving)
    serving.add_argument("--app", action="append", default=[], metavar="APP", help="NAME, FILE.py:NAME or MODULE:NAME")
    serving.add_argument("--switchio", action="append", default=[], metavar="FILE.py:NAME",
                         help="an app file that imports switchio, as it is")  # fmt: skip
    serving.add_argument(
        "--app-id", "--app-header", default="default", help="for the calls of this id (%(default)s: all)"
    )
    serving.add_argument("--loglevel", "-l", default="INFO", help="what is logged to stderr (default: %(default)s)")
    serving.add_argument("--for", dest="seconds", type=float, default=None, help="stop after so many seconds")
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
    from freeswitch.apps.utils import log_to_stderr

    log_to_stderr(arguments.loglevel)
    found = [find(text) for text in arguments.app]
    if arguments.switchio:
        from freeswitch.apps.alias import find as find_original

        found += [find_original(text) for text in arguments.switchio]
    if not found:
        raise ValueError("name an app: --app NAME, or --app FILE.py:NAME")
    with place(arguments) as where:
        service = Service(where.contacts)
        try:
            for app, given in found:
                service.apps.load_app(app, app_id=arguments.app_id, ppkwargs=given)
            left = float("inf") if arguments.seconds is None else arguments.seconds
            with contextlib.suppress(KeyboardInterrupt):
                while service.is_alive() and left > 0:
                    where.sleep(min(left, 1.0))
                    left -= 1.0
        finally:
            service.stop()


__all__ = ["add_commands", "list_apps", "serve"]

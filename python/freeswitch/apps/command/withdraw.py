"""`withdraw`: workers of a version of an app take no new calls."""

from __future__ import annotations

import argparse
from typing import Any

from freeswitch.apps.command import cluster
from freeswitch.apps.command.bus_options import connected


def add_commands(commands: Any) -> None:
    """Add it."""
    command = commands.add_parser("withdraw", help="have workers of a version of an app take no new calls")
    cluster.reaches(command)
    command.add_argument("app", help="the program's name")
    command.add_argument("version", help="what its workers were given as --version; '' for those that were given none")
    command.add_argument("--again", action="store_true", help="undo it: they take calls again")
    kept = "how many servers keep what is kept, as bus-replicas of the switches (%(default)s)"
    command.add_argument("--replicas", type=int, choices=range(1, 6), default=1, help=kept)
    command.set_defaults(run=withdraw)


def withdraw(arguments: argparse.Namespace) -> None:
    """Keep it on the bus, tell the workers that there are, and say who has heard it."""
    from freeswitch.apps._places import run_on_loop

    app, version, again = arguments.app, arguments.version, arguments.again
    if not app:
        raise ValueError("name the program that is withdrawn, as a dialplan does")
    with connected(arguments, arguments.url):
        run_on_loop(_keep(app, version, again))
        found = cluster.heard(cluster.LOOKS)
    theirs = {
        name: app in said.get("withdrawn", ())
        for name, said in found.items()
        if said.get("kind") == "worker" and app in said.get("apps", ()) and said.get("version") == version
    }
    for name in sorted(name for name, withdrawn in theirs.items() if withdrawn != again):
        print(f"{name} takes {'calls' if again else 'no new calls'} of {app}")
    if not theirs:
        later = "those that begin later take calls" if again else "it is kept for those that begin later"
        print(f"no worker serves version {version!r} of {app} now; {later}")
    late = sorted(name for name, withdrawn in theirs.items() if withdrawn == again)
    if late:
        raise ValueError(f"it is kept, and {', '.join(late)} has not said in {cluster.LOOKS} s that it knows")


async def _keep(app: str, version: str, again: bool) -> None:
    from freeswitch import _bus, kv
    from freeswitch.apps._withdrawn import NEWS, key_of

    if again:
        await kv.delete(key_of(app, version))
    else:
        await kv.put(key_of(app, version), {"app": app, "version": version})
    await _bus.publish(NEWS, b"")


__all__ = ["add_commands", "withdraw"]

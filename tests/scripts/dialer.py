"""A dialer under test, whose state is asked for; a test gives it a `run`."""

from __future__ import annotations

import json
from typing import Any

import freeswitch
from freeswitch import apps
from freeswitch.apps.call_gen import Originator, get_originator


class Answers:
    """Answer."""

    @apps.callback("CHANNEL_PARK")
    def on_park(self, sess: apps.Session) -> None:
        """The far end's leg."""
        if sess.is_inbound():
            sess.answer()


seen: list[Any] = []
most = [0]
dialers: dict[str, Originator] = {}
dialer: Originator


class Watches:
    """See how many calls are up at once."""

    @apps.callback("CHANNEL_ORIGINATE")
    def on_originate(self, _sess: apps.Session) -> None:
        """One more."""
        most[0] = max(most[0], dialer.count_calls())


def make(to: str, *several: type, **settings: Any) -> Originator:
    """Make the dialer."""
    global dialer  # noqa: PLW0603 - the scripts of single tests know it by this name
    dialer = get_originator(**settings)
    for client in dialer.pool.clients:
        client.set_orig_cmd(to)
    for app in several or (Answers,):
        dialer.load_app(app)
    dialers["it"] = dialer
    return dialer


def run(argument: str) -> None:
    """What a test does; its own comes in the place of this."""
    raise NotImplementedError(argument)


def state() -> dict[str, Any]:
    """What there is to see of it."""
    return {
        "offered": dialer.offered,
        "answered": dialer.answered,
        "failed": dict(dialer.failed),
        "state": dialer.state,
        "active": dialer.count_calls(),
        "held_back": dict(dialer.held_back),
        "refused": dialer.refused,
        "share": dialer.backoff.share,
        "rows": len(dialer.cdr.storer),
        "most": most[0],
        "causes": [row["hangup_cause"] for row in dialer.cdr.storer.rows],
        "apps": [row["switchio_app"] for row in dialer.cdr.storer.rows],
        "outcomes": [row["outcome"] for row in dialer.cdr.storer.rows],
        "held": [row.get("duration") for row in dialer.cdr.storer.rows],
        "peers": [bool(row.get("callee_uuid")) for row in dialer.cdr.storer.rows],
    }


def unload() -> None:
    """End it, and unload its apps."""
    if "it" not in dialers:
        return
    dialers["it"].shutdown()
    for client in dialers["it"].pool.clients:
        for app_id in list(client._apps):
            client.unload_app(app_id)


async def fsapi(_session: object, stream: freeswitch.Stream, _env: object, args: str) -> None:
    """Do what the verb says, and give the state."""
    verb, _, rest = args.partition(" ")
    if verb == "run":
        run(rest)
    elif verb == "do":
        exec(rest, globals())
    elif verb == "unload":
        unload()
    stream.write(json.dumps(state()))

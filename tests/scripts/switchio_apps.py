"""Apps of this package under test, and beside them one that says what their calls do; a test gives a `run`."""

from __future__ import annotations

import json
from typing import Any

import freeswitch
from freeswitch import apps
from freeswitch.apps import Client

client = Client()
said: list[list[Any]] = []
legs: dict[str, apps.Session] = {}


def side(sess: apps.Session) -> str:
    """Which leg it is."""
    return "in" if sess.is_inbound() else "out"


class Watches:
    """Say what legs do."""

    @apps.callback("CHANNEL_CREATE")
    def on_create(self, sess: apps.Session) -> None:
        """A leg that has come."""
        legs[side(sess)] = sess

    @apps.callback("PLAYBACK_START")
    def on_play(self, sess: apps.Session) -> None:
        """A leg that plays."""
        said.append(["plays", side(sess)])

    @apps.callback("CHANNEL_EXECUTE")
    def on_execute(self, sess: apps.Session) -> None:
        """A leg that runs an application."""
        said.append([sess["Application"], side(sess)])

    @apps.callback("CHANNEL_HANGUP")
    def on_hangup(self, sess: apps.Session) -> None:
        """A leg that is over."""
        said.append([sess["Hangup-Cause"], side(sess)])


def load(app: type, **prepost: Any) -> Any:
    """Load an app, and Watches once."""
    client.load_app(app, on_value="tried", **prepost)
    if not any(name == "Watches" for name in client._apps["tried"]):
        client.load_app(Watches, on_value="tried")
    return next(iter(client._apps["tried"].values()))


def place(to: str) -> Any:
    """Place a call for it."""
    return client.originate(to, app_id="tried")


def has_failed(job: apps.Job) -> bool:
    """Tell whether the job has failed. Its error is looked at, so that no warning of it comes during another test."""
    try:
        _ = job.done() and job.result
    except apps.JobError:
        return True
    return False


def run(argument: str) -> None:
    """What a test does; its own comes in the place of this."""
    raise NotImplementedError(argument)


async def fsapi(_session: object, stream: freeswitch.Stream, _env: object, args: str) -> None:
    """Do what the verb says, or look something up."""
    verb, _, rest = args.partition(" ")
    if verb == "run":
        run(rest)
    elif verb == "unload":
        client.hupall()
        client.unload_app("tried")
    elif verb == "get":
        # What is not there yet is None.
        try:
            stream.write(json.dumps(eval(rest)))
        except (KeyError, IndexError, AttributeError):
            stream.write("null")
        return
    elif verb == "do":
        exec(rest, globals())
    stream.write(json.dumps(said))

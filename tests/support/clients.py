"""Scripts that use a client of `freeswitch.apps`, for tests of what switchio's programs do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from hosts.base import Host
from support.saw import WAITING, Asked

HEAD = (
    """
import asyncio, json
import freeswitch
from freeswitch import apps
from freeswitch.apps import (
    AppManager, Client, ConnectionError, ESLError,
    MultiEval, Service, SlavePool, get_client, get_listener, get_originator, sync_caller,
)
from freeswitch.apps.api import get_pool
from freeswitch.apps.players import TonePlay
from freeswitch.apps.utils import APIError, ConfigurationError

said = []

class Answers:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, sess):
        if sess.is_inbound(): sess.answer()

"""
    + WAITING
    + """
def clean():
    from freeswitch.apps import _dispatch, _loading
    here = get_listener()
    for app_id in list(here.apps): _loading.unload(here, app_id, None)

async def fsapi(session, stream, env, args):
    verb, _, rest = args.partition(" ")
    if verb == "run":
        found = run(rest)
        if found is not None: await found
    elif verb == "clean": clean()
    elif verb == "thread": await asyncio.to_thread(work, rest)
    stream.write(json.dumps(said))
"""
)


class Program(Asked):
    """A script that uses a client."""

    def __init__(self, host: Host, source: str) -> None:
        super().__init__(host, HEAD + source)

    def wait(self, *wanted: object) -> None:
        """Wait until this was said."""
        self.host.wait_for(
            lambda: self.ask("said") == list(wanted) or None, what=f"{wanted} and not {self.ask('said')}"
        )


Make = Callable[[str], Program]


@pytest.fixture
def program(host: Host) -> Iterator[Make]:
    """Make a program; what it has loaded is unloaded at the end."""
    made: list[Program] = []

    def make(source: str) -> Program:
        made.append(Program(host, source))
        return made[-1]

    yield make
    for one in made:
        one.ask("clean")


__all__ = ["Make", "Program", "program"]

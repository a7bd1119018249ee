"""Call applications under test: a script that loads one, and says what it said."""

from __future__ import annotations

import json

from hosts.base import Host

HEAD = """
import asyncio, json
from freeswitch import apps
import freeswitch

said = []
"""
# Loads and unloads by command, and tells what was said.
COMMANDS = """
async def fsapi(session, stream, env, args):
    verb, _, rest = args.partition(" ")
    if verb == "load": stream.write(load())
    elif verb == "unload":
        apps.unload(rest)
        stream.write("unloaded")
    else: stream.write(json.dumps(said))
"""


class Loaded:
    """An app under test."""

    def __init__(self, host: Host, source: str) -> None:
        self.host = host
        self.name = host.script(HEAD + source + COMMANDS)
        self.app_id = host.api(f"python {self.name} load")
        assert not self.app_id.startswith("-ERR"), self.app_id

    def said(self) -> list[object]:
        """What it has said so far."""
        found: list[object] = json.loads(self.host.api(f"python {self.name} said"))
        return found

    def wait_said(self, *what: object) -> None:
        """Wait until it has said just this."""
        self.host.wait_for(lambda: self.said() == list(what) or None, what=f"{what}, and not {self.said()}")

    def work_on_a_call(self, extension: str, *what: object) -> None:
        """Place a call for it, wait until it has said this, and unload it after the call."""
        call = self.host.start_call(extension, variables={"freeswitch_app": self.app_id})
        self.wait_said(*what)
        call.hangup()
        call.wait()
        self.unload()

    def unload(self) -> None:
        """Unload it."""
        assert self.host.api(f"python {self.name} unload {self.app_id}") == "unloaded"

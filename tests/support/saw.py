"""Scripts that say what they saw: a function `body` fills a dictionary, the test gets it back; or they are asked."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from hosts.base import CallResult, Host

HEAD = "import gc, json, os, sys, threading, time\nimport freeswitch\n"

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
# What a call saw lies in a variable of it, also after its hangup.
IN_CALL = """
def handler(session, args):
    saw = {}
    try:
        body(session, saw)
    finally:
        session.setVariable("saw", json.dumps(saw))
"""
# The same in a coroutine; what the call's end cuts short is in the variables of the end.
IN_COROUTINE = """
async def handler(session, args):
    saw = {}
    try:
        await body(session, saw)
    finally:
        session.setVariable("saw", json.dumps(saw))
"""
IN_API = """
def fsapi(session, stream, env, args):
    saw = {}
    body(saw)
    stream.write(json.dumps(saw))
"""
# Says by name what a function raised, or what it gave.
TRIED = """
def tried(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except BaseException as error:
        return "%s: %s" % (type(error).__name__, error)
"""
# A task that was made has begun after a few turns of the loop, and so have those that it makes itself.
WAITING = """
async def turns():
    for _ in range(10): await asyncio.sleep(0)
async def until(what):
    async with asyncio.timeout(20):
        while not what(): await asyncio.sleep(0.01)
"""
# Fires an event that tests wait for.
FIRE = """
def fire(number, **headers):
    event = freeswitch.Event("CUSTOM", "test::events")
    event["Number"] = str(number)
    for name, value in headers.items(): event[name] = value
    event.fire()
"""


def script_file(name: str) -> str:
    """Read a script of tests/scripts, for `host.script`."""
    return (SCRIPTS / name).read_text(encoding="utf-8")


def in_call(host: Host, source: str, **how: Any) -> tuple[dict[str, Any], CallResult]:
    """Make a call whose script defines `body(session, saw)`; what it saw, and the call."""
    name = host.script(HEAD + TRIED + textwrap.dedent(source) + IN_CALL)
    return seen(host.run("python", name, **how))


def in_coroutine(host: Host, source: str, **how: Any) -> tuple[dict[str, Any], CallResult]:
    """Make a call whose script defines `async def body(session, saw)`."""
    return seen(host.run("python", coroutine(host, source), **how))


def coroutine(host: Host, source: str) -> str:
    """Write a script that defines `async def body(session, saw)`; its name."""
    return host.script("import asyncio\n" + HEAD + WAITING + TRIED + textwrap.dedent(source) + IN_COROUTINE)


def start(host: Host, source: str) -> Any:
    """As `in_call`, for a call that the test drives: the live call."""
    name = host.script(HEAD + TRIED + textwrap.dedent(source) + IN_CALL)
    return host.start_call(host.extension(("python", name)))


def until_waits(host: Host, uuid: str) -> None:
    """Wait until the script of a call waits in the switch."""

    def waits() -> bool | None:
        return "waits in " in (host.script_place(uuid) or "") or None

    host.wait_for(waits, what="a script that waits in the switch")


def seen(result: CallResult) -> tuple[dict[str, Any], CallResult]:
    """What a call's script saw; it must have ended well."""
    assert "python_error" not in result.variables, result.variables["python_error"]
    assert "saw" in result.variables, f"the script did not end\n{result.transcript}"
    return json.loads(result.variables["saw"]), result


def in_api(host: Host, source: str) -> dict[str, Any]:
    """Run a script that defines `body(saw)` as an API command; what it saw."""
    reply = host.api("python " + host.script(HEAD + TRIED + textwrap.dedent(source) + IN_API))
    assert reply.startswith("{"), reply
    saw: dict[str, Any] = json.loads(reply)
    return saw


def in_loop(host: Host, source: str) -> str:
    """Run `async def body(say)` as an API command; what it said."""
    name = host.script(
        "import asyncio\nfrom freeswitch import events\n"
        + HEAD
        + WAITING
        + source
        + "\nasync def fsapi(session, stream, env, args):\n    await body(stream.write)\n"
    )
    return host.api(f"python {name}")


class Asked:
    """A script whose `fsapi` takes a verb, and answers with JSON."""

    def __init__(self, host: Host, source: str) -> None:
        self.host = host
        self.name = host.script(source)

    def ask(self, verb: str, rest: str = "") -> Any:
        """Ask it."""
        reply = self.host.api(f"python {self.name} {verb} {rest}".strip())
        assert not reply.startswith("-ERR"), reply
        return json.loads(reply)

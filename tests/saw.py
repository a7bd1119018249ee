"""Scripts that say what they saw: a function `body` fills a dictionary, the test gets it back; or they are asked."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from hosts.base import CallResult, Host

HEAD = "import gc, json, os, sys, threading, time\nimport freeswitch\n"

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


def in_call(host: Host, source: str, **how: Any) -> tuple[dict[str, Any], CallResult]:
    """Make a call whose script defines `body(session, saw)`; what it saw, and the call."""
    name = host.script(HEAD + TRIED + textwrap.dedent(source) + IN_CALL)
    return seen(host.run("python", name, **how))


def in_coroutine(host: Host, source: str, **how: Any) -> tuple[dict[str, Any], CallResult]:
    """Make a call whose script defines `async def body(session, saw)`."""
    return seen(host.run("python", coroutine(host, source), **how))


def coroutine(host: Host, source: str) -> str:
    """Write a script that defines `async def body(session, saw)`; its name."""
    return host.script("import asyncio\n" + HEAD + TRIED + textwrap.dedent(source) + IN_COROUTINE)


def start(host: Host, source: str) -> Any:
    """As `in_call`, for a call that the test drives: the live call."""
    name = host.script(HEAD + TRIED + textwrap.dedent(source) + IN_CALL)
    return host.start_call(host.extension(("python", name)))


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


def settings(*lines: str) -> str:
    """What `host.config` takes: a python.conf of these lines."""
    return f'<configuration name="python.conf"><settings>{"".join(lines)}</settings></configuration>'


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

"""Recursion without end: Python's own error in the script, and a switch that goes on.

FreeSWITCH's threads have stacks of 240 KB, which C recursion overflows long
before Python's limit is reached.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hosts.base import Host

# Ways that go through C at each level, each in a function `recurse`.
WAYS = {
    "plain": "def recurse(): return recurse()",
    "sorted": """
def recurse():
    def key(x):
        return sorted([x], key=key)
    return key(1)
""",
    "repr": """
def recurse():
    deep = []
    for _ in range(100000):
        deep = [deep]
    return repr(deep)
""",
    "getattr": """
class Endless:
    def __getattr__(self, name):
        return getattr(self, name)
def recurse():
    return Endless().anything
""",
    "eq": """
class Endless:
    def __eq__(self, other):
        return [self] == [Endless()]
    __hash__ = None
def recurse():
    return Endless() == Endless()
""",
}

ENTRIES = """
import threading

def attempt():
    try:
        recurse()
        return "no error"
    except RecursionError:
        return "RecursionError"

def in_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(attempt()))
    thread.start()
    thread.join()
    return results[0]

def handler(session, args):
    session.setVariable("here", attempt())
    session.setVariable("in_thread", in_thread())

def fsapi(session, stream, env, args):
    stream.write(attempt() + " " + in_thread())

def runtime(args):
    print("pyrun", attempt(), in_thread())
"""


def try_everywhere(host: Host, way: str) -> None:
    """Recurse on each kind of thread."""
    name = host.script(WAYS[way] + ENTRIES)
    result = host.run("python", name)
    assert (result.variables["here"], result.variables["in_thread"]) == ("RecursionError", "RecursionError")
    assert host.api(f"python {name}") == "RecursionError RecursionError"
    assert host.api(f"pyrun {name}").startswith("+OK")
    host.wait_log("^pyrun RecursionError RecursionError$")
    assert "is ready" in host.api("status")


@pytest.mark.parametrize("way", WAYS)
def test_recursion_without_end(host: Host, way: str) -> None:
    try_everywhere(host, way)


@pytest.mark.freeswitch_only
def test_recursion_in_a_switch_with_small_stacks(fresh: Callable[..., Host]) -> None:
    host = fresh(stack_kb=244)
    for way in WAYS:
        try_everywhere(host, way)


def test_an_error_that_nobody_catches(host: Host) -> None:
    name = host.script(WAYS["sorted"] + "\ndef handler(session, args): recurse()\nfsapi = lambda *args: recurse()\n")
    reply = host.api(f"python {name}")
    assert reply.startswith("-ERR")
    assert "RecursionError" in reply
    result = host.call(("python", name), ("set", "after=yes"))
    assert result.variables["after"] == "yes"
    assert "RecursionError" in result.variables["python_error"]


def test_the_first_error_of_a_switch(fresh: Callable[..., Host]) -> None:
    # What is made when it is first needed cannot be made at the limit.
    host = fresh()
    name = host.script(WAYS["plain"] + "\ndef fsapi(session, stream, env, args): recurse()\n")
    assert "RecursionError" in host.api(f"python {name}")
    assert "is ready" in host.api("status")


def test_an_ordinary_recursion(host: Host) -> None:
    name = host.script("""
        def depth(n):
            return 1 + depth(n - 1) if n else 0
        def handler(session, args):
            session.setVariable("depth", str(depth(900)))
        def fsapi(session, stream, env, args):
            stream.write(str(depth(900)))
    """)
    assert host.run("python", name).variables["depth"] == "900"
    assert host.api(f"python {name}") == "900"


def test_a_command_that_runs_itself(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def fsapi(session, stream, env, args):
            stream.write("." + freeswitch.API().execute("python", __name__))
    """)
    reply = host.api(f"python {name}")
    assert reply.startswith(".")
    assert "-ERR" in reply
    assert "is ready" in host.api("status")


def test_an_application_that_runs_itself(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.execute("python", __name__)
    """)
    result = host.call(("python", name), ("set", "after=yes"))
    assert result.variables["after"] == "yes"
    assert "is ready" in host.api("status")


# The interpreter that pocket joins is its program's, and so is the limit.
@pytest.mark.freeswitch_only
def test_the_limit_can_be_raised_only_so_far(host: Host) -> None:
    name = host.script(
        "import sys\n"
        + WAYS["sorted"]
        + """
def fsapi(session, stream, env, args):
    old = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(10 ** 9)
        recurse()
    except RecursionError:
        stream.write("RecursionError")
    finally:
        sys.setrecursionlimit(old)
"""
    )
    assert host.api(f"python {name}") == "RecursionError"
    assert "is ready" in host.api("status")


def test_the_limit_leaves_room_for_other_scripts(host: Host) -> None:
    name = host.script("""
        import sys
        def fsapi(session, stream, env, args):
            old = sys.getrecursionlimit()
            sys.setrecursionlimit(50)
            stream.write(str(sys.getrecursionlimit() >= 1000))
            sys.setrecursionlimit(old)
    """)
    assert host.api(f"python {name}") == "True"
    host.wait_log("recursion limit 50 is too low")

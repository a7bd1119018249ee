"""A process that gets no more threads: what looks after scripts works all the same, and says what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hosts.base import Host
from support.configuration import settings

# Memory that cannot be had ends a process, and pocket's is pytest's own.
pytestmark = pytest.mark.freeswitch_only

# Runs `inside()` while no thread of 8 MiB can be had: there is no address space for its stack, and what the C library
# keeps of old stacks is in use by threads that wait.
WITHOUT_THREADS = """
import json, os, resource, threading, time
import freeswitch
API = freeswitch.API()
LEFT = (8 << 20) - (256 << 10)  # for everything else
def without_threads(inside):
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    go_on = threading.Event()
    with open("/proc/self/statm") as about:
        size = int(about.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    waiting = []
    resource.setrlimit(resource.RLIMIT_AS, (size + LEFT, hard))
    try:
        for _ in range(100):
            thread = threading.Thread(target=go_on.wait)
            try:
                thread.start()
            except RuntimeError:
                return inside()
            waiting.append(thread)
        raise AssertionError("there are always more threads")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        go_on.set()
        for thread in waiting: thread.join()
def runtime(args):
    print("without threads:", json.dumps(without_threads(inside)))
"""


def saw_without_threads(host: Host, source: str, before: str = "") -> Any:
    """What the function `inside` of a script gave, on a thread of its own."""
    name = host.script(WITHOUT_THREADS + source)
    if before:
        host.api(before)
    assert host.api(f"pyrun {name}").startswith("+OK")
    line = host.wait_log("^without threads: ")
    return json.loads(line.text.strip().removeprefix("without threads: "))


ENDLESS = "def fsapi(session, stream, env, args):\n    while True: pass\nruntime = lambda args: fsapi(*[None] * 4)\n"


def test_deadlines_are_kept(fresh: Callable[..., Host]) -> None:
    host = fresh(config=settings('<param name="script-timeout" value="api 0.3"/>'))
    endless = host.script(ENDLESS)
    replies = saw_without_threads(
        host, f"def inside(): return [API.execute('python', '{endless}') for _ in range(2)]\n"
    )
    for reply in replies:
        assert "was ended: script-timeout reached" in reply
    # And later ones, when there are threads again.
    assert "was ended" in host.api(f"python {endless}")


def test_scripts_are_listed_and_ended(fresh: Callable[..., Host]) -> None:
    host = fresh()
    endless = host.script(ENDLESS)
    number = host.api(f"pyrun {endless}").split()[1]
    host.wait_for(lambda: f"{endless}::" in host.api("pyps") or None, what="the script")
    listed, ended, after = saw_without_threads(
        host, f"def inside(): return [API('pyps'), API('pykill {number}'), API('pyps')]\n"
    )
    assert f"{endless}.py:" in listed
    assert ended.startswith("+OK")
    assert f"{endless}::" not in after


def test_a_pyrun_is_refused_in_the_log_too(fresh: Callable[..., Host]) -> None:
    host = fresh()
    other = host.script("def runtime(args): print('ran', args)")
    reply = saw_without_threads(host, f"def inside(): return API('pyrun {other} in vain')\n")
    assert reply.startswith("-ERR no thread")
    host.wait_log(f"MR0006 .*{other}::runtime.*no thread")
    host.api(f"pyrun {other} again")
    host.wait_log("^ran again$")
    host.no_log("ran in vain")


def test_a_call_that_its_script_drops_ends(fresh: Callable[..., Host]) -> None:
    host = fresh()
    callee = host.extension("answer", ("sleep", "60000"))
    ended = saw_without_threads(
        host,
        f"""
SESSION = []
def place(): SESSION.append(freeswitch.Session("loopback/{callee}"))
def inside():
    uuid = SESSION[0].get_uuid()
    SESSION.clear()
    for _ in range(400):
        if API.execute("uuid_exists", uuid).strip() == "false":
            return "ended"
        freeswitch.msleep(10)
    return "goes on"
BEFORE = without_threads
def without_threads(inside):
    place()
    return BEFORE(inside)
""",
    )
    assert ended == "ended"


def test_a_hook_s_script_runs_once_there_are_threads(fresh: Callable[..., Host]) -> None:
    host = fresh()
    hook = host.script("def hook(event, args): print('hooked', event['What'])")
    host.write_config("python.conf", settings(f'<hook event="CUSTOM" subclass="no::threads" script="{hook}"/>'))
    saw_without_threads(
        host,
        """
def fire(what):
    event = freeswitch.Event("CUSTOM", "no::threads")
    event.addHeader("What", what)
    event.fire()
def inside():
    reply = API("pyreload")
    fire("first")
    return reply
def fsapi(session, stream, env, args): fire(args)
""",
    )
    host.wait_log("MR0017 hook")
    fire = host.script("""
        import freeswitch
        def fsapi(session, stream, env, args):
            event = freeswitch.Event("CUSTOM", "no::threads")
            event.addHeader("What", args)
            event.fire()
    """)
    host.api(f"python {fire} second")
    host.wait_log("^hooked first$")
    host.wait_log("^hooked second$")

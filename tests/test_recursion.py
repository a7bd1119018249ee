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


def test_a_coroutine_that_runs_itself(host: Host) -> None:
    name = host.script("""
        async def handler(session, args):
            await session.execute("python", __name__)
    """)
    result = host.call(("python", name), ("set", "after=yes"))
    assert result.variables["after"] == "yes"
    host.wait_log("MR0006 application .*: async functions of this call run each other more than 16 deep")
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


@pytest.mark.parametrize(
    "found",
    {
        "its own name": "sys.setrecursionlimit",
        "sys imported once more": "again('sys').setrecursionlimit",
        "a cell of a closure": "getattr(sys.setrecursionlimit, '__closure__', None)[-1].cell_contents"
        " if getattr(sys.setrecursionlimit, '__closure__', None) else sys.setrecursionlimit",
        "what the collector knows": "next(f for f in gc.get_objects() if type(f) is type(len)"
        " and f.__name__ == 'setrecursionlimit')",
    }.items(),
    ids=lambda item: item[0],
)
def test_the_limit_holds_whatever_way_a_script_comes_to_it(fresh: Callable[..., Host], found: tuple[str, str]) -> None:
    host = fresh()
    name = host.script(
        f"""
import gc, importlib, sys
def again(name):
    before = sys.modules.pop(name)
    try:
        return importlib.import_module(name)
    finally:
        sys.modules[name] = before
class Twice:
    values = [2000, 10 ** 6]
    def __index__(self): return self.values.pop(0)
def set_limit(limit):
    ({found[1]})(limit)
"""
        + WAYS["sorted"]
        + """
def fsapi(session, stream, env, args):
    old = sys.getrecursionlimit()
    for limit in (10 ** 6, Twice()):
        set_limit(limit)
        stream.write("%d " % sys.getrecursionlimit())
    set_limit(10 ** 6)
    try:
        recurse()
    except RecursionError:
        stream.write("RecursionError")
    set_limit(old)
"""
    )
    # Python 3.12 and 3.13 have less.
    assert host.api(f"python {name}") in {"3000 2000 RecursionError", "1300 1300 RecursionError"}
    host.wait_log("recursion limit 1000000 is too high")
    assert "is ready" in host.api("status")


@pytest.mark.parametrize("start", ["threading.Thread", "_thread", "a fresh _thread", "a pool"])
def test_threads_have_room_whatever_stack_size_a_script_has_set(fresh: Callable[..., Host], start: str) -> None:
    host = fresh()
    name = host.script(
        f"""
import _thread, concurrent.futures, importlib, sys, threading
START = "{start}"
"""
        + WAYS["sorted"]
        + ENTRIES
        + """
def again(name):
    before = sys.modules.pop(name)
    try:
        return importlib.import_module(name)
    finally:
        sys.modules[name] = before
def in_small_thread():
    threads = again("_thread") if START == "a fresh _thread" else _thread
    threads.stack_size(65536)
    if START == "a pool":
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(attempt).result()
    if START == "threading.Thread":
        return in_thread()
    results, done = [], threading.Event()
    def run():
        results.append(attempt())
        done.set()
    threads.start_new_thread(run, ())
    done.wait()
    return results[0]
def fsapi(session, stream, env, args):
    old = threading.stack_size()
    for _ in range(3):
        stream.write(in_small_thread() + " ")
    threading.stack_size(old)
"""
    )
    assert host.api(f"python {name}") == "RecursionError " * 3
    assert "is ready" in host.api("status")


@pytest.mark.parametrize("module", ["_xxsubinterpreters", "_interpreters", "_testcapi", "_testinternalcapi"])
@pytest.mark.parametrize("how", ["import", "loader", "_imp"])
def test_subinterpreters_are_refused(fresh: Callable[..., Host], module: str, how: str) -> None:
    # Each would count its recursion from nothing, on the stack that is half used.
    host = fresh()
    name = host.script(f"""
        import _imp, importlib.machinery, importlib.util, sys
        def load():
            if "{how}" == "import":
                import {module} as found
                return found
            spec = importlib.machinery.BuiltinImporter.find_spec("{module}")
            spec = spec or importlib.machinery.PathFinder.find_spec("{module}")
            if spec is None:
                raise ImportError("this Python does not have {module}")
            if spec.origin == "built-in":
                return _imp.create_builtin(spec)
            if "{how}" == "_imp":
                return _imp.create_dynamic(spec)
            spec = importlib.util.spec_from_file_location("other.{module}", spec.origin)
            return importlib.util.module_from_spec(spec)
        def fsapi(session, stream, env, args):
            sys.modules.pop("{module}", None)
            try:
                load()
                stream.write("loaded")
            except ImportError as error:
                stream.write(f"ImportError: {{error}}")
    """)
    reply = host.api(f"python {name}")
    assert reply.startswith("ImportError: ")
    assert "the switch" in reply or "does not have" in reply or reply == f"ImportError: No module named '{module}'"
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

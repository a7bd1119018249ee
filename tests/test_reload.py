"""Scripts that change: the new code for new calls, the old while it is broken, and never half of it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from hosts.base import DEADLINE, Host
from support.configuration import settings

FSAPI = "def fsapi(session, stream, env, args): stream.write('{}')\n"


# Files are looked at in real time, which goes slower than pocket's.
PATIENCE = 2000.0


def becomes(host: Host, name: str, answer: str) -> None:
    patience = PATIENCE if host.is_pocket else DEADLINE
    host.wait_for(lambda: host.api(f"python {name}") == answer or None, patience, f"the answer {answer!r}")


def test_a_module_that_is_imported_counts(host: Host) -> None:
    part = host.script("ANSWER = 'old'")
    name = host.script(f"import {part}\ndef fsapi(session, stream, env, args): stream.write({part}.ANSWER)\n")
    assert host.api(f"python {name}") == "old"
    host.script("ANSWER = 'new'", part)
    becomes(host, name, "new")


@pytest.mark.parametrize(
    "script",
    [
        "def fsapi(session, stream, env, args):\n    import {part}\n    stream.write({part}.ANSWER)\n",
        "import importlib\npart = importlib.import_module('{part}')\n"
        "def fsapi(session, stream, env, args): stream.write(part.ANSWER)\n",
        "from importlib import import_module\n"
        "def fsapi(session, stream, env, args): stream.write(import_module('{part}').ANSWER)\n",
        "import importlib\nparts = [importlib.import_module(name) for name in '{part}'.split()]\n"
        "def fsapi(session, stream, env, args): stream.write(parts[0].ANSWER)\n",
    ],
    ids=["in a function", "import_module", "import_module in a function", "a name made up"],
)
def test_a_module_that_is_imported_otherwise_counts(host: Host, script: str) -> None:
    part = host.script("ANSWER = 'old'")
    name = host.script(script.format(part=part))
    assert host.api(f"python {name}") == "old"
    assert host.api(f"python {name}") == "old"
    host.script("ANSWER = 'new'", part)
    becomes(host, name, "new")
    host.script("ANSWER = 'forced'", part)
    host.api(f"pyreload {part}")
    assert host.api(f"python {name}") == "forced"


def test_plugins_that_register_with_their_importer(host: Host) -> None:
    first, second = host.script("", None), host.script("", None)
    name = host.script("")
    plugin = f"from {name} import register\nregister('{{}}')\n"
    host.script(plugin.format("first"), first)
    host.script(plugin.format("second"), second)
    host.script(
        f"""
        import importlib, os
        names = []
        def register(name): names.append(name)
        for plugin in ("{first}", "{second}"):
            if os.path.exists(os.path.join(os.path.dirname(__file__), plugin + ".py")):
                importlib.import_module(plugin)
        def fsapi(session, stream, env, args): stream.write(" ".join(names))
        """,
        name,
    )
    assert host.api(f"python {name}") == "first second"
    host.script(plugin.format("third"), second)
    becomes(host, name, "first third")
    (host.script_dir / f"{second}.py").unlink()
    host.api(f"pyreload {name}")
    assert host.api(f"python {name}") == "first"
    assert not [line.text for line in host.log() if "MR0005" in line.text]


def test_what_a_function_imports_and_does_not_load_leaves_the_old_one(host: Host) -> None:
    part = host.script("ANSWER = 'old'")
    name = host.script(f"def fsapi(session, stream, env, args):\n    import {part}\n    stream.write({part}.ANSWER)\n")
    assert host.api(f"python {name}") == "old"
    host.script("ANSWER = ", part)
    host.wait_for(
        lambda: (host.api(f"python {name}") == "old" and any("MR0005" in line.text for line in host.log())) or None,
        PATIENCE if host.is_pocket else DEADLINE,
        "the broken version",
    )
    other = host.script(FSAPI.format("other"))
    for _ in range(5):
        assert host.api(f"python {other}") == "other"
        assert host.api(f"python {name}") == "old"
    assert len([line for line in host.log() if "MR0005" in line.text]) == 1
    host.script("ANSWER = 'mended'", part)
    becomes(host, name, "mended")


def package(host: Host, **files: str) -> str:
    """Write a package with these modules; its name."""
    name = host.script("")
    (host.script_dir / f"{name}.py").unlink()
    (host.script_dir / name).mkdir()
    for module, source in {"__init__": "", **files}.items():
        host.script(source, f"{name}.{module}")
    return name


@pytest.mark.parametrize(
    ("imports", "answer"),
    [
        ("import {p}.sub, {p}.other", "{p}.sub.X + {p}.other.X"),
        ("from {p} import sub, other", "sub.X + other.X"),
        ("import {p}.sub\nfrom {p}.other import X", "{p}.sub.X + X"),
        ("from {p} import *", "sub.X + other.X"),
        (
            "import importlib\nsub, other = (importlib.import_module('.' + n, '{p}') for n in ('sub', 'other'))",
            "sub.X + other.X",
        ),
    ],
)
def test_a_module_of_a_package(host: Host, imports: str, answer: str) -> None:
    p = package(host, __init__="__all__ = ['sub', 'other']", sub="X = '1'", other="X = '1'")
    name = host.script(
        f"{imports.format(p=p)}\ndef fsapi(session, stream, env, args): stream.write({answer.format(p=p)})\n"
    )
    assert host.api(f"python {name}") == "11"
    host.script("X = '2'", f"{p}.sub")
    becomes(host, name, "21")
    host.script("__all__ = ['other', 'sub']", f"{p}.__init__")
    host.script("X = '2'", f"{p}.other")
    becomes(host, name, "22")
    assert not [line.text for line in host.log() if "MR0005" in line.text]


@pytest.mark.parametrize(
    "imports",
    [
        "from {p} import sub",
        "from {p}.inner import sub",
        "import {p}.inner.sub as sub",
        "import importlib\nsub = importlib.import_module('{p}.inner.sub')",
    ],
)
def test_an_edit_that_imports_a_package_for_the_first_time(host: Host, imports: str) -> None:
    name = host.script(FSAPI.format("old"))
    assert host.api(f"python {name}") == "old"
    p = package(host, sub="X = 'new'")
    (host.script_dir / p / "inner").mkdir()
    host.script("", f"{p}.inner.__init__")
    host.script("X = 'new'", f"{p}.inner.sub")
    host.script(f"{imports.format(p=p)}\ndef fsapi(session, stream, env, args): stream.write(sub.X)\n", name)
    becomes(host, name, "new")
    assert not [line.text for line in host.log() if "MR0005" in line.text]


def gated(host: Host) -> tuple[ExitStack, str]:
    """What takes a file away, and lines of a script that say `loads` and then wait while it is there."""
    held = host.folder / "held"
    held.touch()
    stack = ExitStack()
    stack.callback(held.unlink)
    return stack, f"import os, time\nprint('loads')\nwhile os.path.exists({str(held)!r}): time.sleep(0.01)\n"


@pytest.mark.freeswitch_only
def test_nobody_sees_a_version_that_is_being_loaded(host: Host) -> None:
    part = host.script("A = 'old'")
    name = host.script(f"def fsapi(session, stream, env, args):\n    import {part}\n    stream.write({part}.A)\n")
    assert [host.api(f"python {name}") for _ in range(2)] == ["old", "old"]
    gate, waits = gated(host)
    host.script(f"A = 'new'\n{waits}raise RuntimeError('broken')\n", part)
    with gate, ThreadPoolExecutor() as pool:
        slow = pool.submit(host.api, f"pyreload {name}")
        host.wait_log("^loads$")
        # Nor does anybody wait for it.
        assert {host.api(f"python {name}") for _ in range(20)} == {"old"}
        assert not slow.done()
        gate.close()
        assert slow.result().startswith("-ERR")
    assert host.api(f"python {name}") == "old"


@pytest.mark.freeswitch_only
def test_a_slow_reload_holds_up_nobody_else(host: Host) -> None:
    first = host.script(FSAPI.format("old"))
    second = host.script(FSAPI.format("old"))
    for name in (first, second):
        assert host.api(f"python {name}") == "old"
    gate, waits = gated(host)
    host.script(waits + FSAPI.format("new"), first)
    with gate, ThreadPoolExecutor() as pool:
        slow = pool.submit(host.api, f"pyreload {first}")
        host.wait_log("^loads$")
        host.script(FSAPI.format("new"), second)
        assert {host.api(f"python {second}") for _ in range(20)} <= {"old", "new"}
        assert not slow.done()
        gate.close()
    becomes(host, second, "new")
    assert host.api(f"python {first}") == "new"


@pytest.mark.freeswitch_only
def test_a_script_that_is_called_while_another_imports_it_anew(host: Host) -> None:
    # One waits for the module that the other loads, which calls a script that has changed.
    called = host.script(FSAPI.format("old"))
    loads = host.script(
        f"""
        import freeswitch, time
        print("first load")
        time.sleep(1)
        ANSWER = freeswitch.API().executeString("python {called}")
        def fsapi(session, stream, env, args): stream.write("b" + ANSWER)
        """
    )
    imports = host.script(FSAPI.format("old"))
    assert [host.api(f"python {name}") for name in (called, imports)] == ["old", "old"]
    host.script(FSAPI.format("new"), called)
    host.script(f"import time\nprint('anew')\ntime.sleep(0.3)\nimport {loads}\n" + FSAPI.format("new"), imports)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(host.api, f"python {loads}")
        host.wait_log("^first load$")
        second = pool.submit(host.api, f"pyreload {imports}")
        assert first.result(DEADLINE) in {"bold", "bnew"}
        assert second.result(DEADLINE).startswith("+OK")
    becomes(host, called, "new")


def test_a_script_whose_file_is_away_stays_in_use(host: Host) -> None:
    name = host.script(FSAPI.format("old"))
    assert host.api(f"python {name}") == "old"
    (host.script_dir / f"{name}.py").unlink()
    assert host.api("pyreload").startswith(("+OK", "-ERR"))
    assert host.api(f"python {name}") == "old"
    host.script(FSAPI.format("new"), name)
    becomes(host, name, "new")


def test_a_script_that_another_calls_is_none_that_it_imports(host: Host) -> None:
    called = host.script(FSAPI.format("old"))
    name = host.script(
        f"""
        import freeswitch
        count = [0]
        def fsapi(session, stream, env, args):
            count[0] += 1
            stream.write(str(count[0]) + freeswitch.API().executeString("python {called}"))
        """
    )
    assert host.api(f"python {name}") == "1old"
    host.script(FSAPI.format("new"), called)
    becomes(host, called, "new")
    assert host.api(f"python {name}") == "2new"


def test_a_new_version_has_the_builtins_of_all(host: Host) -> None:
    source = """
        import builtins
        def fsapi(session, stream, env, args):
            builtins.{0} = args
            stream.write("{1}" + {0})
    """
    name = host.script("")
    host.script(source.format(f"of_{name}", "old "), name)
    assert host.api(f"python {name} a") == "old a"
    host.script(source.format(f"of_{name}", "new "), name)
    host.api(f"pyreload {name}")
    assert [host.api(f"python {name} {argument}") for argument in "bc"] == ["new b", "new c"]


def test_a_broken_version_is_said_once_for_all_its_functions(host: Host) -> None:
    name = host.script(FSAPI.format("old") + FSAPI.format("other").replace("fsapi", "other"))
    both = [name, f"{name}::other"]
    assert [host.api(f"python {each}") for each in both] == ["old", "other"]

    def failed() -> int:
        reloads: int = json.loads(host.api("pystat json"))["failed_reloads"]
        return reloads

    before = failed()
    host.script("def broken(:\n", name)

    def both_have_failed() -> bool | None:
        assert [host.api(f"python {each}") for each in both] == ["old", "other"]
        return failed() >= before + 2 or None

    host.wait_for(both_have_failed, PATIENCE if host.is_pocket else DEADLINE, "two reloads that fail")
    assert len([line for line in host.log() if "MR0005" in line.text]) == 1


def test_names_that_are_no_scripts_are_not_counted(host: Host) -> None:
    for n in range(20):
        assert host.api(f"python no_such_script_{n}").startswith("-ERR")
    broken = host.script("def fsapi(:\n")
    assert host.api(f"python {broken}").startswith("-ERR")
    functions = json.loads(host.api("pystat json"))["functions"]
    assert not [name for name in functions if name.startswith("no_such_script_")]
    assert functions[f"{broken}::fsapi"]["errors"] == 1


def test_a_running_call_finishes_on_the_old_code(host: Host) -> None:
    source = """
        import freeswitch
        def answer(): return "{0}"
        def handler(session, args):
            session.setVariable("begun", answer())
            session.sleep(15000)
            session.setVariable("ended", answer())
        def fsapi(session, stream, env, args): stream.write(answer())
    """
    name = host.script(source.format("old"))
    call = host.start_call(host.extension(("python", name)))
    host.wait_for(lambda: host.api(f"uuid_getvar {call.uuid} begun").strip() == "old" or None, what="the script")
    host.script(source.format("new"), name)
    host.api(f"pyreload {name}")
    becomes(host, name, "new")
    call.hangup()
    assert call.wait().variables["ended"] == "old"


@pytest.mark.parametrize(
    "broken", ["def fsapi(:\n", "raise RuntimeError('at the top')\n", "import no_such_module_at_all\n", "", "x = 1\n"]
)
def test_a_version_that_does_not_load_leaves_the_old_one(host: Host, broken: str) -> None:
    name = host.script(FSAPI.format("old"))
    assert host.api(f"python {name}") == "old"
    host.script(broken, name)
    host.wait_for(
        lambda: (host.api(f"python {name}") == "old" and any("MR0005" in line.text for line in host.log())) or None,
        what="the broken version",
    )
    for _ in range(5):
        assert host.api(f"python {name}") == "old"
    lines = [line for line in host.log() if "MR0005" in line.text]
    assert len(lines) == 1, lines
    assert lines[0].level == "ERR"
    host.script(FSAPI.format("mended"), name)
    becomes(host, name, "mended")


@pytest.mark.parametrize("instead", ["nothing", "a folder"])
def test_a_script_that_goes_leaves_the_old_one(host: Host, instead: str) -> None:
    name = host.script(FSAPI.format("old"))
    assert host.api(f"python {name}") == "old"
    path = host.script_dir / f"{name}.py"
    path.unlink()
    if instead == "a folder":
        path.mkdir()

    def told() -> bool | None:
        assert host.api(f"python {name}") == "old"
        return any("MR0005" in line.text for line in host.log()) or None

    try:
        host.wait_for(told, PATIENCE if host.is_pocket else DEADLINE, "the loss of the script")
    finally:
        if path.is_dir():
            path.rmdir()
    host.script(FSAPI.format("back"), name)
    becomes(host, name, "back")


def test_a_module_that_imports_itself(host: Host) -> None:
    name = "imports_itself"
    host.script(f"import {name}\n" + FSAPI.format("loaded"), name)
    assert host.api(f"python {name}") == "loaded"
    host.script(f"import {name}\n" + FSAPI.format("anew"), name)
    becomes(host, name, "anew")


def test_a_module_that_calls_itself_while_it_loads(host: Host) -> None:
    name = "calls_itself"
    host.script(
        f"import freeswitch\nREPLY = freeswitch.API().execute('python', '{name}')\n" + FSAPI.format("loaded"), name
    )
    assert host.api(f"python {name}") == "loaded"


def test_never(host: Host) -> None:
    host.config(settings(("reload-scripts", "never")))
    name = host.script(FSAPI.format("old"))
    assert host.api(f"python {name}") == "old"
    host.script(FSAPI.format("new"), name)
    for _ in range(5):
        host.sleep(0.1)
        assert host.api(f"python {name}") == "old"
    assert host.api(f"pyreload {name}").startswith("+OK")
    assert host.api(f"python {name}") == "new"


def test_always(host: Host) -> None:
    host.config(settings(("reload-scripts", "always")))
    name = host.script("COUNT = []\ndef fsapi(*args):\n    COUNT.append(1)\n    args[1].write(str(len(COUNT)))\n")
    assert [host.api(f"python {name}") for _ in range(3)] == ["1", "1", "1"]


def test_two_reloads_at_once_under_load(host: Host) -> None:
    source = "VERSION = {}\ndef fsapi(session, stream, env, args): stream.write('v%d' % VERSION)\n"
    name = host.script(source.format(0))
    assert host.api(f"python {name}") == "v0"
    wrong: list[str] = []
    over = threading.Event()

    def work(command: str, good: str) -> None:
        while not over.is_set():
            reply = host.api(command)
            if not reply.startswith(good):
                wrong.append(reply)
                return

    threads = [threading.Thread(target=work, args=(f"pyreload {name}", "+OK")) for _ in range(2)]
    threads += [threading.Thread(target=work, args=(f"python {name}", "v")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in range(1, 11):
        # As editors do: a reload by command takes what is there, be it half written.
        fresh = host.script(source.format(version), f"{name}_fresh")
        (host.script_dir / f"{fresh}.py").replace(host.script_dir / f"{name}.py")
        becomes(host, name, f"v{version}")
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_has_not_changed_keeps_its_state(host: Host) -> None:
    shared = host.script("count = 0")
    source = """
        import {0}
        def fsapi(session, stream, env, args):
            {0}.count += 1
            stream.write(f"{{{0}.count}} {1}")
    """
    one, other = host.script(source.format(shared, "v1")), host.script(source.format(shared, "other"))
    assert [host.api(f"python {one}"), host.api(f"python {other}")] == ["1 v1", "2 other"]
    host.script(source.format(shared, "v2"), one)
    assert host.api(f"pyreload {one}").startswith("+OK")
    assert [host.api(f"python {one}"), host.api(f"python {other}")] == ["3 v2", "4 other"]
    # What is imported can be named as well, and all that is built on it comes along.
    assert host.api(f"pyreload {shared}").startswith("+OK")
    assert [host.api(f"python {one}"), host.api(f"python {other}")] == ["1 v2", "2 other"]


def test_a_new_version_finds_itself_in_sys_modules(host: Host) -> None:
    name = host.script(FSAPI.format("v1"))
    assert host.api(f"python {name}") == "v1"
    host.script(
        """
        from __future__ import annotations
        import sys, typing
        class Node:
            next: Node
            names: typing.List[str]
        HINTS = typing.get_type_hints(Node)
        sys.modules[__name__].SET = "set"
        def fsapi(session, stream, env, args): stream.write(f"v2 {SET} {HINTS['next'].__name__}")
        """,
        name,
    )
    assert host.api(f"pyreload {name}").startswith("+OK")
    assert host.api(f"python {name}") == "v2 set Node"


def test_a_version_that_fails_leaves_no_mark_on_the_old_one(host: Host) -> None:
    name = host.script("ANSWER = 'good'\ndef fsapi(session, stream, env, args): stream.write(ANSWER)\n")
    assert host.api(f"python {name}") == "good"
    host.script("import sys\nsys.modules[__name__].ANSWER = 'poisoned'\n1 / 0\n", name)
    assert host.api(f"pyreload {name}").startswith("-ERR")
    assert host.api(f"python {name}") == "good"

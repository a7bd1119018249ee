"""The dialplan application `python`: how a script gets a call, and what it can do with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hosts.base import HOLD_MUSIC, CallResult, Host


def saw(result: CallResult) -> Any:
    """What the script has put into the variable `saw`, as JSON."""
    return json.loads(result.variables["saw"])


@pytest.mark.parametrize(("given", "args"), [("", ""), (" one", "one"), ("  one  two ", "one  two")])
def test_handler_gets_its_arguments(host: Host, given: str, args: str) -> None:
    name = host.script("""
        import json
        def handler(session, args):
            session.setVariable("saw", json.dumps([args, type(session).__name__]))
    """)
    assert saw(host.run("python", name + given)) == [args, "Session"]


def test_a_function_can_be_named(host: Host) -> None:
    name = host.script("""
        def greet(session, args):
            session.setVariable("greeting", "hello " + args)
    """)
    assert host.run("python", f"{name}::greet world").variables["greeting"] == "hello world"


@pytest.mark.parametrize("package", ["", "def handler(session, args): pass"])
def test_module_in_a_package(host: Host, package: str) -> None:
    top = host.script("")
    if package:
        host.script(package, f"{top}_with.__init__")
        top += "_with"
    else:
        top += "_bare"
    name = host.script("def handler(session, args): session.setVariable('saw', '1')", f"{top}.inner.module")
    assert saw(host.run("python", name)) == 1


def test_handler_that_takes_only_the_session(host: Host) -> None:
    name = host.script("def handler(session): session.setVariable('saw', '1')")
    assert saw(host.run("python", name)) == 1


def test_dialplan_goes_on_after_the_handler(host: Host) -> None:
    name = host.script("def handler(session, args): pass")
    result = host.call(("python", name), ("set", "after=yes"))
    assert result.variables["after"] == "yes"
    assert "python_error" not in result.variables
    host.no_log("Traceback")


def test_answer_and_hang_up(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            assert session.ready()
            session.answer()
            session.hangup("USER_BUSY")
            session.setVariable("saw", str(int(session.ready())))
    """)
    result = host.call(("python", name), ("set", "after=yes"))
    assert (result.answered, result.cause, saw(result)) == (True, "USER_BUSY", 0)
    assert "after" not in result.variables


def test_pre_answer_is_not_an_answer(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.preAnswer()
            session.sleep(40)
            session.hangup("CALL_REJECTED")
    """)
    result = host.run("python", name)
    assert (result.answered, result.cause) == (False, "CALL_REJECTED")


def test_variables(host: Host) -> None:
    name = host.script("""
        import json
        def handler(session, args):
            session.setVariable("mine", "1")
            session.setVariable("mine", None)
            session.setVariable("kept", "2 3")
            names = ("given", "mine", "kept", "hold_music", "destination_number", "no_such")
            session.setVariable("saw", json.dumps([session.getVariable(name) for name in names]))
    """)
    extension = host.extension(("python", name))
    result = host.call(extension=extension, variables={"given": "한국어"})
    assert saw(result) == ["한국어", None, "2 3", HOLD_MUSIC, extension, None]
    assert "mine" not in result.variables


def test_execute_expands_and_runs(host: Host) -> None:
    name = host.script("""
        def handler(session, args):
            session.setVariable("inner", "from a variable")
            session.execute("set", "saw=${inner}")
            session.execute("answer")
    """)
    result = host.run("python", name)
    assert (result.variables["saw"], result.answered) == ("from a variable", True)


def test_python_within_python(host: Host) -> None:
    inner = host.script("def handler(session, args): session.setVariable('inner', args)")
    outer = host.script("""
        def handler(session, args):
            session.execute("python", args + " deep")
            session.setVariable("outer", "done")
    """)
    result = host.run("python", f"{outer} {inner}")
    assert (result.variables["inner"], result.variables["outer"]) == ("deep", "done")


def test_transfer(host: Host) -> None:
    target = host.extension(("set", "arrived=yes"), ("hangup", "CALL_REJECTED"))
    name = host.script("""
        def handler(session, args):
            session.transfer(args, "XML", "default")
    """)
    result = host.run("python", f"{name} {target}")
    assert (result.variables["arrived"], result.cause) == ("yes", "CALL_REJECTED")


def test_print_goes_to_the_log_line_by_line(host: Host) -> None:
    name = host.script("""
        import sys
        def handler(session, args):
            print("first", "line")
            print("second\\nthird")
            sys.stderr.write("to stderr\\n")
    """)
    host.run("python", name)
    texts = [line.text for line in host.log()]
    assert [text for text in texts if text in {"first line", "second", "third", "to stderr"}] == [
        "first line",
        "second",
        "third",
        "to stderr",
    ]


def test_print_in_a_thread_of_the_scripts_own(host: Host) -> None:
    name = host.script("""
        import threading
        def handler(session, args):
            thread = threading.Thread(target=lambda: print("a line\\nand no end", end=""))
            thread.start()
            thread.join()
    """)
    host.run("python", name)
    assert host.wait_log("^a line$").level == "INFO"
    host.wait_log("^and no end$")


def test_console_log_has_its_level_and_the_call(host: Host) -> None:
    name = host.script("""
        import freeswitch
        def handler(session, args):
            freeswitch.consoleLog("warning", "100% of %s\\n")
            session.consoleLog("info", "of the session\\n")
    """)
    result = host.run("python", name)
    assert host.wait_log("100% of %s").level == "WARNING"
    line = host.wait_log("of the session")
    assert (line.level, line.uuid) == ("INFO", result.uuid)


def test_script_path_of_one_call_alone(host: Host, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("scripts of a call")
    (folder / "only_there.py").write_text("def handler(session, args): session.setVariable('saw', '1')")
    extension = host.extension(("python", "only_there"), ("set", "after=yes"))
    with_path = host.call(extension=extension, variables={"python_script_path": str(folder)})
    assert saw(with_path) == 1
    without = host.call(extension=extension)
    assert "saw" not in without.variables
    assert "only_there" in without.variables["python_error"]


def test_script_paths_without_the_module_are_not_kept(host: Host, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("empty")
    counted = host.script("""
        import sys
        def fsapi(session, stream, env, args):
            stream.write(str(sum(name.startswith("_script_path") for name in sys.modules)))
    """)
    before = host.api(f"python {counted}")
    result = host.run("python", "not_there", variables={"python_script_path": str(folder)})
    host.wait_log("not_there")
    assert result.uuid
    assert host.api(f"python {counted}") == before


@pytest.mark.parametrize("module", ["ssl", "sqlite3", "decimal", "ctypes", "asyncio", "hashlib"])
def test_extension_modules_import(host: Host, module: str) -> None:
    name = host.script(f"def handler(session, args):\n    import {module}\n    session.setVariable('saw', '1')")
    assert saw(host.run("python", name)) == 1


def test_calls_do_not_see_each_others_context(host: Host) -> None:
    name = host.script("""
        import contextvars, decimal, json
        variable = contextvars.ContextVar("variable", default=None)
        def handler(session, args):
            session.setVariable("saw", json.dumps([variable.get(), decimal.getcontext().prec]))
            variable.set(args)
            decimal.getcontext().prec = 5
    """)
    first = saw(host.run("python", f"{name} a"))
    assert [saw(host.run("python", f"{name} b")) for _ in range(5)] == [first] * 5

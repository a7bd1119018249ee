"""What mod_python3 did otherwise than its documents say: callbacks and errors (rows P50 to P57)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hosts.base import Host
from support.saw import in_call

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mod_fstest" / "python_example.py"


@pytest.mark.parametrize("how", ["", ", None", ", 'extra'"])
def test_p50_callbacks_as_documented(host: Host, how: str) -> None:
    takes = ", arg" if "extra" in how else ""
    saw, _ = in_call(
        host,
        f"""
        SAW = {{}}
        def hook(session, what{takes}): SAW["hook"] = what
        def on_input(session, what, obj{takes}): SAW["input"] = obj.digit
        def body(session, saw):
            session.answer()
            session.setHangupHook(hook{how})
            session.setInputCallback(on_input{how})
            session.sleep(15000)
            saw.update(SAW)
        """,
        press=[(0.3, "5")],
        hangup_after=1.5,
    )
    assert saw == {"hook": "hangup", "input": "5"}


def test_p51_callback_that_returns_none(host: Host) -> None:
    saw, _ = in_call(
        host,
        """
        def on_input(session, what, obj): pass
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input)
            saw["played"] = session.streamFile("silence_stream://800")
            saw["after"] = int("5")
        """,
        press=[(0.2, "1"), (0.4, "2")],
    )
    assert saw == {"played": 1, "after": 5}


def test_p52_errors_of_callbacks_are_logged(host: Host) -> None:
    _, result = in_call(
        host,
        """
        def on_input(session, what, obj): raise ValueError("in the callback")
        def hook(session, what): raise ValueError("in the hook")
        def body(session, saw):
            session.answer()
            session.setInputCallback(on_input)
            session.setHangupHook(hook)
            session.sleep(15000)
        """,
        press=[(0.2, "1")],
        hangup_after=1.5,
    )
    for text in ("in the callback", "in the hook"):
        line = host.wait_log(f"ValueError: {text}")
        assert (line.level, line.uuid) == ("ERR", result.uuid)


@pytest.mark.parametrize("cause", ["USER_BUSY", "CALL_REJECTED", "NORMAL_CLEARING"])
def test_p53_the_cause_in_a_hook(host: Host, cause: str) -> None:
    name = host.script("""
        def hook(session, what): session.setVariable("hook_cause", session.hangupCause())
        def handler(session, args):
            session.setHangupHook(hook)
            session.answer()
            session.sleep(15000)
    """)
    call = host.start_call(host.extension(("python", name)))
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    call.hangup(cause)
    assert call.wait().variables["hook_cause"] == cause


def test_p54_p55_p56_what_is_logged_of_an_error(host: Host) -> None:
    name = host.script("""
        def first():
            second()
        def second():
            raise LookupError("here")
        def handler(session, args):
            first()
    """)
    host.call(("set", f"python_script_path={host.script_dir}"), ("python", name))
    text = host.wait_log("LookupError: here").text
    for place in ("line 7, in handler", "line 3, in first", "line 5, in second"):
        assert place in text
    host.no_log("NoneType: None|line -1|python_makes_sense|LOADING")


def test_p57_the_shipped_example_is_python_3(host: Host) -> None:
    tree = ast.parse(EXAMPLE.read_text(encoding="utf-8"))
    assert {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} >= {"handler", "fsapi", "xml_fetch"}
    name = host.script(EXAMPLE.read_bytes())
    assert host.run("python", name, hangup_after=0.3).cause == "NORMAL_CLEARING"
    host.no_log("Traceback")


def test_p55_an_error_is_one_entry(host: Host) -> None:
    name = host.script("def handler(session, args): undefined_name")
    host.run("python", name)
    host.wait_log("NameError")
    errors = [line for line in host.log() if line.level == "ERR"]
    assert len(errors) == 1, errors


def test_p56_a_call_that_goes_well_is_no_error(host: Host) -> None:
    name = host.script("def handler(session, args): session.setVariable('ran', '1')")
    assert host.run("python", name).variables["ran"] == "1"
    assert not [line for line in host.log() if line.level in {"ERR", "WARNING"}]

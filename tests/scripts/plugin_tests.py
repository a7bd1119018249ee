"""Tests of a project's scripts, as the pytest plugin runs them: the same on pocket and on FreeSWITCH."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

import pocket
from freeswitch_pocket.recording import RecordingSwitch


@pytest.mark.dialplan({"5000": ["answer", "python ivr of-the-dialplan"], "5001": [("set", "given=${who}")]})
@pytest.mark.variables(who="one")
def test_the_dialplan(call: Callable[..., pocket.Call], switch: RecordingSwitch) -> None:
    leg = call("5000", press=[(0.5, "4")], variables={"own": "a, 'b' and c"}, caller_id_number="1234")
    assert (leg.variables["digit"], leg.variables["number"], leg.variables["own"]) == ("4", "5000", "a, 'b' and c")
    assert leg.variable("caller_id_number") == "1234"
    assert leg.answered and leg.over and leg.cause == "NORMAL_CLEARING"
    assert call("5001").variables["given"] == "one"
    assert len(switch.placed) == 2
    switch.globals["left"] = "behind"
    assert any(line.text.rstrip() == "begins of-the-dialplan" and line.file == "ivr.py" for line in switch.log)


def test_nothing_is_left_of_the_test_before(switch: pocket.Switch) -> None:
    assert not {"who", "left"} & set(switch.globals)
    assert switch.run("python", "ivr::config").variables["who"] == "nobody"


@pytest.mark.parametrize("first", ["one", "two"])
def test_scripts_begin_with_the_test(switch: pocket.Switch, first: str) -> None:
    switch.globals["first"] = first
    assert switch.run("python", "begins").variables["first"] == f"{first} 1"
    assert switch.run("python", "begins").variables["first"] == f"{first} 2"


def test_an_application(switch: pocket.Switch) -> None:
    leg = switch.run("python", "ivr", destination="1800", press=[(0.5, "4")])
    assert (leg.variables["digit"], leg.variables["number"]) == ("4", "1800")
    assert [entry.text for entry in leg.transcript.of_kind("digit")] == ["4"]
    first = leg.transcript.of_kind("application")[0]
    assert (first.text, first.data["data"]) == ("python", "ivr")


@pytest.mark.parametrize("address", ["user/1001", "user/1*", "user/1001@example.com"])
def test_a_phone(switch: pocket.Switch, address: str) -> None:
    phone = switch.phone(address, answers_after=0.3, press=[(0.3, "5")], hangs_up_after=0.8)
    call = switch.run("python", "ivr::agent " + address.replace("*", "001"))
    (leg,) = phone.calls
    assert leg.answered and leg.phone == address
    assert (call.variables["agent"], call.variables["went"]) == ("there", "NORMAL_CLEARING")
    assert [entry.text for entry in leg.transcript.of_kind("digit")] == ["5"]
    assert call.transcript.of_kind("bridged") and leg.transcript.of_kind("bridged")


@pytest.mark.parametrize(
    ("does", "cause"),
    [
        ({"busy": True}, "USER_BUSY"),
        ({"refuses": "CALL_REJECTED", "refuses_after": 0.3}, "CALL_REJECTED"),
    ],
)
def test_a_phone_that_refuses(switch: pocket.Switch, does: dict[str, Any], cause: str) -> None:
    switch.phone("user/*", answers_after=0)
    switch.phone("user/1001", **does)
    assert switch.run("python", "ivr::agent user/1001").variables["agent"] == cause
    assert switch.run("python", "ivr::agent user/1002", hangup_after=1).variables["agent"] == "there"


def test_a_phone_that_is_not_named(switch: pocket.Switch) -> None:
    assert switch.run("python", "ivr::agent user/1001").variables["agent"] == "SUBSCRIBER_ABSENT"


def test_a_group(switch: pocket.Switch) -> None:
    phone = switch.phone("group/sales", hangs_up_after=0.5)
    assert switch.run("python", "ivr::agent group/sales").variables["agent"] == "there"
    assert len(phone.calls) == 1


def test_prompts_are_answered(switch: pocket.Switch) -> None:
    call = switch.run("python", "ivr::menu", press={"silence_stream://400": ["1", "2"]})
    assert call.variables["pressed"] == "12"


def test_a_call_that_goes_on(switch: pocket.Switch) -> None:
    call = switch.start_run("python", "ivr::menu")
    assert [leg.uuid for leg in switch.channels()] == [call.uuid]
    call.wait_played("silence_stream://400")
    call.press("7")
    assert call.wait_played("silence_stream://400", begins=True).kind == "plays"
    call.hangup("USER_BUSY")
    call.wait()
    assert switch.channels() == []
    assert (call.cause, call.variables["pressed"][0]) == ("USER_BUSY", "7")
    assert call.transcript.of_kind("hung up")[0].data["by"] == "far end"


def test_calls_do_not_go_before_other_programs(switch: pocket.Switch) -> None:
    mine = f"{os.SCHED_OTHER} {os.getpriority(os.PRIO_PROCESS, 0)}"
    assert switch.run("python", "ivr::priority").variables["priority"] == mine


def test_events(switch: pocket.Switch) -> None:
    switch.subscribe("CHANNEL_ANSWER")
    call = switch.run("answer")
    event = switch.wait_for(lambda: next((e for e in switch.events if e["Unique-ID"] == call.uuid), None))
    assert event is not None
    assert event["Event-Name"] == "CHANNEL_ANSWER"


@pytest.mark.configuration(
    '<configuration name="python.conf"><settings><param name="allow-modules" value="o*"/></settings></configuration>'
)
@pytest.mark.script_errors
def test_the_configuration(switch: pocket.Switch) -> None:
    assert "allow-modules" in switch.run("python", "ivr").variables["python_error"]

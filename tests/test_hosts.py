"""The harness itself: what the other tests rest on, with no mod_rust in the switch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hosts.base import Host, HostError


def test_answers_commands(plain: Host) -> None:
    assert "is ready" in plain.api("status")
    assert plain.api("eval hello") == "hello"
    assert plain.api("no_such_command").startswith("-ERR no_such_command Command not found!")


def test_runs_a_background_job(plain: Host) -> None:
    assert plain.bgapi("eval from a job").strip() == "from a job"


def test_call_runs_its_actions_to_the_end(plain: Host) -> None:
    result = plain.call("answer", ("set", "colour=dark blue"), ("hangup", "USER_BUSY"))
    assert (result.answered, result.cause) == (True, "USER_BUSY")
    assert result.variables["colour"] == "dark blue"
    names = result.event_names()
    assert names.index("CHANNEL_CREATE") < names.index("CHANNEL_ANSWER") < names.index("CHANNEL_HANGUP_COMPLETE")


def test_call_that_nobody_answers(plain: Host) -> None:
    result = plain.call(("sleep", "100"), ("hangup", "CALL_REJECTED"))
    assert (result.answered, result.cause) == (False, "CALL_REJECTED")


@pytest.mark.parametrize("value", ["x", "two words", "it's", "a, 'b' and c", "\\", 'a "b" \\ c', "x=1,y=2", "한국어"])
def test_call_carries_variables(plain: Host, value: str) -> None:
    assert plain.call("hangup", variables={"given": value}).variables["given"] == value


def test_far_end_presses_digits(plain: Host) -> None:
    digits = "2 5 1 3000 # silence_stream://500 silence_stream://10 got \\d+"
    result = plain.call("answer", ("play_and_get_digits", digits), press=[(0.2, "1"), (0.4, "23#")])
    assert result.variables["got"] == "123"


def test_far_end_hangs_up(plain: Host) -> None:
    result = plain.run("playback", "${hold_music}", hangup_after=0.3)
    assert result.cause == "NORMAL_CLEARING"


def test_far_end_hangs_up_a_call_that_is_not_answered(plain: Host) -> None:
    call = plain.start_call(plain.extension(("sleep", "20000")))
    call.hangup("ORIGINATOR_CANCEL")
    assert call.wait().cause == "ORIGINATOR_CANCEL"


def test_a_call_with_an_api_hangup_hook_is_told_of(plain: Host) -> None:
    result = plain.call(("set", "api_hangup_hook=global_setvar hook=${uuid}"), "answer", ("hangup", "USER_BUSY"))
    plain.wait_for(lambda: plain.api("global_getvar hook") == result.uuid, what="the hook")
    assert (result.cause, result.answered) == ("USER_BUSY", True)
    assert "CHANNEL_DESTROY" in result.event_names()
    assert all("Event-Name" in event for event in plain.all_events())


def test_log_since_a_mark(plain: Host) -> None:
    plain.call(("log", "INFO before the mark"))
    mark = plain.mark()
    result = plain.call(("log", "WARNING after the mark"))
    line = plain.wait_log("^after the mark$", since=mark)
    assert (line.level, line.text, line.uuid) == ("WARNING", "after the mark", result.uuid)
    plain.no_log("^before the mark$", since=mark)
    with pytest.raises(AssertionError):
        plain.no_log("^after the mark$", since=mark)


def test_waits_end_at_their_deadline(plain: Host) -> None:
    with pytest.raises(TimeoutError, match="no such line"):
        plain.wait_log("no such line", timeout=0.2)


def test_dialplan_as_xml(plain: Host) -> None:
    condition = '<condition field="destination_number" expression="^9(\\d+)$">'
    action = '<action application="set" data="rest=$1"/></condition>'
    plain.dialplan(f'<include><extension name="nine">{condition}{action}</extension></include>')
    assert plain.call(extension="9123").variables["rest"] == "123"


def test_fresh_switch_stops(fresh: Callable[..., Host]) -> None:
    host = fresh(with_module=False)
    assert host.alive()
    assert host.stop() == 0
    assert not host.alive()


@pytest.mark.freeswitch_only
def test_death_of_the_switch_is_told(fresh: Callable[..., Host]) -> None:
    host = fresh(with_module=False)
    with pytest.raises(HostError, match="ended by signal"):
        host.api("fsctl crash")
    assert not host.alive()


@pytest.mark.freeswitch_only
def test_switch_under_a_small_stack(fresh: Callable[..., Host]) -> None:
    assert "244K/" in fresh(with_module=False, stack_kb=244).api("status")


@pytest.mark.freeswitch_only
def test_lua_is_there_to_measure_with(plain: Host) -> None:
    assert plain.api('lua ~stream:write(freeswitch.API():execute("eval", "in lua"))') == "in lua"

"""Calls as a script's author makes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pocket

Open = Callable[..., pocket.Switch]

SLEEPER = '<action application="answer"/><action application="sleep" data="30000"/>'


def test_a_handler_answers_plays_takes_digits_and_sees_the_hangup(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        def handler(session, args):
            session.setHangupHook(hook)
            session.setInputCallback(on_digit)
            session.answer()
            session.streamFile("silence_stream://30000")
            session.streamFile("silence_stream://30000")
        def on_digit(session, what, digit):
            session.setVariable("digit", digit.digit)
            return "break"
        def hook(session, what):
            session.setVariable("hooked", f"{what} {session.hangupCause()}")
        """
    )
    call = switch.run("python", name, press=[(1.5, "5")], hangup_after=10)
    assert call.answered
    assert call.cause == "NORMAL_CLEARING"
    assert call.played == ["silence_stream://30000", "silence_stream://30000"]
    assert (call.variables["digit"], call.variables["hooked"]) == ("5", "hangup NORMAL_CLEARING")
    first, second = call.transcript.of_kind("played")
    assert (first.data["start"], first.data["end"], first.data["why"]) == (0.0, 1.5, "digit")
    assert (second.data["end"], second.data["why"]) == (10.0, "hangup")
    assert call.transcript.of_kind("hung up")[0].data["by"] == "far end"


def test_the_transcript_reads_as_text(switch_with: Open) -> None:
    switch = switch_with(five='<action application="set" data="a=b"/>' + SLEEPER)
    text = switch.call("5", hangup_after=2.0).transcript.text()
    assert "   0.000  variable a=b" in text.splitlines()
    assert "   2.000  hung up by the far end: NORMAL_CLEARING" in text.splitlines()


def test_a_call_in_the_background(switch_with: Open) -> None:
    switch = switch_with(five=SLEEPER)
    call = switch.start_call("5", variables={"given": "x"}, caller_id_number="2000", caller_id_name="Bob")
    switch.sleep(1)
    assert [leg.uuid for leg in switch.channels()] == [call.uuid]
    assert (call.state, call.over, call.cause) == ("CS_EXECUTE", False, "")
    assert call.variable("caller_id_name") == "Bob"
    assert switch.api(f"uuid_getvar {call.uuid} given") == "x"
    call.press("1")
    call.hangup("USER_BUSY")
    assert call.wait().cause == "USER_BUSY"
    assert not switch.channels()


def test_a_call_that_does_not_end_is_hung_up(switch_with: Open) -> None:
    switch = switch_with(five='<action application="park"/>')
    with pytest.raises(pocket.CallTimeout, match="CS_EXECUTE"):
        switch.call("5", timeout=5)
    switch.wait_for(lambda: not switch.channels())


def test_the_conditions_of_an_extension(switch_with: Open) -> None:
    switch = switch_with(
        dialplan="""
        <extension name="all"><condition regex="all" break="never">
            <regex field="destination_number" expression="^6(.)$"/><regex field="${given}" expression="^yes$"/>
            <action application="set" data="all=yes"/><anti-action application="set" data="all=no"/>
        </condition><condition field="destination_number" expression="^6(.)$">
            <action application="set" data="one=$1" inline="true"/>
            <action application="set" data="two=${one}-${one:0:1}${destination_number[0]}"/>
            <condition field="${one}" expression="^7$"><action application="set" data="nested=yes"/></condition>
        </condition></extension>"""
    )
    call = switch.call("67", variables={"given": "yes"})
    assert {name: call.variables.get(name) for name in ("all", "one", "nested")} == {
        "all": "yes",
        "one": "7",
        "nested": "yes",
    }
    assert call.variables["two"].startswith("7-7")
    assert switch.call("68").variables["all"] == "no"
    assert "nested" not in switch.call("68").variables


def test_global_variables_and_commands_in_the_dialplan(switch_with: Open) -> None:
    switch = switch_with(
        five='<action application="set" data="said=${echo(${who} there)} ${who}"/>', variables={"who": "hello"}
    )
    assert switch.call("5").variables["said"] == "hello there hello"


def test_events_are_kept_when_asked_for(switch_with: Open) -> None:
    switch = switch_with(five='<action application="event" data="Event-Subclass=a::b,Event-Name=CUSTOM,x=1"/>')
    assert switch.events == []
    switch.subscribe("CUSTOM", "CHANNEL_ANSWER")
    switch.call("5")
    assert [(event["Event-Subclass"], event["x"]) for event in switch.events] == [("a::b", "1")]
    with pytest.raises(ValueError, match="NO_SUCH"):
        switch.subscribe("NO_SUCH")


def test_bytes_that_are_no_text_come_back(switch_with: Open) -> None:
    switch = switch_with(five=SLEEPER)
    odd = b"caf\xe9".decode("utf-8", "surrogateescape")
    call = switch.start_call("5", variables={"odd": odd})
    assert switch.api(f"uuid_getvar {call.uuid} odd") == odd
    assert call.variables["odd"] == odd
    with pytest.raises(ValueError, match="line has a NUL"):
        switch.api("echo \0")


def test_a_bridge_to_a_scripted_far_end(switch_with: Open) -> None:
    switch = switch_with(
        five="""<action application="set" data="hangup_after_bridge=true"/><action application="bridge"
            data="{pocket_answer_after=2,pocket_press='1:8',pocket_hangup_after=6}pocket/far"/>"""
    )
    call = switch.call("5")
    assert call.answered
    assert call.transcript.of_kind("sent digit")[0].text == "8"
    assert call.transcript.of_kind("hung up")[0].time == pytest.approx(6, abs=0.1)

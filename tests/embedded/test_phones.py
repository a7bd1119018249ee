"""Phones that a test names: what a script dials reaches them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pocket

Open = Callable[..., pocket.Switch]

BRIDGE = """
def handler(session, args):
    session.answer()
    session.setVariable("hangup_after_bridge", "false")
    session.setVariable("continue_on_fail", "true")
    session.execute("bridge", args)
    session.setVariable("seen", session.getVariable("originate_disposition"))
    session.hangup()
"""


@pytest.fixture
def switch(switch_with: Open) -> pocket.Switch:
    return switch_with(script=BRIDGE)


@pytest.mark.parametrize(
    "dialled",
    [
        "user/1001",
        "user/1001@example.com",
        "sofia/gateway/acme/15551234",
        "sofia/internal/1001%example.com",
        "[leg_timeout=9]sofia/internal/1001@1.2.3.4;transport=tcp",
        "group/sales@example.com",
        "verto.rtc/1001",
        "{ignore_early_media=true}user/1001",
    ],
)
def test_a_phone_is_reached_by_any_endpoint(switch: pocket.Switch, name: str, dialled: str) -> None:
    address = dialled.rpartition("]")[2].rpartition("}")[2].partition("@")[0].partition("%")[0]
    phone = switch.phone(address, answers_after=3, hangs_up_after=4)
    call = switch.run("python", f"{name} {dialled}")
    (leg,) = phone.calls
    assert (leg.phone, leg.cause, leg.answered) == (address, "NORMAL_CLEARING", True)
    assert call.variables["seen"] == "SUCCESS"
    answered, hung_up = (leg.transcript.of_kind(kind)[0].time for kind in ("answered", "hung up"))
    begin = leg.transcript[0].time
    assert (answered - begin, hung_up - answered) == (3.0, 4.0)


def test_a_name_comes_before_a_pattern_and_the_last_pattern_before_the_first(switch: pocket.Switch, name: str) -> None:
    first = switch.phone("sofia/*", busy=True)
    gateways = switch.phone("sofia/gateway/*", hangs_up_after=1)
    one = switch.phone("sofia/gateway/acme/1", refuses="CALL_REJECTED")
    for number, seen in [
        ("sofia/internal/1@x", "USER_BUSY"),
        ("sofia/gateway/acme/2", "SUCCESS"),
        ("sofia/gateway/acme/1", "CALL_REJECTED"),
    ]:
        assert switch.run("python", f"{name} {number}").variables["seen"] == seen, number
    assert [len(phone.calls) for phone in (first, gateways, one)] == [1, 1, 1]
    switch.phone("user/1", hangs_up_after=1)
    dialled = switch.run("python", f"{name} user/1@here").variables
    assert (dialled["dialed_user"], dialled["dialed_domain"]) == ("1", "here")
    # So does the name with its host before the one without.
    switch.phone("user/1@there", busy=True)
    assert switch.run("python", f"{name} user/1@there").variables["seen"] == "USER_BUSY"
    assert switch.run("python", f"{name} user/1@here").variables["seen"] == "SUCCESS"
    # Named again, it is another phone.
    switch.phone("sofia/*", hangs_up_after=1)
    assert switch.run("python", f"{name} sofia/gateway/acme/2").variables["seen"] == "SUCCESS"


@pytest.mark.parametrize(
    ("how", "seen", "after"),
    [
        ({"busy": True}, "USER_BUSY", 0.0),
        ({"refuses": "no_route_destination", "refuses_after": 2}, "NO_ROUTE_DESTINATION", 2.0),
        ({"never": True}, "NO_ANSWER", 7.0),
    ],
)
def test_a_phone_that_does_not_answer(
    switch: pocket.Switch, name: str, how: dict[str, object], seen: str, after: float
) -> None:
    phone = switch.phone("user/1001", **how)  # type: ignore[arg-type]
    call = switch.run("python", f"{name} {{originate_timeout=7}}user/1001")
    assert call.variables["seen"] == seen
    leg = phone.calls[0]
    assert not leg.answered
    assert round(leg.transcript.of_kind("hung up")[0].time - leg.transcript[0].time, 1) == after


def test_what_a_phone_presses_and_says_comes_after_its_answer(switch_with: Open, name: str) -> None:
    switch = switch_with(
        script="""
        import freeswitch

        def handler(session, args):
            session.answer()
            leg = freeswitch.Session("user/1001")
            session.setVariable("digits", leg.getDigits(2, "", 10000))
            leg.hangup()
        """
    )
    phone = switch.phone("user/1001", answers_after=5, press=[(1, "1"), (2, "2")], says=[(1.5, "hello")])
    call = switch.run("python", name)
    assert call.variables["digits"] == "12"
    transcript = phone.calls[0].transcript
    answered = transcript.of_kind("answered")[0].time
    assert [entry.time - answered for entry in transcript.of_kind("digit")] == [1.0, 2.0]
    assert transcript.of_kind("heard")[0].text == "hello"


def test_a_phone_is_rung_one_after_the_other_and_at_once(switch: pocket.Switch, name: str) -> None:
    busy = switch.phone("user/1", busy=True)
    slow = switch.phone("user/2", answers_after=9)
    fast = switch.phone("user/3", answers_after=2, hangs_up_after=1)
    assert switch.run("python", f"{name} user/1|user/2,user/3").variables["seen"] == "SUCCESS"
    assert [phone.calls[0].cause for phone in (busy, slow, fast)] == ["USER_BUSY", "LOSE_RACE", "NORMAL_CLEARING"]


@pytest.mark.parametrize("dialled", ["sofia/gateway/acme/1", "user/1001", "verto.rtc/1001"])
def test_a_phone_that_nobody_named_says_how_to_name_it(switch: pocket.Switch, name: str, dialled: str) -> None:
    call = switch.run("python", f"{name} {dialled}")
    cause = "SUBSCRIBER_ABSENT" if dialled.startswith("user") else "CHAN_NOT_IMPLEMENTED"
    assert call.variables["seen"] == cause
    line = next(line.text for line in switch.log if "no phone" in line.text)
    assert f'switch.phone("{dialled}")' in line
    assert f'switch.phone("{dialled.split("/", maxsplit=1)[0]}/*")' in line


def test_contacts_and_groups_in_dial_strings_reach_phones(switch: pocket.Switch, name: str) -> None:
    switch.phone("user/1001", hangs_up_after=1)
    switch.phone("group/sales", hangs_up_after=1)
    assert switch.run("python", f"{name} ${{sofia_contact(internal/1001@x)}}").variables["seen"] == "SUCCESS"
    assert switch.run("python", f"{name} ${{group_call(sales@x+A)}}").variables["seen"] == "SUCCESS"
    assert switch.api("sofia_contact 1002@x") == "error/user_not_registered"


@pytest.mark.parametrize(
    ("address", "how", "message"),
    [
        ("1001", {}, "user/1001"),
        ("user/1", {"busy": True, "never": True}, "busy and never"),
        ("user/1", {"refuses": "BUSY"}, "USER_BUSY"),
        ("user/1", {"answers_after": -1}, "past"),
        ("user/1", {"press": [(1, "x")]}, "'x'"),
    ],
)
def test_what_makes_no_sense_of_a_phone(
    switch: pocket.Switch, address: str, how: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        switch.phone(address, **how)  # type: ignore[arg-type]

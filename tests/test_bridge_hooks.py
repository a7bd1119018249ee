"""What a bridge runs before, when and after both legs hear each other."""

from __future__ import annotations

import pytest

from hosts.base import Action, CallResult, Host

SOME_TIME = 1.5  # seconds; hooks run when a leg has heard ten frames of the other


@pytest.fixture
def callee(host: Host) -> str:
    """A leg that answers, and hangs up after a while."""
    return f"loopback/{host.extension('answer', ('sleep', str(int(SOME_TIME * 1000))), 'hangup')}/default/xml"


def bridge(host: Host, dial: str, *before: Action, after: Action = ("set", "went_on=yes")) -> CallResult:
    """A call that bridges, and goes on when the other leg has hung up."""
    return host.call("answer", *before, ("bridge", dial), after, "hangup")


def ran(result: CallResult) -> list[str]:
    """The applications of the call but for those that every one has, in their order."""
    return [
        f"{event['Application']} {event.get('Application-Data', '')}".strip()
        for event in result.events
        if event["Event-Name"] == "CHANNEL_EXECUTE" and event.get("Application-Data", "").startswith("hook")
    ]


def order(result: CallResult, *wanted: str) -> list[str]:
    """What of these happened, in its order: events by name, applications by data."""
    seen = []
    for event in result.events:
        name = event["Event-Name"]
        what = event.get("Application-Data", "") if name == "CHANNEL_EXECUTE" else name
        if what in wanted:
            seen.append(what)
    return seen


def b_leg(host: Host, result: CallResult) -> dict[str, str]:
    """The variables at its end of the leg that was called."""
    event = next(event for event in result.events if event["Event-Name"] == "CHANNEL_BRIDGE")
    gone = host.wait_event("CHANNEL_DESTROY", {"Unique-ID": event["Bridge-B-Unique-ID"]})
    return {name.removeprefix("variable_"): value for name, value in gone.items()}


def test_applications_before_and_after(host: Host, callee: str) -> None:
    result = bridge(
        host,
        callee,
        ("set", "execute_on_pre_bridge=set hook=before"),
        ("set", "execute_on_post_bridge=set hook=after"),
    )
    assert order(result, "hook=before", "hook=after", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "went_on=yes") == [
        "CHANNEL_BRIDGE",
        "hook=before",
        "hook=after",
        "CHANNEL_UNBRIDGE",
        "went_on=yes",
    ]
    assert [result.variables.get(name) for name in ("hook", "went_on")] == ["after", "yes"]


def test_several_of_a_kind(host: Host, callee: str) -> None:
    """Every variable whose name begins so, in the order in which they were set."""
    result = bridge(
        host,
        callee,
        ("set", "execute_on_pre_bridge_2=set hook=2"),
        ("set", "execute_on_pre_bridge_1=set hook=1"),
    )
    assert ran(result) == ["set hook=2", "set hook=1"]


def test_commands_before_and_after(host: Host, callee: str) -> None:
    result = bridge(
        host,
        callee,
        ("set", r"api_before_bridge=global_setvar api_before=\${uuid}"),
        ("set", r"api_after_bridge=global_setvar api_after=x\${bridge_hangup_cause}y"),
    )
    assert host.api("global_getvar api_before") == result.uuid
    assert host.api("global_getvar api_after") == "xy"


def test_hooks_of_the_leg_that_is_called(host: Host, callee: str) -> None:
    result = bridge(host, f"{{execute_on_pre_bridge=set hook=before,execute_on_post_bridge=set other=after}}{callee}")
    assert [b_leg(host, result).get(name) for name in ("hook", "other")] == ["before", "after"]
    assert "hook" not in result.variables


def test_an_application_for_each_leg(host: Host, callee: str) -> None:
    result = bridge(
        host,
        callee,
        ("set", "bridge_pre_execute_aleg_app=set"),
        ("set", "bridge_pre_execute_aleg_data=hook=a"),
        ("set", "bridge_pre_execute_bleg_app=set"),
        ("set", "bridge_pre_execute_bleg_data=hook=b"),
    )
    assert result.variables["hook"] == "a"
    assert b_leg(host, result)["hook"] == "b"


def test_a_python_script_as_a_hook(host: Host, callee: str) -> None:
    name = host.script("""
        def handler(session, args):
            session.setVariable("hook", "%s %s" % (args, session.getVariable("bridge_to") is not None))
    """)
    result = bridge(host, callee, ("set", f"execute_on_pre_bridge=python {name} before"))
    assert result.variables["hook"] == "before True"


def test_an_application_in_the_place_of_the_rest(host: Host, callee: str) -> None:
    result = bridge(
        host,
        callee,
        ("set", "exec_after_bridge_app=set"),
        ("set", "exec_after_bridge_arg=hook=after"),
    )
    assert ran(result) == ["set hook=after"]
    assert result.variables["hook"] == "after"
    assert "went_on" not in result.variables
    assert result.cause == "NORMAL_CLEARING"


@pytest.mark.parametrize("variables", ["exec_after_bridge_app=park", "park_after_bridge=true"])
def test_the_called_leg_is_parked_when_its_caller_is_gone(host: Host, variables: str) -> None:
    stays = f"loopback/{host.extension('answer', ('sleep', '60000'))}/default/xml"
    # What it executes shows that the leg is in the bridge: one that is only to begin it is hung up with its caller.
    begins = "bridge_pre_execute_app=set,bridge_pre_execute_data=began=yes"
    call = host.start_call(host.extension("answer", ("bridge", f"{{{variables},{begins}}}{stays}")))
    leg = host.wait_event("CHANNEL_BRIDGE", {"Unique-ID": call.uuid})["Bridge-B-Unique-ID"]
    host.wait_event("CHANNEL_EXECUTE", {"Unique-ID": leg, "Application-Data": "began=yes"})
    call.hangup()
    call.wait()
    host.wait_event("CHANNEL_PARK", {"Unique-ID": leg})
    host.api(f"uuid_kill {leg}")


def test_a_key_that_ends_it(host: Host) -> None:
    stays = f"loopback/{host.extension('answer', ('sleep', '60000'))}/default/xml"
    call = host.start_call(
        host.extension(
            "answer", ("set", "bridge_terminate_key=#*"), ("bridge", stays), ("set", "went_on=yes"), "hangup"
        )
    )
    host.wait_event("CHANNEL_BRIDGE", {"Unique-ID": call.uuid})
    call.press("1*")
    assert call.wait().variables["went_on"] == "yes"


def test_the_call_of_a_leg(host: Host, callee: str) -> None:
    """The called leg is one of its caller's call while that lasts, and its own afterwards."""
    result = bridge(host, callee)
    leg = b_leg(host, result)
    assert leg["call_uuid"] == leg["uuid"] == leg["Unique-ID"]


# Who the called leg says that it is


NAMED = "[origination_callee_id_name=Alice,origination_callee_id_number=1001]"


@pytest.mark.parametrize("says", ["", NAMED])
def test_the_caller_knows_who_it_has_reached(host: Host, callee: str, says: str) -> None:
    callee = callee.removesuffix("/default/xml")
    result = bridge(host, f"{says}{callee}")
    event = next(event for event in result.events if event["Event-Name"] == "CHANNEL_BRIDGE")
    seen = event["Caller-Callee-ID-Name"], event["Caller-Callee-ID-Number"]
    assert seen == (("Alice", "1001") if says else ("Outbound Call", callee.removeprefix("loopback/")))


def test_the_caller_is_not_told_who_has_refused(host: Host) -> None:
    busy = host.extension(("hangup", "USER_BUSY"))
    result = bridge(host, f"{NAMED}loopback/{busy}")
    assert "Alice" not in {event.get("Caller-Callee-ID-Name") for event in result.events}

"""Sessions that a script takes or places: every form, what failure says, and how they end."""

from __future__ import annotations

import uuid

import pytest

from hosts.base import Host
from support.saw import in_api, in_call


@pytest.fixture
def callee(host: Host) -> str:
    """An extension that answers and stays."""
    return host.extension("answer", ("sleep", "60000"))


@pytest.fixture
def silent(host: Host) -> str:
    """An extension that rings and does not answer."""
    return "{ignore_early_media=true}loopback/" + host.extension("ring_ready", ("sleep", "60000"))


def no_channels(host: Host) -> None:
    host.wait_no_calls()


@pytest.mark.parametrize("a_leg", ["", ", None", ", session"])
def test_a_dial_string(host: Host, callee: str, a_leg: str) -> None:
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            other = freeswitch.Session("{{made=here}}loopback/{callee}"{a_leg})
            saw["ready"] = [other.ready(), other.answered(), other.hangupCause(), other.allocated]
            saw["made"] = other.getVariable("made")
            saw["state"] = other.getState()
            saw["flags"] = other.flags & freeswitch.S_HUP
            saw["own"] = other.uuid != session.uuid and len(other.uuid) == 36
        """,
    )
    assert saw == {
        "ready": [True, True, "SUCCESS", 1],
        "made": "here",
        "state": "CS_SOFT_EXECUTE",
        "flags": 1,
        "own": True,
    }
    no_channels(host)


@pytest.mark.parametrize(
    ("dial", "cause"),
    [
        ("error/user_busy", "USER_BUSY"),
        ("error/no_route_destination", "NO_ROUTE_DESTINATION"),
        ("no_such_endpoint/x", "CHAN_NOT_IMPLEMENTED"),
    ],
)
def test_a_failure_has_its_cause(host: Host, dial: str, cause: str) -> None:
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            for a_leg in (None, session):
                other = freeswitch.Session("{dial}", a_leg)
                saw["made"] = [other.ready(), other.hangupCause(), other.cause, other.uuid, other.allocated]
                other = freeswitch.Session()
                saw["originated"] = [other.originate(a_leg, "{dial}"), other.ready(), other.hangupCause()]
            try:
                with freeswitch.Session("{dial}"): saw["with"] = "entered"
            except freeswitch.OriginateError as error:
                saw["with"] = error.cause
            saw["mine"] = session.ready()
        """,
    )
    assert saw.pop("mine") is True
    assert saw == {"made": [False, cause, cause, "", 0], "originated": [1, False, cause], "with": cause}


@pytest.mark.parametrize("a_leg", ["None", "session"])
def test_a_timeout(host: Host, silent: str, a_leg: str) -> None:
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            other = freeswitch.Session()
            saw["originated"] = [other.originate({a_leg}, "{silent}", 4), other.hangupCause()]
            saw["mine"] = session.ready()
        """,
    )
    assert saw == {"originated": [1, "NO_ANSWER"], "mine": True}


def test_a_hangup_of_the_a_leg_ends_it(host: Host, silent: str) -> None:
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            other = freeswitch.Session("{silent}", session)
            saw["other"] = [other.ready(), other.hangupCause()]
        """,
        hangup_after=1.5,
        timeout=8,
    )
    assert saw == {"other": [False, "ORIGINATOR_CANCEL"]}


def test_originate_lives_on_and_session_does_not(host: Host, callee: str) -> None:
    saw = in_api(
        host,
        f"""
        def body(saw):
            kept, own = freeswitch.Session(), freeswitch.Session("loopback/{callee}")
            saw["status"] = kept.originate(None, "loopback/{callee}", 30)
            saw["uuids"] = [kept.uuid, own.uuid]
            saw["flags"] = [kept.flags & freeswitch.S_HUP, own.flags & freeswitch.S_HUP]
        """,
    )
    kept, own = saw.pop("uuids")
    assert saw == {"status": 0, "flags": [0, 1]}
    host.wait_event("CHANNEL_DESTROY", {"Unique-ID": own})
    assert host.api(f"uuid_exists {kept}") == "true"
    host.api(f"uuid_kill {kept}")
    no_channels(host)


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("how", ["destroy()", "__exit__()", "its end", "the script's end"])
def test_set_auto_hangup(host: Host, callee: str, value: int, how: str) -> None:
    end = {"its end": "del other", "the script's end": "KEPT.append(other)"}.get(how, f"other.{how}")
    saw = in_api(
        host,
        f"""
        KEPT = []
        def body(saw):
            other = freeswitch.Session("loopback/{callee}")
            saw["uuid"] = other.uuid
            saw["set"] = other.setAutoHangup({value})
            {end}
        """,
    )
    assert saw["set"] == 0
    if value:
        assert host.wait_event("CHANNEL_HANGUP", {"Unique-ID": saw["uuid"]})["Hangup-Cause"] == "NORMAL_CLEARING"
    else:
        assert host.api(f"uuid_exists {saw['uuid']}") == "true"
        host.api(f"uuid_kill {saw['uuid']}")
    no_channels(host)


def test_what_is_left_of_it(host: Host, callee: str) -> None:
    saw = in_api(
        host,
        f"""
        def body(saw):
            with freeswitch.Session("{{kept=value}}loopback/{callee}") as other:
                uuid = other.get_uuid()
                other.hangup("USER_BUSY")
            saw["left"] = [other.ready(), other.hangupCause(), other.getState(), other.state, other.uuid == uuid]
            saw["variables"] = [other.getVariable("kept"), other.variables["kept"], other.getVariable("no")]
            try:
                other.answer()
            except freeswitch.SessionGone as error:
                saw["error"] = [error.uuid == uuid, error.cause, error.variables["kept"]]
            other.destroy()
        """,
    )
    assert saw == {
        "left": [False, "USER_BUSY", "CS_DESTROY", "CS_DESTROY", True],
        "variables": ["value", "value", None],
        "error": [True, "USER_BUSY", "value"],
    }


def test_a_hangup_of_its_far_end_leaves_it_readable(host: Host) -> None:
    brief = host.extension("answer", ("sleep", "200"), ("hangup", "NO_USER_RESPONSE"))
    saw = in_api(
        host,
        f"""
        def body(saw):
            other = freeswitch.Session("{{kept=value}}loopback/{brief}")
            while other.ready(): other.sleep(20)
            saw["left"] = [other.hangupCause(), other.getVariable("kept"), "<cdr" in other.getXMLCDR()]
        """,
    )
    assert saw == {"left": ["NO_USER_RESPONSE", "value", True]}


def test_a_live_call_by_its_uuid(host: Host, callee: str) -> None:
    call = host.start_call(callee)
    host.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
    saw = in_api(
        host,
        f"""
        def body(saw):
            other = freeswitch.Session("{call.uuid}")
            other.setVariable("touched", "yes")
            saw["taken"] = [other.ready(), other.uuid, other.flags & freeswitch.S_HUP]
            other.destroy()
            saw["none"] = [freeswitch.Session("11111111-2222-3333-4444-555555555555").ready(),
                           freeswitch.Session().ready(), freeswitch.Session().getState()]
        """,
    )
    assert saw == {"taken": [True, call.uuid, 0], "none": [False, False, "ERROR"]}
    assert host.api(f"uuid_getvar {call.uuid} touched") == "yes"
    call.hangup()
    call.wait()


def test_a_subclass(host: Host, callee: str) -> None:
    saw = in_api(
        host,
        f"""
        class Leg(freeswitch.Session):
            def __init__(self, number):
                super().__init__("loopback/" + number)
                self.number = number
            def hangup_now(self): self.hangup("USER_BUSY")
        def hook(leg, what, saw): saw["hook"] = [type(leg).__name__, leg.number == "{callee}", what]
        def body(saw):
            leg = Leg("{callee}")
            leg.setHangupHook(hook, saw)
            leg.hangup_now()
            leg.sleep(20)
            saw["private"] = [leg.setPrivate("a", [1]), leg.getPrivate("a"), leg.getPrivate("b")]
        """,
    )
    assert saw == {"hook": ["Leg", True, "hangup"], "private": [None, [1], None]}


def test_what_originate_does_not_take(host: Host, callee: str) -> None:
    saw, _ = in_call(
        host,
        f"""
        def body(session, saw):
            saw["handlers"] = tried(freeswitch.Session().originate, None, "loopback/{callee}", 1, object())
            saw["twice"] = tried(session.originate, None, "loopback/{callee}")
            saw["a_leg"] = tried(freeswitch.Session, "loopback/{callee}", "no session")
        """,
    )
    assert saw["handlers"].startswith("TypeError: argument 'handlers'")
    assert saw["twice"].startswith("ValueError: ")
    assert saw["a_leg"].startswith("TypeError: argument 'a_leg'")


def test_a_leg_that_answers_at_once_stays(host: Host) -> None:
    """Its placer must not have it before its own thread has found that somebody has placed it."""
    saw, _ = in_call(
        host,
        """
        def body(session, saw):
            for _ in range(200):
                leg = freeswitch.Session("null/x", session)
                # What its thread does with it is done when time has gone by.
                freeswitch.msleep(20)
                what = f"{leg.ready()} {leg.getState()}"
                saw[what] = saw.get(what, 0) + 1
                leg.hangup()
                leg.destroy()
        """,
        timeout=200,
    )
    assert saw == {"True CS_SOFT_EXECUTE": 200}
    no_channels(host)


def test_a_leg_that_is_transferred_while_it_rings(host: Host, silent: str) -> None:
    # It is there for longer than originate takes to see that the leg has gone.
    target = host.extension(("sleep", "300"), ("set_global", "arrived=${uuid}"), ("hangup", ""))
    leg = str(uuid.uuid4())
    host.api(f"bgapi originate {silent.replace('{', f'{{origination_uuid={leg},')} &park()")
    host.wait_event("CHANNEL_PROGRESS", {"Unique-ID": leg})
    assert host.api(f"uuid_transfer {leg} {target} XML default").startswith("+OK")
    host.wait_for(lambda: host.api("global_getvar arrived") == leg, what="the leg in its extension")
    no_channels(host)


def test_the_cause_of_a_call_that_is_up(host: Host, callee: str) -> None:
    """What originate has said; the channel has none yet."""
    early = host.extension("pre_answer", ("sleep", "60000"))
    saw = in_api(
        host,
        f"""
        def body(saw):
            placed, other, early = freeswitch.Session("loopback/{callee}"), freeswitch.Session(), None
            other.originate(None, "loopback/{callee}", 30)
            by_uuid = freeswitch.Session(placed.uuid)
            early = freeswitch.Session("loopback/{early}")
            saw["up"] = [leg.hangupCause() for leg in (placed, other, early, by_uuid, freeswitch.Session())]
            saw["attribute"] = [placed.cause, by_uuid.cause]
            placed.hangup("USER_BUSY")
            other.hangup()
            saw["down"] = [leg.hangupCause() for leg in (placed, other, by_uuid)]
            saw["failed"] = freeswitch.Session("error/user_busy").hangupCause()
        """,
    )
    assert saw == {
        "up": ["SUCCESS", "SUCCESS", "SUCCESS", "NONE", "NONE"],
        "attribute": [None, None],
        "down": ["USER_BUSY", "NORMAL_CLEARING", "USER_BUSY"],
        "failed": "USER_BUSY",
    }


# FreeSWITCH does not hold it: mod_loopback launches the far leg, which answers this one, before this one's own thread
# fires CHANNEL_CREATE (30 of 300 legs of a busy 1.11.1 by Event-Sequence, which says when an event was made).
@pytest.mark.pocket_only
def test_a_leg_is_created_before_it_is_answered(host: Host) -> None:
    at_once = host.extension("answer", ("sleep", "100"), "hangup")
    legs = [host.api(f"originate loopback/{at_once}/default/xml &park()").split()[1] for _ in range(50)]
    host.wait_for(
        lambda: len([event for event in host.all_events() if event["Event-Name"] == "CHANNEL_DESTROY"]) == 100 or None
    )
    first: dict[tuple[str, str], int] = {}
    for event in host.all_events():
        if event["Event-Name"] in {"CHANNEL_CREATE", "CHANNEL_ANSWER"}:
            first.setdefault((event["Unique-ID"], event["Event-Name"]), int(event["Event-Sequence"]))
    late = [leg for leg in legs if first[leg, "CHANNEL_CREATE"] > first[leg, "CHANNEL_ANSWER"]]
    assert late == []


def test_what_the_far_leg_of_a_loopback_has(host: Host) -> None:
    names = ("loopback_leg", "is_loopback", "originate_early_media", "origination_caller_id_number")
    kept = [("set", f"saw_{name}=[${{{name}}}]") for name in names]
    far = host.extension(*kept, "answer", ("sleep", "100"), "hangup")
    near = str(uuid.uuid4())
    # It may fail: the far end may have hung up before the switch has looked whether it answered.
    host.api(
        f"originate {{origination_uuid={near},origination_caller_id_number=1000}}loopback/{far}/default/xml &park()"
    )
    event = host.wait_event("CHANNEL_DESTROY", {"variable_other_loopback_leg_uuid": near})
    assert [event.get(f"variable_saw_{name}") for name in names] == ["[B]", "[]", "[]", "[1000]"]
    assert event.get("variable_is_loopback") == "1"

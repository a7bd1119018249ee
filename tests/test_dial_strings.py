"""Dial strings: whose variable counts, timeouts, retries, rejections, confirmations, calls beside each other."""

from __future__ import annotations

import pytest

from hosts.base import Action, CallResult, Event, Host


def originate(host: Host, dial: str, then: str = "&park()") -> str:
    """What `originate` answers: the UUID, or the cause."""
    return host.api(f"originate {dial} {then}").strip().removeprefix("+OK ").removeprefix("-ERR ")


def bridged(host: Host, dial: str, *before: Action, is_joined: bool = False) -> CallResult:
    """A call that bridges to a dial string, and goes on whatever becomes of it; once joined, its far end ends it."""
    actions = ("answer", ("set", "continue_on_fail=true"), *before, ("bridge", dial), "hangup")
    call = host.start_call(host.extension(*actions))
    if is_joined:
        host.wait_event("CHANNEL_BRIDGE", {"Unique-ID": call.uuid})
        call.hangup()
    return call.wait()


def outgoing(host: Host, uuid: str | None = None) -> list[Event]:
    """The creation of each leg that was called, since the test began, and by that leg."""
    return [
        event
        for event in host.all_events()
        if event.get("Event-Name") == "CHANNEL_ORIGINATE" and (uuid is None or event.get("Other-Leg-Unique-ID") == uuid)
    ]


@pytest.fixture
def answers(host: Host) -> str:
    """A leg that answers at once, and stays."""
    return f"loopback/{host.extension('answer', ('sleep', '60000'))}/default/xml"


@pytest.fixture
def rings(host: Host) -> str:
    """A leg that rings, and does nothing more."""
    return f"loopback/{host.extension('ring_ready', ('sleep', '60000'))}/default/xml"


@pytest.fixture
def silent(host: Host) -> str:
    """A leg that does nothing at all."""
    return f"loopback/{host.extension(('sleep', '60000'))}/default/xml"


@pytest.fixture
def busy(host: Host) -> str:
    """A leg that is busy after a moment."""
    return f"loopback/{host.extension(('sleep', '200'), ('hangup', 'USER_BUSY'))}/default/xml"


# Variables

WINS = {
    "{a=1}[a=2]": "1",
    "{a=1,local_var_clobber=true}[a=2]": "2",
    "<a=1>{a=2}": "2",
    "<a=1>": "1",
    "{a=1}{a=2}": "2",
    "[a=1][a=2]": "2",
    "{a='x y'}": "x y",
    "{a='x,y'}": "x",  # the command's own words are split first, and lose their quotes
    "{^^:a=x,y:b=z}": "x,y",
    "[^^:a=x,y:b=z]": "x,y",
    "{a=x=y}": "x=y",
    "{A=1}[a=2]": "1",
    "{a=}[b=1]": "_undef_",
    "<a=0>{b=3}[c=4]": "0",
}


@pytest.mark.parametrize("braces", WINS)
def test_whose_variable_counts(host: Host, answers: str, braces: str) -> None:
    dial = f"'{braces}{answers}'" if " " in braces else f"{braces}{answers}"
    dial = dial.replace("{a='x y'}", "{a=\\'x y\\'}")
    uuid = originate(host, dial)
    assert host.api(f"uuid_getvar {uuid} a") == WINS[braces]
    host.api(f"uuid_kill {uuid}")


def test_variables_of_each_leg(host: Host, silent: str) -> None:
    later = f"loopback/{host.extension(('sleep', '300'), 'answer', ('sleep', '60000'))}/default/xml"
    result = bridged(host, f"<u=0>{{g=1}}[l=2,m=3]{silent},[l=4]{later}", is_joined=True)
    seen = [
        {name: event.get(f"variable_{name}") for name in ("u", "g", "l", "m")} for event in outgoing(host, result.uuid)
    ]
    # Each leg's own thread tells of it.
    assert sorted(seen, key=lambda leg: leg["l"] or "") == [
        {"u": "0", "g": "1", "l": "2", "m": "3"},
        {"u": "0", "g": "1", "l": "4", "m": None},
    ]


def test_what_is_no_dial_string(host: Host, answers: str) -> None:
    tries = ["{a=1" + answers, "[a=1" + answers, "<a=1" + answers, "{a=1}", "|"]
    assert [originate(host, dial) for dial in tries] == ["DESTINATION_OUT_OF_ORDER"] * len(tries)


@pytest.mark.parametrize("dial", ["", "{a=b}", "{a=b", "<a=b"])
def test_what_the_a_leg_is_told_of_what_is_no_dial_string(host: Host, dial: str) -> None:
    name = host.script(
        "import freeswitch\ndef handler(session, args):\n    session.answer()\n"
        f"    freeswitch.Session({dial!r}, session)\n"
    )
    told = host.run("python", name).variables
    assert (told.get("originate_disposition"), told.get("DIALSTATUS")) == ("ORIGINATOR_CANCEL", "CANCEL")


def test_what_the_a_leg_hands_on(host: Host, answers: str) -> None:
    """Exported variables, and what both legs know of each other."""
    result = bridged(
        host,
        answers,
        ("export", "one=1"),
        ("export", "nolocal:two=2"),
        ("set", "three=3"),
        ("set", "effective_caller_id_number=4711"),
        is_joined=True,
    )
    (event,) = outgoing(host, result.uuid)
    seen = {
        name: event.get(f"variable_{name}") for name in ("one", "two", "three", "export_vars", "originate_endpoint")
    }
    assert seen == {
        "one": "1",
        "two": "2",
        "three": None,
        "export_vars": "one,nolocal:two",
        "originate_endpoint": "loopback",
    }
    assert event["variable_call_uuid"] == event["Channel-Call-UUID"] == result.uuid
    assert event["variable_originating_leg_uuid"] == result.uuid
    assert event["variable_max_forwards"] == "70"
    assert [event["Caller-Caller-ID-Number"], event["Caller-Orig-Caller-ID-Number"]] == ["4711", "1000"]
    assert event["Caller-ANI"] == "1000"
    leg = event["Unique-ID"]
    assert result.variables["originated_legs"].startswith(f"{leg};Outbound Call;")
    assert result.variables["originate_causes"] == f"{leg};NONE"


def test_a_leg_that_nobody_calls_for_is_a_call_of_its_own(host: Host, answers: str) -> None:
    uuid = originate(host, answers)
    for name in ("CHANNEL_CREATE", "CHANNEL_ORIGINATE"):
        assert host.wait_event(name, {"Unique-ID": uuid})["variable_call_uuid"] == uuid
    host.api(f"uuid_kill {uuid}")


def test_times_of_the_leg_that_calls(host: Host, rings: str) -> None:
    """A called leg knows nothing of when its A leg was made, only when it rang itself."""
    call = host.start_call(host.extension("answer", ("bridge", rings)))
    event = host.wait_event("CHANNEL_PROGRESS", {"Other-Leg-Unique-ID": call.uuid})
    leg = event["Unique-ID"]
    assert event["Other-Leg-Channel-Created-Time"] == "0"
    assert event["Other-Leg-Channel-Progress-Time"] == event["Caller-Channel-Progress-Time"] != "0"
    times = {name: host.api(f"uuid_getvar {leg} aleg_{name}_time") for name in ("created", "answered", "progress")}
    assert times == {"created": "0", "answered": "0", "progress": event["Caller-Channel-Progress-Time"]}
    assert host.api(f"uuid_getvar {leg} aleg_caller_id_number") == "1000"
    assert host.api(f"uuid_getvar {call.uuid} progress_time") == event["Caller-Channel-Progress-Time"]
    call.hangup()
    call.wait()


# Timeouts


@pytest.mark.parametrize(
    ("variable", "leg", "cause", "shortest"),
    [
        ("{originate_timeout=1}", "rings", "NO_ANSWER", 0),
        ("[leg_timeout=1]", "rings", "ALLOTTED_TIMEOUT", 0.9),
        ("{leg_timeout=1}", "rings", "ALLOTTED_TIMEOUT", 0.9),
        ("[leg_progress_timeout=1]", "silent", "PROGRESS_TIMEOUT", 0.9),
        ("{progress_timeout=1}", "silent", "PROGRESS_TIMEOUT", 0.9),
        ("{originate_timeout=3,call_timeout=1}", "rings", "NO_ANSWER", 1.9),
        ("{originate_timeout=3}[leg_progress_timeout=1]", "rings", "NO_ANSWER", 1.9),
    ],
)
def test_a_timeout(
    host: Host, request: pytest.FixtureRequest, variable: str, leg: str, cause: str, shortest: float
) -> None:
    begun = int(host.api("strmicroepoch"))
    assert originate(host, variable + request.getfixturevalue(leg)) == cause
    assert (int(host.api("strmicroepoch")) - begun) / 1e6 > shortest


def test_the_call_timeout_of_the_a_leg(host: Host, rings: str) -> None:
    result = bridged(host, rings, ("set", "call_timeout=1"))
    assert result.variables["originate_disposition"] == "NO_ANSWER"
    assert result.variables["DIALSTATUS"] == "NOANSWER"


def test_a_leg_that_begins_later(host: Host, answers: str, rings: str) -> None:
    """The other one takes the call after a second or two, unless the first has answered."""
    result = bridged(host, f"{rings},[leg_delay_start=1]{answers}", is_joined=True)
    events = [event for event in result.events if event["Event-Name"] == "CHANNEL_BRIDGE"]
    assert len(events) == 1
    first, second = outgoing(host, result.uuid)
    delay = (int(second["Event-Date-Timestamp"]) - int(first["Event-Date-Timestamp"])) / 1e6
    assert delay > 0.5
    if host.is_pocket:
        # Its clock does not go on while the machine is busy.
        assert delay < 2.5
    assert events[0]["Bridge-B-Unique-ID"] == second["Unique-ID"]
    assert result.variables["originate_disposition"] == "SUCCESS"


def test_a_leg_that_begins_at_once_when_no_other_is_left(host: Host, answers: str, busy: str) -> None:
    begun = int(host.api("strmicroepoch"))
    uuid = originate(host, f"{busy},[leg_delay_start=30]{answers}")
    assert host.api(f"uuid_exists {uuid}") == "true"
    assert int(host.api("strmicroepoch")) - begun < 10_000_000
    host.api(f"uuid_kill {uuid}")


# Rejections and retries


def test_rejection_of_one(host: Host, busy: str, rings: str) -> None:
    both = f"{busy},{rings}"
    causes = {
        "{fail_on_single_reject=true,originate_timeout=20}": "NO_ANSWER",
        "{fail_on_single_reject=USER_BUSY,originate_timeout=20}": "NO_ANSWER",
        "{fail_on_single_reject=!CALL_REJECTED,originate_timeout=20}": "NO_ANSWER",
    }
    for braces, cause in causes.items():
        begun = int(host.api("strmicroepoch"))
        assert originate(host, f"{braces}{both}") == cause
        assert int(host.api("strmicroepoch")) - begun < 10_000_000, braces
    begun = int(host.api("strmicroepoch"))
    # With a list of causes FreeSWITCH ends it by no timeout but that of progress.
    assert originate(host, f"{{fail_on_single_reject=CALL_REJECTED,originate_timeout=1}}{both}") == "PROGRESS_TIMEOUT"
    assert int(host.api("strmicroepoch")) - begun > 900_000


def test_rejection_before_there_is_a_leg(host: Host, answers: str) -> None:
    dial = f"{{fail_on_single_reject=USER_BUSY}}error/user_busy,{answers}"
    assert originate(host, dial) == "USER_BUSY"
    uuid = originate(host, dial.replace("=USER_BUSY", "=CALL_REJECTED"))
    assert host.api(f"uuid_exists {uuid}") == "true"
    host.api(f"uuid_kill {uuid}")


@pytest.mark.parametrize(
    ("dial", "cause"),
    [
        ("{busy}", "USER_BUSY"),
        ("{{originate_timeout=1}}{rings}", "NO_ANSWER"),
        ("error/user_busy", None),
    ],
)
def test_the_a_leg_knows_how_the_last_leg_ended(
    host: Host, busy: str, rings: str, dial: str, cause: str | None
) -> None:
    variables = bridged(host, dial.format(busy=busy, rings=rings)).variables
    assert variables.get("last_bridge_hangup_cause") == cause


@pytest.mark.parametrize(
    "dial", ["{{fail_on_single_reject=true}}{busy},{rings}", "{{fail_on_single_reject=USER_BUSY}}{rings},{busy}"]
)
def test_the_a_leg_knows_how_the_leg_ended_that_a_rejection_ends(host: Host, busy: str, rings: str, dial: str) -> None:
    told = bridged(host, dial.format(busy=busy, rings=rings)).variables.get("last_bridge_hangup_cause")
    # switch_channel_perform_hangup marks the busy leg as down, and then tells the a leg: the leg that is
    # ended because of it may tell in between, and the busy leg has the last word.
    assert told in (["NO_ANSWER"] if host.is_pocket else ["NO_ANSWER", "USER_BUSY"])


# FreeSWITCH gives the same, and keeps the leg that has answered for some 20 s more.
@pytest.mark.pocket_only
def test_the_a_leg_is_not_told_of_a_rejection_before_there_is_a_leg(host: Host, answers: str) -> None:
    told = bridged(host, f"{{fail_on_single_reject=true}}{answers},error/user_busy").variables
    assert (told.get("originate_disposition"), told.get("DIALSTATUS")) == ("failure", "INVALIDARGS")
    assert "originate_causes" not in told


def test_a_leg_that_is_required(host: Host, busy: str, rings: str) -> None:
    assert originate(host, f"[leg_required=true]{busy},{rings}") == "USER_BUSY"


def test_the_next_group(host: Host, busy: str, answers: str) -> None:
    uuid = originate(host, f"{busy}|error/no_route_destination|{answers}")
    assert host.api(f"uuid_exists {uuid}") == "true"
    host.api(f"uuid_kill {uuid}")


def test_a_timeout_ends_it_unless_told_otherwise(host: Host, rings: str, answers: str) -> None:
    assert originate(host, f"{{originate_timeout=1}}{rings}|{answers}") == "NO_ANSWER"
    uuid = originate(host, f"{{originate_timeout=1,originate_continue_on_timeout=true}}{rings}|{answers}")
    assert host.api(f"uuid_exists {uuid}") == "true"
    host.api(f"uuid_kill {uuid}")


def test_retries(host: Host, busy: str) -> None:
    begun = int(host.api("strmicroepoch"))
    dial = f"{{originate_retries=3,originate_retry_sleep_ms=500,originate_retry_min_period_ms=500}}{busy}"
    assert originate(host, dial) == "USER_BUSY"
    took = (int(host.api("strmicroepoch")) - begun) / 1e6
    assert len(outgoing(host)) == 3
    assert took > 1.5


def test_retries_of_a_bridge(host: Host, busy: str) -> None:
    result = bridged(host, f"{{originate_retries=2,originate_retry_sleep_ms=500}}{busy}")
    assert len(outgoing(host, result.uuid)) == 2
    assert result.variables["originate_disposition"] == "USER_BUSY"
    assert result.variables["originate_failed_cause"] == "USER_BUSY"


# Calls beside each other


def test_calls_beside_each_other(host: Host, busy: str, answers: str, rings: str) -> None:
    uuid = originate(host, f"<u=1>{{g=2}}{busy}:_:{{g=3}}{answers}:_:{rings}")
    assert [host.api(f"uuid_getvar {uuid} {name}") for name in "ug"] == ["1", "3"]
    host.wait_event("CHANNEL_HANGUP", {"Hangup-Cause": "LOSE_RACE"})
    host.api(f"uuid_kill {uuid}")


def test_calls_beside_each_other_that_fail(host: Host, busy: str) -> None:
    assert originate(host, f"{busy}:_:error/user_busy") == "USER_BUSY"


def test_calls_beside_each_other_for_a_caller(host: Host, busy: str, answers: str) -> None:
    result = bridged(host, f"{busy}:_:{answers}", is_joined=True)
    assert [event["Event-Name"] for event in result.events].count("CHANNEL_BRIDGE") == 1
    assert result.variables["originate_disposition"] == "success"
    failed = bridged(host, f"{busy}:_:{busy}")
    assert failed.variables["originate_disposition"] == "failure"
    assert failed.variables["originate_failed_cause"] == "USER_BUSY"


# Confirmation


def test_a_key_that_confirms(host: Host) -> None:
    pressing = host.extension(
        "answer", ("sleep", "700"), ("send_dtmf", "4"), ("sleep", "1000"), ("send_dtmf", "5"), ("sleep", "60000")
    )
    braces = "{group_confirm_key=5,group_confirm_file=silence_stream://100,group_confirm_read_timeout=3000}"
    begun = int(host.api("strmicroepoch"))
    uuid = originate(host, f"{braces}loopback/{pressing}/default/xml")
    assert host.api(f"uuid_getvar {uuid} group_dial_status") == "winner"
    assert host.api(f"uuid_getvar {uuid} group_confirm_key") == "_undef_"
    assert int(host.api("strmicroepoch")) - begun > 1_500_000
    host.api(f"uuid_kill {uuid}")


def test_a_leg_that_does_not_confirm(host: Host, answers: str) -> None:
    assert originate(host, f"{{group_confirm_key=5,originate_timeout=2}}{answers}") == "NO_ANSWER"


def test_an_application_that_confirms(host: Host, answers: str) -> None:
    """It is asked on the called leg before that is bridged, and confirms when the leg is up after it."""
    name = host.script("""
        import freeswitch
        def handler(session, args):
            freeswitch.consoleLog("info", "confirming <%s> %s" % (args, session.ready()))
            session.setVariable("asked", args)
            session.sleep(300)
            if args == "no":
                session.hangup("CALL_REJECTED")
    """)
    result = bridged(
        host,
        answers,
        ("set", "group_confirm_key=exec"),
        ("set", f"group_confirm_file=python {name} yes"),
        is_joined=True,
    )
    assert host.wait_log("^confirming <yes> True")
    bridge = next(event for event in result.events if event["Event-Name"] == "CHANNEL_BRIDGE")
    assert bridge["Bridge-B-Unique-ID"]
    asked = host.wait_event("CHANNEL_DESTROY", {"Unique-ID": bridge["Bridge-B-Unique-ID"]})
    assert asked["variable_asked"] == "yes"
    no = ("set", "group_confirm_key=exec"), ("set", f"group_confirm_file=python {name} no")
    result = bridged(host, answers, *no)
    assert result.variables["originate_disposition"] == "CALL_REJECTED"


# Hooks


def test_hooks_of_originate(host: Host, answers: str) -> None:
    result = bridged(
        host,
        f"[execute_on_originate=set on_originate=1,execute_on_post_originate=set on_post=2]{answers}",
        ("set", "execute_on_pre_originate=set pre=1"),
        ("set", "execute_on_post_originate=set post=2"),
        is_joined=True,
    )
    assert [result.variables.get(name) for name in ("pre", "post")] == ["1", "2"]
    bridge = next(event for event in result.events if event["Event-Name"] == "CHANNEL_BRIDGE")
    leg = host.wait_event("CHANNEL_DESTROY", {"Unique-ID": bridge["Bridge-B-Unique-ID"]})
    assert [leg.get(f"variable_{name}") for name in ("on_originate", "on_post")] == ["1", "2"]


# Users of the directory


def test_a_user_that_nobody_knows(host: Host) -> None:
    for dial in ("user/nobody", "user/nobody@nowhere.example", "user/"):
        assert originate(host, dial) == "SUBSCRIBER_ABSENT"
    assert host.wait_log(r"Can't find user \[nobody@nowhere.example\]").level == "WARNING"


def test_a_user_of_the_directory(host: Host, answers: str) -> None:
    name = host.script(f"""
        def xml_fetch(params):
            user = params.getHeader("user")
            dial = "" if user == "1002" else \\
                '<param name="dial-string" value="{{^^:presence_id=${{dialed_user}}@${{dialed_domain}}}}{answers}"/>'
            return (
                '<document type="freeswitch/xml"><section name="directory"><domain name="here.example">'
                '<params>' + dial + '<param name="dial-var-of_domain" value="d"/></params>'
                '<groups><group name="all"><users><user id="' + user + '" number-alias="77">'
                '<params><param name="dial-var-of_user" value="u"/></params>'
                '<variables><variable name="mine" value="yes"/></variables>'
                '</user></users></group></groups></domain></section></document>'
            )
    """)
    host.config(
        '<configuration name="python.conf"><settings>'
        f'<param name="xml-handler-script" value="{name}"/><param name="xml-handler-bindings" value="directory"/>'
        "</settings></configuration>"
    )
    uuid = originate(host, "{own=o}user/1001@here.example")
    seen = {
        name: host.api(f"uuid_getvar {uuid} {name}")
        for name in ("own", "of_user", "of_domain", "mine", "dialed_user", "dialed_domain", "presence_id")
    }
    assert seen == {
        "own": "o",
        "of_user": "u",
        "of_domain": "d",
        "mine": "yes",
        "dialed_user": "1001",
        "dialed_domain": "here.example",
        "presence_id": "1001@here.example",
    }
    host.api(f"uuid_kill {uuid}")
    assert originate(host, "user/1002@here.example") == "MANDATORY_IE_MISSING"
    host.wait_no_calls()

"""Calls in the hands of clients of the event socket: messages, myevents, and the application `socket`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hosts.base import Host, LiveCall
from hosts.wire import UUID, Connect, Lines, Wire, decoded

TONE = "tone_stream://%(400,0,440)"
LONG_TONE = "tone_stream://%(20000,0,440)"
DISCONNECTED = (
    b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: %s\nContent-Disposition: disconnect\n"
    b"Content-Length: 67\n\nDisconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)
OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"


@pytest.fixture
def call(served: Host) -> LiveCall:
    """A call that is answered and parks."""
    live = served.start_call(served.extension("answer", "park"))
    # FreeSWITCH has several threads that deliver events once it was busy: each of these may come late, to a client that
    # asks for it in the meantime.
    served.wait_event("CHANNEL_EXECUTE_COMPLETE", {"Unique-ID": live.uuid, "Application": "answer"})
    served.wait_event("CHANNEL_EXECUTE", {"Unique-ID": live.uuid, "Application": "park"})
    served.wait_event("CHANNEL_PARK", {"Unique-ID": live.uuid})
    return live


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Where calls come to by `socket`."""
    lines = Lines()
    yield lines
    lines.close()


def execute(app: str, data: str = "", *more: str) -> str:
    """The headers of a message that runs an application."""
    argument = [f"execute-app-arg: {data}"] if data else []
    return "\n".join(["call-command: execute", f"execute-app-name: {app}", *argument, *more])


def of_call(wire: Wire, uuid: str, *names: str) -> None:
    """Ask for the events of a call."""
    # The filter first: without one the events of the call's far end come, too.
    wire.ask(f"filter Unique-ID {uuid}")
    wire.ask(f"event plain {' '.join(names)}")


def take(wire: Wire, count: int) -> list[dict[str, bytes]]:
    """Take events, in the order that they were fired in, whichever thread has delivered them."""
    return in_order([wire.event() for _ in range(count)])


def in_order(events: list[dict[str, bytes]]) -> list[dict[str, bytes]]:
    """The events in the order that they were fired in."""
    return sorted(events, key=lambda event: int(event["Event-Sequence"]))


def ran(events: list[dict[str, bytes]]) -> list[tuple[str, str]]:
    """Name and data of the applications that the events tell of."""
    return [(event["Event-Name"].decode()[8:], event["Application-Data"].decode()) for event in events]


# Messages


def test_a_message_runs_an_application(wire: Wire, call: LiveCall) -> None:
    of_call(wire, call.uuid, "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "PRIVATE_COMMAND")
    message = execute("set", "said=by the socket", "Event-UUID: my-own-id", "Event-UUID-Name: my name")
    assert wire.ask(f"sendmsg {call.uuid}\n{message}").raw == OK
    begun, complete, told = take(wire, 3)
    assert [event["Event-Name"] for event in (begun, complete)] == [b"CHANNEL_EXECUTE", b"CHANNEL_EXECUTE_COMPLETE"]
    for event in (begun, complete):
        assert (event["Application"], event["Application-Data"]) == (b"set", b"said=by the socket")
        assert (event["Application-UUID"], event["Application-UUID-Name"]) == (b"my-own-id", b"my name")
    assert told["Command"] == f"sendmsg {call.uuid}".encode()
    assert (told["call-command"], told["execute-app-name"]) == (b"execute", b"set")
    assert wire.ask(f"api uuid_getvar {call.uuid} said").body == b"by the socket"


def test_the_call_of_a_message_may_be_named_in_a_header(wire: Wire, call: LiveCall) -> None:
    of_call(wire, call.uuid, "PRIVATE_COMMAND")
    assert wire.ask(f"sendmsg\nsession-id: {call.uuid}\n{execute('set', 'x=1')}").raw == OK
    # All of it, as the line was not cut.
    assert wire.event()["Command"].startswith(b"sendmsg\nsession-id: ")
    assert wire.ask(f"api uuid_getvar {call.uuid} x").body == b"1"


@pytest.mark.parametrize(("kind", "value"), [("text/plain", b"from the body"), ("text/other", b"_undef_")])
def test_the_argument_may_be_the_body_where_that_is_text(wire: Wire, call: LiveCall, kind: str, value: bytes) -> None:
    of_call(wire, call.uuid, "CHANNEL_EXECUTE_COMPLETE")
    body = "x=from the body"
    head = f"sendmsg {call.uuid}\ncall-command: execute\nexecute-app-name: set\ncontent-type: {kind}"
    wire.send(f"{head}\ncontent-length: {len(body)}\n\n{body}".encode())
    assert wire.packet().raw == OK
    wire.event()
    assert wire.ask(f"api uuid_getvar {call.uuid} x").body == value


def test_locked_messages_run_one_after_the_other(wire: Wire, call: LiveCall) -> None:
    of_call(wire, call.uuid, "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")
    for data in ("1", "2", "3"):
        wire.command(f"sendmsg {call.uuid}\n{execute('sleep', '30' + data, 'event-lock: true')}")
    wire.command(f"sendmsg {call.uuid}\n{execute('set', 'last=1')}")
    packets = [wire.packet() for _ in range(4 + 8)]
    events = in_order([packet.event() for packet in packets if packet.kind == "text/event-plain"])
    assert ran(events) == [
        (kind, data) for data in ("301", "302", "303", "last=1") for kind in ("EXECUTE", "EXECUTE_COMPLETE")
    ]


def test_a_message_that_is_not_locked_runs_inside_another(wire: Wire, call: LiveCall) -> None:
    of_call(wire, call.uuid, "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")
    wire.ask(f"sendmsg {call.uuid}\n{execute('playback', LONG_TONE)}")
    first = wire.event()
    assert first["Event-Name"] == b"CHANNEL_EXECUTE"
    wire.ask(f"sendmsg {call.uuid}\n{execute('set', 'inside=1')}")
    assert [event["Application"] for event in (wire.event(), wire.event())] == [b"set", b"set"]
    wire.ask(f"api uuid_break {call.uuid}")
    assert wire.event()["Application"] == b"playback"


def test_a_message_runs_as_often_as_it_says(wire: Wire, call: LiveCall) -> None:
    of_call(wire, call.uuid, "CHANNEL_EXECUTE_COMPLETE", "PRIVATE_COMMAND")
    # What takes less than half a second is not run again.
    events = []
    for data, runs in (("510", 2), ("10", 1)):
        wire.ask(f"sendmsg {call.uuid}\n{execute('sleep', data, 'loops: 2')}")
        events += take(wire, runs + 1)
    assert ran([event for event in events if "Application" in event]) == [
        ("EXECUTE_COMPLETE", data) for data in ("510", "510", "10")
    ]


def test_a_message_hangs_up_with_its_cause(wire: Wire, call: LiveCall) -> None:
    of_call(wire, call.uuid, "CHANNEL_HANGUP")
    assert wire.ask(f"sendmsg {call.uuid}\ncall-command: hangup\nhangup-cause: USER_BUSY").raw == OK
    assert wire.event()["Hangup-Cause"] == b"USER_BUSY"
    assert call.wait().cause == "USER_BUSY"


@pytest.mark.parametrize("headers", ["x: y", "call-command: no_such_thing", "call-command: execute"])
def test_a_message_that_says_nothing_does_nothing(wire: Wire, call: LiveCall, headers: str) -> None:
    of_call(wire, call.uuid, "PRIVATE_COMMAND", "CHANNEL_EXECUTE")
    assert wire.ask(f"sendmsg {call.uuid}\n{headers}").raw == OK
    assert wire.event()["Event-Name"] == b"PRIVATE_COMMAND"


# myevents


def test_myevents_gives_the_events_of_one_call_and_ends_with_it(
    wire: Wire, connect: Connect, served: Host, call: LiveCall
) -> None:
    assert wire.ask(f"myevents {call.uuid}").raw == b"Content-Type: command/reply\nReply-Text: +OK Events Enabled\n\n"
    other = served.start_call(served.extension("answer", "park"))
    served.wait_event("CHANNEL_PARK", {"Unique-ID": other.uuid})
    connect().ask(f"sendmsg {call.uuid}\n{execute('set', 'x=1')}")
    events = wire.events_until("CHANNEL_EXECUTE_COMPLETE")
    assert {event["Unique-ID"] for event in events} == {call.uuid.encode()}
    call.hangup()
    assert wire.rest().endswith(DISCONNECTED % call.uuid.encode())


def test_a_client_that_lingers_gets_all_events_of_its_call(wire: Wire, call: LiveCall) -> None:
    wire.ask(f"myevents {call.uuid}")
    assert wire.ask("linger").raw == b"Content-Type: command/reply\nReply-Text: +OK will linger\n\n"
    call.hangup()
    names, notice = [], None
    while notice is None or "CHANNEL_HANGUP_COMPLETE" not in names:
        packet = wire.packet()
        if packet.kind == "text/disconnect-notice":
            notice = packet
        else:
            names.append(packet.event()["Event-Name"].decode())
    assert list(notice.headers) == [
        "Content-Type",
        "Controlled-Session-UUID",
        "Content-Disposition",
        "Channel-Name",
        "Linger-Time",
        "Content-Length",
    ]
    assert notice.headers["Controlled-Session-UUID"] == call.uuid.encode()
    assert (notice.headers["Content-Disposition"], notice.headers["Linger-Time"]) == (b"linger", b"-1")
    assert [name for name in names if name.startswith("CHANNEL_HANGUP")] == [
        "CHANNEL_HANGUP",
        "CHANNEL_HANGUP_COMPLETE",
    ]
    # The call is there until the client lets go of it.
    assert wire.ask(f"api uuid_exists {call.uuid}").body in (b"true", b"false")
    wire.command("exit")
    assert wire.rest().endswith(DISCONNECTED % call.uuid.encode())
    call.wait()


def test_lingering_has_an_end(wire: Wire, call: LiveCall) -> None:
    wire.ask(f"myevents {call.uuid}")
    assert wire.ask("linger 1").reply == b"+OK will linger 1 seconds"
    assert wire.ask("nolinger").reply == b"+OK will not linger"
    wire.ask("linger 1")
    call.hangup()
    rest = wire.rest()
    assert b"Content-Disposition: linger\n" in rest and b"Linger-Time: 1\n" in rest
    assert rest.endswith(DISCONNECTED % call.uuid.encode())


def test_an_event_for_a_call_goes_to_whoever_diverts_its_events(wire: Wire, connect: Connect, call: LiveCall) -> None:
    wire.ask(f"myevents {call.uuid}")
    assert wire.ask("divert_events").reply == b"-ERR missing value."
    assert wire.ask("divert_events on").reply == b"+OK events diverted"
    connect().ask(f"sendevent NOTIFY\nUnique-ID: {call.uuid}\nX-Note: for you")
    event = wire.event()
    assert (event["X-Note"], event["Command"]) == (b"for you", b"sendevent NOTIFY")
    assert "Event-Sequence" not in event
    assert wire.ask("divert_events off").reply == b"+OK events not diverted"


# The application `socket`


def into(served: Host, lines: Lines, options: str, *after: tuple[str, str] | str) -> tuple[LiveCall, Wire]:
    """Call an extension whose call comes to us, and take it."""
    live = served.start_call(served.extension(("socket", f"127.0.0.1:{lines.port} {options}"), *after))
    wire = lines.accept()
    # It may come late, to a client that asks for such events in the meantime.
    served.wait_event("CHANNEL_EXECUTE", {"Unique-ID": live.uuid, "Application": "socket"})
    return live, wire


@pytest.mark.parametrize(
    ("options", "mode", "control"),
    [
        ("async full", b"async", b"full"),
        ("full", b"static", b"full"),
        ("ASYNC", b"async", b"single-channel"),
        ("", b"static", b"single-channel"),
    ],
)
def test_a_call_comes_to_a_client(served: Host, lines: Lines, options: str, mode: bytes, control: bytes) -> None:
    live, wire = into(served, lines, options)
    with wire:
        wire.command("connect")
        data = decoded(wire.packet().head)
        assert data["Event-Name"] == b"CHANNEL_DATA"
        assert data["Unique-ID"] == data["Channel-Call-UUID"] == live.uuid.encode()
        assert data["Caller-Destination-Number"] == data["Channel-Destination-Number"]
        assert data["Channel-Context"] == b"default"
        assert data["variable_socket_host"] == b"127.0.0.1"
        assert data["variable_current_application"] == b"socket"
        assert list(data)[-4:] == ["Content-Type", "Reply-Text", "Socket-Mode", "Control"]
        assert [data[name] for name in list(data)[-4:]] == [b"command/reply", b"+OK\n", mode, control]
        wire.command("getvar socket_host")
        assert wire.packet().raw == b"Content-Type: command/reply\nReply-Text: 127.0.0.1\n\n"
        assert wire.ask("getvar no_such").reply == b"-ERR command not found"
        wire.command("api echo hi")
        if control == b"full":
            assert wire.packet().body == b"hi"
        else:
            assert wire.packet().reply == b"-ERR command not found"
            for line in ("linger", "event plain ALL", "bgapi status", "log"):
                assert wire.ask(line).reply == b"-ERR command not found"
        if mode == b"async":
            # One that leaves before the call has parked leaves it parked.
            served.wait_event("CHANNEL_PARK", {"Unique-ID": live.uuid})
        wire.command("exit")
        assert wire.rest().endswith(DISCONNECTED % live.uuid.encode())
    assert live.wait().cause == "NORMAL_CLEARING"


def test_an_answer_to_the_first_command_is_not_sent_but_for_connect(served: Host, lines: Lines) -> None:
    live, wire = into(served, lines, "async full")
    with wire:
        wire.command("myevents")
        wire.command("getvar uuid")
        assert wire.packet().reply == live.uuid.encode()


def test_without_async_a_message_is_answered_when_it_is_through(served: Host, lines: Lines) -> None:
    live, wire = into(served, lines, "full", ("set", "after=1"))
    with wire:
        wire.ask_connect()
        wire.ask("myevents")
        wire.command("sendmsg\n" + execute("answer"))
        wire.command("sendmsg\n" + execute("sleep", "100"))
        wire.command("getvar current_application_data")
        replies: list[bytes] = []
        while len(replies) < 3:
            packet = wire.packet()
            if packet.kind == "command/reply":
                replies.append(packet.reply)
        assert replies == [b"+OK", b"+OK", b"100"]
        wire.command("exit")
        wire.rest()
    result = live.wait()
    assert result.answered and result.variables["after"] == "1"


def test_with_async_messages_are_answered_at_once(served: Host, lines: Lines) -> None:
    live, wire = into(served, lines, "async full", ("set", "after=1"))
    with wire:
        wire.ask_connect()
        wire.ask("linger")
        of_call(wire, live.uuid, "CHANNEL_EXECUTE")
        for app, data in (("answer", ""), ("playback", TONE), ("hangup", "")):
            wire.command("sendmsg\n" + execute(app, data, "event-lock: true"))
        packets = wire.packets_to("text/disconnect-notice")
        replies = [packet.raw for packet in packets if packet.kind == "command/reply"]
        assert replies == [OK] * 3
        events = [packet for packet in packets if packet.kind == "text/event-plain"]
        # The notice does not wait for what the switch's event thread has not handed on yet.
        while len(events) < 3:
            events.append(wire.packet())
        assert [event.event()["Application"] for event in events] == [b"answer", b"playback", b"hangup"]
        wire.command("exit")
        wire.rest()
    assert live.wait().cause == "NORMAL_CLEARING"


def test_a_client_that_leaves_gives_the_call_back_to_the_dialplan(served: Host, lines: Lines) -> None:
    for options in ("async full", "full"):
        live, wire = into(served, lines, options, ("set", "after=1"), ("hangup", "USER_BUSY"))
        wire.ask_connect()
        if options.startswith("async"):
            # One that leaves before the call has parked leaves it parked.
            served.wait_event("CHANNEL_PARK", {"Unique-ID": live.uuid})
        wire.close()
        result = live.wait()
        assert (result.variables["after"], result.cause) == ("1", "USER_BUSY")


def test_a_call_that_ends_is_told_to_its_client(served: Host, lines: Lines) -> None:
    for options in ("async full", "full"):
        live, wire = into(served, lines, options)
        with wire:
            wire.ask_connect()
            live.hangup()
            assert wire.rest().endswith(DISCONNECTED % live.uuid.encode())
        live.wait()


def test_where_nobody_listens_the_dialplan_goes_on(served: Host, lines: Lines) -> None:
    lines.close()
    result = served.call(("socket", f"127.0.0.1:{lines.port} async full"), ("set", "after=1"))
    assert result.variables["after"] == "1"


def test_of_several_hosts_the_first_that_listens_gets_the_call(served: Host, lines: Lines) -> None:
    shut = Lines()
    shut.close()
    live = served.start_call(
        served.extension(("socket", f"127.0.0.1:{shut.port}|127.0.0.1:{lines.port}/some/path async full"))
    )
    with lines.accept() as wire:
        data = decoded(wire.ask_connect().head)
        assert data["variable_socket_path"] == b"some/path"
        wire.command("sendmsg\ncall-command: hangup")
        wire.rest()
    live.wait()


def test_a_client_moves_its_call_on_by_a_transfer(served: Host, lines: Lines) -> None:
    there = served.extension(("set", "there=1"), ("hangup", "CALL_REJECTED"))
    live, wire = into(served, lines, "async full", ("set", "after=1"))
    with wire:
        wire.ask_connect()
        wire.ask("sendmsg\n" + execute("transfer", f"{there} XML default"))
        result = live.wait()
    assert (result.variables.get("there"), result.variables.get("after")) == ("1", None)
    assert result.cause == "CALL_REJECTED"


def test_digits_reach_a_client(served: Host, lines: Lines) -> None:
    live, wire = into(served, lines, "async full")
    with wire:
        wire.ask_connect()
        wire.ask("event plain DTMF")
        wire.ask("sendmsg\n" + execute("answer"))
        live.press("7")
        event = wire.event()
        assert (event["DTMF-Digit"], event["Unique-ID"]) == (b"7", live.uuid.encode())


# The commands that clients call


def test_the_commands_that_clients_call(wire: Wire, served: Host, call: LiveCall) -> None:
    ours = wire.ask("api create_uuid").body.decode()
    assert UUID.fullmatch(ours.encode())
    assert wire.ask(f"api uuid_exists {ours}").body == b"false"
    parks = served.extension("answer", "park")
    originated = wire.ask(f"api originate {{origination_uuid={ours}}}loopback/{parks} &park").body
    assert originated == f"+OK {ours}\n".encode()
    assert wire.ask(f"api uuid_exists {ours}").body == b"true"
    dumped = json.loads(wire.ask(f"api uuid_dump {ours} json").body)
    assert (dumped["Unique-ID"], dumped["Answer-State"]) == (ours, "answered")
    bridged = wire.ask(f"api uuid_bridge {ours} {call.uuid}").body
    assert bridged == f"+OK {call.uuid}\n".encode()
    served.wait_event("CHANNEL_BRIDGE")
    assert wire.ask(f"api uuid_kill {ours} USER_BUSY").body == b"+OK\n"
    assert wire.ask("api uuid_kill nobody").body == b"-ERR No such channel!\n"
    served.wait_event("CHANNEL_HANGUP", {"Unique-ID": ours, "Hangup-Cause": "USER_BUSY"})
    call.wait()


def test_the_reply_to_originate_comes_before_the_events_of_its_call(wire: Wire, served: Host) -> None:
    ours = wire.ask("api create_uuid").body.decode()
    of_call(wire, ours, "CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP")
    parks = served.extension("answer", "park")
    wire.command(f"api originate {{origination_uuid={ours}}}loopback/{parks} &hangup")
    assert wire.packet().body == f"+OK {ours}\n".encode()
    names = {wire.event()["Event-Name"] for _ in range(3)}
    assert names == {b"CHANNEL_CREATE", b"CHANNEL_ANSWER", b"CHANNEL_HANGUP"}

"""The event socket, byte by byte: pocket's own, and mod_event_socket."""

from __future__ import annotations

import json
import socket
import uuid
import xml.etree.ElementTree as ET
from urllib.parse import unquote_to_bytes

import pytest

from hosts.base import Host
from hosts.wire import UUID, Connect, Packet, Wire

GOODBYE = (
    b"Content-Type: text/disconnect-notice\nContent-Length: 67\n\n"
    b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)
UNKNOWN = b"-ERR command not found"
JOB = "7f4db78a-17d7-11dd-b7a0-db4edd065621"


def response(text: bytes) -> bytes:
    return b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(text), text)


def reply(text: bytes) -> bytes:
    return b"Content-Type: command/reply\nReply-Text: %s\n\n" % text


# Letting in


def test_a_client_is_asked_for_the_password_and_let_in(served: Host) -> None:
    port, password = served.event_socket()
    with Wire.to(port) as wire:
        assert wire.packet().raw == b"Content-Type: auth/request\n\n"
        assert wire.ask(f"auth {password}").raw == reply(b"+OK accepted")
        assert wire.ask("api echo in").raw == response(b"in")


@pytest.mark.parametrize("line", ["auth wrong", "auth ", "userauth nobody@nowhere:wrong"])
def test_a_wrong_password_ends_the_connection(served: Host, line: str) -> None:
    port, _ = served.event_socket()
    with Wire.to(port) as wire:
        wire.packet()
        wire.command(line)
        assert wire.rest() == reply(b"-ERR invalid") + GOODBYE


def test_before_the_password_there_is_no_other_command(served: Host) -> None:
    port, password = served.event_socket()
    with Wire.to(port) as wire:
        wire.packet()
        for line in ("api status", "event plain ALL", "auth", "bgapi status", "sendmsg"):
            assert wire.ask(line).raw == reply(UNKNOWN)
        assert wire.ask(f"auth {password}").reply == b"+OK accepted"


@pytest.mark.parametrize("line", ["exit", "EXIT now", "...", "exitus"])
def test_exit_ends_the_connection(wire: Wire, line: str) -> None:
    wire.command(line)
    assert wire.rest() == reply(b"+OK bye") + GOODBYE


def test_a_client_that_sends_no_more_is_told_goodbye(wire: Wire) -> None:
    wire.send(b"api echo last\n\napi echo half")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.rest() == response(b"last") + GOODBYE


# Replies

REPLIES: list[tuple[str, bytes]] = [
    ("api echo hi there", response(b"hi there")),
    ("API ECHO x", response(b"x")),
    ("api no_such_command x", response(b"-ERR no_such_command Command not found!\n")),
    ("api echo", response(b"-ERR no reply\n")),
    ("api uuid_exists 1", response(b"false")),
    ("api echo one;;echo two\nconsole_execute: true", response(b"onetwo")),
    ("api no_such_command\nconsole_execute: true", response(b"-ERR no_such_command Command not found!\n")),
    *(
        (line, reply(UNKNOWN))
        for line in ("api", "bgapi", "no_such_command", "connect", "getvar x", "resume", "filter")
    ),
    ("linger", reply(b"-ERR not controlling a session")),
    ("nolinger", reply(b"-ERR not controlling a session")),
    ("divert_events on", reply(b"-ERR not controlling a session.")),
    ("nolog", reply(b"-ERR not loging")),
    ("log loud", reply(b"-ERR invalid log level")),
    ("log 0", reply(b"+OK log level 0 [0]")),
    ("log CONSOLE", reply(b"+OK log level CONSOLE [0]")),
    ("nolog", reply(b"+OK no longer logging")),
    ("event", reply(b"-ERR no keywords supplied")),
    ("event plain", reply(b"-ERR no keywords supplied")),
    ("event json no_such_event", reply(b"-ERR no keywords supplied")),
    ("event xml TRAP", reply(b"+OK event listener enabled xml")),
    ("event trap no_such_event SWITCH_EVENT_TRAP", reply(b"+OK event listener enabled xml")),
    ("event plain CUSTOM no::such", reply(b"+OK event listener enabled plain")),
    ("nixevent", reply(b"-ERR no keywords supplied")),
    ("nixevent TRAP", reply(b"+OK events nixed")),
    ("noevents", reply(b"+OK no longer listening for events")),
    ("noevents", reply(b"-ERR not listening for events")),
    ("filter Event-Name", reply(b"-ERR invalid syntax")),
    ("filter delete", reply(b"-ERR invalid syntax")),
    ("filter Event-Name TRAP", reply(b"+OK filter added. [Event-Name]=[TRAP]")),
    ("filter add Event-Name TRAP", reply(b"+OK filter added. [Event-Name]=[TRAP]")),
    ("filter add Event-Name", reply(b"+OK filter added. [Event-Name]=[(null)]")),
    ("filter delete Event-Name TRAP", reply(b"+OK filter deleted. [Event-Name][TRAP]")),
    ("filter delete all", reply(b"+OK filter deleted. [all][]")),
    ("filter " + "a" * 700 + " b", reply(b"+OK filter added. [" + b"a" * 492)),
    ("filter delete all", reply(b"+OK filter deleted. [all][]")),
    ("sendmsg", reply(b"-ERR invalid session id []")),
    ("sendmsg nobody\ncall-command: hangup", reply(b"-ERR invalid session id [nobody]")),
    ("sendmsg\nsession-id: nobody", reply(b"-ERR invalid session id [nobody]")),
    ("myevents nobody json", reply(b"-ERR invalid uuid")),
    ("myevents nobody", reply(b"+OK Events Enabled")),
    ("myevents nobody", reply(b"-ERR aready enabled.")),
]


def test_each_command_is_answered_so(wire: Wire) -> None:
    answers = [(line, wire.ask(line).raw) for line, _ in REPLIES]
    assert answers == REPLIES


def test_bgapi_names_its_job(wire: Wire) -> None:
    packet = wire.ask("bgapi echo hi")
    job = packet.headers["Job-UUID"]
    assert UUID.fullmatch(job)
    assert packet.raw == b"Content-Type: command/reply\nReply-Text: +OK Job-UUID: %s\nJob-UUID: %s\n\n" % (job, job)
    assert wire.ask(f"bgapi echo hi\nJob-UUID: {JOB}").headers["Job-UUID"] == JOB.encode()
    assert wire.ask("bgapi echo hi\njob-uuid: short").reply == b"+OK Job-UUID: short"


@pytest.mark.parametrize(
    ("line", "argument", "body"),
    [
        ("echo hi there", b"hi there", b"hi there"),
        ("echo", None, None),
        ("no_such_command x", b"x", b"-ERR no_such_command Command not found!\n"),
    ],
)
def test_a_job_is_told_of_after_its_reply(wire: Wire, line: str, argument: bytes | None, body: bytes | None) -> None:
    # Its own: the job of a test before may end late.
    job = str(uuid.uuid4())
    wire.ask("event plain BACKGROUND_JOB")
    wire.ask(f"filter Job-UUID {job}")
    wire.command(f"bgapi {line}\nJob-UUID: {job}")
    assert wire.packet().reply == f"+OK Job-UUID: {job}".encode()
    event = wire.event()
    assert event["Event-Name"] == b"BACKGROUND_JOB"
    assert (event["Job-UUID"], event["Job-Command"]) == (job.encode(), line.partition(" ")[0].encode())
    assert (event.get("Job-Command-Arg"), event.get("_body")) == (argument, body)
    assert "Job-Owner-UUID" not in event


# Framing


def test_line_ends_may_be_those_of_windows(wire: Wire) -> None:
    wire.send(b"api echo a\r\n\r\napi echo b\r\nX-Other: 1\r\n\r\n")
    assert [wire.packet().body for _ in range(2)] == [b"a", b"b"]


def test_empty_lines_before_a_command_are_passed_over(wire: Wire) -> None:
    wire.send(b"\n\r\n\n\napi echo a\n\n\n\n\napi echo b\n\n")
    assert [wire.packet().body for _ in range(2)] == [b"a", b"b"]


def test_commands_sent_at_once_are_answered_in_order(wire: Wire) -> None:
    wire.send(b"".join(b"api echo %d\n\n" % n for n in range(500)))
    assert [wire.packet().body for _ in range(500)] == [b"%d" % n for n in range(500)]


def test_a_command_may_come_in_pieces(wire: Wire, served: Host) -> None:
    for piece in (b"api ec", b"ho ha", b"lf\n", b"\n"):
        assert wire.quiet()
        wire.send(piece)
        # Longer than either switch takes to look.
        served.sleep(0.05)
    assert wire.packet().body == b"half"


def test_a_body_belongs_to_its_command(wire: Wire) -> None:
    wire.ask("event plain CUSTOM wire::body")
    wire.send(b"sendevent CUSTOM\nEvent-Subclass: wire::body\ncontent-length: 15\n\napi echo no\n\n")
    wire.send(b"xxapi echo yes\n\n")
    assert wire.packet().reply.startswith(b"+OK ")
    answers = [wire.packet(), wire.packet()]
    texts = {packet.kind: packet for packet in answers}
    assert texts["api/response"].body == b"yes"
    assert texts["text/event-plain"].event()["_body"] == b"api echo no\n\nxx"


def test_events_wait_while_half_a_command_has_come(connect: Connect) -> None:
    listens, other = connect(), connect()
    listens.ask("event plain CUSTOM wire::half")
    listens.send(b"api echo ")
    assert other.ask("api echo between").body == b"between"
    other.ask("sendevent CUSTOM\nEvent-Subclass: wire::half")
    assert other.ask("api msleep 200").body == b"+OK"
    assert listens.quiet()
    listens.send(b"x\n\n")
    assert listens.packet().raw == response(b"x")
    assert listens.event()["Event-Subclass"] == b"wire::half"


# Events in their formats


def fire_odd(wire: Wire) -> Packet:
    """Have an event with odd bytes fired, and take it."""
    wire.send(
        b'sendevent CUSTOM\nEvent-Subclass: wire::odd\nX-One: a "b\\ %c\ttab\nX-Two: \xff\xc3\xa9<&>\nX-Two: again\n'
        b"X-Empty: \nContent-Length: 9\n\nbo\ndy<&\xc3\xa9"
    )
    fired = wire.packet()
    assert fired.reply.startswith(b"+OK ") and UUID.fullmatch(fired.reply[4:])
    return wire.packet()


def test_a_plain_event_is_encoded(wire: Wire) -> None:
    wire.ask("event plain CUSTOM wire::odd")
    packet = fire_odd(wire)
    assert packet.head == b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(packet.body)
    head, _, body = packet.body.partition(b"\n\n")
    lines = head.split(b"\n")
    assert lines[:6] == [
        b"Event-Subclass: wire%3A%3Aodd",
        b"Command: sendevent%20CUSTOM",
        b"X-One: a%20%22b%5C%20%25c%09tab",
        b"X-Two: %FF%C3%A9%3C%26%3E",
        b"X-Two: again",
        b"Content-Length: 9",
    ]
    names = [line.partition(b":")[0].decode() for line in lines[6:]]
    assert names[:4] == ["Event-UUID", "Event-Name", "Core-UUID", "FreeSWITCH-Hostname"]
    assert names[-2:] == ["Event-Sequence", "Content-Length"]
    assert (lines[-1], body) == (b"Content-Length: 9", b"bo\ndy<&\xc3\xa9")


def test_an_event_as_json_keeps_its_bytes_and_its_order(wire: Wire) -> None:
    wire.ask("event json CUSTOM wire::odd")
    packet = fire_odd(wire)
    assert packet.head == b"Content-Length: %d\nContent-Type: text/event-json\n\n" % len(packet.body)
    begin = (
        b'{"Event-Subclass":"wire::odd","Command":"sendevent CUSTOM","X-One":"a \\"b\\\\ %c\\ttab",'
        b'"X-Two":"\xff\xc3\xa9<&>","X-Two":"again","Content-Length":"9","Event-UUID":"'
    )
    assert packet.body.startswith(begin)
    assert packet.body.endswith(b',"Content-Length":"9","_body":"bo\\ndy<&\xc3\xa9"}')
    assert json.loads(packet.body.decode("utf-8", "surrogateescape"))["Event-Name"] == "CUSTOM"


def test_an_event_as_xml_is_encoded_twice(wire: Wire) -> None:
    wire.ask("event xml CUSTOM wire::odd")
    packet = fire_odd(wire)
    assert packet.head == b"Content-Length: %d\nContent-Type: text/event-xml\n\n" % len(packet.body)
    assert packet.body.startswith(
        b"<event>\n  <headers>\n    <Event-Subclass>wire%3A%3Aodd</Event-Subclass>\n"
        b"    <Command>sendevent%20CUSTOM</Command>\n    <X-One>a%20%22b%5C%20%25c%09tab</X-One>\n"
        b"    <X-Two>%FF%C3%A9%3C%26%3E</X-Two>\n    <X-Two>again</X-Two>\n"
    )
    tree = ET.fromstring(packet.body)
    assert tree.findtext("Content-Length") == "9"
    assert tree.findtext("body") == "bo\ndy<&é"
    assert unquote_to_bytes(tree.findtext("headers/X-Two", "")) == b"\xff\xc3\xa9<&>"


def test_a_client_has_one_format_which_the_last_command_sets(wire: Wire) -> None:
    wire.ask("event json CUSTOM wire::odd")
    assert wire.ask("event TRAP").reply == b"+OK event listener enabled json"
    wire.ask("event xml TRAP")
    assert fire_odd(wire).kind == "text/event-xml"


# Which events


def fire(wire: Wire, subclass: str, *headers: str) -> None:
    """Fire an event; its reply is taken."""
    reply_text = wire.ask("\n".join([f"sendevent CUSTOM\nEvent-Subclass: {subclass}", *headers])).reply
    assert reply_text.startswith(b"+OK ")


def numbers(wire: Wire, count: int) -> list[bytes]:
    """Take so many events; the numbers in them."""
    return [wire.event()["X-Number"] for _ in range(count)]


def test_of_custom_events_only_the_subclasses_come_that_were_named(connect: Connect) -> None:
    listens, fires = connect(), connect()
    listens.ask("event plain CUSTOM wire::a wire::b")
    for number, subclass in enumerate(("wire::a", "wire::c", "WIRE::A", "wire::b")):
        fire(fires, subclass, f"X-Number: {number}")
    assert numbers(listens, 2) == [b"0", b"3"]
    listens.ask("event CUSTOM wire::c")
    listens.ask("nixevent CUSTOM wire::a")
    for number, subclass in enumerate(("wire::a", "wire::c", "wire::b"), start=4):
        fire(fires, subclass, f"X-Number: {number}")
    assert numbers(listens, 2) == [b"5", b"6"]


def test_noevents_drops_what_was_asked_for(connect: Connect) -> None:
    listens, fires = connect(), connect()
    listens.ask("event json CUSTOM wire::a")
    listens.ask("noevents")
    fire(fires, "wire::a", "X-Number: 1")
    # The format stays.
    assert listens.ask("event CUSTOM wire::b").reply == b"+OK event listener enabled json"
    listens.ask("event plain CUSTOM wire::b")
    fire(fires, "wire::a", "X-Number: 2")
    fire(fires, "wire::b", "X-Number: 3")
    assert numbers(listens, 1) == [b"3"]


def test_nixevent_takes_one_kind_away_from_all(connect: Connect) -> None:
    listens, fires = connect(), connect()
    listens.ask("event plain ALL")
    listens.command("nixevent API")
    while listens.packet().kind != "command/reply":
        pass
    fires.ask("api echo an event of the kind API")
    fires.ask("sendevent TRAP\nX-Number: 1")
    events = [listens.event()]
    while events[-1].get("X-Number") != b"1":
        events.append(listens.event())
    assert not [event for event in events if event["Event-Name"] == b"API"]


FILTERS: list[tuple[list[str], set[bytes]]] = [
    (["X-Kind a"], {b"1", b"2"}),
    (["x-kind A"], {b"1", b"2"}),
    (["X-Kind a", "X-Kind b"], {b"1", b"2", b"3"}),
    (["X-Number 2", "X-Kind b"], {b"2", b"3"}),
    (["X-Kind -a"], set()),
    (["X-Kind + a"], {b"1", b"2"}),
    (["X-Kind /^[ab]$/", "X-Number -2"], {b"1", b"3"}),
    (["X-Number -2", "X-Kind /^A$/i"], {b"1"}),
    (["X-Kind /^A$/"], set()),
    (["X-Kind +/^a$/"], set()),
    (["X-None a"], set()),
]


@pytest.mark.parametrize(("filters", "passes"), FILTERS, ids=[" ".join(filters) for filters, _ in FILTERS])
def test_filters_let_through(connect: Connect, filters: list[str], passes: set[bytes]) -> None:
    listens, fires = connect(), connect()
    listens.ask("event plain CUSTOM wire::filtered")
    for line in filters:
        listens.ask(f"filter {line}")
    # Where all that is asked for comes through, the end does.
    listens.ask("filter X-Last yes")
    for number, kind in enumerate(("a", "a", "b", "c"), start=1):
        fire(fires, "wire::filtered", f"X-Number: {number}", f"X-Kind: {kind}")
    fire(fires, "wire::filtered", "X-Number: last", "X-Last: yes")
    came = []
    while b"last" not in came:
        came += numbers(listens, 1)
    assert set(came) - {b"last"} == passes


def test_filters_are_deleted_by_name_by_value_and_all(connect: Connect) -> None:
    listens, fires = connect(), connect()
    listens.ask("event plain CUSTOM wire::filtered")
    for line in ("X-Kind a", "X-Kind b", "X-Last yes", "delete X-Kind a"):
        listens.ask(f"filter {line}")
    fire(fires, "wire::filtered", "X-Kind: a", "X-Number: 1")
    fire(fires, "wire::filtered", "X-Kind: b", "X-Number: 2")
    assert numbers(listens, 1) == [b"2"]
    listens.ask("filter delete x-kind")
    fire(fires, "wire::filtered", "X-Kind: b", "X-Number: 3")
    fire(fires, "wire::filtered", "X-Last: yes", "X-Number: 4")
    assert numbers(listens, 1) == [b"4"]
    listens.ask("filter delete all")
    fire(fires, "wire::filtered", "X-Kind: c", "X-Number: 5")
    assert numbers(listens, 1) == [b"5"]


# The log


def test_log_lines_come_up_to_the_level_that_was_asked_for(wire: Wire, served: Host) -> None:
    wire.ask("log warning")
    logs = [("log", f"{level} [wire] {level}") for level in ("ERR", "INFO", "WARNING", "CRIT")]
    live = served.start_call(served.extension(*logs, "hangup"))
    packets: list[Packet] = []
    while len(packets) < 3:
        packet = wire.packet()
        if b"[wire]" in packet.body:
            packets.append(packet)
    live.wait()
    for packet, (level, number) in zip(packets, [(b"ERR", b"3"), (b"WARNING", b"4"), (b"CRIT", b"2")], strict=True):
        assert list(packet.headers) == [
            *("Content-Type", "Content-Length", "Log-Level", "Text-Channel"),
            *("Log-File", "Log-Func", "Log-Line", "User-Data"),
        ]
        assert packet.kind == "log/data"
        assert [packet.headers[name] for name in ("Log-Level", "Text-Channel")] == [number, b"3"]
        assert packet.headers["User-Data"] == live.uuid.encode()
        place = b"%s:%s" % (packet.headers["Log-File"], packet.headers["Log-Line"])
        when, _, text = packet.body.partition(b" [%s] " % level)
        assert text == place + b" [wire] %s\n" % level
        assert len(when.split()) == 3 and when.split()[2].endswith(b"%")
    # The client that reads the log reads replies among it.
    wire.command("nolog")
    while packet.kind != "command/reply":
        packet = wire.packet()
    assert packet.reply == b"+OK no longer logging"

"""Events that come to an app by a link."""

from __future__ import annotations

import re
import socket
import time

from hosts.fake_switch import FakeSwitch, event, framed, leg
from support.links import Start, watching


def test_bytes_that_are_no_utf8_are_kept(client: Start, fake: FakeSwitch) -> None:
    started = watching(client, fake)
    fake.send(event("DTMF", Name=b"J\xc3\xbcrgen \xff\xfe%41\n", List=b"ARRAY::a|:b"))
    said = started.wait_for("dtmf")
    assert bytes.fromhex(said["name"]) == b"J\xc3\xbcrgen \xff\xfe%41\n"
    assert said["values"] == ["a", "b"]
    # Also where the switch does not encode them.
    fake.send(framed("text/event-plain", b"Event-Name: DTMF\nName: a\xffb\n\n"))
    assert bytes.fromhex(started.wait_for("dtmf")["name"]) == b"a\xffb"


def test_an_event_in_pieces(client: Start, fake: FakeSwitch) -> None:
    started = watching(client, fake)
    raw = event("DTMF", Name="whole") + event("DTMF", Name="next")
    connection = fake.connections[-1]
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with fake.speaks:
        for at in range(len(raw)):
            connection.sendall(raw[at : at + 1])
    assert bytes.fromhex(started.wait_for("dtmf")["name"]) == b"whole"
    assert bytes.fromhex(started.wait_for("dtmf")["name"]) == b"next"


def test_what_nobody_asked_for_does_not_come_to_python(client: Start, fake: FakeSwitch) -> None:
    started = client(
        """
link = _socket_link.connect("127.0.0.1", PORT)
tap = link.tap(["DTMF", "CUSTOM my::event"], [("Unique-ID", "mine")])
link.ask("status")
say("ready")
sys.stdin.read(1)
link.ask("status")
say("seen", counts=link.counts, taken=[e["Number"] for e in tap.take(1000)])
tap.close()
link.ask("status")
""",
        fake,
    )
    started.wait_for("ready")
    assert "event plain DTMF CUSTOM my::event" in fake.all_commands
    for number in range(100):
        fake.send(event("DTMF", Unique_ID="other", Number=str(number)))
        fake.send(event("HEARTBEAT", Unique_ID="mine"))
    fake.send(event("DTMF", Unique_ID="mine", Number="first"))
    fake.send(event("CUSTOM", Event_Subclass="my::other", Unique_ID="mine"))
    fake.send(event("CUSTOM", Event_Subclass="my::event", Unique_ID="mine", Number="second"))
    assert started.process.stdin
    started.process.stdin.write("x")
    started.process.stdin.flush()
    said = started.wait_for("seen")
    assert said["taken"] == ["first", "second"]
    assert said["counts"] == [203, 201]
    assert fake.wait_for("nixevent") == "nixevent plain DTMF CUSTOM my::event"


def test_100000_events_while_the_app_is_blocked(client: Start, fake: FakeSwitch) -> None:
    """The queue is bounded, what it has no room for is counted, and told of once a second; nothing hangs."""
    started = client(
        """
seen = []
class Blocks:
    @apps.handler("DTMF")
    def on_dtmf(self, event):
        number = event["Number"]
        seen.append(number)
        if number == "first":
            say("blocked")
            go_on.wait(60)
        if number == "last":
            tap = listener._tap
            say("last", seen=len(seen), dropped=tap.dropped, in_order=seen[1:-1] == sorted(seen[1:-1], key=int))
go_on = threading.Event()
listener = serve(Blocks)
say("ready")
sys.stdin.read(1)
while listener.link.counts[0] < 130_002: time.sleep(0.01)
go_on.set()
sys.stdin.read()
""",
        fake,
    )
    started.wait_for("ready")
    fake.send(event("DTMF", Number="first"))
    started.wait_for("blocked")
    begun = time.monotonic()
    sent = 130_000
    for start in range(0, sent, 1000):
        fake.send(b"".join(event("DTMF", Number=str(start + number)) for number in range(1000)))
    fake.send(event("DTMF", Number="last"))
    # The connection is read while the app does nothing: it answers.
    started.wait_log("MR0012")
    assert started.process.stdin
    started.process.stdin.write("x")
    started.process.stdin.flush()
    said = started.wait_for("last")
    took = time.monotonic() - begun
    assert said["seen"] + said["dropped"] == sent + 2
    # What was taken with the first is out of the queue.
    assert sent + 1 - 100_000 - 256 <= said["dropped"] <= sent + 1 - 100_000
    assert said["in_order"]
    started.wait_log("MR0012")
    told = [line for line in started.log if "MR0012" in line]
    assert 1 <= len(told) <= took + 2
    assert re.search(r"WARNING MR0012 .* \d+ events dropped, \d+ in all", told[0])


LEGS = """
begun = []
class Begins:
    @apps.callback("CHANNEL_CREATE")
    def on_create(self, session):
        begun.append([session.uuid, "CHANNEL_CREATE"])
    @apps.callback("CHANNEL_ORIGINATE")
    def on_originate(self, session):
        begun.append([session.uuid, "CHANNEL_ORIGINATE"])
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session):
        begun.append([session.uuid, "CHANNEL_PARK"])
    @apps.handler("DTMF")
    def on_dtmf(self, event):
        say("all", begun=begun, left=sorted(listener.sessions), calls=sorted(listener.calls))
listener = serve(Begins)
say("ready")
sys.stdin.read()
"""


def test_an_event_that_comes_after_the_end_of_its_leg_begins_none(client: Start, fake: FakeSwitch) -> None:
    started = client(LEGS, fake)
    started.wait_for("ready")
    for number, name in ((1, "CHANNEL_CREATE"), (6, "CHANNEL_DESTROY"), (4, "CHANNEL_PARK"), (2, "CHANNEL_ORIGINATE")):
        fake.send(leg(name, "known", Event_Sequence=str(number)))
    # Of this one nothing was known before its end.
    for number, name in ((9, "CHANNEL_DESTROY"), (7, "CHANNEL_CREATE"), (8, "CHANNEL_PARK")):
        fake.send(leg(name, "unknown", Event_Sequence=str(number)))
    # A later leg may have the UUID of one that is over.
    fake.send(leg("CHANNEL_CREATE", "known", Event_Sequence="10"))
    fake.send(event("DTMF", Event_Sequence="11"))
    assert started.wait_for("all") == {
        "what": "all",
        "begun": [["known", "CHANNEL_CREATE"], ["known", "CHANNEL_CREATE"]],
        "left": ["known"],
        "calls": ["known"],
    }


def test_what_comes_before_the_beginning_of_its_leg_is_told_after_it(client: Start, fake: FakeSwitch) -> None:
    """The thread of a far leg answers a leg before the leg's own thread says that it has begun."""
    started = client(
        """
class Tells:
    @apps.callback("CHANNEL_CREATE")
    def on_create(self, session): say("told", event=[session.uuid, "create"])
    @apps.callback("CHANNEL_ANSWER")
    def on_answer(self, session): say("told", event=[session.uuid, "answer", session.answered])
    @apps.callback("CHANNEL_HANGUP")
    def on_hangup(self, session): say("told", event=[session.uuid, "hangup"])
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session): say("told", event=[session.uuid, "park"])
    @apps.coroutine("CHANNEL_CREATE")
    async def wait(self, session):
        event = await session.recv("CHANNEL_ANSWER")
        say("told", event=[session.uuid, "awaited", event["Event-Sequence"]])
    handled = []
    @apps.handler("CHANNEL_ANSWER")
    def each(self, event): self.handled.append(event["Unique-ID"])
    @apps.handler("DTMF")
    def on_dtmf(self, event):
        say("known", legs=sorted(listener.sessions), early=len(listener._early), up=listener.total_answered_sessions,
            handled=self.handled.count("a"))
listener = serve(Tells)
say("ready")
sys.stdin.read()
""",
        fake,
    )
    started.wait_for("ready")
    for name, uuid in (
        *(("CHANNEL_ANSWER", f"older_{number}") for number in range(200)),
        *(("CHANNEL_ANSWER", "a"), ("CHANNEL_HANGUP", "a"), ("CHANNEL_CREATE", "a")),
        # What is heard of a leg that was there before is no news of it.
        *(("CHANNEL_ANSWER", "older"), ("CHANNEL_PARK", "older")),
    ):
        fake.send(leg(name, uuid, Event_Sequence="7", Answer_State="answered"))
    told = [started.wait_for("told")["event"] for _ in range(5)]
    assert [event for event in told if event[0] == "older"] == [["older", "park"]]
    assert told[0] == ["a", "create"]
    assert sorted(told[1:]) == [["a", "answer", True], ["a", "awaited", "7"], ["a", "hangup"], ["older", "park"]]
    assert told.index(["a", "answer", True]) < told.index(["a", "hangup"])
    fake.send(event("DTMF", Event_Sequence="11"))
    assert started.wait_for("known") == {"what": "known", "legs": ["a", "older"], "early": 99, "up": 2, "handled": 1}


def test_a_switch_that_has_begun_again_numbers_its_events_from_the_start(client: Start, fake: FakeSwitch) -> None:
    fake.answers["api show"] = '{"row_count":0}'
    started = client(LEGS, fake)
    started.wait_for("ready")
    fake.wait_entered()
    for number, name in ((1000, "CHANNEL_CREATE"), (1005, "CHANNEL_DESTROY")):
        fake.send(leg(name, "a", Event_Sequence=str(number)))
    fake.send(event("DTMF", Event_Sequence="1006"))
    assert started.wait_for("all")["left"] == []
    fake.drop()
    fake.wait_entered()
    fake.wait_for("api show")
    fake.send(leg("CHANNEL_CREATE", "a", Event_Sequence="7"))
    fake.send(event("DTMF", Event_Sequence="8"))
    assert started.wait_for("all")["left"] == ["a"]

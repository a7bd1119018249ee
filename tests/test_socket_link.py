"""Apps outside of the switch: a link to its event socket, what goes wrong with it, and what becomes of calls then."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from hosts.fake_switch import Client, FakeSwitch, event, framed, leg
from hosts.fake_switch import plain as text_of
from hosts.freeswitch import FreeSwitchHost

Start = Callable[..., Client]


@pytest.fixture
def fake() -> Iterator[FakeSwitch]:
    """A switch that is none."""
    switch = FakeSwitch()
    yield switch
    switch.close()


@pytest.fixture
def client() -> Iterator[Start]:
    """Start a program with a link."""
    started: list[Client] = []

    def start(script: str, *switches: FakeSwitch | int) -> Client:
        ports = [switch if isinstance(switch, int) else switch.port for switch in switches]
        started.append(Client(script, *ports))
        return started[-1]

    yield start
    for one in started:
        one.kill()


# No connection: an error that says why, and no hang

CONNECT = """
begun = time.monotonic()
try:
    link = _socket_link.connect(HOST, PORT, "ClueCon", timeout=1.0)
    say("up")
except _link.LinkError as error:
    say("refused", why=str(error), took=time.monotonic() - begun)
"""


def why_not(start: Start, port: int, host: str = "127.0.0.1") -> str:
    said = start(CONNECT.replace("HOST", repr(host)), port).wait_for("refused")
    assert said["took"] < 5
    why: str = said["why"]
    assert why.startswith(f"FreeSWITCH at {host}:{port}: ")
    return why


def test_a_wrong_password(client: Start) -> None:
    other = FakeSwitch(password="another")
    assert "refused the password (-ERR invalid)" in why_not(client, other.port)
    other.close()


def test_nobody_listens(client: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "refused" in why_not(client, port)


def test_a_host_that_has_no_address(client: Start) -> None:
    assert "its name was not found" in why_not(client, 8021, "no-such-host.invalid")


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b"", "did not ask for a password or take it within 1 s"),
        (b"Content-Type: auth/req", "and said 'Content-Type: auth/req'"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "and said 'SSH-2.0-OpenSSH_9.2"),
        (b"HTTP/1.1 400 Bad Request\n\n", "it is no event socket of a FreeSWITCH: its first message is 'HTTP/1.1 400"),
        (b"x" * 100_000, "it is no event socket of a FreeSWITCH"),
        (b"Content-Length: 99999999999999999999\n\n", "says that it is '99999999999999999999' bytes long"),
        (b"Content-Length: -1\n\n", "says that it is '-1' bytes long"),
        (
            framed("text/rude-rejection", "Access Denied, go away.\n"),
            "refused the connection (Access Denied, go away.)",
        ),
        (framed("text/disconnect-notice", "Disconnected.\n"), "it has closed the connection: Disconnected."),
    ],
)
def test_what_is_no_switch_or_does_not_want_us(client: Start, greeting: bytes, why: str) -> None:
    other = FakeSwitch(greeting=greeting)
    assert why in why_not(client, other.port)
    other.close()


def test_a_password_or_command_with_a_line_break_is_refused(client: Start, fake: FakeSwitch) -> None:
    said = client(
        """
        def wrong(function, *args, **more):
            try: function(*args, **more)
            except ValueError as error: return str(error)
        link = _socket_link.connect("127.0.0.1", PORT)
        say("seen", password=wrong(SocketLink, "127.0.0.1", PORT, "a\\n\\nexit"),
            ask=wrong(link.ask, "status\\n\\nexit"), empty=wrong(link.cmd, ""),
            name=wrong(link.tap, ["DTMF\\n\\nexit"]))
        """.replace("\n        ", "\n"),
        fake,
    ).wait_for("seen")
    assert "line break" in said["password"] and "line break" in said["ask"]
    assert "there is no event" in said["name"] and "no command" in said["empty"]
    assert "exit" not in fake.all_commands


# Commands


def test_commands_are_answered_in_their_order(client: Start, fake: FakeSwitch) -> None:
    fake.answers["api echo"] = lambda command: command.removeprefix("api echo ")
    said = client(
        """
link = _socket_link.connect("127.0.0.1", PORT)
answers = [link.api(f"echo {number}") for number in range(500)]
say("seen", right=[a.result(10) for a in answers] == [str(n) for n in range(500)], asked=link.ask("echo x y"))
async def awaited():
    return await asyncio.gather(*(link.api(f"echo {n}") for n in range(50)))
say("awaited", answers=asyncio.run(awaited()))
""",
        fake,
    )
    assert said.wait_for("seen") == {"what": "seen", "right": True, "asked": "x y"}
    assert said.wait_for("awaited")["answers"] == [str(n) for n in range(50)]


def test_what_takes_long_runs_as_a_job(client: Start, fake: FakeSwitch) -> None:
    fake.answers["bgapi refused"] = "-ERR no"
    started = client(
        """
link = _socket_link.connect("127.0.0.1", PORT)
one, two = link.api("originate user/1 &park"), link.api("originate user/2 &park")
say("given")
say("seen", one=one.result(10), two=two.result(10))
listener = _loop.call(Listener, link)
job = _loop.call(listener.bgapi, "refused")
try: job.get(10)
except apps.JobError as error: say("failed", why=str(error))
""",
        fake,
    )
    jobs = [fake.wait_for("bgapi").partition("Job-UUID: ")[2] for _ in range(2)]
    # A thread of each: the later may end first.
    for job, body in ((jobs[1], "+OK two\n"), (jobs[0], "-ERR one\n")):
        fake.send(event("BACKGROUND_JOB", body, Job_UUID=job))
    said = started.wait_for("seen")
    assert (said["one"], said["two"]) == ("-ERR one\n", "+OK two\n")
    assert "event plain BACKGROUND_JOB" in fake.all_commands
    assert started.wait_for("failed")["why"] == "no"


VERBS = """
class Parked:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        session.setvar("one", "two words")
        try: await session.answer()
        except freeswitch.VerbError as error: say("answer", why=str(error))
        done = await session.playback("file; with: colons.wav")
        say("played", file=done["Playback-File-Path"])
        thread = threading.Thread(target=lambda: say("thread", value=session.getvar("one")))
        thread.start()
        await asyncio.to_thread(thread.join)
        session.execute("log", "INFO " + "x" * 2000)
        await session.hangup("USER_BUSY")
        say("hungup", cause=session["Hangup-Cause"])
listener = serve(Parked)
say("ready")
sys.stdin.read()
"""


def test_an_app_works_on_a_call(client: Start, fake: FakeSwitch) -> None:
    fake.answers.update(
        {"api uuid_answer": "-ERR no reason\n", "api uuid_exists": "true", "api uuid_getvar": "two words"}
    )
    started = client(VERBS, fake)
    started.wait_for("ready")
    fake.send(leg("CHANNEL_CREATE", "u-1"))
    fake.send(leg("CHANNEL_PARK", "u-1"))
    assert fake.wait_for("api uuid_setvar") == "api uuid_setvar u-1 one two words"
    fake.wait_for("api uuid_answer u-1")
    # Awaited it is an exception, and one line of the log has the call and the command.
    assert started.wait_for("answer")["why"] == "no reason"
    assert "call u-1: 'uuid_answer u-1' was refused: no reason" in started.wait_log("MR0015")
    message = fake.wait_for("sendmsg u-1").split("\n")
    assert {"call-command: execute", "execute-app-name: playback", "loops: 1"} <= set(message)
    assert "execute-app-arg: file; with: colons.wav" in message
    uuid = next(line for line in message if line.startswith("event-uuid: ")).partition(": ")[2]
    fake.send(leg("CHANNEL_EXECUTE", "u-1", Application="playback", Application_UUID=uuid))
    # That of another call is not this one's.
    fake.send(leg("PLAYBACK_STOP", "u-2", Playback_File_Path="other"))
    fake.send(leg("PLAYBACK_STOP", "u-1", Playback_File_Path="mine"))
    assert started.wait_for("played")["file"] == "mine"
    assert started.wait_for("thread")["value"] == "two words"
    assert ("x" * 2000) in fake.wait_for("sendmsg u-1")
    assert fake.wait_for("api uuid_kill") == "api uuid_kill u-1 USER_BUSY"
    fake.send(leg("CHANNEL_HANGUP", "u-1", Hangup_Cause="USER_BUSY"))
    assert started.wait_for("hungup")["cause"] == "USER_BUSY"
    assert started.end() == 0
    assert len([line for line in started.log if "MR0015" in line]) == 1


# Events

WATCH = """
class Watch:
    @apps.handler("DTMF")
    def on_dtmf(self, event):
        name = event.getHeader("Name")
        say("dtmf", name=None if name is None else name.encode("utf-8", "surrogateescape").hex(),
            uuid=event.getHeader("Unique-ID"), values=event.get("List"), number=event.getHeader("Number"))
    @apps.callback("CHANNEL_CREATE")
    def on_create(self, session):
        say("create", uuid=session.uuid)
    @apps.callback("CHANNEL_HANGUP")
    def on_hangup(self, session):
        say("hangup", uuid=session.uuid, cause=session["Hangup-Cause"], why=session.get("Reason"))
    @apps.callback("CHANNEL_DESTROY")
    def on_destroy(self, session):
        say("destroy", uuid=session.uuid, left=sorted(listener.sessions), causes=dict(listener.hangup_causes))
listener = serve(Watch, grace=GRACE, silence=SILENCE)
say("ready")
for line in sys.stdin: exec(line)
"""


def watching(start: Start, fake: FakeSwitch, grace: float = 60, silence: float = 60) -> Client:
    started = start(WATCH.replace("GRACE", str(grace)).replace("SILENCE", str(silence)), fake)
    started.wait_for("ready")
    return started


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


# The connection is lost


def test_a_switch_that_dies_in_the_middle_of_an_event(client: Start, fake: FakeSwitch) -> None:
    fake.answers["api uuid_dump a"] = text_of("CHANNEL_DATA", {"Unique-ID": "a", "Answer-State": "ringing"}).decode()
    fake.answers["api show"] = '{"row_count":0}'
    started = watching(client, fake)
    fake.send(leg("CHANNEL_CREATE", "a"))
    assert started.wait_for("create")["uuid"] == "a"
    whole = leg("DTMF", "a", Number="halved")
    fake.send(whole[:-40])
    fake.drop()
    assert "closed the connection in the middle of a message; it is tried again" in started.wait_log("MR0020")
    fake.wait_entered()  # the first
    fake.wait_entered()
    assert fake.wait_for("api uuid_dump") == "api uuid_dump a"
    fake.send(leg("DTMF", "a", Number="after"))
    # Of the half nothing has come.
    assert started.wait_for("dtmf")["number"] == "after"
    subscribed = [command for command in fake.all_commands if command.startswith("event plain")]
    assert sorted(" ".join(subscribed).split().count(name) for name in ("DTMF", "CHANNEL_PARK")) == [2, 2]
    started.wait_log("is there again")


def test_calls_that_went_with_the_connection_end(client: Start, fake: FakeSwitch) -> None:
    other = FakeSwitch()
    started = client(
        WATCH.replace("GRACE", "0.2").replace("SILENCE", "60")
        + """
""",
        fake,
    )
    started.wait_for("ready")
    beside = watching(client, other, grace=0.2)
    for switch, program, uuid in ((fake, started, "a"), (other, beside, "b")):
        switch.send(leg("CHANNEL_CREATE", uuid))
        program.wait_for("create")
    fake.close()
    said = started.wait_for("hangup")
    assert (said["uuid"], said["cause"]) == ("a", "CONNECTION_LOST")
    assert f"the connection to FreeSWITCH at 127.0.0.1:{fake.port} was lost: it has closed" in said["why"]
    gone = started.wait_for("destroy")
    assert (gone["left"], gone["causes"]) == ([], {"CONNECTION_LOST": 1})
    # Those of the other switch go on.
    other.send(leg("DTMF", "b", Number="7"))
    assert beside.wait_for("dtmf")["number"] == "7"
    # It comes back, with a call that it still has: that is taken up.
    again = FakeSwitch(
        port=fake.port,
        answers={
            "api show": '{"row_count":1,"rows":[{"uuid":"a"}]}',
            "api uuid_dump a": text_of("CHANNEL_DATA", {"Unique-ID": "a", "Answer-State": "answered"}).decode(),
        },
    )
    again.wait_for("api uuid_dump")
    again.send(leg("CHANNEL_HANGUP", "a", Hangup_Cause="NORMAL_CLEARING"))
    assert started.wait_for("hangup")["cause"] == "NORMAL_CLEARING"
    again.close()
    other.close()


def test_calls_go_on_when_it_comes_back_in_time(client: Start, fake: FakeSwitch) -> None:
    fake.answers.update(
        {
            "api show": '{"row_count":2,"rows":[{"uuid":"stays"},{"uuid":"new"}]}',
            "api uuid_dump stays": text_of("CHANNEL_DATA", {"Unique-ID": "stays", "Answer-State": "answered"}).decode(),
            "api uuid_dump new": text_of("CHANNEL_DATA", {"Unique-ID": "new", "Answer-State": "answered"}).decode(),
            "api uuid_dump gone": "-ERR No such channel!\n",
        }
    )
    started = client(
        """
class Waits:
    @apps.coroutine("CHANNEL_CREATE")
    async def on_create(self, session):
        say("create", uuid=session.uuid)
        if session.uuid == "stays":
            await session.recv("CHANNEL_ANSWER")
            say("answered")
            try: await session.recv("CHANNEL_BRIDGE")
            except ConnectionError as error: say("lost", why=str(error))
            await session.recv("CHANNEL_HANGUP")
            say("over")
    @apps.callback("CHANNEL_HANGUP")
    def on_hangup(self, session): say("hangup", uuid=session.uuid, cause=session["Hangup-Cause"])
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session): say("park", uuid=session.uuid, answered=session.answered)
listener = serve(Waits, grace=60)
say("ready")
for line in sys.stdin: exec(line)
""",
        fake,
    )
    started.wait_for("ready")
    for uuid in ("stays", "gone"):
        fake.send(leg("CHANNEL_CREATE", uuid))
        started.wait_for("create")
    fake.wait_entered()
    fake.drop()
    fake.wait_entered()
    # What was heard of in between is made good as far as the switch knows it.
    started.wait_for("answered")
    said = started.wait_for("hangup")
    assert (said["uuid"], said["cause"]) == ("gone", "CONNECTION_LOST")
    fake.wait_for("api uuid_dump new")
    fake.send(leg("CHANNEL_PARK", "new"))
    assert started.wait_for("park") == {"what": "park", "uuid": "new", "answered": True}
    # It is lost again: what may have come meanwhile is no longer waited for.
    fake.drop()
    fake.wait_entered()
    assert "whether CHANNEL_BRIDGE has come is not known" in started.wait_for("lost")["why"]
    fake.wait_for("api uuid_dump stays")
    fake.send(leg("CHANNEL_HANGUP", "stays", Hangup_Cause="NORMAL_CLEARING"))
    started.wait_for("over")


def test_what_was_asked_for_fails_with_the_connection(client: Start, fake: FakeSwitch) -> None:
    started = client(
        """
link = _socket_link.connect("127.0.0.1", PORT)
listener = _loop.call(Listener, link)
job = _loop.call(listener.bgapi, "originate user/1 &park")
long, raw = link.api("originate user/2 &park"), link.cmd("api sleep")
say("given")
def why(outcome):
    try: return outcome.result(20)
    except Exception as error: return f"{type(error).__name__}: {error}"
try: job.get(20)
except apps.JobError as error: say("job", why=str(error))
say("long", why=why(long))
say("raw", why=why(raw))
""",
        fake,
    )

    def dies(_: str) -> str:
        fake.close()
        return ""

    fake.answers["api sleep"] = dies
    assert "was lost: it has closed the connection" in started.wait_for("job")["why"]
    assert started.wait_for("long")["why"].startswith("LinkError: FreeSWITCH at")
    assert "closed the connection" in started.wait_for("raw")["why"]


def test_a_switch_that_says_nothing_more_is_lost(client: Start) -> None:
    """It is stopped, or the network between is gone: no end of the connection is told."""
    mute = FakeSwitch()
    served = mute._obey
    deaf = False

    def obey(connection: socket.socket, command: str) -> None:
        if not deaf:
            served(connection, command)

    mute._obey = obey  # type: ignore[method-assign]
    started = watching(client, mute, silence=0.3)
    # It is asked, and answers: all is well.
    for _ in range(3):
        mute.wait_for("api global_getvar core_uuid")
    assert not started.log
    deaf = True
    assert re.search(r"was lost: it has said nothing for \d+ s; it is tried again", started.wait_log("MR0020"))
    mute.close()


def test_it_is_tried_again_ever_more_seldom(client: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = client(
        """
link = SocketLink("127.0.0.1", PORT, persists=True)
say("made", state=link.state)
while link.state != "up": time.sleep(0.01)
say("up")
""",
        port,
    )
    started.wait_for("made")
    # One line says so, not one for each try.
    assert "is not there: Connection refused" in started.wait_log("MR0020")
    late = FakeSwitch(port=port)
    started.wait_for("up")
    started.wait_log("is there again")
    assert len([line for line in started.log if "MR0020" in line]) == 2
    late.close()


# Where a script runs


def test_place_and_what_needs_a_switch(client: Start, fake: FakeSwitch) -> None:
    said = client(
        """
def wrong(function, *args):
    try: function(*args)
    except RuntimeError as error: return str(error)
    return "no error"
class App:
    @apps.handler("DTMF")
    def on_dtmf(self, event): pass
async def once(): await freeswitch.events.once("DTMF")
before = freeswitch.place
refused = {
    "load": wrong(apps.load, App), "bgapi": wrong(apps.bgapi, "status"), "originate": wrong(apps.originate, "user/1"),
    "api": wrong(freeswitch.API().execute, "status"), "session": wrong(freeswitch.Session, "user/1"),
    "on": wrong(lambda: freeswitch.events.on("DTMF", callback=print)), "dbh": wrong(freeswitch.Dbh, "core:x"),
    "consumer": wrong(freeswitch.EventConsumer, "ALL"), "global": wrong(freeswitch.getGlobalVariable, "x"),
}
link = _socket_link.connect("127.0.0.1", PORT)
say("seen", before=before, after=freeswitch.place, refused=refused)
""",
        fake,
    ).wait_for("seen")
    assert (said["before"], said["after"]) == (None, "socket")
    for name, error in said["refused"].items():
        assert "needs the switch that it runs in, and there is none in this process" in error, name


@pytest.mark.parametrize("how", ["pass", "sys.exit(0)", "raise SystemExit(0)", "link.close()"])
def test_the_program_ends_when_its_script_does(client: Start, fake: FakeSwitch, how: str) -> None:
    started = client(
        f"listener = serve(type('A', (), {{'f': apps.handler('DTMF')(lambda s, e: None)}}))\n"
        f"link = listener.link\nsay('up')\n{how}",
        fake,
    )
    started.wait_for("up")
    begun = time.monotonic()
    assert started.end() == 0
    assert time.monotonic() - begun < 5
    assert not [line for line in started.log if "MR0020" not in line]


def test_unpaired_answers_end_the_connection(client: Start, fake: FakeSwitch) -> None:
    """Were they taken for those of other commands, calls would get what is not theirs."""
    started = watching(client, fake)
    fake.send(b"Content-Type: command/reply\nReply-Text: +OK for nobody\n\n")
    assert "it has answered what it was not asked: '+OK for nobody'" in started.wait_log("MR0020")


# As its users reach it


def test_a_client_serves_and_places_calls(client: Start, fake: FakeSwitch) -> None:
    fake.answers["api status"] = "UP 0 years"
    started = client(
        """
class Hello:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session):
        say("park", uuid=session.uuid, host=session.host, mine=session.con is client.listener.link)
        session.hangup()
client = apps.Client("127.0.0.1", PORT, "ClueCon")
client.connect()
client.load_app(Hello, on_value="default")
say("up", connected=client.connected(), status=str(client.api("status")))
job = client.bgapi("originate user/1000 &park()")
say("placed", uuid=job.get(20))
sys.stdin.read(1)
client.disconnect()
say("down", connected=client.connected())
""",
        fake,
    )
    assert started.wait_for("up") == {"what": "up", "connected": True, "status": "UP 0 years"}
    job = fake.wait_for("bgapi originate").partition("Job-UUID: ")[2]
    fake.send(leg("CHANNEL_PARK", "u-1"))
    fake.send(event("BACKGROUND_JOB", "+OK u-1\n", Job_UUID=job))
    assert started.wait_for("park") == {"what": "park", "uuid": "u-1", "host": "127.0.0.1", "mine": True}
    assert started.wait_for("placed")["uuid"] == "u-1"
    fake.wait_for("api uuid_kill u-1")
    assert started.end() == 0
    assert started.wait_for("down")["connected"] is False


def test_a_service_takes_a_switch_back(client: Start, fake: FakeSwitch) -> None:
    other = FakeSwitch()
    started = client(
        """
class Route:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session): say("park", uuid=session.uuid, port=session.con.port)
service = apps.Service([("127.0.0.1", port, "ClueCon") for port in PORTS])
service.apps.load_app(Route, app_id="default")
say("up")
service.run()
""",
        fake,
        other,
    )
    started.wait_for("up")
    port = fake.port
    fake.close()
    started.wait_log("MR0020")
    other.send(leg("CHANNEL_PARK", "beside"))
    assert started.wait_for("park") == {"what": "park", "uuid": "beside", "port": other.port}
    again = FakeSwitch(port=port)
    again.wait_for("api show channels")
    again.send(leg("CHANNEL_PARK", "after"))
    assert started.wait_for("park") == {"what": "park", "uuid": "after", "port": port}
    again.close()
    other.close()


# A FreeSWITCH's own event socket

TALK = """
from freeswitch.apps import _socket_link
class Talk:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        if not session.is_inbound(): return
        await session.answer()
        session.setvar("said", "Jürgen, 100 %")
        stopped = await session.playback("tone_stream://%(50,0,440)")
        say("played", file=stopped["Playback-File-Path"], value=session.getvar("said"), place=freeswitch.place)
        digit = await session.recv("DTMF", timeout=20)
        say("digit", digit=digit["DTMF-Digit"])
        try: await session.playback("/no/such/file.wav")
        except freeswitch.VerbError as error: say("refused", why=str(error))
        await session.hangup("USER_BUSY")
        say("hungup", cause=session["Hangup-Cause"])
    @apps.callback("CHANNEL_DESTROY")
    def on_destroy(self, session):
        say("destroy", cause=session["Hangup-Cause"], inbound=session.is_inbound(), why=session.get("Reason"))
link = _socket_link.connect("127.0.0.1", PORT, "PASSWORD", grace=GRACE)
listener = _loop.call(Listener, link)
load(listener, Talk)
say("ready", status=link.ask("status")[:2])
for line in sys.stdin: exec(line)
"""


def talking(start: Start, host: FreeSwitchHost, grace: float = 60.0) -> Client:
    started = start(TALK.replace("PASSWORD", host.password).replace("GRACE", str(grace)), host.port)
    assert started.wait_for("ready")["status"] == "UP"
    return started


@pytest.mark.freeswitch_only
def test_an_app_works_on_a_call_of_a_freeswitch(client: Start, plain: FreeSwitchHost) -> None:
    started = talking(client, plain)
    call = plain.start_call(plain.extension(("park", "")))
    said = started.wait_for("played")
    assert (said["file"], said["value"], said["place"]) == (
        "tone_stream://%(50,0,440)", "Jürgen, 100 %", "socket",
    )  # fmt: skip
    call.press("7")
    assert started.wait_for("digit")["digit"] == "7"
    assert "no" in started.wait_for("refused")["why"].lower()
    assert started.wait_for("hungup")["cause"] == "USER_BUSY"
    ends = [started.wait_for("destroy") for _ in range(2)]
    assert [end["cause"] for end in ends if end["inbound"]] == ["USER_BUSY"]
    assert started.end() == 0
    # What the switch refused is one line, and nothing else is wrong.
    assert [line for line in started.log if "MR0015" not in line] == []


@pytest.mark.freeswitch_only
def test_calls_go_on_when_its_event_socket_comes_back(client: Start, fresh: Callable[..., FreeSwitchHost]) -> None:
    host = fresh(with_module=False)
    started = talking(client, host)
    host.start_call(host.extension(("park", "")))
    started.wait_for("played")
    host.pool.api("bgapi reload mod_event_socket")
    assert "was lost" in started.wait_log("MR0020")
    started.wait_log("is there again")
    # The app's wait may have missed its event: it ends, and with it the app's coroutine; the call is known still.
    started.wait_log("whether DTMF has come is not known")
    assert started.process.stdin
    started.process.stdin.write("say('left', count=listener.count_sessions()); link.ask('hupall')\n")
    started.process.stdin.flush()
    assert started.wait_for("left")["count"] == 2
    assert started.wait_for("destroy")["cause"] == "MANAGER_REQUEST"


@pytest.mark.freeswitch_only
def test_calls_of_a_freeswitch_that_is_killed_end(client: Start, fresh: Callable[..., FreeSwitchHost]) -> None:
    host = fresh(with_module=False)
    started = talking(client, host, grace=0.5)
    host.start_call(host.extension(("park", "")))
    started.wait_for("played")
    host.abandon()
    said = [started.wait_for("destroy") for _ in range(2)]
    assert {one["cause"] for one in said} == {"CONNECTION_LOST"}
    assert all("was lost" in one["why"] for one in said)

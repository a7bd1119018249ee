"""A connection that is lost, and what becomes of calls then."""

from __future__ import annotations

import re
import socket

from hosts.fake_switch import FakeSwitch, event, leg
from hosts.fake_switch import plain as text_of
from support.links import WATCH, Start, watching


def test_a_switch_that_dies_in_the_middle_of_an_event(client: Start, fake: FakeSwitch) -> None:
    fake.answers["api uuid_dump a"] = text_of("CHANNEL_DATA", {"Unique-ID": "a", "Answer-State": "ringing"}).decode()
    fake.answers["api show"] = '{"row_count":0}'
    started = watching(client, fake)
    wanted: set[str] = set()
    while not {"DTMF", "CHANNEL_PARK"} <= wanted:
        wanted.update(fake.wait_for("event plain").split())
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
    started.wait_log("MR0020 connected again")


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
    def dies(_: str) -> str:
        fake.close()
        return ""

    fake.answers["api sleep"] = dies
    started = client(
        """
link = _socket_link.connect("127.0.0.1", PORT)
listener = _loop.call(Listener, link)
job = _loop.call(listener.bgapi, "originate user/1 &park")
long, raw = link.api("originate user/2 &park"), link.command("api sleep")
say("given")
def why(outcome):
    try: return outcome.result(20)
    except Exception as error: return f"{type(error).__name__}: {error}"
try: job.get(20)
except apps.JobError as error: say("job", why=str(error), kind=type(error).__name__)
try: _loop.call(listener.bgapi, "originate user/3 &park").get(20)
except apps.ConnectionError as error: say("next", why=str(error), kind=type(error).__name__)
_loop.call(listener.close)
say("long", why=why(long))
say("raw", why=why(raw))
""",
        fake,
    )
    lost = started.wait_for("job")
    assert "was lost: it has closed the connection" in lost["why"]
    assert lost["kind"] == started.wait_for("next")["kind"] == "JobLost"
    assert started.wait_for("long")["why"].startswith("LinkError: FreeSWITCH at")
    assert "closed the connection" in started.wait_for("raw")["why"]


def test_a_verb_that_was_not_answered_fails_with_the_connection(client: Start, fake: FakeSwitch) -> None:
    started = client(
        """
class Asks:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        try: await (session.playback("a.wav") if session.uuid == "plays" else session.answer())
        except freeswitch.VerbError as error:
            say(session.uuid, kind=type(error).__name__, is_of_the_link=isinstance(error, apps.ConnectionError))
serve(Asks, grace=60)
say("ready")
sys.stdin.read()
""",
        fake,
    )

    def dies(_: str) -> str:
        fake.drop()
        return ""

    fake.answers["api uuid_answer"] = fake.answers["sendmsg plays"] = dies
    started.wait_for("ready")
    for uuid in ("plays", "answers"):
        fake.wait_entered()
        fake.send(leg("CHANNEL_CREATE", uuid))
        fake.send(leg("CHANNEL_PARK", uuid))
        assert started.wait_for(uuid) == {"what": uuid, "kind": "VerbLost", "is_of_the_link": True}


DIALER = """
from freeswitch.apps import get_originator
from freeswitch.apps.players import TonePlay

def dialer_of(contacts, **options):
    dialer = get_originator(contacts, duration=1, **options)
    for node in dialer.pool.clients: node.set_orig_cmd("user/1000")
    dialer.load_app(TonePlay)
    return dialer
"""


def until_failed(calls: int) -> str:
    """A program that offers so many calls, and says why all of them have failed."""
    return (
        DIALER
        + f"""
dialer = dialer_of([("127.0.0.1", PORT, "ClueCon")], rate=20, limit=5, max_offered={calls})
dialer.start()
while sum(dialer.failed.values()) < {calls}: time.sleep(0.01)
say("over", failed=dict(dialer.failed))
"""
    )


def test_what_a_dialer_has_asked_for_fails_with_the_connection(client: Start, fake: FakeSwitch) -> None:
    started = client(until_failed(2), fake)
    for _ in range(2):
        fake.wait_for("bgapi originate")
    fake.close()
    assert started.wait_for("over")["failed"] == {"CONNECTION_LOST": 2}


def test_what_a_switch_says_is_no_lost_connection_whatever_it_says(client: Start, fake: FakeSwitch) -> None:
    started = client(until_failed(1), fake)
    job = fake.wait_for("bgapi originate").partition("Job-UUID: ")[2]
    said = f"-ERR RELAYED by FreeSWITCH at 127.0.0.1:{fake.port}\n"
    fake.send(event("BACKGROUND_JOB", said, Job_UUID=job))
    assert started.wait_for("over")["failed"] == {"RELAYED": 1}


def test_a_dialer_holds_its_calls_back_while_its_only_switch_is_away(client: Start, fake: FakeSwitch) -> None:
    started = client(
        DIALER
        + """
dialer = dialer_of([("127.0.0.1", PORT, "ClueCon")], rate=50, limit=20)
dialer.start()
link = dialer.pool.clients[0].listener.link
while link.is_up(): time.sleep(0.01)
while dialer.held_back["away"] < 20: time.sleep(0.01)
offered = dialer.offered
while dialer.held_back["away"] < 40: time.sleep(0.01)
say("held", offered=dialer.offered - offered, failed=list(dialer.failed), refused=dialer.refused, state=dialer.state)
for line in sys.stdin: exec(line)
""",
        fake,
    )
    fake.wait_for("bgapi originate")
    fake.close()
    held = started.wait_for("held")
    # What it had asked for before it knew has failed.
    assert held == {**held, "offered": 0, "failed": ["CONNECTION_LOST"], "refused": 0, "state": "ORIGINATING"}
    told = started.wait_log("the dialer holds its calls back")
    assert f"no connection to FreeSWITCH at 127.0.0.1:{fake.port}" in told
    back = FakeSwitch(port=fake.port)
    back.wait_for("bgapi originate")
    started.wait_log("the dialer goes on; it has held back")
    assert started.end() == 0
    assert len([line for line in started.log if "the dialer" in line and "MR0020" in line]) == 2
    back.close()


def test_a_dialer_leaves_out_a_switch_that_is_away(client: Start, fake: FakeSwitch) -> None:
    gone = FakeSwitch()
    started = client(
        DIALER
        + """
dialer = dialer_of([("127.0.0.1", port, "ClueCon") for port in PORTS], rate=50, limit=100)
away = dialer.pool.clients[0].listener.link
say("up")
while away.is_up(): time.sleep(0.01)
dialer.max_offered = 10
dialer.start()
while dialer.state != "STOPPED": time.sleep(0.01)
say("over", failed=dict(dialer.failed), offered=dialer.offered, held_back=dialer.held_back["away"])
# What it has said leaves by a thread of its own.
sys.stdin.read(1)
""",
        gone,
        fake,
    )
    started.wait_for("up")
    gone.close()
    assert started.wait_for("over") == {"what": "over", "failed": {}, "offered": 10, "held_back": 0}
    for _ in range(10):
        fake.wait_for("bgapi originate")
    assert started.end() == 0


def test_a_switch_that_says_nothing_more_is_lost(client: Start) -> None:
    """It is stopped, or the network between is gone: no end of the connection is told."""
    mute = FakeSwitch()
    served = mute._obey
    deaf = False

    def obey(connection: socket.socket, command: str) -> None:
        if not deaf:
            served(connection, command)

    mute._obey = obey  # type: ignore[method-assign]
    started = watching(client, mute, silence=2.0)
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
    started.wait_log("MR0020 connected again")
    assert len([line for line in started.log if "MR0020" in line]) == 2
    late.close()


def test_the_end_of_a_lost_call_has_what_was_known_of_it(client: Start, fake: FakeSwitch) -> None:
    started = client(
        """
class Ends:
    @apps.callback("CHANNEL_DESTROY")
    def on_destroy(self, session):
        say("end", number=session["Caller-Destination-Number"], core=session["Core-UUID"], name=session["Event-Name"],
            event=session.events[0].getHeader("Core-UUID"), cause=session["Hangup-Cause"])
serve(Ends, grace=0.1)
say("ready")
sys.stdin.read()
""",
        fake,
    )
    started.wait_for("ready")
    fake.send(leg("CHANNEL_CREATE", "a", Caller_Destination_Number="100", Core_UUID="core"))
    fake.send(leg("CHANNEL_ANSWER", "a", Core_UUID="core"))
    fake.send(leg("CALL_UPDATE", "a", Core_UUID="core"))
    # What was sent has come before the connection ends.
    fake.drop()
    said = started.wait_for("end")
    assert said == {
        "what": "end", "number": "100", "core": "core", "name": "CHANNEL_DESTROY", "event": "core",
        "cause": "CONNECTION_LOST",
    }  # fmt: skip

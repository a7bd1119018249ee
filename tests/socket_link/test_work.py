"""Apps outside of the switch: their commands, their calls, where they run and how they end."""

from __future__ import annotations

import threading
import time

import pytest

from hosts.fake_switch import FakeSwitch, event, leg
from support.links import Start, watching


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


def test_what_stands_open_when_the_program_ends_was_not_refused(client: Start, fake: FakeSwitch) -> None:
    asked, over = threading.Event(), threading.Event()

    def is_slow(_: str) -> str:
        asked.set()
        over.wait(20)
        return "+OK"

    fake.answers["api uuid_answer"] = is_slow
    started = client(
        """
class Parked:
    @apps.callback("CHANNEL_PARK")
    def on_park(self, session): session.answer()
link = _socket_link.connect("127.0.0.1", PORT)
serve(Parked, link)
say("ready")
sys.stdin.readline()
last = link.command("api echo")
link.close()
try: last.result(20)
except OSError as error: say("closed", why=str(error))
""",
        fake,
    )
    started.wait_for("ready")
    fake.send(leg("CHANNEL_CREATE", "u-1"))
    fake.send(leg("CHANNEL_PARK", "u-1"))
    assert asked.wait(20)
    assert started.end() == 0
    over.set()
    assert started.wait_for("closed")["why"].endswith("it was closed")
    assert [line for line in started.log if "MR0015" in line] == []


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
    assert started.end() == 0
    assert not [line for line in started.log if "MR0020" not in line], started.log


def test_unpaired_answers_end_the_connection(client: Start, fake: FakeSwitch) -> None:
    """Were they taken for those of other commands, calls would get what is not theirs."""
    started = watching(client, fake)
    # Answers come in order: when this one is there, no other command waits for its own.
    assert started.process.stdin
    started.process.stdin.write("listener.link.ask('status'); say('asked')\n")
    started.process.stdin.flush()
    started.wait_for("asked")
    fake.send(b"Content-Type: command/reply\nReply-Text: +OK for nobody\n\n")
    assert "it has answered what it was not asked: '+OK for nobody'" in started.wait_log("was lost")


def test_an_app_is_loaded_when_the_switch_sends_its_events(client: Start, fake: FakeSwitch) -> None:
    def is_slow(_: str) -> str:
        time.sleep(0.3)
        return "+OK"

    fake.answers["event plain"] = is_slow
    started = client(
        """
class Hello:
    @apps.handler("DTMF")
    def on_dtmf(self, event): pass
client = apps.Client("127.0.0.1", PORT, "ClueCon")
client.connect()
client.load_app(Hello, on_value="default")
say("loaded")
sys.stdin.read()
""",
        fake,
    )
    started.wait_for("loaded")
    assert any("DTMF" in command for command in fake.all_commands if command.startswith("event plain"))


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


def test_an_app_may_wait_for_what_takes_long_while_it_is_loaded(client: Start, fake: FakeSwitch) -> None:
    fake.answers["api reload"] = "+OK\nreloaded"
    fake.answers["api unload"] = "+OK unloaded"
    started = client(
        """
class Needs:
    def prepost(self, client):
        say("loading", answer=client.api("reload mod_bert"))
        yield
        say("unloading", answer=client.api("unload mod_bert"))
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, session):
        try: session.con.ask("reload mod_bert")
        except RuntimeError as error: say("refused", why=str(error))
client = apps.Client("127.0.0.1", PORT)
client.connect()
client.load_app(Needs, on_value="default")
say("up")
sys.stdin.readline()
client.unload_app("default")
say("gone")
""",
        fake,
    )
    assert started.wait_for("loading")["answer"] == "+OK\nreloaded"
    started.wait_for("up")
    # Where calls are served, every other coroutine would wait.
    fake.send(leg("CHANNEL_PARK", "a"))
    assert "may take long" in started.wait_for("refused")["why"]
    assert started.process.stdin
    started.process.stdin.write("\n")
    started.process.stdin.flush()
    assert started.wait_for("unloading")["answer"] == "+OK unloaded"
    started.wait_for("gone")

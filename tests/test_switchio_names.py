"""switchio's connections and its small names, from outside of every switch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.fake_switch import FakeSwitch
from support.links import Start, with_password

CONNECTION = """
from freeswitch.apps import APIError, get_connection, Connection, ConnectionError, InboundProtocol
PASSWORD = sys.stdin.readline().strip()
def wrong(function, *args, **more):
    try: return ["no error", str(function(*args, **more))]
    except Exception as error: return [type(error).__name__, str(error)]
"""


@pytest.fixture
def client() -> Iterator[Start]:
    """Start a program; its first line of input is the password."""
    yield from with_password(CONNECTION)


def test_a_connection_gives_commands_and_events(served: Host, client: Start) -> None:
    port, password = served.event_socket()
    started = client(
        """
con = get_connection("127.0.0.1", PORT, PASSWORD)
say("before", connected=con.connected(), wrong=wrong(con.api, "status"))
with con:
    say("up", connected=con.connected(), authenticated=con.protocol.authenticated(), echo=con.cmd("echo hello"),
        refused=wrong(con.cmd, "uuid_kill no-such-leg"), body=con.api("echo there", block=True).getBody(),
        future=con.api("echo future").result(10)["Body"])
    con.subscribe(["BACKGROUND_JOB", "my::event"])
    async def work():
        reply = await con.bgapi("echo in a job")
        job = await con.recv_event()
        await con.protocol.sendrecv("sendevent CUSTOM\\nEvent-Subclass: my::event\\nX-Number: 7")
        mine = await asyncio.wait_for(con.recv_event(), 20)
        return [job["Job-UUID"] == reply["Job-UUID"], job.getBody().strip(), mine["X-Number"]]
    say("async", seen=asyncio.run(work()))
    other = con.new_connection()
    async def unblocked():
        await other.connect(block=False)
        return (await other.api("echo other"))["Body"]
    say("other", was=other.connected(), body=asyncio.run(unblocked()))
    other.disconnect()
say("down", connected=con.connected(), again=wrong(con.api, "status"), over=con.protocol.disconnected().done())
""",
        port,
        password,
    )
    before = started.wait_for("before")
    assert before["connected"] is False
    assert before["wrong"][0] == "LinkError" and "call connect() first" in before["wrong"][1]
    up = started.wait_for("up")
    assert (up["connected"], up["authenticated"], up["echo"], up["body"], up["future"]) == (
        True, True, "hello", "there", "future",
    )  # fmt: skip
    assert up["refused"][0] == "APIError" and "'uuid_kill no-such-leg' was refused" in up["refused"][1]
    assert started.wait_for("async")["seen"] == [True, "in a job", "7"]
    assert started.wait_for("other") == {"what": "other", "was": False, "body": "other"}
    down = started.wait_for("down")
    assert (down["connected"], down["again"][0], down["over"]) == (False, "LinkError", True)
    assert started.end() == 0


def test_a_leg_runs_what_a_connection_says(served: Host, client: Start) -> None:
    port, password = served.event_socket()
    call = served.start_call(served.extension(("park", "")))
    served.wait_event("CHANNEL_PARK")
    started = client(
        f"""
con = Connection("127.0.0.1", PORT, PASSWORD)
con.connect()
con.subscribe(["CHANNEL_EXECUTE"])
reply = con.execute({call.uuid!r}, "set", "from_outside=yes").result(10)
async def ran():
    while True:
        event = await con.recv_event()
        if event["Application"] == "set": return event["Application-Data"]
say("ran", reply=reply[:3], data=asyncio.run(asyncio.wait_for(ran(), 20)))
hung = con.protocol.sendmsg({call.uuid!r}, "hangup", "USER_BUSY").result(10)
gone = con.execute("no-such-leg", "set", "x=y").result(10)
say("hung", reply=hung[:3], gone=gone[:4], wrong=wrong(con.protocol.sendmsg, "u", "explode"))
""",
        port,
        password,
    )
    assert started.wait_for("ran") == {"what": "ran", "reply": "+OK", "data": "from_outside=yes"}
    said = started.wait_for("hung")
    assert (said["reply"], said["gone"], said["wrong"][0]) == ("+OK", "-ERR", "ValueError")
    assert call.wait().cause == "USER_BUSY"
    # The refusal is in the log.
    assert "no-such-leg" in started.wait_log("MR0015")


@pytest.mark.parametrize("autorecon", [False, 0.3, True])
def test_a_connection_that_is_lost(client: Start, autorecon: object) -> None:
    fake = FakeSwitch()
    started = client(
        f"""
con = Connection("127.0.0.1", PORT, PASSWORD, autorecon={autorecon!r})
con.connect()
say("up", port=con.port)
lost = asyncio.run(asyncio.wait_for(con.recv_event(), 20))
say("lost", name=lost.getType())
say("over", ended=con.protocol.disconnected().result(20))
""",
        fake.port,
    )
    started.wait_for("up")
    port = fake.port
    fake.close()
    assert started.wait_for("lost")["name"] == "SERVER_DISCONNECTED"
    if autorecon is True:
        again = FakeSwitch(port=port)
        again.wait_entered()
        again.close()
    else:
        assert started.wait_for("over")["ended"] is True


def test_a_connection_that_cannot_be_made(client: Start) -> None:
    fake = FakeSwitch(password="another")
    said = client('say("seen", wrong=wrong(get_connection("127.0.0.1", PORT).connect))', fake.port).wait_for("seen")
    assert said["wrong"][0] == "LinkError" and "refused the password" in said["wrong"][1]
    fake.close()


def test_a_connection_to_the_switch_that_a_script_runs_in(host: Host) -> None:
    name = host.script("""
        import asyncio, json
        from freeswitch.apps import get_connection
        async def fsapi(session, stream, env, args):
            con = get_connection()
            con.connect()
            con.subscribe(["my::local"])
            from freeswitch import Event
            event = Event("CUSTOM", "my::local")
            event.addHeader("X-Number", "8")
            event.fire()
            found = await asyncio.wait_for(con.recv_event(), 10)
            said = [con.connected(), con.cmd("echo a"), (await con.api("echo b"))["Body"], found["X-Number"]]
            con.disconnect()
            try: con.protocol.sendrecv("events")
            except ConnectionError as error: said.append("there is no connection" in str(error))
            stream.write(json.dumps(said + [con.connected()]))
    """)
    assert host.api(f"python {name}") == '[true, "a", "b", "8", true, false]'


def test_the_connection_of_a_leg(host: Host, parked: str) -> None:
    name = host.script("""
        import json
        from freeswitch import apps
        said = []
        class Asks:
            @apps.coroutine("CHANNEL_PARK")
            async def on_park(self, sess):
                with sess as same:
                    said.extend([same is sess, sess.create_ev, sess.con.cmd("echo x")])
                    said.append((await sess.con.api("echo y"))["Body"])
                wait = sess.recv("DTMF")
                sess.unreg_tasks(wait)
                said.extend([wait.cancelled(), (await sess.con.begin("echo z"))["Job-UUID"][8]])
                await sess.hangup("USER_BUSY")
        def fsapi(session, stream, env, args):
            if args == "load": apps.load(Asks, app_id="default")
            elif args == "unload": apps.unload("default")
            stream.write(json.dumps(said))
    """)
    host.api(f"python {name} load")
    try:
        assert host.call(extension=parked).cause == "USER_BUSY"
        assert host.api(f"python {name}") == '[true, "CHANNEL_CREATE", "x", "y", true, "-"]'
    finally:
        host.api(f"python {name} unload")


def test_the_dialplan_that_parks_is_a_file() -> None:
    code = "import os; from freeswitch.apps import PARK_DP as path; print(path); print(open(path).read())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    path, _, text = said.partition("\n")
    assert '<action application="park"/>' in text and '<context name="switchio">' in text
    assert not Path(path).exists()


@pytest.mark.parametrize("name", ["HDFStore", "shmarray", "load_legacy"])
@pytest.mark.parametrize("module", ["measure", "measure.storage"])
def test_what_is_left_out_says_what_to_use(name: str, module: str) -> None:
    code = f"from freeswitch.apps.{module} import {name}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert f"ImportError: freeswitch.apps.measure has no {name}: " in said.splitlines()[-1]


def test_a_dialer_is_worked_with_in_a_console(tmp_path: Path) -> None:
    options = "--pocket --interactive --rate 10 --limit 9 --max-offered 5 --duration 1 --results"
    command = [sys.executable, "-m", "freeswitch.apps", "dial", *options.split(), str(tmp_path)]
    lines = "print('idle', dialer.state)\ndialer.start()\nsleep(5)\nprint('placed', dialer.offered, client.host)\n"
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "idle INITIAL" in done.stdout and "placed 5 localhost" in done.stdout
    assert len((tmp_path / "calls.csv").read_text().splitlines()) == 6

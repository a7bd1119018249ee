"""What a program beside the switch is offered, by whom, and who may ask for what."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.wire import Wire
from support.served import WAITS, Serve, Served, after, begun, serve

__all__ = ["serve"]

# What is said before there is a call


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def handler(session, args): pass", "handler is not an async function"),
        ("async def handler(session): pass", "is called with (session, args)"),
        ("async def other(session, args): pass", "has no function 'handler'"),
        ("async def handler(session, args:", "was never closed"),
        ("import no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_what_cannot_serve_is_said_when_it_is_loaded(serve: Serve, text: str, why: str) -> None:
    started = serve(text)
    assert started.process.wait(30) == 1
    assert started.end() == 1
    assert len(started.said) == 1
    assert why in started.said[0]


@pytest.mark.parametrize(("body", "said"), [("await session.checkpoint(1)", 1), ("await session.answer()", 0)])
def test_a_program_that_keeps_checkpoints_is_told_of_when_it_is_loaded(serve: Serve, body: str, said: int) -> None:
    started = serve(f"async def step(session):\n    {body}\nasync def handler(session, args): await step(session)").up()
    started.end()
    assert sum("keeps checkpoints, which no program beside a switch can" in line for line in started.said) == said


@pytest.mark.freeswitch_only
def test_a_switch_without_the_module_is_named(plain: Host, tmp_path: Path) -> None:
    path = tmp_path / "lonely.py"
    path.write_text("async def handler(session, args): pass")
    started = Served(plain, path)
    assert started.process.wait(30) == 1
    started.end()
    assert "offers no calls" in started.said[-1]
    assert "mod_rust" in started.said[-1]


# Nobody, or nobody in time


def test_a_call_that_nobody_serves_goes_on(served: Host) -> None:
    result = served.call(extension=after(served, "no_such"))
    assert result.variables["python_error"] == "no program outside serves 'no_such'"
    assert result.variables["went"] == "on"
    lines = [line.text for line in served.log() if line.text.startswith("MR0022")]
    assert lines == ["MR0022 pysocket no_such one: no program outside serves 'no_such'; the dialplan goes on"]


def test_a_program_that_does_not_come_is_not_waited_for(served: Host, serve: Serve) -> None:
    started = serve(WAITS).up()
    name = started.files[0].stem
    started.send(signal.SIGSTOP)
    try:
        result = served.call(extension=after(served, name, pysocket_timeout="0.5"))
    finally:
        started.send(signal.SIGCONT)
    why = f"no program outside that serves '{name}' has taken the call in 0.5 s"
    assert (result.variables["python_error"], result.variables["went"]) == (why, "on")


def test_a_call_is_offered_until_it_is_taken(served: Host) -> None:
    """A program that is written by hand, and does not hear the first offer."""
    heard, asks = Wire.to(*served.event_socket()), Wire.to(*served.event_socket())
    heard.ask("event plain CUSTOM mod_rust::offer")
    asks.ask("api pysocket serve byhand byhand_app")
    call = served.start_call(after(served, "byhand_app", pysocket_timeout="20"))

    def offered() -> dict[str, object]:
        while True:
            packet = heard.packet()
            if packet.kind == "text/event-plain":
                return dict(json.loads(packet.event()["_body"]))

    first, second = offered(), offered()
    assert first == second
    assert first["call"] == call.uuid
    assert asks.ask(f"api pysocket accept {call.uuid} {first['epoch']} byhand").body.startswith(b"+OK {")
    assert asks.ask(f"api pysocket release {call.uuid} {first['epoch']}").body.strip() == b"+OK"
    served.wait_for(lambda: served.api(f"uuid_getvar {call.uuid} went").strip() == "on" or None, 20)
    call.hangup()
    assert "python_error" not in call.wait().variables
    asks.ask("api pysocket leave byhand")


def test_a_program_that_runs_itself(served: Host, serve: Serve) -> None:
    started = serve("async def handler(session, args): await session.execute('pysocket', args)").up()
    name = started.files[0].stem
    result = served.call(("pysocket", f"{name} {name}"), ("set", "went=on"))
    assert result.variables["went"] == "on"
    served.wait_log(
        f"MR0022 pysocket {name}: a program outside has this call already, and runs this in one of its verbs"
    )
    assert "is ready" in served.api("status")


# What an operator sees, and what nobody may ask for


def test_it_is_listed_and_can_be_ended(served: Host, serve: Serve) -> None:
    name = serve(WAITS).up().files[0].stem
    call = begun(served, name)
    (listed,) = [run for run in json.loads(served.api("pyps json")) if run["uuid"] == call.uuid]
    assert listed["way"] == "pysocket"
    assert served.api(f"pykill {listed['id']}").startswith("+OK")
    result = call.wait()
    assert (result.variables["python_error"], result.variables["went"]) == ("it was told to end", "on")


def test_it_can_be_ended_before_a_program_takes_it(served: Host, serve: Serve) -> None:
    program = serve(WAITS).up()
    name = program.files[0].stem
    program.send(signal.SIGSTOP)
    try:
        call = served.start_call(after(served, name, pysocket_timeout="3600"))
        (listed,) = served.wait_for(
            lambda: [run for run in json.loads(served.api("pyps json")) if run["uuid"] == call.uuid] or None
        )
        assert served.api(f"pykill {listed['id']}").startswith("+OK")
        result = call.wait()
    finally:
        program.send(signal.SIGCONT)
    assert (result.variables["python_error"], result.variables["went"]) == ("it was told to end", "on")


def test_what_is_wrong_is_refused(served: Host, serve: Serve) -> None:
    name = serve(WAITS).up().files[0].stem
    call = begun(served, name)
    for line, why in {
        "": "-USAGE",
        "jump": "-USAGE",
        f"ask {call.uuid} 0 1 {{}}": "-ERR epoch 0 is over",
        f"ask {call.uuid} one 1 {{}}": "-ERR not a number: 'one'",
        "ask no-such-call 1 1 {}": "-ERR there is no such call",
        "accept no-such-call 1 me": "-ERR there is no such call",
        "beat no-such-program": "-ERR no-such-program was given up",
        "place me 1 {}": "-ERR missing field `dest`",
    }.items():
        assert served.api(f"pysocket {line}".strip()).startswith(why), line
    call.hangup()
    call.wait()


# What needs the switch's own memory

ALONE = """
import freeswitch

async def handler(session, args):
    def tries(name, function, *arguments):
        try:
            function(*arguments)
        except RuntimeError as error:
            session.variables[name] = str(error)
    tries("api", freeswitch.API().execute, "status")
    tries("stream", session.streamFile, "a.wav")
    tries("fired", lambda: freeswitch.Event("CUSTOM", "a::b").fire())
    session.variables["place"] = str(freeswitch.place)
"""


def test_what_needs_the_switch_itself_says_so(served: Host, serve: Serve) -> None:
    result = served.run("pysocket", serve(ALONE).up().files[0].stem)
    assert "python_error" not in result.variables, result.variables["python_error"]
    assert "needs the switch that it runs in" in result.variables["api"]
    assert "session.streamFile works inside the switch" in result.variables["stream"]
    assert "needs the switch that it runs in" in result.variables["fired"]
    assert result.variables["place"] == "socket"


@pytest.mark.pocket_only
def test_a_rehearsal_opens_a_switch_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "rehearsed.py"
    path.write_text("async def handler(session, args):\n    await session.hangup('USER_BUSY')\n")
    line = [sys.executable, "-m", "freeswitch.apps", "serve", "--pocket", str(path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline()
            assert process.stdout.readline() == "a call: originate loopback/rehearsed/default &park()\n"
            found = re.fullmatch(r"pocket's event socket is at \S+:(\d+), its password (\S+)\n", address)
            assert found, address
            where, password = found.groups()
            assert process.stderr
            while "serves the calls" not in process.stderr.readline():
                assert process.poll() is None
            wire = Wire.to(int(where), password)
            answer = wire.ask("api originate loopback/rehearsed/default &park()")
            assert answer.body.strip() == b"-ERR USER_BUSY"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()

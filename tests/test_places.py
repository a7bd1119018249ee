"""One call program in four places: on pocket and in the switch, beside it by its event socket, and in a worker."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import CallResult, Event, Host, LiveCall
from hosts.fake_switch import FakeSwitch
from hosts.fake_switch import event as event_text
from hosts.wire import Wire
from support.nats import Nats
from support.place_programs import CASES, HANG_UP, Case
from support.relay import Relay
from support.saw import HEAD
from support.workers import Worker, nats, on_bus

__all__ = ["nats"]

PROGRAM = """
async def handler(session, args):
    saw = {{}}
    async def body():
{body}
    try:
        await body()
    finally:
        session.setVariable("saw", json.dumps(saw))
"""


def source(case: Case) -> str:
    """The program of a case."""
    body = textwrap.indent(textwrap.dedent(case.body).strip(), " " * 8)
    return "import asyncio\n" + HEAD + PROGRAM.format(body=body)


class Served:
    """`freeswitch-apps serve`, with some programs."""

    def __init__(
        self, host: Host, *files: Path, options: tuple[str, ...] = (), at: tuple[int, str] | None = None
    ) -> None:
        port, password = at or host.event_socket()
        line = [sys.executable, "-m", "freeswitch.apps", "serve", f"127.0.0.1:{port}", *map(str, files)]
        self.process = subprocess.Popen(
            [*line, "--password", password, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self.files = files
        self._read = threading.Thread(target=self._reads)
        self._read.start()
        self._host = host

    def _reads(self) -> None:
        assert self.process.stderr
        self.said.extend(iter(self.process.stderr.readline, ""))

    def up(self) -> Served:
        """Wait until it serves."""
        self._host.wait_for(lambda: any("serves the calls" in line for line in self.said) or None, 30, str(self.said))
        return self

    def again(self) -> None:
        """Wait until it serves again."""
        self._host.wait_for(lambda: any("served again" in line for line in self.said) or None, 30, str(self.said))

    def end(self, how: int = signal.SIGINT) -> int:
        """End it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(30)
        self._read.join(30)
        assert self.process.stdout
        self.process.stdout.close()
        assert self.process.stderr
        self.process.stderr.close()
        return code


Serve = Callable[..., Served]


@pytest.fixture
def serve(served: Host, tmp_path: Path) -> Iterator[Serve]:
    """Start a program on the switch's event socket."""
    started: list[Served] = []

    def start(*sources: str, options: tuple[str, ...] = ()) -> Served:
        files = []
        for number, text in enumerate(sources):
            path = tmp_path / f"program_{os.getpid()}_{len(started)}_{number}.py"
            path.write_text(text, encoding="utf-8")
            files.append(path)
        started.append(Served(served, *files, options=options))
        return started[-1]

    yield start
    for one in started:
        one.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def processes() -> Iterator[dict[Host, Served]]:
    """One process beside each switch, which serves the programs of all cases."""
    started: dict[Host, Served] = {}
    yield started
    for one in started.values():
        assert one.end() == 0, one.said


@pytest.fixture
def beside(served: Host, processes: dict[Host, Served]) -> Served:
    """The process beside the switch."""
    for name, case in CASES.items():
        served.script(source(case), f"place_{name}")
    if served not in processes:
        files = [served.script_dir / f"place_{name}.py" for name in CASES]
        processes[served] = Served(served, *files).up()
    return processes[served]


@pytest.fixture(scope="module")
def workers() -> Iterator[dict[Host, Worker]]:
    """One worker for each switch, which serves the programs of all cases."""
    started: dict[Host, Worker] = {}
    yield started
    for one in started.values():
        assert one.end(signal.SIGTERM) == 0, one.said


@pytest.fixture
def places(served: Host, beside: Served, nats: Nats | None, workers: dict[Host, Worker]) -> list[str]:
    """The applications that serve calls from outside, each of which has somebody who does."""
    assert beside.process.poll() is None
    if nats is None:
        return ["pysocket"]
    on_bus(served, nats)
    if served not in workers:
        files = [served.script_dir / f"place_{name}.py" for name in CASES]
        workers[served] = Worker(served, nats.url, *files).up()
    return ["pysocket", "pyremote"]


# What tells a call's story; the rest is the same whatever a program does, or comes when it comes.
STORY = ("CHANNEL_ANSWER", "CHANNEL_EXECUTE", "PLAYBACK_START", "PLAYBACK_STOP", "DTMF", "CHANNEL_BRIDGE",
         "CHANNEL_UNBRIDGE")  # fmt: skip


def events_of(host: Host, result: CallResult) -> list[Event]:
    """The events of a call, the last of which may come after its end is known."""

    def all_of_it() -> list[Event] | None:
        events = [event for event in host.all_events() if event.get("Unique-ID") == result.uuid]
        return events if any(event["Event-Name"] == "CHANNEL_DESTROY" for event in events) else None

    return host.wait_for(all_of_it, 20, f"the last event of {result.uuid}")


def story(host: Host, result: CallResult) -> list[str]:
    """What happened on a call."""
    told = []
    for event in events_of(host, result):
        name = event["Event-Name"]
        if name not in STORY:
            continue
        about = [event.get(header) or "" for header in ("Application", "Playback-File-Path", "DTMF-Digit")]
        told.append(
            " ".join([name, *filter(None, about)]).replace(" pysocket", " python").replace(" pyremote", " python")
        )
    return told


def far_end(host: Host, call: LiveCall, case: Case) -> None:
    """Do what the far end of a case does, each when it hears of its event."""
    heard = 0
    for cue, deed in case.hears:
        name, _, about = cue.partition(" ")
        headers = {"Unique-ID": call.uuid}
        if name == "set":
            name = "CHANNEL_EXECUTE_COMPLETE"
            headers |= {"Application": "set", "Application-Data": about}
        elif about:
            headers["Playback-File-Path"] = about
        event = host.wait_event(name, headers, since=heard)
        heard += host.all_events()[heard:].index(event) + 1
        if deed == HANG_UP:
            call.hangup()
        else:
            call.press(deed)


def result_of(host: Host, app: str, program: str, case: Case) -> dict[str, object]:
    """What came of a call that a program has served."""
    data = program
    if case.far:
        data += " " + host.extension(*case.far)
    # Who serves it may have to notice first that the module was loaded again.
    patience = {"pysocket_timeout": "20", "pyremote_timeout": "20"}
    call = host.start_call(host.extension((app, data)), variables=patience)
    far_end(host, call, case)
    result = call.wait()
    kept = {name: result.variables.get(name) for name in ("python_error", "went")}
    if case.outlives:
        text = host.wait_for(lambda: re.search("{.*", host.api(f"global_getvar saw_{call.uuid}")), 20, "what it saw")[0]
    else:
        text = result.variables.get("saw") or "null"
    return {**kept, "saw": json.loads(text), "cause": result.cause, "story": story(host, result)}


@pytest.mark.parametrize("name", CASES)
def test_a_program_does_the_same_in_all_places(served: Host, places: list[str], name: str) -> None:
    case = CASES[name]
    inside = result_of(served, "python", f"place_{name}", case)
    for app in places:
        outside = result_of(served, app, f"place_{name}", case)
        assert outside == inside, app
    if case.saw is not None:
        saw = inside["saw"]
        assert isinstance(saw, dict)
        assert {key: saw.get(key) for key in case.saw} == case.saw


def test_an_example_runs_beside_the_switch(served: Host) -> None:
    example = Path(__file__).resolve().parents[1] / "examples" / "yaypm" / "ivr.py"
    beside_it = Served(served, example).up()
    try:
        call = served.start_call(served.extension(("pysocket", "ivr")))
        served.wait_event("CHANNEL_ANSWER", {"Unique-ID": call.uuid})
        for digit in "42":
            call.press(digit)
            tone = f"tone_stream://%(200,50,{ord(digit) - 40}00)"
            served.wait_event("PLAYBACK_STOP", {"Unique-ID": call.uuid, "Playback-File-Path": tone})
        call.hangup()
        assert "python_error" not in call.wait().variables
    finally:
        beside_it.end(signal.SIGKILL)


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

WAITS = """
import asyncio
import freeswitch

async def handler(session, args):
    await session.answer()
    session.variables["begun"] = args
    await session.execute("set", "in_order=${begun}")
    await session.play("silence_stream://60000")
    session.variables["never"] = "carried out"
"""


def after(served: Host, program: str, **how: str) -> str:
    """An extension whose dialplan goes on after the program."""
    sets = [("set", f"{name}={value}") for name, value in how.items()]
    return served.extension(*sets, ("pysocket", f"{program} one"), ("set", "went=on"), ("sleep", "200"))


def test_a_call_that_nobody_serves_goes_on(served: Host) -> None:
    result = served.call(extension=after(served, "no_such"))
    assert result.variables["python_error"] == "no program outside serves 'no_such'"
    assert result.variables["went"] == "on"
    lines = [line.text for line in served.log() if line.text.startswith("MR0022")]
    assert lines == ["MR0022 pysocket no_such one: no program outside serves 'no_such'; the dialplan goes on"]


def test_a_program_that_does_not_come_is_not_waited_for(served: Host, serve: Serve) -> None:
    started = serve(WAITS).up()
    name = started.files[0].stem
    started.process.send_signal(signal.SIGSTOP)
    try:
        result = served.call(extension=after(served, name, pysocket_timeout="0.5"))
    finally:
        started.process.send_signal(signal.SIGCONT)
    why = f"no program outside that serves '{name}' has taken the call in 0.5 s"
    assert (result.variables["python_error"], result.variables["went"]) == (why, "on")


def test_a_call_is_offered_until_it_is_taken(served: Host) -> None:
    """A program that is written by hand, and does not hear the first offer."""
    wire = Wire.to(*served.event_socket())
    wire.ask("event plain CUSTOM mod_rust::offer")
    wire.ask("api pysocket serve byhand byhand_app")
    call = served.start_call(after(served, "byhand_app", pysocket_timeout="20"))

    def offered() -> dict[str, object]:
        while True:
            packet = wire.packet()
            if packet.kind == "text/event-plain":
                return dict(json.loads(packet.event()["_body"]))

    first, second = offered(), offered()
    assert first == second
    assert first["call"] == call.uuid
    assert wire.ask(f"api pysocket accept {call.uuid} {first['epoch']} byhand").body.startswith(b"+OK {")
    assert wire.ask(f"api pysocket release {call.uuid} {first['epoch']}").body.strip() == b"+OK"
    served.wait_for(lambda: served.api(f"uuid_getvar {call.uuid} went").strip() == "on" or None, 20)
    call.hangup()
    assert "python_error" not in call.wait().variables
    wire.ask("api pysocket leave byhand")


@pytest.mark.pocket_only
def test_a_module_that_is_loaded_again_has_not_given_a_program_up(tmp_path: Path) -> None:
    beats = iter(["-ERR pysocket Command not found!\n"] * 2)

    def answer(command: str) -> str:
        return next(beats, "+OK 0\n") if " beat " in command else "+OK\n"

    fake = FakeSwitch(answers={"api pysocket": answer, "api global_getvar": "a=1\n"})
    path = tmp_path / "reloaded.py"
    path.write_text("async def handler(session, args): pass")
    line = [sys.executable, "-m", "freeswitch.apps", "serve", f"127.0.0.1:{fake.port}", str(path)]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        job = fake.wait_for("bgapi fsctl sps").partition("Job-UUID: ")[2]
        fake.send(event_text("BACKGROUND_JOB", "+OK 30\n", Job_UUID=job))
        fake.wait_for("api pysocket serve")
        for _ in range(4):
            fake.wait_for("api pysocket beat")
        said = [command for command in fake.all_commands if "pysocket serve" in command or "nixevent" in command]
        assert len(said) == 1, said
    finally:
        process.kill()
        process.wait(30)
        fake.close()


@pytest.mark.pocket_only
def test_a_transfer_is_done_before_it_ends_the_coroutine(tmp_path: Path) -> None:
    """The switch may tell of the end of the call before it answers to what has brought it about."""
    news = {"variables": {}, "fields": {}, "state": "CS_EXECUTE", "cause": "NONE", "ready": True, "media_ready": True,
            "answered": True, "bridged": False}  # fmt: skip

    def answer(command: str) -> str:
        if " accept " in command:
            return f"+OK {json.dumps(news)}\n"
        if '"transfer"' in command:
            lost = {"kind": "lost", "how": "transfer", "call": "a", "epoch": 1, "news": None}
            fake.send(event_text("CUSTOM", json.dumps(lost), Event_Subclass=f"mod_rust::worker::{worker}"))
        return '+OK {"done":{}}\n'

    fake = FakeSwitch(answers={"api pysocket": answer, "api global_getvar": "a=1\n"})
    path = tmp_path / "transfers.py"
    path.write_text("""
import asyncio

async def handler(session, args):
    await session.transfer("600", "XML", "default")
    try: await asyncio.sleep(60)
    except asyncio.CancelledError as error: session.setVariable("saw", f"{error} after it")
""")
    line = [sys.executable, "-m", "freeswitch.apps", "serve", f"127.0.0.1:{fake.port}", str(path)]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        job = fake.wait_for("bgapi fsctl sps").partition("Job-UUID: ")[2]
        fake.send(event_text("BACKGROUND_JOB", "+OK 30\n", Job_UUID=job))
        worker = fake.wait_for("api pysocket serve").split(" ")[3]
        offer = {"name": "transfers", "call": "a", "epoch": 1, "arguments": ""}
        fake.send(event_text("CUSTOM", json.dumps(offer), Event_Subclass="mod_rust::offer"))
        assert '"transfer after it"' in fake.wait_for('api pysocket now a 1 {"set_variable"')
    finally:
        process.kill()
        process.wait(30)
        fake.close()


# A process that ends, hangs, or is one of two


def begun(served: Host, program: str) -> LiveCall:
    """A call whose program has begun."""
    call = served.start_call(after(served, program))
    served.wait_for(lambda: served.api(f"uuid_getvar {call.uuid} in_order").strip() == "one" or None, 20)
    return call


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (signal.SIGKILL, "the program that served it has said nothing for 4 s"),
        (signal.SIGSTOP, "the program that served it has said nothing for 4 s"),
        (signal.SIGINT, "CancelledError: told to end"),
        (signal.SIGTERM, "CancelledError: told to end"),
    ],
)
def test_a_call_goes_on_without_its_program(served: Host, serve: Serve, how: int, why: str) -> None:
    started = serve(WAITS).up()
    call = begun(served, started.files[0].stem)
    started.process.send_signal(how)
    result = call.wait()
    assert (result.variables["python_error"], result.variables["went"]) == (why, "on")
    if how == signal.SIGSTOP:
        started.process.send_signal(signal.SIGCONT)
        started.again()
        # It serves again, under another name, and what it has asked for the old call is not carried out.
        again = begun(served, started.files[0].stem)
        again.hangup()
        assert "never" not in again.wait().variables
    assert "never" not in result.variables


def test_one_of_two_processes_has_a_call(served: Host, serve: Serve) -> None:
    text = WAITS.replace('session.variables["never"]', "session.variables[args]")
    first = serve(text).up()
    path = first.files[0]
    second = Served(served, path).up()
    try:
        calls = [begun(served, path.stem) for _ in range(6)]
        for call in calls:
            call.hangup()
        for call in calls:
            result = call.wait()
            executed = [event.get("Application-Data") for event in events_of(served, result)
                        if event["Event-Name"] == "CHANNEL_EXECUTE" and event.get("Application") == "set"]  # fmt: skip
            assert executed.count("in_order=one") == 1, executed
    finally:
        second.end(signal.SIGKILL)


def test_a_process_serves_again_when_its_connection_is_back(served: Host, tmp_path: Path) -> None:
    path = tmp_path / "program_behind_a_relay.py"
    path.write_text(WAITS)
    port, password = served.event_socket()
    relay = Relay(port)
    started = Served(served, path, at=(relay.port, password)).up()
    try:
        call = begun(served, path.stem)
        relay.cut()
        result = call.wait()
        assert result.variables["python_error"] == "the program that served it has ended"
        assert result.variables["went"] == "on"
        started.again()
        assert any("MR0022" in line and "the connection was lost" in line for line in started.said), started.said
        again = begun(served, path.stem)
        again.hangup()
        assert "python_error" not in again.wait().variables
    finally:
        started.end(signal.SIGKILL)
        relay.close()


# What an operator sees, and what nobody may ask for


def test_it_is_listed_and_can_be_ended(served: Host, serve: Serve) -> None:
    name = serve(WAITS).up().files[0].stem
    call = begun(served, name)
    (listed,) = [run for run in json.loads(served.api("pyps json")) if run["uuid"] == call.uuid]
    assert listed["way"] == "pysocket"
    assert served.api(f"pykill {listed['id']}").startswith("+OK")
    result = call.wait()
    assert (result.variables["python_error"], result.variables["went"]) == ("it was told to end", "on")


def test_what_is_wrong_is_refused(served: Host, serve: Serve) -> None:
    name = serve(WAITS).up().files[0].stem
    call = begun(served, name)
    for line, why in {
        "": "-USAGE",
        "jump": "-USAGE",
        f"ask {call.uuid} 0 1 {{}}": "-ERR epoch 0 is over",
        f"ask {call.uuid} one 1 {{}}": "-ERR 'one' is no number",
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

"""`pocket serve`: how it is opened and closed, and clients that mean no good or that fail."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pocket
from hosts.manager import Manager
from hosts.wire import Ended, Lines, Wire, close_all
from support.signals import unwoken

DEADLINE = 20.0
PASSWORD = "ClueCon"
EXTENSIONS = """
<extension name="parks"><condition field="destination_number" expression="^100$">
<action application="answer"/><action application="park"/><action application="park"/></condition></extension>
"""

pytestmark = pytest.mark.usefixtures("ours")


@pytest.fixture
def ours(hosts: Manager) -> Iterator[None]:
    """A process has one pocket at a time: the shared one is closed."""
    hosts.close_pocket()
    yield
    close_all()


@pytest.fixture
def server() -> Iterator[pocket.Server]:
    """A switch that is served."""
    with pocket.serve(dialplan=EXTENSIONS) as server:
        yield server


def until(predicate: Callable[[], object], what: str) -> None:
    """Wait for it."""
    deadline = time.monotonic() + DEADLINE
    while not predicate():
        assert time.monotonic() < deadline, f"no sign of {what}"
        time.sleep(0.01)


def works(server: pocket.Server) -> bool:
    """Whether a client is served as ever."""
    with Wire.to(server.port, server.password) as wire:
        return wire.ask("api echo yes").body == b"yes"


# Opening and closing


def test_a_switch_is_served_until_either_is_closed() -> None:
    with pocket.Switch(real_time=True) as switch:
        server = switch.serve()
        assert (server.host, server.switch) == ("127.0.0.1", switch)
        wire = Wire.to(server.port, PASSWORD)
        assert wire.ask("api status").body.startswith(b"UP ")
        server.close()
        server.close()
        assert b"The system is being shut down.\n" in wire.rest()
        with pytest.raises(ConnectionRefusedError):
            Wire.to(server.port)
        # Then it can be served again.
        with switch.serve(password="other") as again:
            assert Wire.to(again.port, "other").ask("api echo x").body == b"x"
        last = switch.serve()
        wire = Wire.to(last.port, PASSWORD)
    assert b"The system is being shut down.\n" in wire.rest()


def test_serve_closes_its_switch() -> None:
    with pocket.serve() as server:
        switch = server.switch
        assert switch.api("echo x") == "x"
    with pytest.raises(RuntimeError, match="not open"):
        switch.api("echo x")


def test_virtual_time_cannot_be_served() -> None:
    with pocket.Switch() as switch, pytest.raises(RuntimeError, match="real_time=True"):
        switch.serve()


def test_what_cannot_be_served_is_said(server: pocket.Server) -> None:
    with pytest.raises(RuntimeError, match="served already"):
        server.switch.serve()
    with pytest.raises(ValueError, match="password is empty"):
        server.switch.serve(password="")
    with pytest.raises(ValueError, match="does not appear to be"):
        server.switch.serve(acl=["nowhere"])
    with pytest.raises(OSError, match="in use"):
        server.switch.serve(port=server.port)
    for port in (99999, -1):
        with pytest.raises(ValueError, match=f"port: {port} must be from 1 to 65535, or 0 for a free one"):
            server.switch.serve(port=port)
    with pytest.raises(TypeError, match="port: '8021' must be an int, not str"):
        server.switch.serve(port="8021")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="host: 5 must be a str"):
        server.switch.serve(5)  # type: ignore[arg-type]
    assert works(server)


def test_a_stranger_is_sent_away() -> None:
    with pocket.serve(acl=["192.0.2.0/24"]) as server:
        for _ in range(3):
            wire = Wire.to(server.port)
            packet = wire.packet()
            assert packet.head == b"Content-Type: text/rude-rejection\nContent-Length: 24\n\n"
            assert packet.body == b"Access Denied, go away.\n"
            assert wire.rest().startswith(b"Content-Type: text/disconnect-notice\nContent-Length: 67\n\n")
        assert any("Rejected by acl" in line.text for line in server.switch.log)
        assert server.clients == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_end(tmp_path: Path, number: int) -> None:
    (tmp_path / "hello.py").write_text("def handler(session, args):\n    session.answer()\n    session.hangup()\n")
    (tmp_path / "plan.xml").write_text(EXTENSIONS)
    command = [sys.executable, "-m", "pocket", "serve", "--listen", "127.0.0.1:0", "--password", "secret"]
    command += ["--dialplan", str(tmp_path / "plan.xml"), "--scripts", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout
            said = re.fullmatch(r"event socket on 127\.0\.0\.1:(\d+)\n", program.stdout.readline())
            assert said
            wire = Wire.to(int(said[1]), "secret")
            assert wire.ask("api originate loopback/100 &park").body.startswith(b"+OK ")
            program.send_signal(number)
            assert b"The system is being shut down.\n" in wire.rest()
            _, errors = program.communicate(timeout=DEADLINE)
        finally:
            program.kill()
    assert (program.returncode, errors) == (0, "")


def test_the_command_has_sounds_and_phones(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pocket", "serve", "--listen", "127.0.0.1:0", "--sounds", str(tmp_path)]
    command += ["--missing-sounds", "0.1", "--phone", "user/1001 busy", "--phone", "sofia/*"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout
            wire = Wire.to(int(program.stdout.readline().rpartition(":")[2]), "ClueCon")
            assert wire.ask("api global_getvar sound_prefix").body == str(tmp_path).encode()
            assert wire.ask("api originate user/1001 &park").body == b"-ERR USER_BUSY\n"
            wire.ask("event plain PLAYBACK_STOP")
            assert wire.ask("api originate sofia/gateway/any/2 &playback(nowhere.wav)").body.startswith(b"+OK ")
            assert b"Playback-Status: done" in wire.packet().body
        finally:
            program.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_also_by_a_signal_that_wakes_nobody(number: int) -> None:
    with unwoken(number, "pocket", "serve", "--listen", "127.0.0.1:0") as program:
        assert program.line().startswith("event socket on ")
        program.signal()
        assert program.process.wait(DEADLINE) == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--password", ""], "password is empty"),
        (["--dialplan", "/no/such/file"], "No such file"),
        (["--scripts", "/no/such/folder"], "/no/such/folder"),
        (["--acl", "nowhere"], "nowhere"),
        (["--sounds", "/no/such/sounds"], "/no/such/sounds"),
        (["--phone", "user/1001 busy", "--phone", "user/1001 answers_after=-1"], "answers_after"),
        (["--listen", "nowhere"], "must be an address and a port"),
        (["--listen", "127.0.0.1:99999"], "must be an address and a port"),
        (["--listen", "127.0.0.1:\u00b2"], "'127.0.0.1:\u00b2' must be an address and a port"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], error: str) -> None:
    command = [sys.executable, "-m", "pocket", "serve", "--listen", "127.0.0.1:0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert error in done.stderr and "Traceback" not in done.stderr


# Clients that fail, or mean no good


@pytest.mark.parametrize(
    "garbage",
    [
        os.urandom(100_000) + b"\n\n",
        b"\0" * 1000 + b"\n\n",
        b"\n" * 100_000 + b"api echo\n\n",
        b":\n:\n: :\n\n",
        b"\xff\xfe: \xff\n\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"sendevent " + b"A" * 100_000 + b"\n\n",
        b"api \0echo hi\n\n",
        b"bgapi  \n\n",
        b"event plain " + b"CUSTOM " * 10_000 + b"\n\n",
        b"filter /(/ /(\n\n",
        b"sendevent CUSTOM\nEvent-Subclass: x\nx[5000000]: y\n\n",
        b"sendmsg\n" + b"x: y\n" * 10_000 + b"\n",
        b"api echo x\nContent-Length: -5\n\n",
        b"api echo x\nContent-Length: " + b"9" * 5000 + b"\n\n",
        b"linger " + b"9" * 5000 + b"\n\n",
        b"log " + b"9" * 5000 + b"\n\n",
    ],
    ids=lambda garbage: repr(garbage[:12]),
)
def test_garbage_harms_nobody(server: pocket.Server, garbage: bytes) -> None:
    for password in (None, PASSWORD):
        with Wire.to(server.port, password) as wire:
            wire.send(garbage)
            wire.send(b"exit\n\n")
            wire.rest()
    assert works(server)
    until(lambda: server.clients == 0, "the end of the connections")


def test_a_command_without_end_is_cut_and_a_body_without_end_is_refused(server: pocket.Server) -> None:
    with Wire.to(server.port, PASSWORD) as wire:
        wire.send(b"api echo " + b"x" * 10_485_760 + b"\n\nexit\n\n")
        rest = wire.rest()
        assert rest.startswith(b"Content-Type: api/response\nContent-Length: 10485751\n\nxxx")
    with Wire.to(server.port, PASSWORD) as wire:
        wire.send(b"sendevent CUSTOM\nContent-Length: 2000000000\n\n")
        wire.rest()
    assert any("2000000000 bytes" in line.text for line in server.switch.log)
    assert works(server)


def reset(wire: Wire) -> None:
    """Die as a process does that is killed with unread bytes: the connection is reset."""
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


@pytest.mark.parametrize("close", [Wire.close, reset], ids=["closed", "reset"])
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"api ec",
        b"api msleep 200\n\n",
        b"event plain ALL\n\n",
        b"log\n\n",
        b"sendevent CUSTOM\nContent-Length: 50\n\nhalf",
        b"bgapi msleep 50\n\n",
    ],
)
def test_a_client_that_dies_is_forgotten(server: pocket.Server, close: Callable[[Wire], None], sent: bytes) -> None:
    wire = Wire.to(server.port, PASSWORD)
    wire.send(sent)
    close(wire)
    until(lambda: server.clients == 0, "the end of the connection")
    assert works(server)


def test_a_call_survives_the_client_that_controls_it(server: pocket.Server) -> None:
    lines = Lines()
    call = server.switch.start_call("100")
    server.switch.wait_for(lambda: call.state == "CS_EXECUTE" and call.answered)
    with Wire.to(server.port, PASSWORD) as wire:
        argument = f"execute-app-arg: 127.0.0.1:{lines.port} full"
        wire.ask(f"sendmsg {call.uuid}\ncall-command: execute\nexecute-app-name: socket\n{argument}")
        controls = lines.accept()
        controls.ask_connect()
        controls.send(b"sendmsg\ncall-command: execute\nexecute-app-name: sleep\nexecute-app-arg: 300\n\n")
        reset(controls)
        until(lambda: server.clients == 1, "the end of the connection")
        assert not call.over
        wire.ask(f"api uuid_kill {call.uuid}")
    call.wait()


def test_a_hundred_idle_clients_cost_nothing_and_each_gets_its_events(server: pocket.Server) -> None:
    wires = [Wire.to(server.port, PASSWORD) for _ in range(100)]
    for wire in wires:
        wire.ask("event plain CUSTOM idle::event")
    before = time.process_time()
    server.switch.sleep(1.0)
    assert time.process_time() - before < 0.5
    wires[0].command("sendevent CUSTOM\nEvent-Subclass: idle::event\nX-Number: 7")
    assert wires[0].packet().reply.startswith(b"+OK ")
    assert [wire.event()["X-Number"] for wire in wires] == [b"7"] * 100
    for wire in wires:
        wire.close()
    until(lambda: server.clients == 0, "the end of the connections")


def test_a_client_that_does_not_read_is_cut_off_and_holds_up_nobody(
    server: pocket.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pocket._event_socket.client.QUEUE", 200)
    slow = Wire.to(server.port, PASSWORD)
    slow.ask("event plain CUSTOM slow::event")
    with Wire.to(server.port, PASSWORD) as fires:
        body = "x" * 20_000
        for number in range(2000):
            headers = f"Event-Subclass: slow::event\nX-Number: {number}\nContent-Length: {len(body)}"
            fires.command(f"sendevent CUSTOM\n{headers}\n\n{body}")
            fires.packet()
        until(lambda: server.clients == 1, "the end of the slow one")
        assert fires.ask("api echo yes").body == b"yes"
    texts = [line.text for line in server.switch.log]
    assert any("Killing listener because of too many lost events. Lost [501]" in text for text in texts)
    numbers = []
    try:
        while True:
            numbers.append(int(slow.event()["X-Number"]))
    except (Ended, AssertionError, ConnectionError):
        pass
    # What came is in order, and without a hole.
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 0


def test_a_client_that_does_not_read_does_not_hold_up_closing() -> None:
    server = pocket.serve()
    slow = Wire.to(server.port, PASSWORD)
    slow.ask("event plain CUSTOM slow::event")
    fires = Wire.to(server.port, PASSWORD)
    body = "x" * 100_000
    for _ in range(200):
        fires.command(f"sendevent CUSTOM\nEvent-Subclass: slow::event\nContent-Length: {len(body)}\n\n{body}")
        fires.packet()
    fires.command("api msleep 2000")
    # The client reads nothing: a close that waits for it would never return.
    closing = threading.Thread(target=server.close, daemon=True)
    closing.start()
    closing.join(DEADLINE)
    assert not closing.is_alive()


@pytest.mark.parametrize("options", ["async full", "full"])
def test_closing_gives_calls_back(options: str) -> None:
    lines = Lines()
    plan = f"""<extension name="socket"><condition field="destination_number" expression="^200$">
    <action application="socket" data="127.0.0.1:{lines.port} {options}"/>
    <action application="hangup" data="USER_BUSY"/></condition></extension>"""
    with pocket.Switch(real_time=True, dialplan=plan) as switch:
        switch.subscribe("CHANNEL_PARK")
        server = switch.serve()
        call = switch.start_call("200")
        wire = lines.accept()
        wire.ask_connect()
        if options.startswith("async"):
            switch.wait_for(lambda: switch.events)
        server.close()
        assert b"The system is being shut down.\n" in wire.rest()
        assert call.wait().cause == "USER_BUSY"
        # Without a server the application says so, and the call goes on.
        assert switch.call("200").cause == "USER_BUSY"
        assert any("No server of the event socket runs" in line.text for line in switch.log)


def test_scripts_and_clients_work_on_one_call(tmp_path: Path) -> None:
    (tmp_path / "greeter.py").write_text(
        "def handler(session, args):\n"
        "    session.answer()\n"
        "    session.setVariable('greeted', 'yes')\n"
        "    session.execute('park')\n"
    )
    plan = """<extension name="greets"><condition field="destination_number" expression="^300$">
    <action application="python" data="greeter"/></condition></extension>"""
    with pocket.serve(scripts=tmp_path, dialplan=plan) as server, Wire.to(server.port, PASSWORD) as wire:
        wire.ask("event plain CHANNEL_PARK")
        call = server.switch.start_call("300")
        assert wire.event()["variable_greeted"] == b"yes"
        wire.ask(f"sendmsg {call.uuid}\ncall-command: hangup\nhangup-cause: USER_BUSY")
        assert call.wait().cause == "USER_BUSY"

"""A program beside the switch that ends, hangs, loses its connection, or is one of two."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.fake_switch import FakeSwitch
from hosts.fake_switch import event as event_text
from support.places import events_of
from support.relay import Relay
from support.served import WAITS, Serve, Served, begun, serve

__all__ = ["serve"]


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
    started.send(how)
    result = call.wait()
    assert (result.variables["python_error"], result.variables["went"]) == (why, "on")
    if how == signal.SIGSTOP:
        started.send(signal.SIGCONT)
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


# What it hears in another order than most


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

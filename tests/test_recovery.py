"""Calls outlive their switch: FreeSWITCH recovers them, and their programs go on from their checkpoints."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hosts.base import Host
from hosts.freeswitch import FreeSwitchHost
from hosts.manager import MODULE, Spec
from hosts.ports import free_port
from support.configuration import settings
from support.nats import Nats, connected, needs_nats, node_of
from support.sip import IVR, Callers, Media, begin_profile, needs_sipp, said
from support.workers import Worker, nats, on_bus, variable

__all__ = ["nats"]
pytestmark = [pytest.mark.freeswitch_only, needs_sipp, needs_nats]

CALLS = 3


@pytest.fixture
def port() -> int:
    """The SIP address, whichever switch has it."""
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture
def call(tmp_path: Path, port: int) -> Iterator[Callable[..., Callers]]:
    """Have SIPp call an extension."""
    begun: list[Callers] = []

    def start(extension: str, calls: int = CALLS, **more: Any) -> Callers:
        begun.append(Callers(tmp_path / "sipp", port, extension, calls, **more))
        return begun[-1]

    yield start
    for one in begun:
        one.end()


@pytest.fixture
def first(fresh: Callable[..., Host], nats: Nats, port: int) -> FreeSwitchHost:
    """A switch that can be killed, on the bus and with the address."""
    host = fresh()
    assert isinstance(host, FreeSwitchHost)
    on_bus(host, nats)
    begin_profile(host, port)
    return host


@pytest.fixture
def ivr(first: FreeSwitchHost, nats: Nats, tmp_path: Path) -> Iterator[str]:
    """The IVR in a worker; what the dialplan names it by."""
    program = tmp_path / "recovered_ivr.py"
    program.write_text(IVR)
    worker = Worker(first, nats.url, program).up()
    yield "recovered_ivr"
    worker.end()


def killed_and_back(first: FreeSwitchHost, port: int) -> None:
    """Kill a switch by SIGKILL, and start it again with its profile."""
    first.abandon()
    first.restart()
    begin_profile(first, port)


def at_the_second_menu(host: Host, log: Path) -> None:
    host.wait_for(lambda: len(said(log, "played")) == CALLS or None, what="every call at the second menu")


def went_on(calls: Callers, log: Path) -> None:
    """Every call has gone on at the menu where it was, has had its digits, and its BYE."""
    assert calls.done() == ""
    resumed = [line for line in said(log, "begins") if line["resumed"]]
    assert [line["state"]["menu"] for line in resumed] == [2] * CALLS
    found = sorted((line["state"]["digit"], line["digits"]) for line in said(log, "digits"))
    assert found == sorted(calls.expected)


@pytest.mark.parametrize("way", ["pyremote", "python"])
def test_calls_of_a_killed_switch_go_on_at_the_same_menu(
    first: FreeSwitchHost, ivr: str, port: int, call: Callable[..., Callers], tmp_path: Path, way: str
) -> None:
    log = tmp_path / "said"
    name = ivr if way == "pyremote" else first.script(IVR)
    calls = call(first.extension((way, f"{name} {log}")))
    at_the_second_menu(first, log)
    killed_and_back(first, port)
    assert f"Recovered {CALLS} call(s)" in first.api("sofia recover")
    went_on(calls, log)


GREETS = """
import json

async def handler(session, args):
    with open(args, "a") as file:
        file.write(json.dumps({"what": "greets", "resumed": session.resumed, "state": session.last_checkpoint}) + "\\n")
    await session.answer()
    await session.checkpoint("greeted")
"""


@pytest.mark.parametrize("way", ["pyremote", "python"])
def test_of_two_programs_of_a_call_each_goes_on_from_its_own_checkpoint(
    first: FreeSwitchHost, ivr: str, port: int, call: Callable[..., Callers], tmp_path: Path, way: str
) -> None:
    log = tmp_path / "said"
    name = ivr if way == "pyremote" else first.script(IVR)
    calls = call(first.extension(("python", f"{first.script(GREETS)} {log}"), (way, f"{name} {log}")))
    at_the_second_menu(first, log)
    killed_and_back(first, port)
    assert f"Recovered {CALLS} call(s)" in first.api("sofia recover")
    went_on(calls, log)
    greeted = [line["state"] for line in said(log, "greets") if line["resumed"]]
    assert greeted == [None] * CALLS


def test_a_handler_waits_until_the_far_end_has_answered(
    first: FreeSwitchHost, port: int, tmp_path: Path, call: Callable[..., Callers]
) -> None:
    log, late = tmp_path / "said", 4.0
    calls = call(first.extension(("python", f"{first.script(IVR)} {log}")), answers_after=int(late * 1000))
    at_the_second_menu(first, log)
    killed_and_back(first, port)
    begun = time.time()
    assert f"Recovered {CALLS} call(s)" in first.api("sofia recover")
    went_on(calls, log)
    assert all(line["at"] > begun + late for line in said(log, "begins") if line["resumed"])


def test_a_digit_by_rfc_2833_right_after_a_recovery_is_heard(
    first: FreeSwitchHost, port: int, tmp_path: Path, call: Callable[..., Callers]
) -> None:
    log, media = tmp_path / "said", Media()

    def press(digits: str) -> None:
        uuid = said(log, "begins")[0]["uuid"]
        media.press(digits, int(variable(first, uuid, "local_media_port")))

    try:
        calls = call(first.extension(("python", f"{first.script(IVR)} {log}")), calls=1, media=media.port)
        first.wait_event("CHANNEL_ANSWER")
        press("7")
        first.wait_for(lambda: said(log, "played") or None, what="the call at the second menu")
        killed_and_back(first, port)
        assert "Recovered 1 call(s)" in first.api("sofia recover")
        first.wait_for(lambda: len(said(log, "begins")) == 2 or None, what="the far end's answer")
        press("42")
        assert calls.done() == ""
    finally:
        media.close()
    assert [(line["state"]["digit"], line["digits"]) for line in said(log, "digits")] == [("7", "42")]


def test_another_switch_takes_the_calls_once_the_first_is_dead(
    first: FreeSwitchHost, spec: Spec, nats: Nats, ivr: str, port: int, call: Callable[..., Callers], tmp_path: Path
) -> None:
    folder, log = tmp_path / "second", tmp_path / "said"
    (folder / "db").mkdir(parents=True)
    # The same database in a folder of its own.
    (folder / "db" / "core.db").symlink_to(first.folder / "db" / "core.db")
    assert spec.switch
    second = FreeSwitchHost(spec.switch, folder, MODULE)
    try:
        second.config(settings(("bus-url", nats.url), ("bus-node", "two")))
        connected(second)
        calls = call(first.extension(("pyremote", f"{ivr} {log}")))
        at_the_second_menu(first, log)

        def takes() -> subprocess.CompletedProcess[str]:
            line = [sys.executable, "-m", "freeswitch.apps", "takeover", nats.url, node_of(first), "two"]
            return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

        refused = takes()
        assert f"{node_of(first)} lives" in refused.stderr
        assert first.api("show channels count").split()[0] == str(CALLS)
        first.abandon()
        begin_profile(second, port)
        taken = takes()
        assert taken.stdout == f"two: Recovered {CALLS} call(s)\n", taken.stderr
        went_on(calls, log)
    finally:
        second.abandon()

"""Calls outlive their switch: FreeSWITCH recovers them, and their programs go on from their checkpoints."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.freeswitch import FreeSwitchHost
from hosts.manager import MODULE, Spec
from hosts.ports import free_port
from support.configuration import settings
from support.nats import Nats, connected, needs_nats, node_of
from support.sip import IVR, Callers, begin_profile, needs_sipp, said
from support.workers import Worker, nats, on_bus

__all__ = ["nats"]
pytestmark = [pytest.mark.freeswitch_only, needs_sipp, needs_nats]

CALLS = 3


@pytest.fixture
def port() -> int:
    """The SIP address, whichever switch has it."""
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture
def call(tmp_path: Path, port: int) -> Iterator[Callable[[str], Callers]]:
    """Have SIPp call an extension."""
    begun: list[Callers] = []

    def start(extension: str) -> Callers:
        begun.append(Callers(tmp_path / "sipp", port, extension, CALLS))
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
    first: FreeSwitchHost, ivr: str, port: int, call: Callable[[str], Callers], tmp_path: Path, way: str
) -> None:
    log = tmp_path / "said"
    name = ivr if way == "pyremote" else first.script(IVR)
    calls = call(first.extension((way, f"{name} {log}")))
    at_the_second_menu(first, log)
    # By SIGKILL.
    first.abandon()
    first.restart()
    begin_profile(first, port)
    assert f"Recovered {CALLS} call(s)" in first.api("sofia recover")
    went_on(calls, log)


def test_another_switch_takes_the_calls_once_the_first_is_dead(
    first: FreeSwitchHost, spec: Spec, nats: Nats, ivr: str, port: int, call: Callable[[str], Callers], tmp_path: Path
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

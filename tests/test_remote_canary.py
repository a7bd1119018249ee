"""Versions of an app that share its calls by weights, and one that is withdrawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from hosts.base import Host
from support.nats import Nats
from support.workers import HEAD, WAITS, Work, Worker, app, begun, nats, needs_nats, node, saw, work

__all__ = ["app", "nats", "node", "work"]
pytestmark = needs_nats
Withdraw = Callable[..., str]
TIMEOUT = 60  # seconds
SAYS = HEAD + "async def handler(session, args): session.setVariable('saw', str(os.getpid()))\n"
FAILS = "async def handler(session, args): 1 / 0\n"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `freeswitch-apps` to its end."""
    line = [sys.executable, "-m", "freeswitch.apps", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT, check=False)


@pytest.fixture
def withdraw(nats: Nats, app: str) -> Withdraw:
    """Withdraw a version of the program, or have it back; what was said."""

    def run(version: str, *more: str) -> str:
        done = command("withdraw", nats.url, app, version, *more)
        assert not done.returncode, done.stderr
        return done.stdout

    return run


def listed(nats: Nats, worker: Worker) -> str:
    """What `nodes` says of a worker."""
    out = command("nodes", nats.url).stdout
    (line,) = [line for line in out.splitlines() if line.startswith(worker.name)]
    return line


def servers(node: Host, app: str, calls: int) -> Counter[object]:
    """Which processes serve so many calls, one after the other."""
    return Counter(saw(node.call(("pyremote", app))) for _ in range(calls))


def test_calls_one_at_a_time_are_shared_by_the_weights(node: Host, work: Work, app: str) -> None:
    old, new = work(SAYS, "--version", "1"), work(SAYS, "--version", "2", "--weight", "10")
    # Both are known once each has had a call.
    node.wait_for(lambda: len(servers(node, app, 2)) == 2 or None, what="a call in each")
    found = servers(node, app, 22)
    # It is 2 of 22, and one more or less where the first call was in between.
    assert 1 <= found[new.process.pid] <= 3
    assert found[old.process.pid] == 22 - found[new.process.pid]


def test_calls_at_the_same_time_are_shared_by_the_weights(node: Host, work: Work, app: str) -> None:
    old, new = work(WAITS), work(WAITS, "--weight", "25")
    calls = [begun(node, app) for _ in range(10)]
    found = Counter(pid for _, pid in calls)
    for call, _ in calls:
        call.hangup()
        call.wait()
    assert 1 <= found[new.process.pid] <= 3
    assert found[old.process.pid] == 10 - found[new.process.pid]


def test_a_weight_of_nothing_takes_no_call(node: Host, work: Work, app: str) -> None:
    idle = work(SAYS, "--weight", "0")
    result = node.call(("pyremote", app))
    assert f"'{app}'" in result.variables["python_error"]
    other = work(SAYS)
    assert servers(node, app, 3) == {other.process.pid: 3}
    assert idle.process.poll() is None


@pytest.mark.parametrize("weight", ["-1", "1001", "1.5", "many", ""])
def test_a_weight_that_is_none_is_refused(weight: str) -> None:
    done = command("serve", "nats://127.0.0.1:1", "mine.py", f"--weight={weight}")
    assert done.returncode == 2
    assert done.stderr.endswith(f"argument --weight: must be a whole number, 0 to 1000, not {weight!r}\n")


def test_a_version_that_fails_is_seen_and_withdrawn(
    node: Host, nats: Nats, work: Work, app: str, withdraw: Withdraw
) -> None:
    good, bad = work(SAYS, "--version", "1"), work(FAILS, "--version", "2 β.1")

    def fails() -> bool:
        return "ZeroDivisionError" in node.call(("pyremote", app)).variables.get("python_error", "")

    node.wait_for(lambda: fails() or None, what="a call that fails")
    seen = listed(nats, bad)
    assert "2 β.1" in seen and "weight 100, 1 of 1 failed" in seen
    assert "0 of " in listed(nats, good)
    assert withdraw("2 β.1") == f"{bad.name} takes no new calls of {app}\n"
    bad.says(f"version '2 β.1' of {app} takes no new calls: it is withdrawn")
    assert servers(node, app, 4) == {good.process.pid: 4}
    assert listed(nats, bad).endswith(f"1 of 1 failed, withdrawn: {app}")
    # It holds for those that begin later, too.
    later = work(FAILS, "--version", "2 β.1")
    assert listed(nats, later).endswith(f"0 of 0 failed, withdrawn: {app}")
    assert servers(node, app, 4) == {good.process.pid: 4}
    assert sorted(withdraw("2 β.1", "--again").splitlines()) == sorted(
        f"{one.name} takes calls of {app}" for one in (bad, later)
    )
    assert any(fails() for _ in range(6))


def test_calls_that_a_withdrawn_version_has_end_there(node: Host, work: Work, app: str, withdraw: Withdraw) -> None:
    worker = work(WAITS)
    call, pid = begun(node, app)
    assert withdraw("") == f"{worker.name} takes no new calls of {app}\n"
    assert "no worker" in node.call(("pyremote", app)).variables["python_error"]
    call.hangup()
    result = call.wait()
    assert (result.variables["saw"], pid) == (json.dumps("hangup"), worker.process.pid)


def test_a_version_is_withdrawn_before_it_begins(node: Host, work: Work, app: str, withdraw: Withdraw) -> None:
    nobody = f"no worker serves version '3' of {app} now"
    assert withdraw("3") == f"{nobody}; it is kept for those that begin later\n"
    assert withdraw("3", "--again") == f"{nobody}; those that begin later take calls\n"
    withdraw("3")
    work(SAYS, "--version", "3")
    assert "no worker" in node.call(("pyremote", app)).variables["python_error"]
    other = work(SAYS, "--version", f"{os.getpid()}")
    assert servers(node, app, 2) == {other.process.pid: 2}


def test_a_program_without_a_name_is_not_withdrawn(nats: Nats) -> None:
    done = command("withdraw", nats.url, "", "1")
    why = "freeswitch-apps withdraw: name the program that is withdrawn, as a dialplan does\n"
    assert (done.returncode, done.stderr) == (1, why)


def test_who_only_looks_does_not_make_the_bucket(
    node: Host, tmp_path_factory: pytest.TempPathFactory, app: str
) -> None:
    own = Nats(tmp_path_factory.mktemp("own"))
    program = tmp_path_factory.mktemp("programs") / f"{app}.py"
    program.write_text(SAYS, encoding="utf-8")
    worker = Worker(node, own.url, program).up()
    try:
        data = own.folder / "data"
        assert not list(data.rglob("KV_freeswitch"))
        done = command("withdraw", own.url, app, "1")
        assert not done.returncode, done.stderr
        assert list(data.rglob("KV_freeswitch"))
    finally:
        worker.end()
        own.stop()

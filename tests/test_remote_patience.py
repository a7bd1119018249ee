"""How long a switch waits for what workers say, and how often they say it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from hosts.base import Host
from support.configuration import settings
from support.nats import Nats, connected, node_of
from support.workers import WAITS, Work, app, begun, nats, needs_nats, node, work

__all__ = ["app", "nats", "node", "work"]
pytestmark = needs_nats


def patient(host: Host, nats: Nats, seconds: str) -> None:
    """Have a switch wait so long for its workers."""
    host.config(settings(("bus-url", nats.url), ("bus-node", node_of(host)), ("bus-worker-patience", seconds)))
    connected(host)


def test_the_patience_of_a_switch_is_a_setting(node: Host, nats: Nats, work: Work, app: str) -> None:
    patient(node, nats, "3")
    since = node.mark()
    worker = work(WAITS)
    call, _ = begun(node, app)
    worker.send(signal.SIGKILL)
    died = time.monotonic()
    node.wait_log(f"MR0025 pyremote {app}: worker {worker.name}: .* said nothing for 3 s", since=since)
    # It has said so 0.4 s before it died, at most.
    assert time.monotonic() - died > 2.5
    call.hangup()
    call.wait()
    assert not [line for line in node.log(since) if "bus-worker-patience" in line.text]


def test_a_worker_that_says_too_seldom_is_told_of_once(node: Host, nats: Nats, work: Work, app: str) -> None:
    patient(node, nats, "3")
    since = node.mark()
    worker = work(WAITS, "--beat", "1.1")
    line = f"MR0025 worker {worker.name} says every 1.1 s that it is there, and bus-worker-patience is 3 s"
    node.wait_log(line, since=since)
    for _ in range(2):
        call, _ = begun(node, app)
        call.hangup()
        call.wait()
    assert (
        len(
            [found for found in node.log(since) if "bus-worker-patience is" in found.text and worker.name in found.text]
        )
        == 1
    )


@pytest.mark.parametrize("wrong", ["0.2", "61", "soon", "nan"])
def test_what_is_no_patience_is_said(host: Host, wrong: str) -> None:
    host.config(settings(("bus-worker-patience", wrong)))
    host.wait_log(f"^MR0010 python.conf: bus-worker-patience '{wrong}': must be 0.3 to 60 seconds")


@pytest.mark.parametrize("wrong", ["0.09", "21", "often", "nan", "-1"])
def test_what_is_no_beat_is_refused(wrong: str) -> None:
    line = [sys.executable, "-m", "freeswitch.apps", "serve", "nats://127.0.0.1:1", "mine.py", f"--beat={wrong}"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(f"argument --beat: must be 0.1 to 20 seconds, not {wrong!r}\n")

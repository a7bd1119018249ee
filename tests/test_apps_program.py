"""`freeswitch-apps serve` and `dial` as programs, on a switch that they reach by its event socket."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import Host

Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def program(served: Host) -> Iterator[Program]:
    """Start the program on the switch's event socket."""
    port, password = served.event_socket()
    started: list[subprocess.Popen[str]] = []

    def start(command: str, *arguments: str) -> subprocess.Popen[str]:
        host = f"127.0.0.1:{port}"
        line = [sys.executable, "-m", "freeswitch.apps", command, host, "--password", password, *arguments]
        started.append(subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


APP = """
from freeswitch.apps.routers import Router
router = Router(guards={"Call-Direction": "inbound"}, reject_on_guard=False)

@router.route("(.*)")
async def welcome(sess, match, router):
    await sess.answer()
    await sess.playback("tone_stream://%(50,0,440)")
    await sess.hangup("USER_BUSY")
"""
ORIGINAL = APP.replace("freeswitch.apps.routers", "switchio.apps.routers")


def end(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Ctrl-C, and what is said to that."""
    running.send_signal(signal.SIGINT)
    out, errors = running.communicate(timeout=30)
    return running.returncode, out, errors


@pytest.mark.parametrize(("option", "source"), [("--app", APP), ("--switchio", ORIGINAL)])
def test_apps_are_served(served: Host, program: Program, tmp_path: Path, option: str, source: str) -> None:
    path = tmp_path / "route_app.py"
    path.write_text(source)
    running = program("serve", option, f"{path}:router")
    extension = served.extension(("answer", ""), ("park", ""))

    def served_by_it() -> bool | None:
        # Before the program is there, a call parks until the test hangs it up.
        call = served.start_call(extension, hangup_after=5.0)
        return call.wait().cause == "USER_BUSY" or None

    served.wait_for(served_by_it, timeout=30)
    code, out, errors = end(running)
    assert (code, out) == (0, ""), errors
    assert "Traceback" not in errors
    # What is started in a terminal says that it is up.
    assert f"Router serves the calls of 127.0.0.1:{served.event_socket()[0]}\n" in errors


def test_calls_are_dialed(served: Host, program: Program, tmp_path: Path) -> None:
    extension = served.extension(("park", ""))
    options = "--rate 20 --limit 5 --max-offered 12 --duration 0.3 --app TonePlay --results"
    running = program("dial", "--dest-url", f"loopback/{extension}", *options.split(), str(tmp_path))
    out, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    with (tmp_path / "calls.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["outcome"] for row in rows] == ["answered"] * 12
    assert {row["hangup_cause"] for row in rows} == {"NORMAL_CLEARING"}
    assert all(row["callee_uuid"] and row["host"] == "127.0.0.1" for row in rows)
    assert "calls offered" in out and (tmp_path / "report.html").read_text().count("<svg") >= 5
    served.wait_no_calls()


def test_a_dialer_that_is_interrupted_hangs_up_and_reports(served: Host, program: Program, tmp_path: Path) -> None:
    extension = served.extension(("park", ""))
    options = "--rate 20 --limit 4 --duration 600 --results"
    running = program("dial", "--dest-url", f"loopback/{extension}", *options.split(), str(tmp_path))
    served.wait_for(lambda: served.api("show channels count").strip().startswith("8 ") or None, timeout=40)
    code, out, errors = end(running)
    assert code == 0, errors
    assert "calls offered" in out
    served.wait_no_calls()
    assert len((tmp_path / "calls.csv").read_text().splitlines()) == 5


@pytest.mark.parametrize("command", [("serve", "--app", "TonePlay"), ("dial", "--dest-url", "loopback/1")])
def test_a_wrong_password_is_said(program: Program, command: tuple[str, ...]) -> None:
    running = program(*command, "--password", "another")
    out, errors = running.communicate(timeout=60)
    assert (running.returncode, out) == (1, "")
    assert "refused the password" in errors.splitlines()[-1]
    assert "Traceback" not in errors

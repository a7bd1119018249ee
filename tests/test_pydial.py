"""`pydial`: the dialer of the switch by its command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.base import Host


@pytest.fixture
def dialing(host: Host) -> Iterator[Host]:
    """A switch whose dialer has ended when the test has."""
    yield host
    host.api("pydial hupall")
    host.wait_for(lambda: has_ended(host.api("pydial status json")) or None)


def has_ended(said: str) -> bool:
    """Tell whether another dialer may start: there is none, or it has stopped and its calls have ended."""
    if said.startswith("-ERR"):
        return True
    found = json.loads(said)
    return bool(found["state"] == "STOPPED" and found["active"].startswith("0 "))


def status(host: Host) -> dict[str, str]:
    found: dict[str, str] = json.loads(host.api("pydial status json"))
    return found


def test_calls_are_placed_shown_and_ended(dialing: Host, parked: str, tmp_path: Path) -> None:
    host = dialing
    options = f"--rate 20 --limit 3 --max-offered 9 --duration 600 --results {tmp_path}"
    assert host.api(f"pydial start loopback/{parked} {options}") == (
        f"+OK to loopback/{parked} at 20 calls a second, at most 3 at once\n"
    )
    host.wait_for(lambda: status(host)["answered"] == "3" or None)
    found = status(host)
    assert (found["state"], found["offered"], found["active"]) == ("ORIGINATING", "3", "3 of 3")
    assert "a dialer runs already" in host.api(f"pydial start loopback/{parked}")
    assert host.api("pydial set limit 4") == "+OK\n"
    host.wait_for(lambda: status(host)["active"] == "4 of 4" or None)
    assert host.api("pydial stop") == "+OK 4 calls go on\n"
    assert "state: STOPPED\n" in host.api("pydial status")
    assert host.api("pydial hupall") == "+OK 4 calls are hung up\n"
    host.wait_for(lambda: status(host)["active"] == "0 of 4" or None)
    host.wait_for(lambda: len((tmp_path / "calls.csv").read_text().splitlines()) == 5 or None)
    # Another one takes its place.
    assert host.api(f"pydial start loopback/{parked} --rate 50 --max-offered 2 --limit 2 --duration 0.1").startswith(
        "+OK"
    )
    host.wait_for(lambda: (status(host)["state"] == "STOPPED" and status(host)["active"] == "0 of 2") or None)
    assert (status(host)["offered"], status(host)["answered"]) == ("2", "2")


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("", "-USAGE: pydial start"),
        ("explode", "-USAGE: pydial start"),
        ("start", "-ERR the following arguments are required: destination"),
        ("start loopback/1 --rate fast", "-ERR argument --rate: invalid float value: 'fast'"),
        ("start loopback/1 --rate 0", "-ERR argument 'rate' must be above 0, not 0.0"),
        ("start loopback/1 --rate-profile up", "-ERR argument --rate-profile: "),
        ("start loopback/1 --app NoSuchApp", "-ERR there is no app 'NoSuchApp'; there are "),
        ("start loopback/1 --no-such 1", "-ERR unrecognized arguments: --no-such 1"),
        ("start 'loopback", "-ERR No closing quotation"),
        ("set rate 5", "-ERR there is no dialer"),
        ("stop", "-ERR there is no dialer"),
        ("status", "-ERR there is no dialer"),
    ],
)
def test_what_is_wrong_is_said(host: Host, command: str, wrong: str) -> None:
    # Whatever ran before has gone with the module's event loop.
    assert host.api("reload mod_rust").startswith("+OK")
    assert host.api(f"pydial {command}").startswith(wrong)


def test_the_results_of_a_dialer_that_a_reload_has_ended_are_closed(dialing: Host, parked: str, tmp_path: Path) -> None:
    open_files = dialing.script("""
        import gc, os
        def fsapi(session, stream, env, args):
            # One that was left open is said here, by a ResourceWarning.
            gc.collect()
            fds = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
            stream.write(str(sum(os.readlink(fd) == args for fd in fds if os.path.islink(fd))))
    """)
    command = f"pydial start loopback/{parked} --rate 0.01 --limit 1 --duration 600"
    assert dialing.api(f"{command} --results {tmp_path}").startswith("+OK")
    assert dialing.api(f"python {open_files} {tmp_path}/calls.csv") == "1"
    dialing.api("pydial hupall")
    dialing.wait_no_calls()
    assert dialing.api("reload mod_rust").startswith("+OK")
    assert dialing.api("pydial status").startswith("-ERR there is no dialer")
    assert dialing.api(command).startswith("+OK")
    assert dialing.api(f"python {open_files} {tmp_path}/calls.csv") == "0"


def test_settings_that_are_wrong(dialing: Host, parked: str) -> None:
    assert dialing.api(f"pydial start loopback/{parked} --rate 0.01 --limit 1 --duration 600").startswith("+OK")
    assert dialing.api("pydial set rate").startswith("-ERR pydial set <setting> <value>: rate, limit, max-offered")
    assert dialing.api("pydial set colour red").startswith("-ERR pydial set")
    assert dialing.api("pydial set rate -1").startswith("-ERR argument 'rate' must be above 0")
    assert dialing.api("pydial set duration often").startswith("-ERR ")
    assert dialing.api("pydial set duration exp:5") == "+OK\n"
    assert dialing.api("pydial status xml").startswith("-ERR pydial status [json]")

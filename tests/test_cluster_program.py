"""`freeswitch-apps bus` and `nodes`, and a program without a switch that opens a bus itself."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.ports import free_port
from support.configuration import settings
from support.nats import Nats, connected, needs_nats, server
from support.signals import unwoken

Run = Callable[..., "subprocess.Popen[str]"]
TIMEOUT = 60  # seconds


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats | None]:
    yield from server(tmp_path_factory)


@pytest.fixture
def run() -> Iterator[Run]:
    """Start `freeswitch-apps`, or Python with a program."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
        line = [sys.executable, *(arguments if arguments[0] == "-c" else ("-m", "freeswitch.apps", *arguments))]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environ}))
        return started[-1]

    yield start
    for one in started:
        # Told to end, `bus` ends its server, which holds the other ends of these pipes.
        one.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            one.communicate(timeout=TIMEOUT)
        one.kill()


@needs_nats
def test_a_bus_to_try_is_there_until_it_is_ended(host: Host, run: Run) -> None:
    port = free_port()
    running = run("bus", "--port", str(port))
    assert running.stdout is not None
    line = running.stdout.readline()
    assert f'<param name="bus-url" value="nats://127.0.0.1:{port}"/>' in line
    host.config(settings(("bus-url", f"nats://127.0.0.1:{port}"), ("bus-node", "sw1")))
    connected(host)
    listed = run("nodes", f"nats://127.0.0.1:{port}", "--json")
    out, errors = listed.communicate(timeout=TIMEOUT)
    assert listed.returncode == 0, errors
    said = [json.loads(line) for line in out.splitlines()]
    assert [(node["node"], node["kind"]) for node in said] == [("sw1", "switch")]
    shown = run("nodes", f"nats://127.0.0.1:{port}")
    out, errors = shown.communicate(timeout=TIMEOUT)
    assert re.match(r"sw1 +switch +\d+\.\d+\.\d+ +0 running +\d+ s", out), out + errors
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=TIMEOUT)
    assert running.returncode == 0


@needs_nats
def test_a_bus_whose_port_another_server_has_is_not_there(run: Run, nats: Nats) -> None:
    second = run("bus", "--port", str(nats.port))
    out, errors = second.communicate(timeout=TIMEOUT)
    assert (second.returncode, out) == (1, "")
    assert "address already in use" in errors
    assert errors.endswith("the server has ended with 1; what it says stands above\n")


@needs_nats
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_with_the_bus_to_try(run: Run, how: int) -> None:
    port = free_port()
    running = run("bus", "--port", str(port))
    assert running.stdout is not None and "bus-url" in running.stdout.readline()
    running.send_signal(how)
    running.communicate(timeout=TIMEOUT)
    assert running.returncode == 0
    # Nobody has the port.
    socket.create_server(("127.0.0.1", port)).close()


@needs_nats
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_bus_to_try_ends_also_by_a_signal_that_wakes_nobody(how: int) -> None:
    port = free_port()
    with unwoken(how, "freeswitch.apps", "bus", "--port", str(port)) as running:
        assert "bus-url" in running.line()
        running.signal()
        assert running.process.wait(TIMEOUT) == 0
    socket.create_server(("127.0.0.1", port)).close()


@needs_nats
def test_what_is_kept_in_a_store_outlives_the_bus(run: Run, tmp_path: Path) -> None:
    program = """
import sys
from freeswitch import _loop, bus, kv
bus.connect(sys.argv[1], node="worker")
async def work(): return await (kv.put("there", 7) if sys.argv[2] == "put" else kv.get("there"))
import concurrent.futures
done = concurrent.futures.Future()
async def run():
    try: done.set_result(await work())
    except BaseException as error: done.set_exception(error)
_loop.call(lambda: _loop.spawn(run()))
print(done.result(30), bus.state().node, bus.state().connected)
"""
    found = []
    for verb in ("put", "get"):
        port = free_port()
        running = run("bus", "--port", str(port), "--store", str(tmp_path / "kept"))
        assert running.stdout is not None and "bus-url" in running.stdout.readline()
        asked = run("-c", program, f"nats://127.0.0.1:{port}", verb)
        out, errors = asked.communicate(timeout=TIMEOUT)
        assert asked.returncode == 0, errors
        found.append(out.split())
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=TIMEOUT)
    assert found == [["1", "worker", "True"], ["7", "worker", "True"]]


@needs_nats
def test_a_bus_that_others_reach_needs_a_token(run: Run) -> None:
    refused = run("bus", "--listen", "0.0.0.0", "--port", str(free_port()), BUS_TOKEN="")
    out, errors = refused.communicate(timeout=TIMEOUT)
    assert (refused.returncode, out) == (1, "")
    assert errors == (
        "freeswitch-apps bus: others than this machine reach 0.0.0.0: set BUS_TOKEN, which every switch then needs\n"
    )
    port = free_port()
    running = run("bus", "--listen", "0.0.0.0", "--port", str(port), BUS_TOKEN="s3cr3t-token")
    assert running.stdout is not None
    line = running.stdout.readline()
    assert "and bus-token" in line and "s3cr3t" not in line
    # Where it listens is no address to connect to.
    assert re.search(r'value="nats://[^"]+"', line) and "0.0.0.0" not in line
    without = run("nodes", f"nats://127.0.0.1:{port}", BUS_TOKEN="")
    out, errors = without.communicate(timeout=TIMEOUT)
    assert without.returncode == 1 and "it refuses the user, password, token or credentials" in errors
    with_it = run("nodes", f"nats://127.0.0.1:{port}", BUS_TOKEN="s3cr3t-token")
    out, errors = with_it.communicate(timeout=TIMEOUT)
    assert with_it.returncode == 0, errors
    assert out == "no switch and no worker has said in 2.5 s that it is there\n"
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=TIMEOUT)


def test_a_bus_that_is_not_there_is_named(run: Run) -> None:
    port = free_port()
    listed = run("nodes", f"nats://127.0.0.1:{port}")
    _, errors = listed.communicate(timeout=TIMEOUT)
    assert listed.returncode == 1
    assert "freeswitch-apps nodes: the bus is not connected: " in errors and "refused" in errors


@pytest.mark.parametrize(
    ("url", "shown"),
    [("http://127.0.0.1", "http://127.0.0.1"), ("nats://joe:s3cr3t@127.0.0.1:99999", "nats://127.0.0.1:99999")],
)
def test_what_can_be_no_server_is_said_at_once(run: Run, url: str, shown: str) -> None:
    listed = run("nodes", url)
    _, errors = listed.communicate(timeout=TIMEOUT)
    assert listed.returncode == 1
    assert errors == (
        "freeswitch-apps nodes: argument 'url' must name a server, nats://HOST:PORT or tls://HOST:PORT, "
        f'not "{shown}"\n'
    )


def test_a_missing_server_is_named_with_what_brings_it(run: Run, tmp_path: Path) -> None:
    program = (
        f"import sys; sys.executable = {str(tmp_path / 'python')!r}\n"
        "from freeswitch.apps.command import main\nsys.exit(main(['bus']))"
    )
    missing = run("-c", program, PATH=str(tmp_path))
    _, errors = missing.communicate(timeout=TIMEOUT)
    assert missing.returncode == 1
    assert errors.endswith("there is no nats-server: pip install 'freeswitch-pocket[bus]', or install NATS\n")


@needs_nats
def test_the_calls_of_a_switch_that_lives_are_not_taken(host: Host, nats: Nats, run: Run, tmp_path: Path) -> None:
    host.config(settings(("bus-url", nats.url), ("bus-node", "sw1")))
    connected(host)
    fenced = tmp_path / "fenced"
    cases = {
        ("sw1", "sw2"): "sw1 lives: it says that it is there; no call is taken",
        ("sw2", "sw3"): "sw3 is not there: no call is taken",
        ("sw1", "sw1"): "sw1 cannot take its own calls: a switch that is back runs 'sofia recover' itself",
        ("sw2", "sw1", "--fence", f"touch {fenced}; exit 3"): "the fence has failed with 3: no call is taken",
    }
    begun = {case: run("takeover", nats.url, *case) for case in cases}
    for case, why in cases.items():
        out, errors = begun[case].communicate(timeout=TIMEOUT)
        assert (begun[case].returncode, out) == (1, "")
        assert errors.endswith(f"freeswitch-apps takeover: {why}\n")
    assert fenced.exists()


def test_the_bus_of_a_switch_is_its_configuration_s(host: Host) -> None:
    name = host.script("""
        from freeswitch import bus
        def fsapi(session, stream, env, args):
            try: bus.connect("nats://127.0.0.1")
            except RuntimeError as error: stream.write(str(error))
    """)
    assert host.api(f"python {name}") == "this process has a switch, whose bus is named by bus-url in its python.conf"

"""/metrics, /health and /ready, served by the module itself."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.base import Host
from hosts.ports import free_port
from support.configuration import settings

ROOT = Path(__file__).resolve().parents[1]
DASHBOARD = ROOT / "docs" / "grafana-dashboard.json"
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)*\})? ([0-9.eE+-]+|\+Inf)')


class Listener:
    """Where the metrics are."""

    def __init__(self, host: Host, port: int) -> None:
        self.host, self.port = host, port

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Ask for a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def raw(self, request: bytes) -> bytes:
        """Send bytes, and give all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
            wire.sendall(request)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while some := wire.recv(65536):
                    answer += some
            return answer

    def values(self, **headers: str) -> dict[str, float]:
        """Give what /metrics says, by name and labels."""
        status, text = self.get("/metrics", **headers)
        assert status == 200, text
        found = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                match = SAMPLE.fullmatch(line)
                assert match, line
                found[match[1] + (match[2] or "")] = float(match[3])
        return found


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=20):
        return True
    return False


@pytest.fixture
def listener(host: Host) -> Iterator[Listener]:
    port = free_port()
    host.config(settings(("metrics-listen", f"127.0.0.1:{port}")))
    host.wait_for(lambda: is_open(port) or None, what="the listener")
    yield Listener(host, port)
    host.restore()
    host.wait_for(lambda: not is_open(port) or None, what="the end of the listener")


def test_it_says_what_pystat_says(listener: Listener) -> None:
    host = listener.host
    good = host.script("def fsapi(session, stream, env, args): stream.write('x')")
    bad = host.script("def fsapi(session, stream, env, args): 1 / 0")
    for name in (good, good, bad):
        host.api(f"python {name}")
    values = listener.values()
    said = json.loads(host.api("pystat json"))
    for label, table in (("way", "ways"), ("module", "modules"), ("function", "functions")):
        for name, counted in said[table].items():
            assert values[f'mod_rust_{label}_calls_total{{{label}="{name}"}}'] == counted["calls"]
            assert values[f'mod_rust_{label}_errors_total{{{label}="{name}"}}'] == counted["errors"]
            assert values[f'mod_rust_{label}_seconds_count{{{label}="{name}"}}'] == counted["calls"]
    assert values["mod_rust_reloads_total"] == said["reloads"]
    assert values["mod_rust_loop_lag_seconds"] >= 0
    buckets = [values[key] for key in values if key.startswith(f'mod_rust_function_seconds_bucket{{function="{good}')]
    assert buckets == sorted(buckets) and buckets[-1] == 2


def test_every_family_has_a_help_and_a_type_in_both_forms(listener: Listener) -> None:
    for accept, ends in (("text/plain", ""), ("application/openmetrics-text; version=1.0.0", "# EOF\n")):
        _, text = listener.get("/metrics", Accept=accept)
        assert text.endswith(ends)
        kinds: dict[str, str] = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in kinds, line
                kinds[name] = kind
                assert f"# HELP {name} " in text
            elif match := SAMPLE.fullmatch(line):
                own = re.sub(r"_(bucket|sum|count|total)$", "", match[1])
                assert match[1] in kinds or own in kinds, line
        assert kinds["mod_rust_way_seconds"] == "histogram"
        for name in kinds:
            if name.endswith("_seconds") and ends:
                assert f"# UNIT {name} seconds\n" in text


def test_the_switch_is_counted_too(listener: Listener) -> None:
    host = listener.host
    before = listener.values()
    assert before["freeswitch_up"] == 1
    for name in ("current_sessions", "current_sps", "max_sessions", "max_sps", "current_idle_cpu", "uptime_seconds"):
        assert f"freeswitch_{name}" in before
    result = host.call(("hangup", "USER_BUSY"))
    assert result.cause == "USER_BUSY"
    host.wait_for(
        lambda: (
            listener.values().get('mod_rust_hangups_total{cause="USER_BUSY"}', 0)
            > before.get('mod_rust_hangups_total{cause="USER_BUSY"}', 0)
            or None
        ),
        what="a cause that was counted",
    )
    after = listener.values()
    assert after["freeswitch_sessions_total"] > before["freeswitch_sessions_total"]
    # A label never is a call's own: the series would be without end.
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", "".join(after))


def test_health_and_readiness(listener: Listener) -> None:
    assert listener.get("/health") == (200, "the module runs\n")
    # The module of a switch that has just begun is there before the switch has loaded all others.
    listener.host.wait_for(lambda: listener.get("/ready")[0] == 200 or None, what="a switch that is ready")
    assert listener.get("/ready") == (200, "scripts are run\n")
    assert listener.get("/nowhere")[0] == 404


def test_a_script_that_keeps_the_lock_does_not_keep_the_listener(listener: Listener, tmp_path: Path) -> None:
    go = tmp_path / "go"
    name = listener.host.script(f"""
import ctypes, os, time
def runtime(args):
    # PyDLL keeps Python's lock while C code runs.
    sleep = ctypes.PyDLL(None).usleep
    open({str(go)!r}, "w").close()
    for _ in range(400):
        sleep(10_000)
        if os.path.exists({str(go)!r} + ".end"): return
""")
    listener.host.api(f"pyrun {name}")
    deadline = time.monotonic() + 20
    while not go.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        assert listener.get("/health")[0] == 200
        assert listener.values()["mod_rust_way_running" + '{way="pyrun"}'] == 1
    finally:
        Path(f"{go}.end").touch()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"\x00\xff\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused(listener: Listener, request_: bytes, status: int) -> None:
    assert listener.raw(request_).startswith(b"HTTP/1.1 %d " % status)
    assert listener.get("/health")[0] == 200


def test_a_client_that_says_nothing_is_sent_away(listener: Listener) -> None:
    with socket.create_connection(("127.0.0.1", listener.port), timeout=20) as silent:
        assert silent.recv(1) == b""
    assert listener.get("/health")[0] == 200


def test_clients_that_say_nothing_keep_nobody_waiting(listener: Listener) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=20))
        # Each may be silent for two seconds; one after the other they would be so for longer than this waits.
        assert listener.get("/health")[0] == 200


def test_clients_that_are_slow_delay_no_call(listener: Listener) -> None:
    host = listener.host
    name = host.script("def handler(session, args): session.answer()")
    extension = host.extension(("python", name))

    def call_meanwhile() -> bool:
        """Make a call; whether the listener was with one slow reader from before its beginning to after its end."""
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=20))
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=20))
            slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            slow.recv(16)
            # It is answered when the slow one is done, two seconds later.
            following = stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), timeout=20))
            following.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            result = host.call(extension=extension)
            waits = not select.select([following], [], [], 0)[0]
            assert result.answered
            assert following.recv(16).startswith(b"HTTP/1.1 200")
            return waits

    # A machine that is busy for two seconds tells nothing of a call.
    end = time.monotonic() + 120
    for _ in range(3):
        while not call_meanwhile():
            assert time.monotonic() < end, "calls wait for the listener"


def test_others_need_a_token(host: Host) -> None:
    port = free_port()
    listener = Listener(host, port)
    host.config(settings(("metrics-listen", f"0.0.0.0:{port}")))
    host.wait_log("MR0010 .*metrics-listen '0.0.0.0:.*it needs a metrics-token")
    assert not is_open(port)
    host.config(settings(("metrics-listen", f"0.0.0.0:{port}"), ("metrics-token", "a-secret-one")))
    try:
        host.wait_for(lambda: is_open(port) or None, what="the listener")
        assert listener.get("/metrics")[0] == 401
        assert listener.get("/health", Authorization="Bearer a-secret-two")[0] == 401
        assert listener.get("/health", Authorization="Bearer a-secret-one", Host="sw1.example")[0] == 200
        assert not [line for line in host.log() if "a-secret-one" in line.text]
    finally:
        host.restore()
        host.wait_for(lambda: not is_open(port) or None, what="the end of the listener")


def test_a_port_that_is_taken_is_one_line(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        host.config(settings(("metrics-listen", f"127.0.0.1:{port}")))
        host.wait_log(f"MR0021 the metrics are not served at 127.0.0.1:{port}: Address already in use")
        assert host.api(f"python {host.script('def fsapi(s, stream, env, args): stream.write(args)')} on") == "on"
    host.restore()


def test_the_dashboard_asks_for_what_is_there(listener: Listener) -> None:
    name = listener.host.script("def fsapi(session, stream, env, args): stream.write('x')")
    listener.host.api(f"python {name}")
    listener.host.call(("hangup", "NORMAL_CLEARING"))
    listener.host.wait_for(lambda: "mod_rust_hangups_total" in str(listener.values()) or None)
    known = {key.split("{")[0] for key in listener.values()}
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = {
        name
        for panel in panels
        for target in panel.get("targets", [])
        for name in re.findall(r"\b(?:mod_rust|freeswitch)_[a-z0-9_]+", target["expr"])
    }
    assert len(asked) > 10
    assert asked <= known

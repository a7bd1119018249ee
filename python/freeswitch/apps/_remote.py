"""Serving calls over the bus: one switch, and the calls that its application `pyremote` offers to a worker.

What the worker asks of a call goes to the switch that has the call, as numbered requests that are sent again until they
are answered; the switch carries each out once and in its turn, or says that the call is another's.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Iterable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from freeswitch import _bus, _loop
from freeswitch._checkpoints import Checkpoint
from freeswitch._errors import BusError, BusLate, SessionLost
from freeswitch._waits import Outcome
from freeswitch.apps._link import Link, LinkError, Reply, Then, refusal
from freeswitch.apps._outside import Bus, Outside
from freeswitch.apps._outside_session import OutsideSession, session_of
from freeswitch.apps._programs import Program

if TYPE_CHECKING:
    from freeswitch.apps._worker import Worker

log = logging.getLogger("freeswitch.apps")

# After what time a request that was not heard is sent again, in seconds.
SOON = 0.1
# After how long without an answer something is asked again, in seconds.
AGAIN = 0.5
# How often a switch is asked whether calls are still this worker's, and how often in vain, until it is taken for dead.
LOOK = 1.0
SILENT = 5
# How long a call waits for what a session reads of its switch, in seconds.
KNOWN = 5.0
# How often it is tried to accept a call.
ATTEMPTS = 20
# How long an API command may take, in seconds.
COMMAND = 3600.0
# The longest message to a switch, in bytes; src/aio/bus/long.rs has the same. Answers are longer where they must be.
LONGEST = 1_000_000


def _check_length(verb: str) -> None:
    # Beside the verb a message says whose it is.
    if len(verb) > LONGEST // 4 and len(verb.encode("utf-8", "surrogateescape")) > LONGEST - 1000:
        raise ValueError(f"what is asked of a call by the bus has less than {LONGEST - 1000} bytes, as JSON")


class BusLink(Link):
    """A switch on the bus."""

    is_local = False

    def __init__(self, node: str) -> None:
        self.host = self.name = node
        self._nodes: Any = None
        # Until the switch sends what was asked for last.
        self._heard: asyncio.Task[None] | None = None

    def is_up(self) -> bool:
        """Tell whether the bus is there."""
        return bool(_bus.is_connected())

    def tap(
        self,
        names: Iterable[str],
        headers: Iterable[tuple[str, str]] = (),
        limit: int = 10_000,
        drop_oldest: bool = True,
    ) -> Any:
        """Have the switch send them."""
        if self._nodes is None:
            self._nodes = _bus.nodes_of(self.name)
        names = list(names)
        tap = self._nodes.tap(names, list(headers), limit, drop_oldest)
        # Events of the connection itself are not sent by anybody.
        if tap.wish is not None and not all(name.startswith("SERVER_") for name in names):
            self._heard = _loop.spawn(self._until_sent(*tap.wish), Context())
        return tap

    async def _until_sent(self, wish: str, version: int) -> None:
        """Wait until the switch sends the events that a tap is for, or says nothing of it."""
        end = time.monotonic() + KNOWN
        while time.monotonic() < end:
            try:
                reply = await self.line(f"wished {wish} {version}")
            except BusLate:
                # A switch that is busy is asked again.
                continue
            except BusError as error:
                log.debug("switch %s: %s", self.name, error)
                return
            if not reply.startswith("-LATER"):
                return
            await asyncio.sleep(0.005)

    async def until_heard(self) -> None:
        """Wait until the switch sends what was asked for: what is asked for later must not be done before."""
        heard = self._heard
        if heard is None:
            return
        await asyncio.wait([heard])
        if self._heard is heard:
            self._heard = None

    async def line(self, text: str, timeout: float = AGAIN) -> str:
        """Ask something of the switch's calls."""
        return await self._request("calls", text, timeout)

    async def _request(self, what: str, text: str, timeout: float) -> str:
        data = text.encode("utf-8", "surrogateescape")
        if len(data) > LONGEST:
            return f"-ERR {len(data)} bytes are asked, and {LONGEST} is the most on the bus"
        answer = await _bus.request(f"fs.{self.name}.{what}", data, timeout=timeout)
        return answer.decode("utf-8", "surrogateescape")

    def give(self, line: str, then: Then | None = None) -> None:
        """Ask something of the switch's calls, once."""

        async def ask() -> None:
            await self.until_heard()
            try:
                reply = await self.line(line.removeprefix("pysocket "), 5.0)
            except BusError as error:
                reply = f"-ERR {error}"
            if then is not None:
                then(reply)

        _loop.spawn(ask(), Context())

    async def run(self, line: str, timeout: float) -> Reply:
        """Run an API command that takes at most so many seconds. LinkError where no answer comes."""
        try:
            return Reply(await self._request("api", line, timeout))
        except BusError as error:
            raise LinkError(f"FreeSWITCH {self.name}: {error}") from error

    def api(self, line: str) -> Outcome:
        """Run an API command."""
        outcome = Outcome()

        async def ask() -> None:
            await self.until_heard()
            try:
                reply = await self.run(line, COMMAND)
            except LinkError as error:
                if outcome.set_running_or_notify_cancel():
                    outcome.set_exception(error)
                return
            if outcome.set_running_or_notify_cancel():
                outcome.set_result(reply)

        _loop.spawn(ask(), Context())
        return outcome


class RemoteBus(Bus):
    """What a call's session sends its verbs by."""

    outside: Remote

    def __init__(self, outside: Remote, uuid: str, epoch: int, program: str = "", since: int = 0) -> None:
        super().__init__(outside, uuid, epoch)
        # What the dialplan has named; '' for a call that was placed here.
        self.program = program
        # The epoch of the call's first offer, where its switch has had it from its beginning.
        self.since = since
        self._numbers = itertools.count(1)
        # Verbs that are not answered.
        self.asked: set[int] = set()

    def give(self, what: str, rest: object = "", then: Then | None = None) -> None:
        """Tell the switch something of this call."""
        if self.is_released and what != "release":
            # It is another's: what a coroutine asks for as it ends is not for that.
            if then is not None:
                then("-ERR the call is no longer served here")
            return

        async def carry() -> None:
            reply = await carried
            if then is not None:
                then(reply)

        carried = self._carry(what, rest)
        _loop.spawn(carry(), Context())

    async def reply(self, what: str, rest: object = "") -> str:
        """Ask the switch something of this call."""
        # Who asks may be cancelled: what comes after it waits for its number.
        return str(await asyncio.shield(_loop.spawn(self._carry(what, rest), Context())))

    def _carry(self, what: str, rest: object) -> Any:
        # What is asked first comes first.
        number = next(self._numbers)
        text = f"in {self.outside.id} {self.uuid} {self.epoch} {number} {what} {rest}".rstrip()
        return self._until_answered(what, text)

    async def _until_answered(self, what: str, text: str) -> str:
        await self.outside.link.until_heard()
        while self.outside.is_there or what == "release":
            try:
                reply = await self.outside.link.line(text)
            except BusError as error:
                if not self.outside.is_there:
                    break
                log.debug("%s: %s", self.uuid, error)
                await asyncio.sleep(SOON)
                continue
            if reply.startswith("-LATER"):
                await asyncio.sleep(0.01)
                continue
            why = refusal(reply)
            if why is not None and what not in {"release", "move"} and _is_lost(why):
                self.outside.taken(self, why)
            return reply
        return "-ERR the switch is not there any more"

    def ask(self, ticket: int, verb: str) -> None:
        """Have a verb carried out in its turn. ValueError where no message can carry it."""
        _check_length(verb)
        self.asked.add(ticket)
        super().ask(ticket, verb)

    def now(self, verb: str) -> None:
        """Have a verb carried out at once. ValueError where no message can carry it."""
        _check_length(verb)
        super().now(verb)

    def cancel(self, ticket: int) -> None:
        """End a verb before its time."""
        self.asked.discard(ticket)
        super().cancel(ticket)

    async def check(self) -> None:
        """Raise SessionLost where the call is another's."""
        why = refusal(await self.reply("checkpoint"))
        if why is not None:
            raise SessionLost(f"the call is lost: {why}")


def _is_lost(why: str) -> bool:
    return "no such call" in why or "is over" in why or "has it" in why or "nobody has" in why


class RemoteSession(OutsideSession):
    """A call that a worker serves."""

    _bus: RemoteBus

    def _new_checkpoint(self) -> Checkpoint:
        bus = self._bus
        return Checkpoint(self.uuid, bus.program, bus.epoch, bus.check, since=bus.since, call_id=self._call_id())

    async def _kept(self) -> None:
        await self._bus.check()
        if not self._bus.outside.worker.drains:
            return
        why = refusal(await self._bus.reply("move"))
        if why is not None:
            log.debug("call %s stays: %s", self.uuid, why)
            return
        log.info("call %s goes on in another worker", self.uuid)
        self._bus.is_released = True
        self._bus.outside.lose(self._bus, "taken")
        # It is cancelled here.
        await asyncio.get_running_loop().create_future()


class Remote(Outside):
    """One switch, and the calls of it that this worker serves."""

    link: BusLink

    def __init__(self, worker: Worker, node: str) -> None:
        super().__init__(BusLink(node), worker.programs)
        self.worker, self.id = worker, worker.name
        self.is_there = True
        self._silent = 0
        self._known: asyncio.Task[None] | None = None
        self._instance: object = None
        # Calls that were given up with it, by UUID: their epochs. It is told so when it is back.
        self._given_up: dict[str, int] = {}

    # The switch

    def beats(self, instance: object) -> None:
        """Be told that it is there; `instance` says whether it was started again."""
        self.is_there, self._silent = True, 0
        if instance != self._instance:
            self._instance = instance
            self._known = None
            self._learn()

    def _learn(self) -> asyncio.Task[None]:
        if self._known is None:
            self._known = _loop.spawn(self._ask_what_is_known(), Context())
        return self._known

    async def _until_known(self, uuid: str) -> None:
        """Wait for what a session reads of its switch, which was asked for before the call was offered."""
        end = time.monotonic() + KNOWN
        while not self.globals:
            left = end - time.monotonic()
            if left <= 0:
                log.warning(
                    "MR0025 call %s begins without the global variables of switch %s, which it has not said in %g s",
                    uuid, self.link.name, KNOWN,
                )  # fmt: skip
                return
            await asyncio.wait([self._learn()], timeout=left)
            if not self.globals:
                await asyncio.sleep(SOON)

    async def _ask_what_is_known(self) -> None:
        try:
            await self._read_switch()
        except LinkError as error:
            log.debug("%s", error)
        if not self.globals:
            # Every switch has global variables: an answer with none is an error, and the next call asks again.
            self._known = None

    async def _ask_switch(self, line: str) -> str:
        # A request may be lost with its answer: what comes at once, or not at all, is asked for again.
        return await self.link.run(line, LOOK)

    async def look(self) -> None:
        """Ask whether its calls are this worker's still, and for what was not heard."""
        if self._given_up and self.is_there:
            await self._say_what_was_given_up()
        if not self._calls:
            return
        asked = [
            f"{bus.uuid} {bus.epoch} {','.join(map(str, sorted(getattr(bus, 'asked', ())))) or '-'}"
            for bus in self._calls.values()
        ]
        try:
            reply = await self.link.line(f"still {self.id} {' '.join(asked)}", LOOK)
        except BusError as error:
            if self.link.is_up():
                self._silent += 1
            if self._silent >= SILENT:
                self.is_there = False
                log.warning("MR0025 switch %s is not there any more: %s", self.link.name, error)
                for bus in list(self._calls.values()):
                    self._given_up[bus.uuid] = bus.epoch
                    self.taken(bus, "its switch is not there any more")
            return
        self._silent = 0
        if refusal(reply) is None:
            for uuid, why in json.loads(reply.removeprefix("+OK ")).items():
                found = self._calls.get(uuid)
                if found is not None:
                    self.taken(found, why)

    async def _say_what_was_given_up(self) -> None:
        """Have the switch offer to others what it still takes for served here."""
        said = dict(self._given_up)
        calls = " ".join(f"{uuid} {epoch}" for uuid, epoch in said.items())
        try:
            await self.link.line(f"gone {self.id} {calls}", LOOK)
        except BusError as error:
            log.debug("%s", error)
            return
        self._given_up = {uuid: epoch for uuid, epoch in self._given_up.items() if said.get(uuid) != epoch}

    @property
    def running(self) -> int:
        """How many calls it serves."""
        return len(self._calls)

    # Calls

    def bus_of(self, uuid: str, epoch: int) -> Bus:
        """Give what a call's session sends its verbs by."""
        return RemoteBus(self, uuid, epoch)

    def offered(self, body: dict[str, Any]) -> None:
        """Be offered a call."""
        program = self.programs.get(body["name"])
        if program is None or not self.worker.takes(program.name) or body["call"] in self._accepting:
            return
        self._accepting[body["call"]] = []
        _loop.spawn(self._accept(body, program), Context())

    async def _accept(self, body: dict[str, Any], program: Program) -> None:
        uuid, epoch = body["call"], body["epoch"]
        self._learn()
        reply = "-ERR the switch does not answer"
        for _ in range(ATTEMPTS):
            try:
                reply = await self.link.line(f"accept {uuid} {epoch} {self.id}")
                break
            except BusError as error:
                # It may have been heard: the switch must not take the call for served when it is not.
                log.debug("%s: %s", uuid, error)
                await asyncio.sleep(SOON)
        why = refusal(reply)
        if why is not None:
            self._accepting.pop(uuid, None)
            log.debug("call %s is not ours: %s", uuid, why)
            return
        before = self._calls.get(uuid)
        if before is not None:
            self.taken(before, "it was offered again")
        await self._until_known(uuid)
        bus = RemoteBus(self, uuid, epoch, program.name, body.get("since", 0))
        bus.mirror.take(json.loads(reply.removeprefix("+OK ")))
        session = session_of(bus, RemoteSession)
        if body["resumed"]:
            try:
                await session._resume()
            except (BusError, SessionLost) as error:
                self._accepting.pop(uuid, None)
                log.warning("MR0025 call %s cannot go on: its checkpoint cannot be read: %s", uuid, error)
                bus.release(f"its checkpoint cannot be read: {error}")
                return
        self.begin_run(program, body["arguments"], bus, session, self._accepting.pop(uuid, []))

    def _answered(self, number: int, answer: dict[str, Any]) -> None:
        super()._answered(number, answer)
        for bus in self._calls.values():
            if isinstance(bus, RemoteBus):
                bus.asked.discard(number)

    def end(self, bus: Bus, why: str) -> None:
        """Be done with a call; count it."""
        self.worker.count(bool(why))
        super().end(bus, why)

    def lose(self, bus: Bus, how: str) -> None:
        """Let go of a call."""
        self._lose(bus, how)

    def taken(self, bus: Bus, why: str) -> None:
        """Be told by the switch that a call is not this worker's any more: its coroutine ends."""
        if bus.is_released or bus.lost is not None:
            if bus.run is None:
                # It was placed here and let go of, and its end was told to nobody: nothing more comes of it.
                self._calls.pop(bus.uuid, None)
            return
        is_over = "no such call" in why
        if not is_over:
            log.warning("MR0025 call %s is no longer served here: %s", bus.uuid, why)
            bus.is_released = True
        self._lose(bus, "hangup" if is_over else "taken")

    async def stop(self) -> None:
        """End what it does for calls."""
        for bus in list(self._calls.values()):
            if bus.run is not None:
                _loop.kill(bus.run)


__all__ = ["LOOK", "BusLink", "Remote", "RemoteSession"]

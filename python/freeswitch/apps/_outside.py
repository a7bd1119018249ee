"""Serving calls of a switch that runs elsewhere: what its application `pysocket` offers, by its event socket.

The switch sends offers and answers as events, and takes verbs as API commands. A call's own thread there carries them
out, exactly as for a coroutine that runs in the switch.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid as uuids
from collections.abc import Iterable
from typing import Any

import _freeswitch
from _freeswitch import Event, OriginateError

from freeswitch import _calls, _loop
from freeswitch.apps._link import Link, LinkError, NoAnswer, Then, refusal
from freeswitch.apps._outside_session import Mirror, OutsideSession, session_of, text_of
from freeswitch.apps._programs import Program

log = logging.getLogger("freeswitch.apps")

OFFER = "mod_rust::offer"
# What the event socket makes of an empty answer.
NO_REPLY = "-ERR no reply\n"
# How often the switch is told that this program is there, in seconds; and how soon again where it could not be.
BEAT = 1.0
SOON = 0.1
# How long calls are waited for at the end, in seconds.
FAREWELL = 5.0


class Bus:
    """What a call's session sends its verbs by."""

    def __init__(self, outside: Outside, uuid: str, epoch: int) -> None:
        self.outside, self.uuid, self.epoch = outside, uuid, epoch
        self.mirror = Mirror()
        self.lost: str | None = None
        self.is_released = False
        # How many verbs are carried out at once just now, and how the call was lost meanwhile.
        self._at_once = 0
        self._lost_meanwhile: str | None = None
        # The coroutine that serves it, or the session that one has placed.
        self.run: int | None = None
        self.session: OutsideSession | None = None

    def _line(self, what: str, rest: object = "") -> str:
        return f"pysocket {what} {self.uuid} {self.epoch} {rest}".rstrip()

    def give(self, what: str, rest: object = "", then: Then | None = None) -> None:
        """Tell the switch something of this call."""
        self.outside.link.give(self._line(what, rest), then)

    async def reply(self, what: str, rest: object = "") -> str:
        """Ask the switch something of this call."""
        return str(await self.outside.link.api(self._line(what, rest)))

    def ask(self, ticket: int, verb: str) -> None:
        """Have a verb carried out in its turn."""

        def then(reply: str) -> None:
            why = refusal(reply)
            if isinstance(reply, NoAnswer):
                # The end of the connection ends its calls, and says so.
                log.debug("%s: %s", self.uuid, why)
            elif why is not None:
                # There is no such call, or it is another's.
                log.debug("%s: %s", self.uuid, why)
                _loop.answered(ticket, "gone", self.lost, None)

        self.give("ask", f"{ticket} {verb}", then)

    def now(self, verb: str) -> None:
        """Have a verb carried out at once."""
        self.give("now", verb)
        if "hangup" in json.loads(verb):
            self.lost = self.lost or "hangup"

    async def outcome(self, verb: str) -> str | None:
        """Have a verb carried out at once; why it was not.

        What the verb brings about, the end of the coroutine at a transfer, comes after it, as in the switch.
        """
        self._at_once += 1
        try:
            reply = await self.reply("now", verb)
        finally:
            self._at_once -= 1
            if self._lost_meanwhile is not None and not self._at_once:
                how, self._lost_meanwhile = self._lost_meanwhile, None
                self.outside._lose(self, how)
        why = refusal(reply)
        if why is not None:
            return why
        answer = json.loads(reply.removeprefix("+OK "))
        if "failed" in answer:
            return str(answer["failed"]["why"])
        if "gone" in answer:
            return "the call is gone"
        if "transfer" in json.loads(verb):
            self.lost = self.lost or "transfer"
        return None

    def loses(self, how: str) -> bool:
        """Tell whether the call is lost from now on; not before a verb that is carried out at once is answered."""
        if self._at_once:
            self._lost_meanwhile = how
        return not self._at_once

    def cancel(self, ticket: int) -> None:
        """End a verb before its time."""
        self.give("cancel", ticket)

    def release(self, why: str = "") -> None:
        """Let the call's thread go."""
        if not self.is_released:
            self.is_released = True
            self.give("release", why)


class Run:
    """A coroutine of a program that serves a call; what the module has in the switch."""

    def __init__(self, program: Program, arguments: str, bus: Bus) -> None:
        self._item = _freeswitch.work_of_app(program.name, bus.uuid)
        self.id, self.name, self.uuid = self._item.id, program.name, bus.uuid
        self._program, self._arguments, self._bus = program, arguments, bus

    def call(self, session: OutsideSession) -> Any:
        """Call the function."""
        return self._program.function(session, self._arguments)

    def finish(self, error: BaseException | None = None) -> None:
        """Be told that it has ended."""
        why = "" if error is None or isinstance(error, SystemExit) else _one_line(error)
        if why:
            log.error("MR0004 program %s failed on call %s", self.name, self.uuid, exc_info=error)
        self._item.finish(bool(why))
        self._bus.outside.end(self._bus, why)


def _one_line(error: BaseException) -> str:
    """Give an exception in one line, as the switch writes it into `python_error`."""
    kind = type(error).__qualname__
    first = next(iter(str(error).splitlines()), "")
    return (f"{kind}: {first}" if first else kind)[:400]


def _is_unknown(command: str, answer: str) -> bool:
    """Tell whether the event socket says that the switch does not have this command."""
    return answer.strip() == f"-ERR {command} Command not found!"


class _Placing:
    """A call that is being placed."""

    def __init__(self, outside: Outside, ticket: int) -> None:
        self._outside, self.ticket = outside, ticket

    def cancel(self) -> None:
        """End the attempt."""
        self._outside.link.give(f"pysocket unplace {self._outside.id} {self.ticket}")


class Outside:
    """The programs of this process, and the calls of one switch that they serve. On the loop."""

    is_local = False

    def __init__(self, link: Link, programs: Iterable[Program]) -> None:
        self.link = link
        self.programs = {program.name: program for program in programs}
        self.id = ""
        self.globals: dict[str, str] = {}
        self.calls_a_second = 30.0
        self._calls: dict[str, Bus] = {}
        # Calls that were asked for, and what has come for them before the answer to that.
        self._accepting: dict[str, list[dict[str, Any]]] = {}
        self._tap: Any = None
        self._beat: asyncio.Task[Any] | None = None
        self._ends = False

    # What waits for events ask of a switch.

    def tap(self, *arguments: Any) -> Any:
        """Have events of the switch kept."""
        return self.link.tap(*arguments)

    async def api(self, command: str, arguments: str) -> str:
        """Run an API command of the switch; the answer is that of `API().execute` there."""
        answer = str(await self.link.api(f"{command} {arguments}".strip()))
        if answer == NO_REPLY:
            return ""
        return "INVALID COMMAND!\n" if _is_unknown(command, answer) else answer

    def exists(self, uuid: str) -> bool:
        """Tell whether a call may still be there."""
        bus = self._calls.get(uuid)
        return bus is None or bus.lost is None

    # Its life

    async def begin(self) -> None:
        """Serve. LinkError where the switch has no mod_rust, or one that is older."""
        await self._read_switch()
        await self._serve()
        self._beat = _loop.spawn(self._beats())

    async def _read_switch(self) -> None:
        """Read what sessions read of their switch: its global variables, and the sessions that it begins a second."""
        found = await self._ask_switch("global_getvar")
        limit = await self._ask_switch("fsctl sps")
        self.globals = dict(line.split("=", 1) for line in found.splitlines() if "=" in line)
        self.calls_a_second = float("".join(c for c in limit if c.isdigit()) or self.calls_a_second)

    async def _ask_switch(self, line: str) -> str:
        return str(await self.link.api(line))

    async def _serve(self) -> None:
        is_again = self._tap is not None
        if is_again:
            self._end_tap()
        self.id = uuids.uuid4().hex
        names = (f"CUSTOM {OFFER}", f"CUSTOM mod_rust::worker::{self.id}", *self.link.own_names)
        self._tap = self.link.tap(names, (), 100_000, False)
        _loop.here.taps[self._tap.id] = self
        reply = str(await self.link.api(f"pysocket serve {self.id} {' '.join(self.programs)}"))
        why = refusal(reply)
        if why is not None:
            self._end_tap()
            raise LinkError(
                f"FreeSWITCH at {self.link.name} offers no calls: {why}. It needs mod_rust, "
                "whose application pysocket does"
            )
        if is_again:
            log.info("the calls of %s are served again", self.link.name)

    async def _again(self) -> None:
        try:
            await self._serve()
        except LinkError as error:
            # The next beat tries it again.
            log.debug("%s", error)

    def _end_tap(self) -> None:
        _loop.here.taps.pop(self._tap.id, None)
        self._tap.close()

    async def _beats(self) -> None:
        pause = BEAT
        while not self._ends:
            await asyncio.sleep(pause)
            pause = BEAT
            if not self.link.is_up():
                continue
            try:
                mine = self.id
                reply = str(await self.link.api(f"pysocket beat {mine}"))
                if refusal(reply) is None or mine != self.id:
                    continue
                pause = SOON
                if _is_unknown("pysocket", reply):
                    # The module is being loaded again, and knows this program afterwards, or says that it does not.
                    continue
                # The switch was started again, or has heard nothing for too long.
                self._lose_all("the switch has given this program up")
                await self._serve()
            except LinkError as error:
                log.debug("%s", error)

    async def stop(self) -> None:
        """Take no more calls; those that there are end."""
        self._ends = True
        if self._beat is not None:
            self._beat.cancel()
        for bus in list(self._calls.values()):
            if bus.run is not None:
                _loop.kill(bus.run)
        for _ in range(int(FAREWELL / 0.05)):
            if not self._calls or not self.link.is_up():
                break
            await asyncio.sleep(0.05)
        if self.link.is_up():
            await self.link.api(f"pysocket leave {self.id}")
        self._end_tap()

    # What the switch sends

    def _deliver(self) -> bool:
        """Hand out a batch of events."""
        events: list[Event] = self._tap.take(256)
        for event in events:
            try:
                self._handle(event)
            except Exception:
                log.exception("an event of %s", self.link.name)
        return bool(events)

    def _handle(self, event: Event) -> None:
        if event.getType() == "SERVER_DISCONNECTED":
            self._lose_all(f"the connection was lost: {event.getHeader('Reason')}")
            return
        if event.getType() == "SERVER_CONNECTED":
            # What was served before the connection was lost is nobody's any more.
            self.link.give(f"pysocket leave {self.id}")
            _loop.spawn(self._again())
            return
        if event.getType() != "CUSTOM":
            return
        body = json.loads(event.getBody() or "{}")
        if event.getHeader("Event-Subclass") == OFFER:
            self._offered(body)
        else:
            self.heard(body)

    def heard(self, body: dict[str, Any]) -> None:
        """Be told something of a call that was accepted, or placed."""
        if body["kind"] == "placed":
            self._placed(body)
            return
        uuid = body["call"]
        if uuid in self._accepting:
            self._accepting[uuid].append(body)
        else:
            self._told(body)

    def _offered(self, body: dict[str, Any]) -> None:
        program = self.programs.get(body["name"])
        if program is None or self._ends:
            return
        uuid, epoch = body["call"], body["epoch"]
        known = self._calls.get(uuid)
        if uuid in self._accepting or (known is not None and known.epoch == epoch):
            # It is offered until it is taken: this is an older word.
            return
        self._accepting[uuid] = []

        def then(reply: str) -> None:
            early = self._accepting.pop(uuid, [])
            why = refusal(reply)
            if why is not None:
                log.debug("call %s is not ours: %s", uuid, why)
                return
            bus = self.bus_of(uuid, epoch)
            bus.mirror.take(json.loads(reply.removeprefix("+OK ")))
            self.begin_run(program, body["arguments"], bus, session_of(bus), early)

        self.link.give(f"pysocket accept {uuid} {epoch} {self.id}", then)

    def bus_of(self, uuid: str, epoch: int) -> Bus:
        """Give what a call's session sends its verbs by."""
        return Bus(self, uuid, epoch)

    def begin_run(
        self, program: Program, arguments: str, bus: Bus, session: OutsideSession, early: list[dict[str, Any]]
    ) -> None:
        """Start the program on a call; `early` has come for it before."""
        run = Run(program, arguments, bus)
        self._calls[bus.uuid] = bus
        bus.run = run.id
        _calls.start(run, session, self)
        for message in early:
            self._told(message)

    def _told(self, body: dict[str, Any]) -> None:
        bus = self._calls.get(body["call"])
        if bus is None or bus.epoch != body["epoch"]:
            return
        bus.mirror.take(body["news"])
        if body["kind"] == "answer":
            self._answered(body["number"], body["answer"])
        elif body["kind"] == "lost":
            self._lose(bus, body["how"])

    def _answered(self, number: int, answer: dict[str, Any]) -> None:
        ((kind, what),) = answer.items()
        value, terminator = None, None
        if kind == "digits":
            value, terminator = text_of(what["digits"]), what["terminator"]
        elif kind == "failed":
            value = what["why"]
            if what.get("code") == "other_gone":
                kind = "other_gone"
        elif kind == "gone":
            value = what.get("how")
        _loop.answered(number, kind, value, terminator)

    def _lose(self, bus: Bus, how: str) -> None:
        if bus.run is not None and how == "killed":
            _loop.kill(bus.run)
            return
        if not bus.loses(how):
            return
        bus.lost = how
        if bus.run is not None:
            _calls.lost(bus.run, how)
        elif bus.session is not None:
            del self._calls[bus.uuid]
            if bus.is_released:
                return
            bus.session._lose(how)
            _loop.spawn(_calls.part(bus.session, how))

    def _lose_all(self, why: str) -> None:
        for bus in list(self._calls.values()):
            log.warning("MR0022 call %s is no longer served: %s", bus.uuid, why)
            bus.is_released = True
            self._lose(bus, "taken")

    def end(self, bus: Bus, why: str) -> None:
        """Be done with a call."""
        if self._calls.get(bus.uuid) is bus:
            del self._calls[bus.uuid]
        bus.lost = bus.lost or ("hangup" if not bus.mirror.ready else None)
        bus.release(why)

    # Placing calls

    def place(self, dest: str, timeout_s: int, variables: list[tuple[str, str]]) -> _Placing:
        """Have the switch place a call: `_freeswitch.place`, there."""
        for name, value in (("dest", dest), *variables):
            if not isinstance(value, str):
                raise TypeError(f"argument '{name}' must be str, not {type(value).__name__}")
            if "\0" in value:
                raise ValueError(f"argument '{name}' has a NUL at position {value.index(chr(0))}")
        wanted = {"dest": dest, "timeout_s": timeout_s, "variables": dict(variables)}
        placing = _Placing(self, _freeswitch.next_ticket())

        def then(reply: str) -> None:
            why = refusal(reply)
            if why is not None:
                self._fail(placing.ticket, "NORMAL_TEMPORARY_FAILURE", why)

        line = json.dumps(wanted, ensure_ascii=False)
        self.link.give(f"pysocket place {self.id} {placing.ticket} {line}", then)
        return placing

    def _fail(self, ticket: int, cause: str, why: str) -> None:
        future = _loop.here.waiting.pop(ticket, None)
        if future is not None and not future.done():
            error = OriginateError(f"there is no call: {why}")
            error.cause = cause
            future.set_exception(error)

    def _placed(self, body: dict[str, Any]) -> None:
        if "cause" in body:
            self._fail(body["number"], body["cause"], body["cause"])
            return
        bus = self.bus_of(body["call"], body["epoch"])
        bus.mirror.take(body["news"])
        future = _loop.here.waiting.pop(body["number"], None)
        if future is None or future.done():
            bus.now('{"hangup":{"cause":"ORIGINATOR_CANCEL"}}')
            bus.release()
            return
        self._calls[bus.uuid] = bus
        bus.session = session_of(bus)
        future.set_result(bus.session)


async def serve(link: Link, programs: Iterable[Program]) -> Outside:
    """Serve the calls of a switch, until `stop`."""
    outside = Outside(link, programs)
    await outside.begin()
    return outside


__all__ = ["Bus", "Outside", "serve"]

"""One connection of the event socket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

from pocket import _pocket
from pocket._event_socket import packets
from pocket._event_socket.commands import UNKNOWN, Outcome, Sent, carry_out
from pocket._event_socket.framing import Framer, FramingError, Message
from pocket._event_socket.packets import Event, Line
from pocket._event_socket.subscription import Subscription

if TYPE_CHECKING:
    from pocket._event_socket.server import Server

# As in mod_event_socket: seconds for the first command, how many events and how many log lines wait for a client,
# how many it may lose, how often it looks at a call that it controls.
FIRST_COMMAND = 25.0
QUEUE = 100_000
MISSED = 500
LOOK = 0.02

READ = 65_536
# What is read ahead of the commands that are carried out.
AHEAD = 1_048_576
# How many events go to a client before the others have their turn.
ROUND = 100
# How long a client may take to read the last that it gets.
LAST_WORDS = 1.0

CRIT = 2
DEBUG = 7


class Client:
    """A client. Its commands are carried out one after the other; events go to it between commands."""

    def __init__(
        self,
        server: Server,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        leg: _pocket.Leg | None = None,
        *,
        asynchronous: bool = False,
        full: bool = True,
    ) -> None:
        self.server = server
        self.subscription = Subscription(server.fits)
        self.events: deque[Event] = deque()
        self.lines: deque[Line] = deque()
        self.log_level: int | None = None
        self.leg = leg
        # The other side of the application `socket`.
        self.outbound = leg is not None
        self.asynchronous = asynchronous
        self.full = full
        self.authenticated = self.outbound
        self.running = True
        self.resume = False
        self.lingers = False
        self.linger_time = 0
        self._reader = reader
        self._writer = writer
        self._framer = Framer()
        self._ended = False
        self._told_of_end = False
        self._lost_events = 0
        self._lost_lines = 0
        self._killed = False
        self._wake = asyncio.Event()
        self._room = asyncio.Event()

    # From the switch

    def offer(self, event: Event) -> None:
        """Queue an event if the client asked for it."""
        if not self.running or not self.subscription.wants(event, None if self.leg is None else self.leg.uuid):
            return
        if len(self.events) < QUEUE:
            self.events.append(event)
            self._wake.set()
            if self._lost_events:
                self._say(f"Lost [{self._lost_events}] events! Event Queue size: [{len(self.events)}/{QUEUE}]")
                self._lost_events = 0
            return
        self._lost_events += 1
        if self._lost_events > MISSED:
            self._say(f"Killing listener because of too many lost events. Lost [{self._lost_events}]")
            self.kill(b"killed listener because of lost events\n")

    def hear(self, line: Line) -> None:
        """Queue a log line if the client asked for it."""
        if not self.running or self.log_level is None or line.level > self.log_level:
            return
        if len(self.lines) < QUEUE:
            self.lines.append(line)
            self._wake.set()
            self._lost_lines = 0
            return
        self._lost_lines += 1
        if self._lost_lines > MISSED:
            # Before anything is logged: the line would come here, too.
            self.kill(b"killed listener because of lost log lines\n")
            self._say(f"Killing listener because of too many lost log lines. Lost [{self._lost_lines}]")

    def kill(self, message: bytes) -> None:
        """End the connection at once, with a last word for a client that still reads."""
        if self._killed:
            return
        self._killed = True
        self.running = False
        self._writer.write(packets.disconnect(message, self._controlled()))
        self._wake.set()
        # One that does not read holds up those that send to it.
        asyncio.get_running_loop().call_later(LAST_WORDS, self._writer.transport.abort)

    def _say(self, text: str, level: int = CRIT) -> None:
        self.server.control.say(level, text.encode())

    # To the client

    async def send(self, data: bytes) -> None:
        """Send, and wait while the client does not read."""
        self._writer.write(data)
        await self._writer.drain()

    def _controlled(self) -> bytes | None:
        return None if self.leg is None else self.leg.uuid

    # Its life

    async def serve(self) -> None:
        """Speak with the client until one of both ends it."""
        pump = asyncio.create_task(self._pump())
        try:
            if await self._begin():
                await self._go_on()
        except ConnectionError:
            pass
        except FramingError as error:
            self._say(f"event socket: a client was disconnected: {error}")
        finally:
            pump.cancel()
            self.running = False
            self.events.clear()
            self.lines.clear()
            self.server.forget(self)
            await self._end()

    async def _begin(self) -> bool:
        if not self.outbound:
            await self.send(packets.AUTH_REQUEST)
        message = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_COMMAND):
                message = await self._next()
        if self.outbound:
            if message is None:
                self._say("Socket Error!")
                return False
            # What the first command answers is not sent, but for what it sends itself.
            await carry_out(self, message)
            return True
        if message is None:
            return False
        await self._answer(await carry_out(self, message))
        return True

    async def _go_on(self) -> None:
        while self.running:
            message = await self._next()
            if message is None:
                return
            await self._answer(await carry_out(self, message))

    async def _answer(self, outcome: Outcome) -> None:
        if not isinstance(outcome, Sent):
            await self.send(packets.reply(outcome or UNKNOWN))

    async def _next(self) -> Message | None:
        """The next command; events are sent while it has not begun to come. None at the end."""
        while self.running:
            self._wake.clear()
            message = self._framer.next()
            self._room.set()
            if message is not None:
                return message
            if self._ended:
                return None
            busy = False
            if self._framer.between:
                busy = await self._send_what_waits()
            if busy:
                # The others have their turn.
                await asyncio.sleep(0)
                continue
            if not self._look_at_the_call():
                return None
            await self._sleep()
        return None

    async def _send_what_waits(self) -> bool:
        """Send one log line, and events; whether more wait."""
        if self.lines and self.log_level is not None:
            await self.send(packets.log(self.lines.popleft()))
        if self.leg is not None:
            while len(self.events) < QUEUE and (event := self.leg.take_diverted()) is not None:
                self.events.append(Event(event))
        for _ in range(ROUND):
            if not (self.events and self.subscription.on and self.running):
                break
            await self.send(self.events.popleft().packet(self.subscription.format))
        more_lines = bool(self.lines) and self.log_level is not None
        return more_lines or (bool(self.events) and self.subscription.on)

    def _look_at_the_call(self) -> bool:
        """Whether it goes on: it does not when the call that it controls has ended, unless it lingers."""
        now = int(time.time())
        if self._told_of_end:
            return self.linger_time == -1 or now <= self.linger_time
        if self.leg is None or not self.leg.down:
            return True
        self._told_of_end = True
        if not self.lingers:
            return False
        self._writer.write(packets.lingering(self.leg.uuid, self.leg.name, self.linger_time))
        if self.linger_time != -1:
            self.linger_time += now
        return True

    async def _sleep(self) -> None:
        if self.leg is None:
            await self._wake.wait()
            return
        alarm = asyncio.get_running_loop().call_later(LOOK, self._wake.set)
        await self._wake.wait()
        alarm.cancel()

    async def _pump(self) -> None:
        """Read what comes."""
        try:
            while data := await self._reader.read(READ):
                self._framer.feed(data)
                self._wake.set()
                while self._framer.full(AHEAD):
                    self._room.clear()
                    await self._room.wait()
        except ConnectionError:
            pass
        finally:
            self._ended = True
            self._wake.set()

    async def _end(self) -> None:
        """Say goodbye, let go of the call, close."""
        if not self._killed:
            self._writer.write(packets.disconnect(packets.GOODBYE, self._controlled()))
        if self.leg is not None:
            self.leg.let_go(self.resume)
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            # It does not read, or is gone.
            self._writer.transport.abort()

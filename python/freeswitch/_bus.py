"""The bus from coroutines: a NATS server that switches and workers share, where one is configured.

The connection is the module's own (`bus-url` in python.conf), or this program's, where it has none: `freeswitch.bus`
opens one. Nothing here waits for the server but the coroutine that asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar

import _freeswitch

from freeswitch import _loop
from freeswitch._errors import BusError, BusLate

T = TypeVar("T")

# How long an answer is waited for where nothing else is said, in seconds.
PATIENCE = 5.0

_tickets = itertools.count(1)
_waiting: dict[int, asyncio.Future[tuple[str, int, str, bytes | None]]] = {}
_nodes: dict[tuple[str, ...], Any] = {}
# Whether the end of the program is looked after.
_leaves: list[bool] = []


def is_built() -> bool:
    """Tell whether this module was built with a bus."""
    return hasattr(_freeswitch, "bus_state")


def is_configured() -> bool:
    """Tell whether there is a bus, connected or not."""
    return is_built() and bool(_freeswitch.bus_state()[0])


def is_connected() -> bool:
    """Tell whether a server answers."""
    return is_built() and bool(_freeswitch.bus_state()[1])


def node() -> str:
    """Give this switch's or worker's name on the bus; empty without one."""
    return str(_freeswitch.bus_state()[3]) if is_built() else ""


def open_alone(urls: Iterable[str], name: str | None = None, **how: Any) -> None:
    """Open the bus of a program that has no switch; its settings are those of python.conf, without `bus-`."""
    if not is_built():
        raise BusError("there is no bus: this mod_rust was built without the cargo feature nats")
    if not _leaves:
        # Its threads need the interpreter, and must have ended before that does.
        register = getattr(threading, "_register_atexit")  # noqa: B009
        register(_leave)
        _leaves.append(True)
    if name is None:
        name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in socket.gethostname())[:64]
    _freeswitch.bus_open(list(urls), name or "worker", **how)


def _leave() -> None:
    """The program ends: so does its bus, and then the loop."""
    close_alone()
    _freeswitch.leave_alone()


def close_alone() -> None:
    """Close it."""
    if is_built():
        _freeswitch.bus_open([], "worker")


def settle(ticket: int, kind: str, number: int, text: str, data: bytes | None) -> None:
    """Be told how a request ended; the module calls this on the loop."""
    future = _waiting.pop(ticket, None)
    if future is not None and not future.done():
        future.set_result((kind, number, text, data))
    elif kind == "found" and text:
        # Work that nobody waits for any more: the next one gets it at once.
        send(text, b"-NAK")


@contextlib.contextmanager
def in_real_time() -> Iterator[None]:
    """Have pocket's clock follow real time while this coroutine waits: the clock does not see what the bus does."""
    loop: Any = asyncio.get_running_loop()
    if not hasattr(loop, "hold"):
        yield
        return
    loop.hold()
    try:
        yield
    finally:
        loop.let_go()


def pace_of(switch: Any) -> contextlib.AbstractContextManager[None]:
    """Give how pocket's clock goes while a coroutine waits for events of these: nodes of the bus, or a switch."""
    is_of_nodes = switch is not None and is_built() and isinstance(switch, _freeswitch.Nodes)
    return in_real_time() if is_of_nodes else contextlib.nullcontext()


async def ask(function: Callable[..., object], *args: Any, timeout: float = PATIENCE) -> tuple[str, int, str, Any]:
    """Ask the bus, and wait for the answer: its kind, a number, a text and data."""
    if _loop.here.forked:
        # asyncio's own word, that no loop runs, would say nothing of why.
        raise BusError("this is a child that a script has forked: the bus is its parent's")
    ticket = next(_tickets)
    future = _waiting[ticket] = asyncio.get_running_loop().create_future()
    try:
        with in_real_time():
            try:
                function(ticket, float(timeout), *args)
            except ConnectionError as error:
                raise BusError(str(error)) from None
            kind, number, text, data = await future
    finally:
        _waiting.pop(ticket, None)
    if kind == "late":
        raise BusLate(text)
    if kind == "failed":
        raise BusError(text)
    return kind, number, text, data


def send(subject: str, data: bytes) -> None:
    """Send a message, and do not wait; BusError where it is refused at once."""
    try:
        _freeswitch.bus_publish(next(_tickets), PATIENCE, subject, data)
    except ConnectionError as error:
        raise BusError(str(error)) from None


async def publish(subject: str, data: bytes, *, timeout: float = PATIENCE) -> None:
    """Send a message to the subscribers of the subject."""
    await ask(_freeswitch.bus_publish, subject, data, timeout=timeout)


async def request(subject: str, data: bytes, *, timeout: float = PATIENCE) -> bytes:
    """Send a message, and give what it is answered with; BusError at once where nobody listens."""
    kind, _, _, answer = await ask(_freeswitch.bus_request, subject, data, timeout=timeout)
    if kind == "nobody":
        raise BusError(f"nobody listens to {subject}")
    return bytes(answer)


class Lease:
    """What a stream of the server has given to one who took it, for as long as its lease goes on."""

    def __init__(self, where: str) -> None:
        self._where = where

    async def done(self) -> None:
        """Say that it is done: the taker gets it no more. When this returns, the server knows."""
        await request(self._where, b"+ACK")

    async def again(self) -> None:
        """Give it back."""
        await publish(self._where, b"-NAK")

    async def keep(self) -> None:
        """Begin the lease again."""
        await publish(self._where, b"+WPI")

    async def drop(self) -> None:
        """Have it not given out again, to nobody."""
        await publish(self._where, b"+TERM")


async def each(take: Callable[[], Awaitable[T]], what: str) -> AsyncIterator[T]:
    """Take one after the other, without end; while the bus is away it waits, with one line in the log."""
    told = False
    while True:
        try:
            found = await take()
        except BusError as error:
            if not told:
                _loop.log.warning("no %s: %s; it is tried again", what, error)
            told = True
            await asyncio.sleep(1.0)
            continue
        told = False
        yield found


class Listening:
    """What comes to a subject, or becomes of keys: entries are handed to `found` on the loop, until `close()`."""

    def __init__(
        self, pattern: str, found: Callable[[Any], object], *, keys: bool = False, limit: int = 10_000,
        group: str | None = None,
    ) -> None:  # fmt: skip
        self._found = found
        self._tap = _freeswitch.BusWatch(pattern, keys, limit, group)
        self._taps = _loop.here.taps
        self._taps[self._tap.id] = self
        # What is here already was told of before anybody could be found.
        self._deliver()

    @property
    def dropped(self) -> int:
        """How many there was no room for."""
        return int(self._tap.dropped)

    def _deliver(self) -> bool:
        batch = self._tap.take(256)
        for event in batch:
            try:
                self._found(event)
            except Exception:
                _loop.log.exception("what listens to the bus")
        return bool(batch)

    def close(self) -> None:
        """Take no more."""
        self._taps.pop(self._tap.id, None)
        self._tap.close()


def nodes_of(nodes: str | Iterable[str]) -> Any:
    """Give what events of these nodes come by, as `switch=` has a switch; None where that is this switch alone.

    Without a bus `"*"` is this switch; with one its own events come by the bus, too, in their order.
    """
    wanted = (nodes,) if isinstance(nodes, str) else tuple(nodes)
    if not wanted or not all(isinstance(name, str) and name for name in wanted):
        raise ValueError("argument 'nodes' must be \"*\", a node's name, or a list of names")
    if "*" in wanted:
        wanted = ("*",)
    if not is_configured():
        if wanted == ("*",):
            return None
        raise ValueError(f"node {wanted[0]!r} cannot be reached, for no bus is configured: set bus-url in python.conf")
    found = _nodes.get(wanted)
    if found is None:
        found = _nodes[wanted] = _freeswitch.Nodes(list(wanted))
    return found

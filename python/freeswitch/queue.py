"""Work that switches and workers of a bus share; without a bus, the coroutines of this switch.

    from freeswitch import queue

    await queue.put("recordings", {"file": path}, id=uuid)

    async for job in queue.jobs("recordings"):
        await upload(job.value["file"])
        await job.done()

Each piece of work is given to one who takes, and again to another where it is not said to be done before its lease is
over: at least once, so that to do a piece twice must do no harm. Pieces of one `id` are one: on the bus when they are
left within two minutes, without it for as long as the first is not done. With `bus-url` in python.conf the work lies in
the stream `freeswitch-queue` of the NATS server (JetStream), else in an SQLite file in the switch's database folder.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import _freeswitch

from freeswitch import _bus, _loop
from freeswitch._errors import BusError
from freeswitch._keys import Keys, local
from freeswitch.kv import _read, written

PATIENCE = _bus.PATIENCE
# How long who has taken work may take to say that it is done, in seconds.
LEASE = 30.0
# How long one request to the server waits for work, in seconds.
_TURN = 5.0

_NAME = re.compile(r"[-_a-zA-Z0-9]+")


def check_name(argument: str, name: str, lease: float = LEASE) -> None:
    """Refuse a wrong name of a queue, of records or of a reader, and a wrong lease."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"argument {argument!r} must be letters, digits, - and _, not {name!r}")
    if not isinstance(lease, (int, float)) or not 1 <= lease < math.inf:
        raise ValueError(f"argument 'lease' must be seconds, 1 or more, not {lease!r}")


def check_id(id: str | None) -> None:
    """Refuse a wrong id of a piece of work or of a record."""
    if id is not None and (not isinstance(id, str) or not id.isprintable() or len(id) > 200):
        raise ValueError(f"argument 'id' must be a text of one line, 200 characters at most, not {id!r}")


class Job:
    """A piece of work that was taken.

    value: what was put.
    attempts: how often it was given out, this time included.
    """

    def __init__(self, queue: str, value: Any, attempts: int, where: str | int, lease: float) -> None:
        self.queue, self.value, self.attempts = queue, value, attempts
        self._where, self._lease = where, lease

    async def done(self) -> None:
        """Say that it is done: nobody gets it again."""
        where = self._where
        if isinstance(where, int):
            await local().run(lambda file: file.done(where))
        else:
            await _bus.Lease(where).done()

    async def again(self) -> None:
        """Give it back: the next one who takes gets it."""
        where = self._where
        if isinstance(where, int):
            await local().run(lambda file: file.lease(where, 0.0), lambda _: _ring(self.queue))
        else:
            await _bus.Lease(where).again()

    async def keep(self) -> None:
        """Begin the lease again: it takes longer."""
        where = self._where
        if isinstance(where, int):
            here = local()
            until = here.loop.time() + self._lease
            await here.run(lambda file: file.lease(where, until))
        else:
            await _bus.Lease(where).keep()


def _ring(name: str) -> None:
    bell = local().bells.get(name)
    if bell is not None:
        bell.set()


async def put(queue: str, value: Any, *, id: str | None = None, timeout: float = PATIENCE) -> None:
    """Leave work in a queue; when this returns, it is on the disk. What is left again under one `id` is left once."""
    _loop.only_here("freeswitch.queue.put")
    check_name("queue", queue)
    text = written(value)
    check_id(id)
    if _bus.is_configured():
        await _bus.ask(_freeswitch.bus_offer, queue, text.encode(), id, timeout=timeout)
    else:
        await local().run(lambda file: file.offer(queue, text, id), lambda _: _ring(queue))


async def take(queue: str, *, timeout: float | None = None, lease: float = LEASE) -> Job:
    """Wait for work, and take it; TimeoutError where none came in `timeout` seconds."""
    _loop.only_here("freeswitch.queue.take")
    check_name("queue", queue, lease)
    taking = _from_bus(queue, lease) if _bus.is_configured() else _from_file(queue, lease)
    async with asyncio.timeout(timeout):
        return await taking


async def _from_bus(queue: str, lease: float) -> Job:
    while True:
        kind, attempts, where, data = await _bus.ask(_freeswitch.bus_take, queue, float(lease), timeout=_TURN)
        if kind == "found":
            try:
                return Job(queue, _read(queue, data), attempts, where, lease)
            except BusError:
                # Nobody can do anything with it, and it must not come again and again.
                await _bus.Lease(where).drop()
                _loop.log.warning("work in queue %s is no JSON: another program has put it there; it is dropped", queue)


async def _from_file(queue: str, lease: float) -> Job:
    here = local()
    bell = here.bells.setdefault(queue, asyncio.Event())
    while True:
        bell.clear()
        row = await here.run(partial(Keys.take, queue=queue, now=here.loop.time(), lease=lease))
        if row is not None:
            # There may be more, for others who wait.
            bell.set()
            return Job(queue, _read(queue, row[1]), row[2], row[0], lease)
        until = await here.run(lambda file: file.next_until(queue))
        wait = None if until is None else max(0.01, until - here.loop.time())
        try:
            async with asyncio.timeout(wait):
                await bell.wait()
        except TimeoutError:
            pass


async def jobs(queue: str, *, lease: float = LEASE) -> AsyncIterator[Job]:
    """Give work as it comes, without end; while the bus is away it waits, with one line in the log."""
    async for job in _bus.each(lambda: take(queue, lease=lease), f"work is taken from queue {queue}"):
        yield job


__all__ = ["BusError", "Job", "jobs", "put", "take"]

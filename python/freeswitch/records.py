"""Records that outlive the switch and the server: call records, results of jobs.

    from freeswitch import records

    await records.put("results", {"answered": True, "agent": 7}, id=session.uuid)

    async for record in records.read("results", reader="billing"):
        store(record.id, record.value)
        await record.done()

A record that was put is on the disk of this switch, and from there goes to the stream `freeswitch-records` of the NATS
server (JetStream), which acknowledges it: while the server is away records wait on the disk, and leave when it is back,
also after a restart of the switch. Each reader, by its name, gets each record; one that is not said to be done before
its lease is over comes again. What is put twice under one `id` within 30 minutes is one record; later it may come
twice: look at `record.id`. Needs a bus (`bus-url` in python.conf, or `freeswitch.bus.connect`).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import _freeswitch

from freeswitch import _bus, _loop
from freeswitch._errors import BusError
from freeswitch.kv import _read, written
from freeswitch.queue import LEASE, PATIENCE, check_id, check_name

# How long one request to the server waits for a record, in seconds.
_TURN = 5.0


class Record(_bus.Lease):
    """A record that a reader was given; `done()` says that it needs it no more, `again()` and `keep()` as with work.

    value: what was put.
    id: what tells it from all others of its name.
    node: the switch or worker that has put it.
    attempts: how often this reader was given it, this time included.
    """

    def __init__(self, where: str, value: Any, id: str, node: str, attempts: int) -> None:
        super().__init__(where)
        self.value, self.id, self.node, self.attempts = value, id, node, attempts

    def __repr__(self) -> str:
        return f"Record(id={self.id!r}, node={self.node!r}, value={self.value!r})"


def _check_bus() -> None:
    if not _bus.is_configured():
        raise BusError("records need a bus, and none is configured: set bus-url in python.conf")


async def put(name: str, value: Any, *, id: str | None = None, timeout: float = PATIENCE) -> str:
    """Put a record, and give its `id`, by default a new one; when this returns, the record is on the disk.

    A program that has no switch has no disk for it: there it is on the server's. What JSON can hold, 512 KB at most.
    BusError where there is no bus, where the disk cannot take it, or where `bus-records-limit` is reached.
    """
    _loop.only_here("freeswitch.records.put")
    check_name("name", name)
    text = written(value)
    check_id(id)
    _check_bus()
    named = uuid.uuid4().hex if id is None else id
    await _bus.ask(_freeswitch.bus_record, name, text, named, timeout=timeout)
    return named


async def _next(name: str, reader: str, lease: float) -> Record:
    _check_bus()
    while True:
        kind, attempts, where, data = await _bus.ask(
            _freeswitch.bus_read, name, reader, float(lease), timeout=_TURN
        )  # fmt: skip
        if kind != "found":
            continue
        try:
            found = _read(name, data)
            return Record(where, found["value"], found["id"], found["node"], attempts)
        except (BusError, KeyError, TypeError):
            # Another program has put it there: no reader can do anything with it.
            await _bus.Lease(where).drop()
            _loop.log.warning("what another program has put among records %s is none; it is passed over", name)


async def read(name: str, *, reader: str = "default", lease: float = LEASE) -> AsyncIterator[Record]:
    """Give this reader's records as they come, the oldest first, without end; while the bus is away it waits.

    A reader that is new gets all that the server still has. Several that read under one name share the records.
    """
    _loop.only_here("freeswitch.records.read")
    check_name("name", name, lease)
    check_name("reader", reader)
    _check_bus()
    async for record in _bus.each(lambda: _next(name, reader, lease), f"records {name} are read"):
        yield record


__all__ = ["BusError", "Record", "put", "read"]

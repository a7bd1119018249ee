"""Keys and values that all switches and workers of a bus share; without a bus, those of this switch.

    from freeswitch import kv

    await kv.put("agents.7", {"state": "ready"})
    await kv.create(f"calls.{uuid}", {"step": 1}, ttl=3600)
    async for entry in kv.watch("agents.*"):
        ...

A value is what JSON can hold. A key is words of letters, digits and `-_=/` with dots between them; in a pattern `*`
stands for one word, and `>` at the end for all that follow. With `bus-url` in python.conf they lie in the bucket
`freeswitch` of the NATS server (JetStream), else in an SQLite file in the switch's folder of databases, and in memory
where there is no switch. Every function is for coroutines that the switch runs; each waits `timeout` seconds at most,
and raises BusError where the bus does not answer by then.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import weakref
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import _freeswitch

from freeswitch import _bus, _loop
from freeswitch._errors import BusError, Conflict
from freeswitch._keys import local

PATIENCE = _bus.PATIENCE
# How large a value may be, in bytes of JSON: the most that a NATS server takes by default, less its headers.
LARGEST = 1_000_000
# How many entries a watch keeps that nobody has taken.
QUEUE = 10_000

_KEY = re.compile(r"[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*")
_PATTERN = re.compile(r"(>|(\*|[-/_=a-zA-Z0-9]+)(\.(\*|[-/_=a-zA-Z0-9]+))*(\.>)?)")


@dataclass(frozen=True)
class Entry:
    """What a key is at, or has become.

    operation: `"put"`, `"delete"`, or `"expire"` where its time to live was over; the last two have no value.
    """

    key: str
    value: Any
    revision: int
    operation: str = "put"


def _check_key(key: str) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(
            f"argument 'key' must be words of letters, digits and -_=/ with dots between them, not {key!r}"
        )
    return key


def _check_pattern(pattern: str) -> str:
    if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
        raise ValueError(
            f"argument 'pattern' must be a key, where * is a word and a last > all that follow, not {pattern!r}"
        )
    return pattern


def written(value: Any, name: str = "value") -> str:
    """Give a value as JSON; `name` is the argument that an error names."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        # Others are of one of these two kinds, and some take more than a text: UnicodeEncodeError does.
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"argument '{name}' must be what JSON can hold: {error}") from None
    if size > LARGEST:
        raise ValueError(f"argument '{name}' is {size} bytes as JSON, and {LARGEST} is the most")
    return text


def _check_revision(revision: object) -> None:
    if not isinstance(revision, int) or revision < 1:
        raise ValueError(f"argument 'revision' must be what put, create or update gave, not {revision!r}")


def _read(key: str, text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise BusError(f"what is kept under {key} is no JSON: another program has put it there") from None


def _seconds(ttl: float | None) -> int | None:
    if ttl is None:
        return None
    if not isinstance(ttl, (int, float)) or isinstance(ttl, bool) or not 0 < ttl < math.inf:
        raise ValueError(f"argument 'ttl' must be seconds, more than 0, not {ttl!r}")
    # The server counts whole ones.
    return max(1, math.ceil(ttl))


async def entry(key: str, *, timeout: float = PATIENCE) -> Entry | None:
    """Give what a key is at, None where there is no such key."""
    _loop.only_here("freeswitch.kv.entry")
    _check_key(key)
    if not _bus.is_configured():
        row = await local().run(lambda file: file.get(key))
        return None if row is None else Entry(key, _read(key, row[0]), row[1])
    kind, revision, _, data = await _bus.ask(_freeswitch.bus_get, key, timeout=timeout)
    return Entry(key, _read(key, data), revision) if kind == "found" else None


async def get(key: str, default: Any = None, *, timeout: float = PATIENCE) -> Any:
    """Give a key's value, and `default` where there is no such key."""
    _loop.only_here("freeswitch.kv.get")
    found = await entry(key, timeout=timeout)
    return default if found is None else found.value


async def _put(key: str, value: Any, ttl: float | None, revision: int | None, timeout: float) -> int:
    _check_key(key)
    text, seconds = written(value), _seconds(ttl)
    if _bus.is_configured():
        kind, number, _, _ = await _bus.ask(_freeswitch.bus_put, key, text.encode(), seconds, revision, timeout=timeout)
        done = number if kind == "done" else None
    else:
        here = local()

        def kept(number: int | None) -> None:
            if number is not None:
                here.expires(key, number, seconds)
                here.tell("put", key, number, text)

        done = await here.run(lambda file: file.put(key, text, seconds, revision), kept)
    if done is None:
        was = "it is there already" if revision == 0 else f"it is not at revision {revision}"
        raise Conflict(f"key {key} was not put: {was}")
    return done


async def put(key: str, value: Any, *, ttl: float | None = None, timeout: float = PATIENCE) -> int:
    """Put a value, and give its revision; with `ttl` it goes after so many seconds, which are counted in whole ones.

    When this returns, the value is on the disk.
    """
    _loop.only_here("freeswitch.kv.put")
    return await _put(key, value, ttl, None, timeout)


async def create(key: str, value: Any, *, ttl: float | None = None, timeout: float = PATIENCE) -> int:
    """Put a value under a key that is not there: of many who try at once, one succeeds, and the others get Conflict."""
    _loop.only_here("freeswitch.kv.create")
    return await _put(key, value, ttl, 0, timeout)


async def update(key: str, value: Any, revision: int, *, ttl: float | None = None, timeout: float = PATIENCE) -> int:
    """Put a value under a key that is at this revision, and give the new one; Conflict where it is at another one."""
    _loop.only_here("freeswitch.kv.update")
    _check_revision(revision)
    return await _put(key, value, ttl, revision, timeout)


async def delete(key: str, *, revision: int | None = None, timeout: float = PATIENCE) -> None:
    """Delete a key, where it is there; with `revision` only one that is at this revision, Conflict where it is not."""
    _loop.only_here("freeswitch.kv.delete")
    _check_key(key)
    if revision is not None:
        _check_revision(revision)
    if _bus.is_configured():
        kind, *_ = await _bus.ask(_freeswitch.bus_delete, key, revision, timeout=timeout)
        is_deleted = kind != "conflict"
    else:
        here = local()

        def gone(number: int | None) -> None:
            if number is not None:
                here.expires(key, number, None)
                here.tell("delete", key, number, None)

        is_deleted = await here.run(lambda file: file.delete(key, revision), gone) is not None
    if not is_deleted and revision is not None:
        raise Conflict(f"key {key} was not deleted: it is not at revision {revision}")


async def keys(pattern: str = ">", *, timeout: float = PATIENCE) -> list[str]:
    """Give the keys that a pattern matches, in order."""
    _loop.only_here("freeswitch.kv.keys")
    _check_pattern(pattern)
    if _bus.is_configured():
        _, _, _, data = await _bus.ask(_freeswitch.bus_keys, pattern, timeout=timeout)
        return bytes(data).decode().splitlines()
    matches = _matcher(pattern)
    return sorted(row[0] for row in await local().run(lambda file: file.all()) if matches(row[0]))


def _matcher(pattern: str) -> Any:
    words = [".+" if word == ">" else "[^.]+" if word == "*" else re.escape(word) for word in pattern.split(".")]
    return re.compile(r"\.".join(words)).fullmatch


class Watch:
    """What keys are and become, for an `async for`: first those that there are, then each change.

    dropped: how many entries there was no room for, the oldest first.
    """

    def __init__(self, pattern: str, queue: int = QUEUE) -> None:
        self.pattern = _check_pattern(pattern)
        self._waiting: deque[Entry] = deque()
        self._queue, self._dropped = queue, 0
        self._news = asyncio.Event()
        self._closed = False
        # What listens must not keep what nobody reads any more.
        mine = weakref.ref(self)

        def found(entry: Entry) -> None:
            watch = mine()
            if watch is not None:
                watch._take(entry)

        self._is_on_bus = _bus.is_configured()
        self._close = _on_bus(pattern, found) if self._is_on_bus else _on_file(pattern, found)

    def _take(self, entry: Entry) -> None:
        if len(self._waiting) >= self._queue:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(entry)
        self._news.set()

    @property
    def dropped(self) -> int:
        """How many entries there was no room for."""
        return self._dropped

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Entry:
        _loop.only_here("a watch of keys")
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            with _bus.in_real_time() if self._is_on_bus else nullcontext():
                await self._news.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Watch no longer; an `async for` ends with what is here already."""
        if not self._closed:
            self._closed = True
            self._close()
            self._news.set()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            _freeswitch.post(self._close)


def _on_bus(pattern: str, found: Any) -> Any:
    def told(event: Any) -> None:
        key, operation = event.getHeader("Key"), event.getHeader("Operation")
        revision = int(event.getHeader("Revision"))
        if operation != "put":
            found(Entry(key, None, revision, operation))
            return
        try:
            found(Entry(key, _read(key, event.getBody() or ""), revision))
        except BusError as error:
            _loop.log.warning("%s", error)

    return _bus.Listening(pattern, told, keys=True).close


def _on_file(pattern: str, found: Any) -> Any:
    here, matches, me = local(), _matcher(pattern), object()

    def told(operation: str, key: str, revision: int, text: str | None) -> None:
        if matches(key):
            found(Entry(key, None if text is None else _read(key, text), revision, operation))

    def begin(rows: list[tuple[str, str, int, float | None]]) -> None:
        # Nothing changes between what is read and this.
        if me in here.watchers:
            here.watchers[me] = told
            for key, text, revision, _ in rows:
                told("put", key, revision, text)

    here.watchers[me] = lambda *_: None
    _loop.spawn(here.run(lambda file: file.all(), begin))
    return lambda: here.watchers.pop(me, None)


def watch(pattern: str = ">", *, queue: int = QUEUE) -> Watch:
    """Give what the keys that a pattern matches are and become."""
    _loop.only_here("freeswitch.kv.watch")
    return Watch(pattern, queue)


__all__ = [
    "BusError", "Conflict", "Entry", "Watch", "create", "delete", "entry", "get", "keys", "put", "update", "watch",
]  # fmt: skip

"""What `freeswitch.kv` keeps where there is no bus: an SQLite file of this switch's, and its watchers."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_SCHEMA = """
create table if not exists keys (key text primary key, value text not null, revision integer not null, expires real);
create table if not exists jobs (
    number integer primary key autoincrement, queue text not null, id text, value text not null,
    given integer not null default 0, until real not null default 0
);
create unique index if not exists one_job on jobs (queue, id) where id is not null;
create table if not exists numbers (name text primary key, value integer not null);
insert or ignore into numbers values ('revision', 0);
"""


def _place() -> str:
    """Name the file: in the switch's folder of databases; in memory where there is no switch."""
    from _freeswitch import API, running

    try:
        folder = API().execute("global_getvar", "db_dir").strip() if running() else None
    except Exception:
        folder = None
    if not folder:
        return ":memory:"
    # pocket makes its folder when the first database does.
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, "mod_rust_kv.db")


class Keys:
    """The file. Its methods block: they run on a thread of the loop's pool, one at a time."""

    def __init__(self, place: str) -> None:
        import sqlite3

        self.place = place
        self._lock = threading.Lock()
        self._base = sqlite3.connect(place, check_same_thread=False, isolation_level=None, timeout=10.0)
        if place != ":memory:":
            self._base.execute("pragma journal_mode = wal")
            # What a put has returned for is on the disk.
            self._base.execute("pragma synchronous = full")
        self._base.executescript(_SCHEMA)

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._base.close()

    def _change(self, work: Callable[[], T]) -> T:
        with self._lock:
            self._base.execute("begin immediate")
            try:
                done = work()
            except BaseException:
                self._base.execute("rollback")
                raise
            self._base.execute("commit")
            return done

    def _next(self) -> int:
        self._base.execute("update numbers set value = value + 1 where name = 'revision'")
        return int(self._base.execute("select value from numbers where name = 'revision'").fetchone()[0])

    def get(self, key: str) -> tuple[str, int] | None:
        """Give a value and its revision."""
        with self._lock:
            row = self._base.execute("select value, revision, expires from keys where key = ?", (key,)).fetchone()
        return None if row is None or (row[2] is not None and row[2] <= time.time()) else (row[0], row[1])

    def all(self) -> list[tuple[str, str, int, float | None]]:
        """Give every key that has not expired."""
        with self._lock:
            rows = self._base.execute("select key, value, revision, expires from keys order by revision").fetchall()
        now = time.time()
        return [row for row in rows if row[3] is None or row[3] > now]

    def put(self, key: str, value: str, ttl: int | None, revision: int | None) -> int | None:
        """Put a value, only at this revision where one is given; None where it is at another one."""

        def work() -> int | None:
            row = self._base.execute("select revision, expires from keys where key = ?", (key,)).fetchone()
            if row is not None and row[1] is not None and row[1] <= time.time():
                row = None
            if revision is not None and revision != (0 if row is None else row[0]):
                return None
            number = self._next()
            expires = None if ttl is None else time.time() + ttl
            self._base.execute("insert or replace into keys values (?, ?, ?, ?)", (key, value, number, expires))
            return number

        return self._change(work)

    def delete(self, key: str, revision: int | None = None) -> int | None:
        """Delete a key, only at this revision where one is given; the number of the change, None where none was."""

        def work() -> int | None:
            sql, values = "delete from keys where key = ?", [key]
            if revision is not None:
                sql, values = f"{sql} and revision = ?", [key, revision]  # type: ignore[list-item]
            return self._next() if self._base.execute(sql, values).rowcount else None

        return self._change(work)

    # Work

    def offer(self, queue: str, value: str, id: str | None) -> bool:
        """Keep a piece of work; false where there is one of this id."""

        def work() -> bool:
            sql = "insert or ignore into jobs (queue, id, value) values (?, ?, ?)"
            return bool(self._base.execute(sql, (queue, id, value)).rowcount)

        return self._change(work)

    def take(self, queue: str, now: float, lease: float) -> tuple[int, str, int] | None:
        """Give a piece of work out until the lease is over: its number, its value, and how often it was given out."""

        def work() -> tuple[int, str, int] | None:
            sql = "select number, value, given from jobs where queue = ? and until <= ? order by number limit 1"
            row = self._base.execute(sql, (queue, now)).fetchone()
            if row is None:
                return None
            sql = "update jobs set given = given + 1, until = ? where number = ?"
            self._base.execute(sql, (now + lease, row[0]))
            return row[0], row[1], row[2] + 1

        return self._change(work)

    def next_until(self, queue: str) -> float | None:
        """Say when the first lease is over."""
        with self._lock:
            return self._base.execute("select min(until) from jobs where queue = ?", (queue,)).fetchone()[0]  # type: ignore[no-any-return]

    def done(self, number: int) -> None:
        """Forget a piece of work."""
        self._change(lambda: self._base.execute("delete from jobs where number = ?", (number,)))

    def lease(self, number: int, until: float) -> None:
        """Set when it is another's."""
        self._change(lambda: self._base.execute("update jobs set until = ? where number = ?", (until, number)))

    def free(self) -> None:
        """Take back what was given out before this process began."""
        self._change(lambda: self._base.execute("update jobs set until = 0"))


class Local:
    """The file as coroutines of one loop use it."""

    def __init__(self) -> None:
        self.loop: Any = asyncio.get_running_loop()
        self._file: Keys | None = None
        self._order = asyncio.Lock()
        self.watchers: dict[object, Callable[[str, str, int, str | None], None]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        # Rung when there is work in a queue.
        self.bells: dict[str, asyncio.Event] = {}

    async def run(self, work: Callable[[Keys], T], then: Callable[[T], None] | None = None) -> T:
        """Work on the file; `then` is called before the next one does."""
        async with self._order:
            done = await self.loop.run_in_executor(None, self._work, work)
            if then is not None:
                then(done)
            return done  # type: ignore[no-any-return]

    def _work(self, work: Callable[[Keys], T]) -> T:
        if self._file is None:
            self._file = Keys(_place())
            self._file.free()
            now = time.time()
            for key, _, revision, expires in self._file.all():
                if expires is not None:
                    self.loop.call_soon_threadsafe(self.expires, key, revision, expires - now)
        return work(self._file)

    def close(self) -> None:
        """Close the file."""
        for timer in self._timers.values():
            timer.cancel()
        if self._file is not None:
            self._file.close()

    def tell(self, operation: str, key: str, revision: int, value: str | None) -> None:
        """Tell the watchers."""
        for found in list(self.watchers.values()):
            found(operation, key, revision, value)

    def expires(self, key: str, revision: int, seconds: float | None) -> None:
        """Have a key go by itself, on the switch's clock, where it has a time to live."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if seconds is not None:
            self._timers[key] = self.loop.call_later(max(0.0, seconds), self._expire, key, revision)

    def _expire(self, key: str, revision: int) -> None:
        from freeswitch import _loop

        self._timers.pop(key, None)

        def gone(number: int | None) -> None:
            if number is not None:
                self.tell("expire", key, number, None)

        _loop.spawn(self._forget(key, revision, gone))

    async def _forget(self, key: str, revision: int, gone: Callable[[int | None], None]) -> None:
        await self.run(lambda file: file.delete(key, revision), gone)


# The one of the loop that runs, and of none before it.
_last: list[Local] = []


def local() -> Local:
    """Give the one of the loop that runs."""
    if not _last or _last[0].loop is not asyncio.get_running_loop():
        for before in _last:
            before.close()
        _last[:] = [Local()]
    return _last[0]

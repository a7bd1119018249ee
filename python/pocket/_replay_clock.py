"""The time of a replay: it stands still but where the recording goes on, or a timer of the script is due."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

from freeswitch.events import Stream


class Clock:
    """The recording's own time, in seconds since it began."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.now = 0.0

    def reach(self, at: float) -> None:
        """Come to a moment, if it is not past."""
        self.now = max(self.now, at)

    def time(self) -> float:
        """Give the time of day, in seconds since 1970."""
        return self.began + self.now

    def sleep(self, seconds: float) -> None:
        """Wait, which takes no time."""
        self.now += max(0.0, seconds)

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        """Have `time` and `datetime` tell this time."""
        clock = self

        class Datetime(datetime.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return cls.fromtimestamp(clock.time(), tz)

            @classmethod
            def utcnow(cls) -> Any:
                return cls.fromtimestamp(clock.time(), datetime.UTC).replace(tzinfo=None)

            @classmethod
            def today(cls) -> Any:
                return cls.fromtimestamp(clock.time())

        class Date(datetime.date):
            @classmethod
            def today(cls) -> Any:
                return cls.fromtimestamp(clock.time())

        with (
            mock.patch.multiple(
                time,
                time=self.time,
                time_ns=lambda: int(self.time() * 1e9),
                monotonic=self.time,
                monotonic_ns=lambda: int(self.time() * 1e9),
                perf_counter=self.time,
                sleep=self.sleep,
            ),
            mock.patch.multiple(datetime, datetime=Datetime, date=Date),
        ):
            yield


class Watch:
    """A subscription of the recording."""

    dropped = 0

    def cancel(self) -> None:
        """End it: the recording has no more of its events then."""


def stream() -> Stream:
    """Give a stream whose events are those of the recording."""

    class Played(Stream):
        dropped = 0

        def __init__(self) -> None:
            pass

        def close(self) -> None:
            pass

        def close_with(self, uuid: str) -> None:
            pass

    return Played()

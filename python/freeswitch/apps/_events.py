"""The events of a leg or a job that are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from _freeswitch import Event

# How many events of a leg are kept; the newest have what is asked for.
EVENTS = 64


class Events:
    """Events of one thing, the latest first. A key is looked for in the latest event that has it."""

    def __init__(self, event: Event | None = None) -> None:
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._first = event
        if event is not None:
            self._events.append(event)

    def update(self, event: Event) -> None:
        """Add an event."""
        self._events.appendleft(event)

    def keep(self, count: int) -> None:
        """Forget all but so many of the latest."""
        while len(self._events) > count:
            self._events.pop()

    def get(self, key: str, default: Any = None) -> Any:
        """Give the latest value of a header."""
        for event in self._events:
            value = event.getHeader(key)
            if value:
                return value
        return default

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, int):
            # The first one is kept, whatever comes.
            return self._first if key == -1 and self._first is not None else self._events[key]
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def pprint(self, index: int = 0) -> None:
        """Print an event: the latest, or the one at this place."""
        print(self[index].serialize())

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __repr__(self) -> str:
        return f"Events({[event.getType() for event in self._events]})"


def event_time(event: Event) -> float:
    """When an event was fired, in seconds since 1970."""
    return int(event.getHeader("Event-Date-Timestamp") or 0) / 1e6

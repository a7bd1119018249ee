"""What a FreeSWITCH says during a test: its events and its log, in the test's time."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from freeswitch_pocket.real.esl import Headers, Packet

LEVELS = ("CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")
# What the core writes before a message: the time, how idle the machine is, the level, the place.
PREFIX = re.compile(r"^\S+ \S+ (?:[\d.]+% )?\[\w+\] \S+:\d+ ")

Line = tuple[float, str, str, int, str, str, str]


class Records:
    """Events and log lines since a test began; each wakes those who wait."""

    def __init__(self) -> None:
        # The switch's clock is the machine's.
        self.zero = time.time()
        self.events: list[Headers] = []
        self.news = threading.Condition()
        self._lines: list[Line] = []
        self._markers: set[str] = set()

    def on_event(self, event: Headers) -> None:
        """Take an event of the switch."""
        with self.news:
            self.events.append(event)
            self.news.notify_all()

    def on_log(self, packet: Packet) -> None:
        """Take a line of the log."""
        text = PREFIX.sub("", packet.body).rstrip("\n")
        headers = packet.headers
        number = int(headers.get("Log-Level", 7))
        level = LEVELS[number] if number < len(LEVELS) else "DEBUG"
        file, line = headers.get("Log-File", ""), int(headers.get("Log-Line", 0))
        with self.news:
            if text in self._markers:
                self._markers.discard(text)
            else:
                uuid, function = headers.get("User-Data", ""), headers.get("Log-Func", "")
                self._lines.append((self.now, level, file, line, function, uuid, text))
            self.news.notify_all()

    @property
    def now(self) -> float:
        """Seconds since the test began."""
        return time.time() - self.zero

    def time_of(self, event: Headers) -> float:
        """When an event was, in the same seconds."""
        return int(event["Event-Date-Timestamp"]) / 1e6 - self.zero

    def of(self, uuid: str, *, bridges: bool = False) -> list[Headers]:
        """The events of a leg, in the order in which they were fired; also of bridges whose other leg it is."""
        others = "Other-Leg-Unique-ID" if bridges else "Unique-ID"
        mine = [
            event
            for event in list(self.events)
            if event.get("Unique-ID") == uuid or (event["Event-Name"] == "CHANNEL_BRIDGE" and event.get(others) == uuid)
        ]
        return sorted(mine, key=lambda event: int(event["Event-Sequence"]))

    def wait(self, predicate: Callable[[], bool], deadline: float) -> bool:
        """Wait until something is so, at most until that time of the test; whether it is."""
        with self.news:
            return self.news.wait_for(predicate, max(0.0, deadline - self.now))

    def take_lines(self) -> list[Line]:
        """The lines since this was last asked."""
        with self.news:
            lines, self._lines = self._lines, []
        return lines

    def mark(self, text: str) -> None:
        """Have a line with this text be a marker: it is not kept, and `passed` says when it has come."""
        with self.news:
            self._markers.add(text)

    def passed(self, text: str) -> bool:
        """Whether a marker has come."""
        return text not in self._markers

"""Signals that a program takes note of, and heeds where it looks."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any, Self

# How often a wait looks, in seconds.
LOOK = 0.1
# How long after the first a Ctrl-C is a second one, in seconds: a terminal and what has started the program may both
# send it.
SECOND = 0.5


class Noted:
    """Signals that are noted, as long as this is entered; a second Ctrl-C raises KeyboardInterrupt as ever.

    `even_ignored` has it note those that the program was started to ignore, as one in a script's background is.

    A handler in Python runs between any two steps of the first thread. One that raises, as that of Ctrl-C does, may
    come just when `Popen.wait` has taken its lock: nobody gives that back, and the next wait never ends. One that sets
    a `threading.Event` may come while the thread has the Event's own lock, and waits for itself. So this only notes.
    """

    def __init__(self, *numbers: signal.Signals, even_ignored: bool = False) -> None:
        self._numbers = numbers
        self._even_ignored = even_ignored
        self._first = 0.0
        self._before: dict[int, Any] = {}
        self.has_come = False

    def __enter__(self) -> Self:
        # Elsewhere no handler can be set.
        if threading.current_thread() is threading.main_thread():
            for number in self._numbers:
                before = signal.getsignal(number)
                # None is a handler that is not Python's, and could not be put back.
                if before is not None and (self._even_ignored or before is not signal.SIG_IGN):
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.has_come:
            self.has_come, self._first = True, now
        elif now - self._first >= SECOND and self._raised_before(number):
            raise KeyboardInterrupt

    def _raised_before(self, number: int) -> bool:
        before = self._before.get(number)
        outer = getattr(before, "__self__", None)
        return outer._raised_before(number) if isinstance(outer, Noted) else before is signal.default_int_handler

    def wait(self, seconds: float) -> bool:
        """Sleep until one has come, for so many seconds at most; whether one has."""
        end = time.monotonic() + seconds
        while not self.has_come and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK))
        return self.has_come

    def let_through(self) -> None:
        """Note no more; KeyboardInterrupt if one has come."""
        self._restore()
        self.heed()

    def heed(self) -> None:
        """Raise KeyboardInterrupt if one has come."""
        if self.has_come:
            raise KeyboardInterrupt


__all__ = ["Noted"]

"""When the next call is due, and how a dialer backs off."""

from __future__ import annotations

import logging
from collections import Counter

log = logging.getLogger("freeswitch.apps")

# Causes of a call that the switch itself has refused, or had no room for.
REFUSALS = frozenset({
    "DESTINATION_OUT_OF_ORDER", "SWITCH_CONGESTION", "NORMAL_CIRCUIT_CONGESTION", "NORMAL_TEMPORARY_FAILURE",
    "REQUESTED_CHAN_UNAVAIL", "RESOURCE_UNAVAILABLE", "SERVICE_UNAVAILABLE", "CRASH", "SYSTEM_SHUTDOWN", "NO_REPORT",
})  # fmt: skip
# By how much the rate is cut at a refusal, at most once a second, and never below this share of what is asked for.
CUT, LEAST = 0.7, 0.02
# After how many seconds without a refusal it rises again, and by which share of what is asked for a second.
CALM, RISE = 2.0, 0.05
# How many calls' time is made up for when the loop was late, in seconds.
LATE = 1.0


class Credit:
    """How many calls are due. Time is the loop's."""

    def __init__(self) -> None:
        self.owed = 0.0
        # Calls that were due and not placed, by why.
        self.held_back: Counter[str] = Counter()

    def add(self, due: float, most: float) -> None:
        """Let so much more of calls be due; what is above `most` is given up: the loop was too late for it."""
        self.owed += due
        if self.owed > most:
            given_up = int(self.owed - most)
            self.held_back["late"] += given_up
            self.owed -= given_up

    def take(self) -> bool:
        """Take one call that is due."""
        # What is added up in fractions is a hair less than it should be.
        if self.owed < 1.0 - 1e-9:
            return False
        self.owed = max(0.0, self.owed - 1.0)
        return True

    def give_up(self, why: str) -> None:
        """Let what is due go: it is not made up for later."""
        whole = int(self.owed + 1e-9)
        self.held_back[why] += whole
        self.owed -= whole


class Backoff:
    """Which share of the rate the switch can serve."""

    def __init__(self) -> None:
        self.share = 1.0
        self.refused = 0
        self._last_cut = self._last_refusal = -1e9
        self._last_told = -1e9
        self._untold: Counter[str] = Counter()

    def refuse(self, why: str, now: float, rate: float) -> None:
        """Take note of a call that the switch has refused."""
        self.refused += 1
        self._untold[why] += 1
        self._last_refusal = now
        if now - self._last_cut >= 1.0:
            self._last_cut = now
            self.share = max(LEAST, self.share * CUT)
        if now - self._last_told >= 1.0:
            self._last_told = now
            said = ", ".join(f"{cause} {count}" for cause, count in self._untold.most_common(3))
            self._untold.clear()
            log.warning(
                "MR0018 the switch has refused calls of the dialer (%s): it offers %.1f of %.1f a second",
                said,
                rate * self.share,
                rate,
            )

    def recover(self, now: float, seconds: float) -> None:
        """Let it rise again."""
        if self.share < 1.0 and now - self._last_refusal > CALM:
            self.share = min(1.0, self.share + RISE * seconds)


__all__ = ["REFUSALS", "Backoff", "Credit"]

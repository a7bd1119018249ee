"""Quantiles of times, in bounded memory."""

from __future__ import annotations

import math
from typing import Any

# Times from 0.1 ms to an hour are told apart by one part in a hundred.
LEAST, GROWTH = 1e-4, 1.01
_STEP = math.log(GROWTH)
# An hour in microseconds, which hdrhistogram counts in.
MOST_US = 3_600_000_000


class Quantiles:
    """Takes times in seconds, and gives their quantiles, exact to a hundredth: by hdrhistogram where it is there."""

    def __init__(self) -> None:
        self.count = 0
        self.highest = 0.0
        self._hdr: Any = None
        self._buckets: dict[int, int] = {}
        try:
            from hdrh.histogram import HdrHistogram  # type: ignore[import-not-found,unused-ignore]

            self._hdr = HdrHistogram(1, MOST_US, 3)
        except ImportError:
            pass

    def add(self, seconds: float) -> None:
        """Take a time."""
        self.count += 1
        self.highest = max(self.highest, seconds)
        if self._hdr is not None:
            self._hdr.record_value(max(1, min(MOST_US, round(seconds * 1e6))))
        else:
            bucket = math.ceil(math.log(max(seconds, LEAST) / LEAST) / _STEP)
            self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def at(self, share: float) -> float | None:
        """Give the time that this share of all does not exceed; None if nothing was measured."""
        if not self.count:
            return None
        if self._hdr is not None:
            return float(min(self.highest, self._hdr.get_value_at_percentile(share * 100) / 1e6))
        wanted, seen = math.ceil(share * self.count), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return float(min(self.highest, LEAST * GROWTH**bucket))
        return self.highest


__all__ = ["Quantiles"]

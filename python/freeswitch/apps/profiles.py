"""How the rate of calls goes over time, and how long calls are held.

Rates are calls a second, times seconds since the start.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Protocol

INFINITE = float("inf")


class Profile(Protocol):
    """A course of the rate."""

    def rate(self, at: float) -> float:
        """The rate at this time; 0 when none is due, and after the end."""

    def due(self, since: float, until: float) -> float:
        """How many calls are due between two times; a fraction counts towards the next."""

    def following(self, at: float, missing: float) -> float:
        """How long it is from this time, in seconds, until so much more of a call may be due."""

    def end(self) -> float:
        """When it ends; infinity when it does not."""


class Steps:
    """Several rates, each for so many seconds: `Steps([(5, 60), (10, 60)])`; the last may have no end (infinity)."""

    def __init__(self, steps: Sequence[tuple[float, float]]) -> None:
        if not steps:
            raise ValueError("a profile has one step at least")
        self.steps = [(_number(rate, "rate"), _number(length, "seconds")) for rate, length in steps]

    def __repr__(self) -> str:
        return f"Steps({self.steps})"

    def rate(self, at: float) -> float:
        """The rate of the step."""
        for rate, length in self.steps:
            if at < length:
                return rate
            at -= length
        return 0.0

    def due(self, since: float, until: float) -> float:
        """Each step's share."""
        begin, count = 0.0, 0.0
        for rate, length in self.steps:
            count += rate * max(0.0, min(until, begin + length) - max(since, begin))
            begin += length
        return count

    def following(self, at: float, missing: float) -> float:
        """At the rate that it is now, or when the step ends."""
        begin = 0.0
        for rate, length in self.steps:
            if at < begin + length:
                return min(missing / rate if rate else INFINITE, begin + length - at)
            begin += length
        return INFINITE

    def end(self) -> float:
        """The sum of the steps."""
        return sum(length for _, length in self.steps)


class Ramp:
    """From one rate to another in so many seconds; there it stays for `hold` seconds, without end by default."""

    def __init__(self, start: float, stop: float, seconds: float, hold: float = INFINITE) -> None:
        self.start, self.stop = _number(start, "start"), _number(stop, "stop")
        self.seconds, self.hold = _number(seconds, "seconds"), _number(hold, "hold")
        if not 0 < self.seconds < INFINITE:
            raise ValueError(f"a ramp takes some seconds, not {seconds}")

    def __repr__(self) -> str:
        return f"Ramp({self.start}, {self.stop}, {self.seconds}, {self.hold})"

    def rate(self, at: float) -> float:
        """In between."""
        if at >= self.end():
            return 0.0
        return self.start + (self.stop - self.start) * min(1.0, at / self.seconds)

    def due(self, since: float, until: float) -> float:
        """The area below."""
        return self._area(until) - self._area(since)

    def _area(self, at: float) -> float:
        at = min(at, self.end())
        rising = min(at, self.seconds)
        count = self.start * rising + (self.stop - self.start) * rising * rising / self.seconds / 2
        return count + self.stop * max(0.0, at - self.seconds)

    def following(self, at: float, missing: float) -> float:
        """At the rate that it is now; soon, as that changes."""
        if at >= self.end():
            return INFINITE
        rate = self.rate(at)
        wait = missing / rate if rate else INFINITE
        return min(wait, 0.1) if at < self.seconds else wait

    def end(self) -> float:
        """The ramp and what it holds."""
        return self.seconds + self.hold


class Burst:
    """So many calls at once, every so many seconds, `count` times; as fast as a dialer's `max_rate` lets them."""

    def __init__(self, calls: int, every: float, count: float = INFINITE) -> None:
        self.calls, self.every = int(_number(calls, "calls")), _number(every, "every")
        self.count = _number(count, "count")
        if not 0 < self.every < INFINITE or not self.calls:
            raise ValueError(f"a burst has calls, and seconds between: not {calls} and {every}")

    def __repr__(self) -> str:
        return f"Burst({self.calls}, {self.every}, {self.count})"

    def rate(self, at: float) -> float:
        """The mean."""
        return self.calls / self.every if at < self.end() else 0.0

    def due(self, since: float, until: float) -> float:
        """The bursts that begin in between; the first one at the start."""
        if until <= since:
            return 0.0
        return float(self.calls * (self._begun(until) - (self._begun(since) if since > 0 else 0)))

    def _begun(self, at: float) -> float:
        return min(self.count, math.floor(at / self.every + 1e-9) + 1)

    def following(self, at: float, missing: float) -> float:
        """When the next burst begins."""
        begun = self._begun(at)
        return INFINITE if begun >= self.count else max(0.0, begun * self.every - at)

    def end(self) -> float:
        """After the last burst."""
        return self.count * self.every


def parse_profile(text: str) -> Profile:
    """Read a profile.

    `ramp:0-50/60` is from, to, seconds; `step:5/60,10/60` rates and seconds; `burst:100/10` calls and seconds.
    """
    kind, _, rest = text.partition(":")
    try:
        if kind == "ramp":
            rates, times = _cut(rest, "/")
            start, stop = _cut(rates, "-")
            return Ramp(float(start), float(stop), *_one_or_two(times))
        if kind == "step":
            return Steps([_pair(step) for step in rest.split(",")])
        if kind == "burst":
            calls, times = _cut(rest, "/")
            return Burst(int(calls), *_one_or_two(times))
    except ValueError as error:
        raise ValueError(f"the profile {text!r} cannot be read: {error}") from error
    raise ValueError(f"a profile is ramp:, step: or burst:, not {text!r}")


def _cut(text: str, at: str) -> tuple[str, str]:
    before, found, after = text.partition(at)
    if not found:
        raise ValueError(f"{text!r} has no {at!r}")
    return before, after


def _one_or_two(text: str) -> tuple[float, float]:
    first, found, second = text.partition("/")
    second, more, last = second.partition("/")
    if more:
        raise ValueError(f"it ends with '/{last}'")
    return float(first), float(second) if found else INFINITE


def _pair(text: str) -> tuple[float, float]:
    rate, _, seconds = text.partition("/")
    return float(rate), float(seconds or INFINITE)


def _number(value: float, name: str) -> float:
    number = float(value)
    if not number >= 0:
        raise ValueError(f"'{name}' must be 0 or more, not {value}")
    return number


# How long a call is held, in seconds: a number, or a function that gives one for each call.
Duration = float | Callable[[], float]


class Held:
    """A distribution of how long calls are held, with its mean, as `exponential(180)` gives it."""

    def __init__(self, text: str, mean: float, draw: Callable[[], float]) -> None:
        self.text, self.mean, self._draw = text, mean, draw

    def __call__(self) -> float:
        """Draw one."""
        return max(0.0, self._draw())

    def __repr__(self) -> str:
        return self.text


def exponential(mean: float) -> Held:
    """Give the durations that calls of people have, roughly: many short ones, some long."""
    if not 0 < mean < INFINITE:
        raise ValueError(f"'mean' must be above 0, not {mean}")
    return Held(f"exponential({mean})", mean, lambda: random.expovariate(1.0 / mean))


def uniform(low: float, high: float) -> Held:
    """Give durations between two, each as likely."""
    if not _number(low, "low") <= _number(high, "high") < INFINITE:
        raise ValueError(f"'high' must be a number of 'low' ({low}) or more, not {high}")
    return Held(f"uniform({low}, {high})", (low + high) / 2, lambda: random.uniform(low, high))


def normal(mean: float, deviation: float) -> Held:
    """Give durations around a mean."""
    if not max(_number(mean, "mean"), _number(deviation, "deviation")) < INFINITE:
        raise ValueError(f"'mean' and 'deviation' must be numbers, not {mean} and {deviation}")
    return Held(f"normal({mean}, {deviation})", mean, lambda: random.gauss(mean, deviation))


def parse_duration(text: str) -> Duration:
    """Read a duration: seconds, `exp:180`, `uniform:10-30` or `normal:30,5`."""
    kind, _, rest = text.partition(":")
    try:
        if not rest:
            return _number(float(text), "duration")
        if kind == "exp":
            return exponential(float(rest))
        if kind == "uniform":
            low, high = _cut(rest, "-")
            return uniform(float(low), float(high))
        if kind == "normal":
            mean, deviation = _cut(rest, ",")
            return normal(float(mean), float(deviation))
    except ValueError as error:
        raise ValueError(f"the duration {text!r} cannot be read: {error}") from error
    raise ValueError(f"a duration is seconds, exp:, uniform: or normal:, not {text!r}")


def mean_of(duration: Duration) -> float:
    """Give the mean of a duration; of a function that does not say it, 0."""
    return float(getattr(duration, "mean", 0.0)) if callable(duration) else float(duration)


__all__ = [
    "Burst",
    "Duration",
    "Held",
    "Profile",
    "Ramp",
    "Steps",
    "exponential",
    "mean_of",
    "normal",
    "parse_duration",
    "parse_profile",
    "uniform",
]

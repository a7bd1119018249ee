"""Finding how many calls a second a switch can take."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

from freeswitch.apps.command.display import Display
from freeswitch.apps.command.places import Place
from freeswitch.apps.measure.figures import active_over_time, figures_of

# By how much the rate rises while all is well, and how near the two last rates must be to end it.
RISE, NEAR = 1.25, 0.05
# Which share of a step's calls, at its begin, is left out: the rate before is still in them.
WARM_UP = 0.2


class Bounds(NamedTuple):
    """What a switch may not pass."""

    # Seconds of set-up that 95 % of the calls may take.
    setup: float
    # The share of calls that may fail.
    failures: float


class Step(NamedTuple):
    """What came of one rate."""

    rate: float
    # Calls a second that were placed.
    offered: float
    at_once: int
    setup: float
    failures: float
    # Why it is too much; None when it is not.
    why: str | None

    def line(self) -> str:
        """Give a line of the curve."""
        told = (
            f"{self.rate:8.2f} {self.offered:8.2f} {self.at_once:8} {1000 * self.setup:8.1f} {100 * self.failures:8.2f}"
        )
        return f"{told}  {self.why or ''}".rstrip()


HEAD = f"{'rate':>8} {'offered':>8} {'at once':>8} {'95 % ms':>8} {'failed %':>8}"


def judge(rows: list[dict[str, Any]], rate: float, seconds: float, offered: int, bounds: Bounds) -> Step:
    """Say whether a rate was well."""
    rows = rows[int(len(rows) * WARM_UP) :]
    found = figures_of(rows)
    setup = found.times["setup_time"].at(0.95) if rows else None
    failures = found.failed / found.calls if found.calls else 0.0
    placed = offered / seconds
    why = None
    if failures > bounds.failures:
        why = f"{100 * failures:.1f} % failed: {', '.join(cause for cause, _ in found.causes.most_common(2))}"
    elif setup is not None and setup > bounds.setup:
        why = f"set-up took {1000 * setup:.0f} ms"
    elif placed < 0.9 * rate:
        why = f"only {placed:.1f} calls a second could be placed"
    at_once = max((count for _, count in active_over_time(rows)), default=0)
    return Step(rate, placed, at_once, setup or 0.0, failures, why)


def search(dialer: Any, where: Place, display: Display, bounds: Bounds, arguments: argparse.Namespace) -> str:
    """Find the rate; the curve, and what it comes to."""
    steps: list[Step] = []
    well, much, rate = 0.0, float("inf"), arguments.start_rate
    dialer.start()
    while True:
        step = _try(dialer, where, display, rate, arguments.step_for, bounds)
        steps.append(step)
        display.say(step.line())
        if step.why is None:
            well = max(well, rate)
        else:
            much = min(much, rate)
            _calm(dialer, where)
        if well >= arguments.max_rate or much - well <= max(NEAR * well, 0.5):
            break
        rate = (well + much) / 2 if much < float("inf") else min(arguments.max_rate, rate * RISE)
    best = max((step for step in steps if step.why is None), key=lambda step: step.rate, default=None)
    curve = "\n".join([HEAD, *(step.line() for step in sorted(steps))])
    if best is None:
        return f"{curve}\n\nthis switch: not even {steps[0].rate:g} calls a second ({steps[0].why})"
    more = "" if much < float("inf") else " or more"
    return f"{curve}\n\nthis switch: {best.offered:.1f} calls a second{more}, {best.at_once} at once"


def _try(dialer: Any, where: Place, display: Display, rate: float, seconds: float, bounds: Bounds) -> Step:
    before, offered = dialer.cdr.storer.count, dialer.offered
    dialer.rate = rate
    dialer.backoff.share = 1.0
    left = seconds
    while left > 0:
        where.sleep(min(0.5, left))
        left -= 0.5
        display.show(dialer)
    count = dialer.offered - offered
    ended = dialer.cdr.storer.count - before
    rows = dialer.cdr.storer.data
    return judge(rows[len(rows) - min(ended, len(rows)) :], rate, seconds, count, bounds)


def _calm(dialer: Any, where: Place) -> None:
    """Wait until the switch is idle."""
    dialer.stop()
    for _ in range(100):
        if not dialer.count_calls():
            break
        where.sleep(0.2)
    dialer.start()


__all__ = ["Bounds", "Step", "judge", "search"]

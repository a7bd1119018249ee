"""The figures of a run, by the names of RFC 6076 and ITU-T E.425.

They are of the calls as seizures: each call that was asked for is one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from freeswitch.apps.measure.cdr import OF_THE_USER
from freeswitch.apps.measure.quantiles import Quantiles
from freeswitch.apps.measure.store import Row

# Which times are summed up, by the column that has them.
TIMES = {
    "setup_time": "set-up (created to answered)",
    "post_dial_delay": "post-dial delay (SRD, RFC 6076)",
    "ring_time": "ringing",
    "duration": "held (answered to hung up)",
}
SHARES = (0.5, 0.9, 0.95, 0.99, 1.0)


@dataclass
class Figures:
    """What a run came to."""

    calls: int = 0
    answered: int = 0
    failed: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    # Seconds from the first call's beginning to the last one's end.
    seconds: float = 0.0
    # Calls a second while calls were offered.
    rate: float = 0.0
    most_at_once: int = 0
    # Traffic carried, in erlangs: how many were held at once, in the mean.
    erlangs: float = 0.0
    # Answer seizure ratio and network effectiveness ratio (E.425), from 0 to 1; None where there was no call.
    asr: float | None = None
    ner: float | None = None
    # Average call duration, in seconds, of those answered.
    acd: float | None = None
    times: dict[str, Quantiles] = field(default_factory=dict)
    loss: float | None = None
    jitter: float | None = None
    mos: float | None = None


def begin_of(row: Row) -> float | None:
    """Give when a call began."""
    return row.get("job_launch") or row.get("caller_create")


def end_of(row: Row) -> float | None:
    """Give when a call ended."""
    return row.get("caller_hangup") or begin_of(row)


def figures_of(rows: Iterable[Row]) -> Figures:
    """Sum up the calls of a run."""
    rows = list(rows)
    found = Figures(calls=len(rows))
    if not rows:
        return found
    found.causes = Counter(str(row.get("hangup_cause") or "NONE") for row in rows)
    answered = [row for row in rows if is_answered(row)]
    found.answered, found.failed = len(answered), len(rows) - len(answered)
    begins = sorted(begin for row in rows if (begin := begin_of(row)))
    ends = [end for row in rows if (end := end_of(row))]
    if begins and ends:
        found.seconds = max(ends) - begins[0]
        offering = begins[-1] - begins[0]
        found.rate = (len(begins) - 1) / offering if offering > 0 else 0.0
    held = [row["duration"] for row in answered if row.get("duration") is not None]
    found.erlangs = math.fsum(held) / found.seconds if found.seconds else 0.0
    found.most_at_once = max((count for _, count in active_over_time(rows)), default=0)
    found.asr = found.answered / found.calls
    effective = found.answered + sum(
        1 for row in rows if not is_answered(row) and row.get("hangup_cause") in OF_THE_USER
    )
    found.ner = effective / found.calls
    found.acd = math.fsum(held) / len(held) if held else None
    for name in TIMES:
        found.times[name] = quantiles_of(rows, name)
    found.loss, found.jitter, found.mos = (
        _mean(rows, f"caller_{name}", f"callee_{name}") for name in ("rtp_loss", "rtp_jitter", "mos")
    )
    return found


def is_answered(row: Row) -> bool:
    """Tell whether a call was answered."""
    return row.get("outcome") == "answered" or (row.get("outcome") is None and bool(row.get("caller_answer")))


def quantiles_of(rows: Iterable[Row], name: str) -> Quantiles:
    """Give the quantiles of a column."""
    found = Quantiles()
    for row in rows:
        if row.get(name) is not None:
            found.add(row[name])
    return found


def _mean(rows: Sequence[Row], *names: str) -> float | None:
    values = [row[name] for row in rows for name in names if row.get(name) is not None]
    return math.fsum(values) / len(values) if values else None


def active_over_time(rows: Iterable[Row]) -> list[tuple[float, int]]:
    """Give how many calls there were at once, at each time that this changes."""
    changes: Counter[float] = Counter()
    for row in rows:
        begin, end = row.get("caller_create") or begin_of(row), end_of(row)
        if begin and end and end > begin:
            changes[begin] += 1
            changes[end] -= 1
    found, count = [], 0
    for when in sorted(changes):
        count += changes[when]
        found.append((when, count))
    return found


def per_second(rows: Iterable[Row], seconds: float) -> dict[str, list[tuple[float, float]]]:
    """Give, for each so many seconds of the run: calls offered, answered and failed a second, and the ASR."""
    buckets: dict[int, list[int]] = {}
    start: float | None = None
    ordered = sorted((begin, is_answered(row)) for row in rows if (begin := begin_of(row)))
    for begin, answered in ordered:
        start = begin if start is None else start
        bucket = buckets.setdefault(int((begin - start) / seconds), [0, 0])
        bucket[0] += 1
        bucket[1] += answered
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ("offered", "answered", "failed", "asr")}
    for number in range(max(buckets, default=-1) + 1):
        offered, answered_count = buckets.get(number, [0, 0])
        at = number * seconds
        found["offered"].append((at, offered / seconds))
        found["answered"].append((at, answered_count / seconds))
        found["failed"].append((at, (offered - answered_count) / seconds))
        if offered:
            found["asr"].append((at, answered_count / offered))
    return found


__all__ = ["SHARES", "TIMES", "Figures", "active_over_time", "begin_of", "end_of", "figures_of", "is_answered",
           "per_second", "quantiles_of"]  # fmt: skip

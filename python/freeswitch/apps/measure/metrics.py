"""switchio's figures of each call, by its names."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from freeswitch.apps.measure.store import Row

# Over how many calls a rate is averaged, and the most that one is taken for.
WINDOW, MOST = 100, 1000.0
# What is plotted where: by row and column.
FIGSPEC = {
    (1, 1): ["call_setup_latency", "answer_latency", "invite_latency", "originate_latency"],
    (2, 1): ["active_sessions", "erlangs", "failed_calls"],
    (3, 1): ["call_rate", "avg_call_rate"],
}


def call_metrics(df: Any) -> Any:
    """Give the figures of each call, in the order that they were created.

    From rows of `CDR`, a list of dicts; from a pandas frame, a frame. Times are seconds, rates calls a second; what
    is not known of a call is None. `avg_call_rate` is that of the last 100 calls.
    """
    if hasattr(df, "to_dict"):
        rows = df.astype(object).where(df.notna(), None).to_dict("records")
        return type(df)(_metrics(rows))
    return _metrics(list(df))


call_metrics.figspec = FIGSPEC  # type: ignore[attr-defined]


def _metrics(rows: Sequence[Row]) -> list[Row]:
    ordered = sorted(enumerate(rows), key=lambda pair: pair[1].get("caller_create") or 0.0)
    rates = _rates([row.get("caller_create") for _, row in ordered])
    recent: deque[float] = deque(maxlen=WINDOW)
    found = []
    for (index, row), rate in zip(ordered, rates, strict=True):
        if rate is not None:
            recent.append(rate)
        failed = row.get("failed_calls")
        share = failed / (len(rows) - 1) if failed is not None and len(rows) > 1 else None
        found.append(
            {
                "switchio_app": row.get("switchio_app"),
                "hangup_cause": row.get("hangup_cause"),
                "hangup_index": index,
                "invite_latency": _between(row, "caller_create", "callee_create"),
                "answer_latency": _between(row, "callee_answer", "caller_answer"),
                "call_setup_latency": _between(row, "caller_create", "caller_answer"),
                "originate_latency": _between(row, "job_launch", "caller_req_originate"),
                "call_duration": _between(row, "caller_create", "caller_hangup"),
                "failed_calls": failed,
                "active_sessions": row.get("active_sessions"),
                "erlangs": row.get("erlangs"),
                "call_rate": rate,
                "avg_call_rate": sum(recent) / len(recent) if recent else None,
                "seizure_fail_rate": share,
                "answer_seizure_ratio": None if share is None else 1 - share,
            }
        )
    return found


def _rates(begins: Sequence[float | None]) -> list[float | None]:
    rates: list[float | None] = [None] if begins else []
    for before, begin in pairwise(begins):
        if before is None or begin is None:
            rates.append(None)
        else:
            rates.append(min(MOST, 1 / (begin - before)) if begin > before else MOST)
    return rates


def _between(row: Row, begin: str, end: str) -> float | None:
    first, last = row.get(begin), row.get(end)
    return None if not first or not last else last - first


__all__ = ["FIGSPEC", "call_metrics"]

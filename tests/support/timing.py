"""How long something took, where that says what happened."""

from __future__ import annotations

from hosts.base import Host


def lasted(host: Host, took: float, expected: float, *, other: float, slack: float) -> None:
    """It took as long as expected, and not as long as it takes where what is tested fails; all in one unit.

    pocket's time is its own: there it took that long but for the slack. FreeSWITCH's is that of a machine that may be
    busy, which makes all longer, and its clock is set by a thread that may be late: there it took nearer to its time
    than to the time of the other.
    """
    if host.is_pocket:
        assert expected - slack < took < expected + slack, took
    elif expected > other:
        assert took > min(expected - slack, (expected + other) / 2), took
    else:
        assert took < other - slack, took

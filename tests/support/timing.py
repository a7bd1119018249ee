"""How long something took, where that says what happened."""

from __future__ import annotations

from hosts.base import Host


def lasted(host: Host, took: float, expected: float, *, other: float, slack: float) -> None:
    """It took as long as expected, and not as long as it takes where what is tested fails; all in one unit.

    pocket's time is its own: there it took that long but for the slack. FreeSWITCH's is that of a machine that may be
    busy, which makes all longer: there it has not ended before its time, or else before the time of the other.
    """
    if host.is_pocket or expected > other:
        assert took > expected - slack, took
    if host.is_pocket:
        assert took < expected + slack, took
    elif expected < other:
        assert took < other - slack, took

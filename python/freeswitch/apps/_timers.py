"""Hanging up by the loop's own timers: they are in the switch's time, which pocket has no other of."""

from __future__ import annotations

import asyncio

from freeswitch.apps.models import Session


def hang_up_after(session: Session, seconds: float, cause: str = "NORMAL_CLEARING") -> asyncio.TimerHandle:
    """Hang up a leg in so many seconds, unless it is over by then. On the loop."""
    return asyncio.get_running_loop().call_later(max(0.0, seconds), hang_up, session, cause)


def hang_up(session: Session, cause: str = "NORMAL_CLEARING") -> None:
    """Hang up a leg, unless it is over."""
    if not session.hungup:
        session.hangup(cause)


__all__ = ["hang_up", "hang_up_after"]

"""What a script catches when a call is over, or a verb fails."""

from __future__ import annotations

from _freeswitch import SessionGone


class SessionLost(SessionGone):
    """A verb was asked for on a call that is over, transferred, or another's."""


class VerbError(RuntimeError):
    """The switch could not do what a verb asked for."""


__all__ = ["SessionLost", "VerbError"]

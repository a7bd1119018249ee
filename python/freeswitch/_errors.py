"""What a script catches when a call is over, a verb fails, or the bus does."""

from __future__ import annotations

from _freeswitch import SessionGone


class SessionLost(SessionGone):
    """A verb was asked for on a call that is over, transferred, or another's."""


class VerbError(RuntimeError):
    """The switch could not do what a verb asked for."""


class OtherGone(VerbError):
    """The call that a bridge was asked for is gone."""


class BusError(ConnectionError):
    """The bus is not there, has not answered in time, or has refused what was asked for; the text says which."""


class BusLate(BusError):
    """The bus has not answered in time: what was asked for may have been done, or not."""


class Conflict(RuntimeError):
    """A key was there already (`create`), or was at another revision (`update`, `delete`): somebody else was first."""


def lost(how: str | None) -> SessionLost:
    """Make the error of a lost call. `how` is "hangup", "transfer" or "taken"; None if that is not known."""
    return SessionLost(f"the call is over ({how})" if how else "the call is over")


__all__ = ["BusError", "BusLate", "Conflict", "OtherGone", "SessionLost", "VerbError"]

"""The session of a call in another switch, as its coroutine sees it: what is read comes from a mirror."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from _freeswitch import Session, SessionGone, SessionThread

from freeswitch._async import AsyncSession
from freeswitch._checkpoints import Checkpoint

if TYPE_CHECKING:
    from freeswitch.apps._outside import Bus


def text_of(value: Any) -> str | None:
    """Give text as the switch sends it: a string, or the bytes of one that is no UTF-8."""
    return bytes(value).decode("utf-8", "surrogateescape") if isinstance(value, list) else value


class Mirror:
    """What is known of a call: as it was when accepted, with what the switch has sent since, and what was set here."""

    def __init__(self) -> None:
        # By their names in small letters, as the switch finds them: the name and the value.
        self.variables: dict[str, tuple[str, str]] = {}
        self.fields: dict[str, str] = {}
        self.state = "CS_EXECUTE"
        self.cause = "NONE"
        self.ready = True
        self.media_ready = False
        self.answered = False
        self.bridged = False

    def take(self, news: dict[str, Any] | None) -> None:
        """Take what has changed."""
        if not news:
            return
        for name, value in news["variables"].items():
            self.put(name, text_of(value))
        for name, value in news["fields"].items():
            found = text_of(value)
            if found is None:
                self.fields.pop(name, None)
            else:
                self.fields[name] = found
        self.state, self.cause = news["state"], news["cause"]
        self.ready, self.media_ready = news["ready"], news["media_ready"]
        self.answered, self.bridged = news["answered"], news["bridged"]

    def put(self, name: str, value: str | None) -> None:
        """Set a variable, or remove it; an empty one is none, as in the switch."""
        if value:
            self.variables[name.lower()] = (name, value)
        else:
            self.variables.pop(name.lower(), None)

    def find(self, name: str) -> str | None:
        """Find a variable, or a field of the caller profile."""
        found = self.variables.get(name.lower())
        return found[1] if found is not None else self.fields.get(name)


class OutsideSession(AsyncSession):
    """A call in another switch."""

    def __init__(self, thread: SessionThread) -> None:
        super().__init__(thread)
        self._bus: Bus = thread.bus
        self._mirror: Mirror = self._bus.mirror
        self._privates: dict[str, object] = {}

    @property
    def uuid(self) -> str:
        """The call's UUID."""
        return self._bus.uuid

    def get_uuid(self) -> str:
        """Give the call's UUID."""
        return self._bus.uuid

    def getVariable(self, var: str) -> str | None:
        """Give a variable of the call, a field of its caller profile, or a global variable."""
        if not isinstance(var, str):
            raise TypeError(f"argument 'var' must be str, not {type(var).__name__}")
        found = self._mirror.find(var)
        return found if found is not None else self._bus.outside.globals.get(var)

    def setVariable(self, var: str, val: str | None) -> None:
        """Set a variable of the call, or remove it: here at once, there before the next verb."""
        if self._bus.is_released:
            raise SessionGone("the call is gone")
        self._thread.set_variable(var, val)
        self._mirror.put(var, val)

    def _variable_names(self) -> list[str]:
        return [name for name, _ in self._mirror.variables.values()]

    def ready(self) -> bool:
        """Tell whether the coroutine may go on with the call."""
        return self._mirror.ready and self.lost is None

    def mediaReady(self) -> bool:
        """Tell whether that is so, and media flows."""
        return self._mirror.media_ready and self.lost is None

    def answered(self) -> bool:
        """Tell whether the call has been answered."""
        return self._mirror.answered

    def bridged(self) -> bool:
        """Tell whether the call is joined to another."""
        return self._mirror.bridged

    @property
    def state(self) -> str:
        """The channel's state, `CS_EXECUTE` say."""
        return self._mirror.state

    def getState(self) -> str:
        """Give the channel's state."""
        return self._mirror.state

    @property
    def cause(self) -> str | None:
        """Why the call ended; None while it lives."""
        return None if self._mirror.cause == "NONE" else self._mirror.cause

    def setPrivate(self, var: str, val: object) -> None:
        """Keep something under a name."""
        self._privates[var] = val

    def getPrivate(self, var: str) -> object:
        """Give what was kept under a name; None where there is nothing."""
        return self._privates.get(var)

    def _new_checkpoint(self) -> Checkpoint:
        raise RuntimeError(
            "session.checkpoint keeps nothing over the event socket: serve the call over a bus (freeswitch-apps serve "
            "nats://...), or in the switch (docs/places.md)"
        )

    def _is_of_this_program(self) -> bool:
        return not self._bus.is_released

    def hangupCause(self) -> str:
        """Give why the call ended, `NONE` while it lives."""
        return self._mirror.cause


def session_of(bus: Bus, cls: type[Any] = OutsideSession) -> Any:
    """Make the session of a call."""
    return cls(SessionThread.outside(bus, bus.uuid))


def _not_here(name: str) -> Callable[..., NoReturn]:
    def refuse(self: object, *_: object, **__: object) -> NoReturn:
        raise RuntimeError(
            f"session.{name} works inside the switch, and this program serves the call from outside: await the verb "
            "that does it (docs/places.md)"
        )

    refuse.__name__ = name
    return refuse


# Whatever else a session in the switch has goes to the core's own memory.
for _name in dir(Session):
    _is_own = any(_name in vars(cls) for cls in (OutsideSession, AsyncSession))
    if not _name.startswith("_") and not _is_own and _name != "variables":
        setattr(OutsideSession, _name, _not_here(_name))

__all__ = ["Mirror", "OutsideSession", "session_of", "text_of"]

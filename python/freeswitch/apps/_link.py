"""What joins apps and a switch: the events that it gives, and the commands that it takes."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from _freeswitch import API, Event, Tap, send_execute

from freeswitch import _place
from freeswitch._waits import Outcome

if TYPE_CHECKING:
    from freeswitch.apps._dispatch import Listener
    from freeswitch.apps._recovery import Recovery

# What becomes of a command that was given: its answer.
Then = Callable[[str], object]
# Why a command was refused; None where it was not.
Refused = Callable[[str | None], object]


class LinkError(ConnectionError):
    """The switch cannot be reached by its event socket, or was lost."""


def refusal(reply: str) -> str | None:
    """Give why the switch has refused a command, if it has."""
    reply = reply.strip()
    is_refused = reply.startswith(("-ERR", "-USAGE", "INVALID COMMAND")) or reply.endswith("Command not found!")
    return reply.removeprefix("-ERR").strip() or "no reason was given" if is_refused else None


class EventTap(Protocol):
    """A bounded queue of events, looked through and filled where no Python runs.

    `freeswitch._loop.deliver(id)` announces what is in it: who takes the events is in `_loop.here.taps`.
    """

    @property
    def id(self) -> int:
        """Its number, one in the process."""

    @property
    def dropped(self) -> int:
        """How many events there was no room for."""

    def take(self, most: int) -> list[Event]:
        """Take up to so many events, in their order; if there are none, the next one wakes the loop."""

    def extend(self, names: Sequence[str]) -> None:
        """Take more kinds of events: `NAME` or `CUSTOM subclass`."""

    def close(self) -> None:
        """Take no more."""


class Link:
    """A switch as apps see it. Its methods may be called in any thread; what is reported later is reported on the loop.

    Commands that are given in one thread reach the switch in that order.
    """

    # Where the switch is, and what it is called in the log.
    host: str
    port: int | None = None
    name: str
    # Whether it is the switch that this runs in.
    is_local = True
    # Events of the connection itself.
    own_names: tuple[str, ...] = ()

    def tap(
        self,
        names: Iterable[str],
        headers: Iterable[tuple[str, str]] = (),
        limit: int = 10_000,
        drop_oldest: bool = True,
    ) -> EventTap:
        """Have events of these kinds, with these headers, kept for the loop: at most `limit` of them."""
        raise NotImplementedError

    def ask(self, line: str, timeout: float | None = None) -> str:
        """Run an API command, and wait for its answer: for `timeout` seconds, then TimeoutError.

        LinkError when the connection is lost. On the loop, everything else waits with it.
        """
        raise NotImplementedError

    def give(self, line: str, then: Then | None = None) -> None:
        """Run an API command that takes no time, and have `then` called with its answer."""
        raise NotImplementedError

    def api(self, line: str) -> Outcome:
        """Run an API command, however long it takes: await its answer, or ask for it in a thread by `result(timeout)`.

        LinkError is raised there when the connection is lost.
        """
        raise NotImplementedError

    def bgapi(self, line: str, refused: Callable[[str], object]) -> str:
        """Run an API command in the background: its job's UUID. If it has not begun, `refused` gets the reason."""
        raise NotImplementedError

    def execute(self, uuid: str, app: str, argument: str, loops: int, event_uuid: str | None, then: Refused) -> None:
        """Have a leg's thread run a dialplan application; `then` gets the reason of a refusal, or None."""
        raise NotImplementedError

    def is_up(self) -> bool:
        """Tell whether the switch is there."""
        return True

    def recovery(self, listener: Listener, tap: Any) -> Recovery | None:
        """Give what sees to the calls of a listener where the connection is lost; None where it cannot be."""
        return None

    def close(self) -> None:
        """End it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<freeswitch.apps.{type(self).__name__} {self.name}>"


class LocalLink(Link):
    """The switch that this runs in. Commands are carried out in the thread that gives them, before it goes on."""

    host = "localhost"
    name = "this switch"

    def tap(
        self,
        names: Iterable[str],
        headers: Iterable[tuple[str, str]] = (),
        limit: int = 10_000,
        drop_oldest: bool = True,
    ) -> EventTap:
        """Bind them."""
        return Tap(list(names), list(headers), limit, drop_oldest)

    def ask(self, line: str, timeout: float | None = None) -> str:
        """Run it here."""
        name, _, argument = line.partition(" ")
        return API().execute(name, argument)

    def give(self, line: str, then: Then | None = None) -> None:
        """Run it here."""
        answer = self.ask(line)
        if then is not None:
            then(answer)

    def api(self, line: str) -> Outcome:
        """Run it here."""
        outcome = Outcome()
        outcome.set_result(self.ask(line))
        return outcome

    def bgapi(self, line: str, refused: Callable[[str], object]) -> str:
        """Have the switch begin it."""
        reply = API().execute("bgapi", line).strip()
        if not reply.startswith("+OK"):
            refused(refusal(reply) or reply)
        return reply.rpartition(" ")[2] or str(uuids.uuid4())

    def execute(self, uuid: str, app: str, argument: str, loops: int, event_uuid: str | None, then: Refused) -> None:
        """Leave it to the leg."""
        then(None if send_execute(uuid, app, argument, loops, event_uuid) else "there is no such call")

    def close(self) -> None:
        """Nothing of it is left."""


def local() -> Link:
    """Give the link to the switch that this runs in."""
    _place.need("freeswitch.apps")
    return _LOCAL


_LOCAL = LocalLink()

__all__ = ["EventTap", "Link", "LinkError", "LocalLink", "Refused", "Then", "local", "refusal"]

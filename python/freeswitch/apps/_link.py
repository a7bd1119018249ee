"""What joins apps and a switch: the events that it gives, and the commands that it takes."""

from __future__ import annotations

import logging
import uuid as uuids
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from _freeswitch import API, Event, Tap, send_execute

from freeswitch import _place
from freeswitch._waits import Outcome
from freeswitch.apps._errors import APIError

if TYPE_CHECKING:
    from freeswitch.apps._dispatch import Listener
    from freeswitch.apps._recovery import Recovery

log = logging.getLogger("freeswitch.apps")

# What becomes of a command that was given: its answer.
Then = Callable[[str], object]
# Why a command was refused; None where it was not.
Refused = Callable[[str | None], object]


class LinkError(ConnectionError):
    """The switch cannot be reached by its event socket, or was lost."""


# Why a call has ended, or was not placed, of which the switch can no longer be asked.
CONNECTION_LOST = "CONNECTION_LOST"


# The last port of TCP.
LAST_PORT = 65535


def port_of(given: int | str) -> int:
    """Give a port, from a number or its digits: ValueError when it is none, TypeError for other kinds."""
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise TypeError(f"argument 'port' must be int, not {type(given).__name__}")
    is_number = not isinstance(given, str) or (given.isascii() and given.isdigit() and len(given) < 10)
    if not is_number or not 1 <= int(given) <= LAST_PORT:
        raise ValueError(f"argument 'port' must be a number from 1 to {LAST_PORT}, not {given!r}")
    return int(given)


def refusal(reply: str) -> str | None:
    """Give why the switch has refused a command, if it has; a NoAnswer where it has said nothing."""
    is_lost = isinstance(reply, NoAnswer)
    reply = reply.strip()
    is_refused = reply.startswith(("-ERR", "-USAGE", "INVALID COMMAND")) or reply.endswith("Command not found!")
    if not is_refused:
        return None
    why = reply.removeprefix("-ERR").strip() or "no reason was given"
    return NoAnswer(why) if is_lost else why


class NoAnswer(str):
    """Stands for the answer that the switch has not given: the connection was lost, or is not there.

    `then` gets it instead of an answer, `-ERR` and the reason; `refused` as the reason alone.
    """

    __slots__ = ()


class Reply(str):
    """What the switch has answered: the text, which switchio's programs take for an event that has it as its body."""

    __slots__ = ()

    def getBody(self) -> str:
        """Give the text."""
        return str(self)

    def get(self, name: str, default: Any = None) -> Any:
        """Give `Body` or `Reply-Text`, which are the text, or `Job-UUID` where it has one."""
        if name in {"Body", "Reply-Text"}:
            return str(self)
        _, job, uuid = self.partition("Job-UUID: ")
        return uuid.strip() if job and name == "Job-UUID" else default

    def __getitem__(self, key: Any) -> str:
        if not isinstance(key, str):
            return super().__getitem__(key)
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return str(found)


def not_begun(line: str) -> Callable[[str], object]:
    """Give what says in the log why a command has not begun."""
    return lambda why: log.warning("MR0015 'bgapi %s' was refused: %s", line, why)


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

    def has_more(self) -> bool:
        """Tell whether there are any to be taken; if there are none, the next one wakes the loop."""

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

    def settle(self) -> None:
        """Wait, in a thread, until the switch sends the events that it has been asked for."""

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

    def cmd(self, line: str) -> str:
        """Run an API command, and wait for its answer, as `ask` does. APIError when it is refused."""
        answer = self.ask(line).strip()
        why = refusal(answer)
        if why is not None:
            raise APIError(f"'{line}' was refused: {why}")
        return answer

    def command(self, line: str, *headers: str) -> Outcome:
        """Give a command of the event socket itself, with these lines after its first: await the reply."""
        raise RuntimeError(f"'{line}' is for an event socket, and {self.name} has no connection to one")

    def begin(self, line: str) -> Outcome:
        """Run an API command in the background: await what the switch says to that, with the job's UUID."""
        raise NotImplementedError

    def bgapi(self, line: str, refused: Callable[[str], object] | None = None) -> str:
        """Run an API command in the background: its job's UUID.

        If it has not begun, `refused` gets the reason; without it the log does (MR0015).
        """
        raise NotImplementedError

    def execute(self, uuid: str, app: str, argument: str, loops: int, event_uuid: str | None, then: Refused) -> None:
        """Have a leg's thread run a dialplan application; `then` gets the reason of a refusal, or None."""
        raise NotImplementedError

    def is_up(self) -> bool:
        """Tell whether the switch is there."""
        return True

    def is_closed(self) -> bool:
        """Tell whether it was ended by the program itself."""
        return False

    def is_away(self) -> bool:
        """Tell whether the switch is not there, and may come back."""
        return not self.is_up() and not self.is_closed()

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
        outcome.set_result(Reply(self.ask(line)))
        return outcome

    def begin(self, line: str) -> Outcome:
        """Have the switch begin it."""
        return self.api(f"bgapi {line}")

    def bgapi(self, line: str, refused: Callable[[str], object] | None = None) -> str:
        """Have the switch begin it."""
        reply = API().execute("bgapi", line).strip()
        if not reply.startswith("+OK"):
            (refused or not_begun(line))(refusal(reply) or reply)
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

__all__ = ["LAST_PORT", "EventTap", "Link", "LinkError", "LocalLink", "NoAnswer", "Refused", "Reply", "Then", "local",
           "not_begun", "port_of", "refusal"]  # fmt: skip

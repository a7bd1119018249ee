"""Which events and log lines a client gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pocket import _pocket
from pocket._event_socket.packets import Event, Format

ALL = "ALL"
CUSTOM = "CUSTOM"
FORMATS: dict[bytes, Format] = {b"plain": "plain", b"xml": "xml", b"json": "json"}
PREFIX = "SWITCH_EVENT_"

KINDS = tuple(_pocket.event_names())
_KNOWN = frozenset(KINDS)

# What myevents asks for.
OF_A_CALL = (
    *("CHANNEL_ANSWER", "CHANNEL_APPLICATION", "CHANNEL_BRIDGE", "CHANNEL_CREATE", "CHANNEL_DATA", "CHANNEL_DESTROY"),
    *("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_ORIGINATE"),
    *("CHANNEL_UUID", "CHANNEL_OUTGOING", "CHANNEL_PARK", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA"),
    *("CHANNEL_STATE", "CHANNEL_UNBRIDGE", "CHANNEL_UNPARK", "DETECTED_SPEECH", "DTMF", "NOTALK", "TALK"),
)

Fits = Callable[[bytes, bytes], bool]


def kind_of(word: bytes) -> str | None:
    """The kind of event that a word names."""
    name = word.decode("latin-1").upper()
    name = name.removeprefix(PREFIX)
    return name if name in _KNOWN or name == ALL else None


class Filters:
    """Headers and values, one of which an event must have; those with a minus it must not have."""

    def __init__(self, fits: Fits) -> None:
        self._fits = fits
        self._filters: list[tuple[bytes, bytes]] = []

    def add(self, name: bytes, value: bytes) -> None:
        """Add one; an empty value takes away those of the name."""
        if value:
            self._filters.append((name, value))
        else:
            self.remove(name, None)

    def remove(self, name: bytes, value: bytes | None) -> None:
        """Take away those of the name, or the one with that value."""
        self._filters = [
            kept for kept in self._filters if kept[0].lower() != name.lower() or (value and kept[1] != value)
        ]

    def clear(self) -> None:
        """Take away all."""
        self._filters.clear()

    def passes(self, event: Event) -> bool:
        """Whether the event goes through."""
        if not self._filters:
            return True
        send = False
        for name, value in self._filters:
            found = event.get(name)
            if found is None:
                continue
            wanted = value.lstrip(b" +-")
            sign = value[: len(value) - len(wanted)].replace(b" ", b"")[-1:]
            if sign != b"-" and send:
                continue
            fits = self._fits(found, wanted) if value[:1] == b"/" else found.lower() == wanted.lower()
            if fits and sign == b"-":
                return False
            send = send or fits
        return send


class Subscription:
    """The kinds of events of a client, their subclasses, filters and format."""

    def __init__(self, fits: Fits) -> None:
        self.format: Format = "plain"
        self.on = False
        self.filters = Filters(fits)
        # Set by myevents: only those of the call, or with no call of any.
        self.mine = False
        self._all = False
        self._kinds: set[str] = set()
        self._subclasses: set[bytes] = set()
        self._any_subclass = False

    def kinds(self) -> Iterable[str]:
        """The kinds that the switch must hand out for it."""
        if not self.on:
            return ()
        return KINDS if self._all else self._kinds

    def add(self, kind: str) -> None:
        """Ask for a kind."""
        if kind == ALL:
            self._all = True
            self._kinds.update(KINDS)
            # FreeSWITCH notes the subclasses that it knows by then.
            self._any_subclass = True
        else:
            self._kinds.add(kind)

    def add_subclass(self, name: bytes) -> None:
        """Ask for a subclass of CUSTOM."""
        self._subclasses.add(name)

    def remove(self, kind: str) -> None:
        """Ask for a kind no more; CUSTOM alone stays, its subclasses are what is taken away."""
        if kind == ALL:
            self._all = False
            self._kinds.clear()
        elif kind != CUSTOM:
            self._all = False
            self._kinds.discard(kind)

    def remove_subclass(self, name: bytes) -> None:
        """Ask for a subclass no more."""
        self._subclasses.discard(name)

    def clear(self) -> None:
        """Ask for nothing."""
        self.on = self._all = self._any_subclass = False
        self._kinds.clear()
        self._subclasses.clear()

    def follow(self) -> None:
        """Ask for the events of one call."""
        self._kinds.update(OF_A_CALL)
        self.mine = self.on = True

    def wants(self, event: Event, uuid: bytes | None) -> bool:
        """Whether the client gets the event; `uuid` is the call that it controls."""
        if not self.on or not (self._all or self._asks_for(event)) or not self.filters.passes(event):
            return False
        if not self.mine:
            return True
        of = event.get(b"Unique-ID")
        if uuid is None:
            return of is not None
        return of == uuid or event.get(b"Job-Owner-UUID") == uuid

    def _asks_for(self, event: Event) -> bool:
        if event.kind not in self._kinds:
            return False
        if event.kind != CUSTOM or event.subclass is None:
            return True
        return self._any_subclass or event.subclass in self._subclasses

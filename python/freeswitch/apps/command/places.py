"""Where a command's calls are: on the switches at some hosts, or on pocket."""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from freeswitch.apps.command.numbers import LAST_PORT, whole

if TYPE_CHECKING:
    from pocket._signals import Noted

# Every call on pocket is parked, for the app to come.
DIALPLAN = """<extension name="parks"><condition field="destination_number" expression=".*">
<action application="park"/></condition></extension>"""

ADDRESS = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,9}))?")


class Place(Protocol):
    """Where calls are."""

    # What a pool is made of; None is the switch in this process.
    contacts: Sequence[tuple[str, int, str]] | None

    def sleep(self, seconds: float) -> None:
        """Let so many seconds go by, in the switch's time."""

    def time(self) -> float:
        """Give the switch's time, in seconds."""


class Pocket:
    """The embedded switch: time is virtual."""

    contacts: Sequence[tuple[str, int, str]] | None = None

    def __init__(self, switch: Any) -> None:
        self._switch = switch
        self._gone = 0.0

    def sleep(self, seconds: float) -> None:
        """Let the clock move."""
        self._switch.sleep(seconds)
        self._gone += seconds

    def time(self) -> float:
        """Give how long was slept."""
        return self._gone


class Hosts:
    """Switches with an event socket."""

    def __init__(self, contacts: list[tuple[str, int, str]]) -> None:
        self.contacts: Sequence[tuple[str, int, str]] | None = contacts

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def time(self) -> float:
        """Give the time."""
        return time.monotonic()


class Stopped:
    """A place where Ctrl-C, which was noted, ends a sleep, and is raised then."""

    def __init__(self, where: Place, stops: Noted) -> None:
        self.contacts = where.contacts
        self.time = where.time
        self._where, self._stops = where, stops

    def sleep(self, seconds: float) -> None:
        """Sleep; KeyboardInterrupt where Ctrl-C has come."""
        # Time that is virtual goes by at once.
        if isinstance(self._where, Pocket):
            self._where.sleep(seconds)
        else:
            self._stops.wait(seconds)
        self._stops.heed()


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what says where calls are."""
    command.add_argument("hosts", nargs="*", metavar="HOST", help="a switch: host or host:port of its event socket")
    command.add_argument("--pocket", action="store_true", help="a rehearsal: on the embedded switch, in virtual time")
    command.add_argument("--password", default="ClueCon", help="of the event sockets (default: %(default)s)")
    command.add_argument(
        "--port", type=whole(1, LAST_PORT), default=8021, help="of the event sockets (default: %(default)s)"
    )


@contextmanager
def rehearsal(programs: Sequence[Any]) -> Iterator[tuple[Place, list[tuple[str, int, str]]]]:
    """Give a pocket switch in real time whose calls are offered to programs by the event socket."""
    import pocket

    dialplan = "".join(
        f'<extension name="{program.name}"><condition field="destination_number" expression="^{program.name}$">'
        f'<action application="pysocket" data="{program.name}"/></condition></extension>'
        for program in programs
    )
    with pocket.serve(dialplan=dialplan) as server:
        print(f"pocket's event socket is at {server.host}:{server.port}, its password {server.password}")
        for program in programs:
            print(f"a call: originate loopback/{program.name}/default &park()", flush=True)
        yield Hosts([]), [(server.host, server.port, server.password)]


@contextmanager
def place(arguments: argparse.Namespace) -> Iterator[Place]:
    """Give where the calls of a command are."""
    if arguments.pocket:
        if arguments.hosts:
            raise ValueError(f"--pocket is a switch of its own: leave out {' '.join(arguments.hosts)}")
        import pocket
        from pocket._signals import Noted

        with Noted(signal.SIGINT) as stops:
            switch = pocket.Switch(dialplan=DIALPLAN).open()
        with contextlib.closing(switch):
            stops.heed()
            # Nobody reads its log.
            switch.api("fsctl loglevel warning")
            yield Pocket(switch)
        return
    if not arguments.hosts:
        raise ValueError("name a host whose event socket is to be used, or say --pocket")
    yield Hosts([(*_address(text, arguments.port), arguments.password) for text in arguments.hosts])


def _address(text: str, port: int) -> tuple[str, int]:
    if text.count(":") > 1 and "[" not in text:
        return text, port  # an address of IPv6 alone
    match = ADDRESS.fullmatch(text)
    given = int(match["port"] or port) if match else 0
    if not match or not 0 < given <= LAST_PORT:
        raise ValueError(f"{text!r} is no HOST, HOST:PORT or [ADDRESS]:PORT with a port from 1 to {LAST_PORT}")
    return match["v6"] or match["host"], given


__all__ = ["Hosts", "Place", "Pocket", "Stopped", "add_options", "place", "rehearsal"]

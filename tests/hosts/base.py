"""What a test can do with a switch, whichever it is."""

from __future__ import annotations

import itertools
import json
import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar
from xml.sax.saxutils import quoteattr

Event = Mapping[str, str]
Action = tuple[str, str] | str
Press = Sequence[tuple[float, str]]

# Long enough for any test to hang up in; its length is known, so pocket plays it too.
HOLD_MUSIC = "tone_stream://%(1000,1000,440);loops=30"
# Zones as timezones.conf has them, with offsets that nobody's machine has by chance.
ZONES = {"Test/Ahead": "XST-13:45", "Test/Summer": "EST5EDT,M3.2.0,M11.1.0"}
NO_SETTINGS = '<configuration name="{name}"><settings/></configuration>\n'
DEADLINE = 20.0

T = TypeVar("T")

# One count for all hosts: those in this process share one interpreter.
SCRIPT_NUMBERS = itertools.count(1)


class HostError(Exception):
    """The switch did not do what the harness needs, or has died."""


@dataclass(frozen=True)
class LogLine:
    """One message of the switch's log; a message of several lines is one."""

    level: str
    text: str
    uuid: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.uuid} [{self.level}] {self.file}:{self.line} {self.text}".lstrip()


@dataclass
class CallResult:
    """A call that is over, as seen from the leg that ran the dialplan."""

    uuid: str
    cause: str
    answered: bool
    variables: Mapping[str, str]
    events: list[Event] = field(default_factory=list)
    transcript: str = ""

    def event_names(self) -> list[str]:
        """The names of the call's events, in the order in which they were fired."""
        return [event["Event-Name"] for event in self.events]


class LiveCall(Protocol):
    """A call that is going on; what is done here, the far end does."""

    @property
    def uuid(self) -> str:
        """The UUID of the leg that runs the dialplan."""

    def press(self, digits: str) -> None:
        """Press digits at the far end."""

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up at the far end."""

    def wait(self, timeout: float = DEADLINE) -> CallResult:
        """Wait for the end of the call."""


class Host(ABC):
    """A switch with mod_rust loaded, a script folder and a configuration of its own."""

    name: str
    is_pocket: bool

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script_dir = folder / "scripts"
        self.conf_dir = folder / "conf"
        self.configured = False
        self._extensions: dict[str, str] = {}
        self.script_dir.mkdir(parents=True, exist_ok=True)
        (self.conf_dir / "autoload_configs").mkdir(parents=True, exist_ok=True)
        (self.conf_dir / "dialplan").mkdir(parents=True, exist_ok=True)
        self._write_dialplan()
        zones = "".join(f'<zone name="{name}" value="{rules}"/>' for name, rules in ZONES.items())
        self.write_config(
            "timezones.conf", f'<configuration name="timezones.conf"><timezones>{zones}</timezones></configuration>'
        )

    # Scripts, dialplan, configuration

    def script(self, source: str | bytes, name: str | None = None) -> str:
        """Write a module under the script folder; its dotted name, made up when none is given."""
        if name is None:
            name = f"script_{next(SCRIPT_NUMBERS)}"
        path = self.script_dir.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source if isinstance(source, bytes) else textwrap.dedent(source).encode())
        return name

    def extension(self, *actions: Action, xml: str | None = None) -> str:
        """An extension of the dialplan that runs these applications; its number."""
        key = xml or "".join(_action(action) for action in actions)
        if key not in self._extensions:
            number = f"7{len(self._extensions):04}"
            self._extensions[key] = number
            self._write_dialplan()
            self.api("reloadxml")
        return self._extensions[key]

    def dialplan(self, extensions: str) -> None:
        """Add extensions as XML, with or without `<include>` around them, as dialplan files have it."""
        self._extensions[re.sub(r"</?include>", "", extensions)] = ""
        self._write_dialplan()
        self.api("reloadxml")

    def _write_dialplan(self) -> None:
        parts = []
        for body, number in self._extensions.items():
            condition = f'<condition field="destination_number" expression="^{number}$">{body}</condition>'
            parts.append(f'<extension name="{number}">{condition}</extension>' if number else body)
        text = '<include>\n<context name="default">\n' + "\n".join(parts) + "\n</context>\n</include>\n"
        (self.conf_dir / "dialplan" / "default.xml").write_text(text, encoding="utf-8")

    def write_config(self, name: str, xml: str | None) -> None:
        """Write `autoload_configs/<name>.xml`; None: one without settings."""
        text = xml or NO_SETTINGS.format(name=name)
        (self.conf_dir / "autoload_configs" / f"{name}.xml").write_text(text, encoding="utf-8")

    def config(self, xml: str | None, name: str = "python.conf") -> str:
        """Set a configuration and have mod_rust read it; the reply of `reload mod_rust`."""
        self.configured = True
        self.write_config(name, xml)
        return self.api("reload mod_rust")

    def begin_test(self) -> None:
        """From here on, log and events are those of a new test; those of the tests before are dropped."""
        self.flush()
        self.drop_records()

    def restore(self) -> None:
        """Undo what a test has left: its configuration, and its calls."""
        if self.configured:
            self.config(None)
            self.configured = False
        if not self.has_no_calls():
            self.api("hupall")
            self.wait_no_calls()

    def script_place(self, uuid: str) -> str | None:
        """Where the script of a call is, as `pyps` says; None if it has none."""
        reply = self.api("pyps json")
        runs = json.loads(reply) if reply.startswith("[") else []
        return next((str(run["place"]) for run in runs if run["uuid"] == uuid), None)

    def has_no_calls(self) -> bool:
        """Whether there is no channel, and `show channels`, which asks a database that comes after, says so too."""
        return "\n0 session(s) - " in self.api("status") and self.api("show channels count").strip().startswith("0 ")

    def wait_no_calls(self, timeout: float = DEADLINE) -> None:
        """Wait until there is no channel."""
        self.wait_for(lambda: self.has_no_calls() or None, timeout, "the end of all calls")

    # Commands and calls

    @abstractmethod
    def api(self, command: str) -> str:
        """Run a command as the console does; its reply."""

    def bgapi(self, command: str, timeout: float = DEADLINE) -> str:
        """Run a command in the background, and wait for what its job answers."""
        mark = len(self.all_events())
        reply = self.api(f"bgapi {command}").strip()
        job = reply.rpartition(" ")[2]
        event = self.wait_event("BACKGROUND_JOB", {"Job-UUID": job}, timeout, since=mark)
        return event.get("_body", "")

    @abstractmethod
    def event_socket(self) -> tuple[int, str]:
        """The port and password of its event socket; pocket's only where its time is real."""

    @abstractmethod
    def start_call(
        self,
        extension: str,
        *,
        press: Press = (),
        hangup_after: float | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> LiveCall:
        """Call an extension; the far end presses digits and hangs up at these seconds after."""

    def call(
        self,
        *actions: Action,
        extension: str | None = None,
        press: Press = (),
        hangup_after: float | None = None,
        variables: Mapping[str, str] | None = None,
        timeout: float = DEADLINE,
    ) -> CallResult:
        """Call an extension, or one made of these applications, and wait for the end of the call."""
        live = self.start_call(
            extension or self.extension(*actions), press=press, hangup_after=hangup_after, variables=variables
        )
        return live.wait(timeout)

    def run(
        self,
        app: str,
        data: str = "",
        *,
        press: Press = (),
        hangup_after: float | None = None,
        variables: Mapping[str, str] | None = None,
        timeout: float = DEADLINE,
    ) -> CallResult:
        """Make a call whose dialplan is one application."""
        return self.call((app, data), press=press, hangup_after=hangup_after, variables=variables, timeout=timeout)

    # Log and events

    @abstractmethod
    def flush(self) -> None:
        """Return when all that was logged before is in `all_log()`."""

    @abstractmethod
    def all_log(self) -> Sequence[LogLine]:
        """Every log line since the switch started or the test began, whichever was later."""

    @abstractmethod
    def all_events(self) -> Sequence[Event]:
        """Every event since then, bodies under `_body`."""

    @abstractmethod
    def drop_records(self) -> None:
        """Drop the log lines and the events kept so far: a run of the suite makes millions."""

    def mark(self) -> int:
        """A place in the log: what comes after it was logged later."""
        self.flush()
        return len(self.all_log())

    def log(self, since: int = 0) -> list[LogLine]:
        """The log since a mark, or since the test began."""
        self.flush()
        return list(self.all_log()[since:])

    def wait_log(self, pattern: str, timeout: float = DEADLINE, since: int = 0) -> LogLine:
        """The first line whose text matches, waited for."""

        def found() -> LogLine | None:
            return next((line for line in self.all_log()[since:] if re.search(pattern, line.text)), None)

        return self.wait_for(found, timeout, f"a log line that matches {pattern!r}")

    def no_log(self, pattern: str, since: int = 0) -> None:
        """Fail when a line that matches was logged."""
        lines = [str(line) for line in self.log(since) if re.search(pattern, line.text)]
        assert not lines, f"logged against expectation: {lines}"

    def wait_event(
        self,
        name: str,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEADLINE,
        since: int = 0,
    ) -> Event:
        """The first event of that name with these headers, waited for; since the test began."""
        wanted = {"Event-Name": name, **(headers or {})}

        def found() -> Event | None:
            events = self.all_events()[since:]
            return next((event for event in events if wanted.items() <= event.items()), None)

        return self.wait_for(found, timeout, f"the event {wanted}")

    # Time and life

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Let the switch's time go by."""

    @abstractmethod
    def wait_for(self, predicate: Callable[[], T | None], timeout: float = DEADLINE, what: str = "") -> T:
        """Wait until the predicate gives something, and give that."""

    @abstractmethod
    def alive(self) -> bool:
        """Whether the switch still runs."""

    @abstractmethod
    def stop(self) -> int:
        """End the switch in an orderly way; its exit status, negative for a signal."""

    def abandon(self) -> None:
        """End the switch by whatever way is quickest: nobody asks how it went."""
        self.stop()

    @abstractmethod
    def log_text(self) -> str:
        """The log as one would read it, also after the end."""


def _action(action: Action) -> str:
    app, data = (action, "") if isinstance(action, str) else action
    return f"<action application={quoteattr(app)} data={quoteattr(data)}/>"


def texts(lines: Iterable[LogLine]) -> list[str]:
    """Only what the lines say."""
    return [line.text for line in lines]

"""pocket as a host of tests: the embedded switch, in this very process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pocket
from hosts.base import DEADLINE, HOLD_MUSIC, CallResult, Event, Host, LogLine, Press, T


class PocketCall:
    """A live call of pocket."""

    def __init__(self, host: PocketHost, call: pocket.Call, first_event: int) -> None:
        self._host = host
        self._call = call
        self._first_event = first_event

    @property
    def uuid(self) -> str:
        """The session's UUID."""
        return self._call.uuid

    def press(self, digits: str) -> None:
        """Press digits at the far end."""
        self._call.press(digits)

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up at the far end."""
        self._call.hangup(cause)

    def wait(self, timeout: float = DEADLINE) -> CallResult:
        """Wait for the end, in pocket's time."""
        call = self._call
        call.wait(timeout)
        # Its last events come a moment after it has ended.
        self._host.wait_for(self._is_destroyed, timeout, "the end of the call")
        events = self._host.all_events()[self._first_event :]
        return CallResult(
            uuid=call.uuid,
            cause=call.cause,
            answered=call.answered,
            variables=dict(call.variables),
            events=[event for event in events if event.get("Unique-ID") == call.uuid],
            transcript=call.transcript.text(),
        )

    def _is_destroyed(self) -> bool | None:
        for event in self._host.all_events()[self._first_event :]:
            if event["Event-Name"] == "CHANNEL_DESTROY" and event.get("Unique-ID") == self.uuid:
                return True
        return None


class PocketHost(Host):
    """An open `pocket.Switch`; a process has at most one."""

    name = "pocket"
    is_pocket = True

    def __init__(
        self, folder: Path, *, with_module: bool = True, config: str | None = None, real_time: bool = False
    ) -> None:
        super().__init__(folder)
        self._log: list[LogLine] = []
        self._open = False
        self._server: pocket.Server | None = None
        self.write_config("python.conf", config)
        self._switch = pocket.Switch(
            scripts=str(self.script_dir),
            conf=str(self.conf_dir),
            variables={"hold_music": HOLD_MUSIC},
            modules=("mod_rust",) if with_module else (),
            real_time=real_time,
        )
        self._switch.__enter__()
        self._open = True
        self._switch.subscribe("ALL")

    def api(self, command: str) -> str:
        """Run a command."""
        return self._switch.api(command)

    def event_socket(self) -> tuple[int, str]:
        """Serve it, when it is first asked for."""
        if self._server is None:
            self._server = self._switch.serve()
        return self._server.port, self._server.password

    def start_call(
        self,
        extension: str,
        *,
        press: Press = (),
        hangup_after: float | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> PocketCall:
        """Make an inbound call."""
        first_event = len(self.all_events())
        call = self._switch.start_call(
            extension,
            press=list(press),
            hangup_after=hangup_after,
            variables=dict(variables or {}),
            caller_id_number="1000",
            caller_id_name="Test",
        )
        return PocketCall(self, call, first_event)

    def flush(self) -> None:
        """Nothing to wait for: pocket's log is written when the line is logged."""

    def all_log(self) -> Sequence[LogLine]:
        """Every log line since the test began."""
        taken = self._switch.log
        self._log.extend(LogLine(line.level, line.text.rstrip("\n"), line.uuid, line.file, line.line) for line in taken)
        taken.clear()
        return self._log

    def all_events(self) -> Sequence[Event]:
        """Every event since the test began, but for those without a name: what a hangup hook was given."""
        return [event for event in self._switch.events if "Event-Name" in event]

    def drop_records(self) -> None:
        """Drop them here and in the switch."""
        self.all_log()
        self._log.clear()
        if self._open:
            # What nobody has looked at is dropped unseen: it may be very much.
            self._switch.subscribe("ALL")
        self._switch.events.clear()

    def sleep(self, seconds: float) -> None:
        """Wait in pocket's time."""
        self._switch.sleep(seconds)

    def wait_for(self, predicate: Callable[[], T | None], timeout: float = DEADLINE, what: str = "") -> T:
        """Ask again while pocket's time goes by, and as much of real time: what is outside of pocket has no other."""
        until, pocket_time = time.monotonic() + timeout, timeout
        while True:
            try:
                found = self._switch.wait_for(predicate, timeout=pocket_time)
            except TimeoutError as error:
                if time.monotonic() < until:
                    pocket_time = min(timeout, 1)
                    continue
                raise TimeoutError(f"no sign of {what or predicate} in {timeout} s") from error
            assert found is not None
            return found

    def alive(self) -> bool:
        """Whether the switch is open."""
        return self._open

    def stop(self) -> int:
        """Close the switch."""
        if self._open:
            self._open = False
            self.all_log()
            self._switch.__exit__(None, None, None)
        return 0

    def log_text(self) -> str:
        """The log, line by line."""
        return "\n".join(str(line) for line in self.all_log())

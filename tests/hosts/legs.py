"""A call on FreeSWITCH: a loopback pair, whose A leg plays the far end and whose B leg runs the dialplan."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from freeswitch_pocket.real.dial_strings import braces
from hosts.base import DEADLINE, CallResult, Event, HostError, Press

if TYPE_CHECKING:
    from hosts.freeswitch import FreeSwitchHost

# The events that tell a call's story, and the headers that are worth telling of each.
TOLD = {
    "CHANNEL_CREATE": ("Caller-Destination-Number",),
    "CHANNEL_STATE": ("Channel-State",),
    "CHANNEL_ANSWER": (),
    "CHANNEL_PROGRESS_MEDIA": (),
    "CHANNEL_EXECUTE": ("Application", "Application-Data"),
    "PLAYBACK_START": ("Playback-File-Path",),
    "PLAYBACK_STOP": ("Playback-File-Path", "Playback-Status"),
    "DTMF": ("DTMF-Digit",),
    "CHANNEL_HANGUP": ("Hangup-Cause",),
}


# How long a script may take until it waits, and how long it stays in a verb, or else at one line, to be known to wait.
COMES_TO_WAIT, STAYS_IN_VERB, STAYS_AT_LINE = 5.0, 0.1, 0.5


class LoopbackCall:
    """A live call; the far end is parked and does what the test says."""

    def __init__(
        self,
        host: FreeSwitchHost,
        extension: str,
        press: Press,
        hangup_after: float | None,
        variables: Mapping[str, str],
    ) -> None:
        self._host = host
        self._far = str(uuid.uuid4())
        self._first_event = len(host.all_events())
        own = {
            "origination_uuid": self._far,
            "origination_caller_id_number": "1000",
            "origination_caller_id_name": "Test",
            "originate_timeout": "300",
            # A bridge in a script must not make the pair vanish from under the test.
            "loopback_bowout": "false",
            "loopback_export": ",".join(["loopback_bowout", *variables]),
        }
        reply = host.api(f"bgapi originate {braces({**own, **variables})}loopback/{extension}/default/xml &park()")
        self._job = reply.strip().rpartition(" ")[2]
        self._uuid = host.wait_for(self._near_leg, DEADLINE, f"the call to {extension}")
        self._over = threading.Event()
        steps = sorted([(at, digits) for at, digits in press] + ([(hangup_after, "")] if hangup_after else []))
        if steps:
            threading.Thread(target=self._play, args=(steps,), name="far end", daemon=True).start()

    @property
    def uuid(self) -> str:
        """The B leg's UUID."""
        return self._uuid

    def press(self, digits: str) -> None:
        """Send digits from the far end."""
        self._expect_ok(self._host.api(f"uuid_send_dtmf {self._far} {digits}"))

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up as the far end.

        As a BYE does, this ends the near leg first. Loopback does it the other way
        round: it takes the near leg's media away, and hangs it up some time after.
        """
        self._expect_ok(self._host.api(f"uuid_kill {self._uuid} {cause}"))

    def wait(self, timeout: float = DEADLINE) -> CallResult:
        """Wait until both legs are gone."""
        try:
            last = self._host.wait_for(lambda: self._destroyed(self._uuid), timeout, "the end of the call")
            self._host.wait_for(lambda: self._destroyed(self._far), timeout, "the end of the far end's leg")
        finally:
            self._over.set()
        mine = [event for event in self._events() if event.get("Unique-ID") == self._uuid]
        mine.sort(key=lambda event: int(event["Event-Sequence"]))
        return CallResult(
            uuid=self._uuid,
            cause=last.get("Hangup-Cause", ""),
            answered=any(event["Event-Name"] == "CHANNEL_ANSWER" for event in mine),
            variables={
                name.removeprefix("variable_"): value for name, value in last.items() if name.startswith("variable_")
            },
            events=mine,
            transcript=_transcript(mine),
        )

    def _play(self, steps: list[tuple[float, str]]) -> None:
        # On a busy machine the way through the dialplan can take longer than the first step.
        try:
            self._host.wait_for(self._runs, DEADLINE, "the first application of the call")
            started = self._first_wait()
        except (TimeoutError, HostError):
            return  # the test sees for itself that nothing happened
        for at, digits in steps:
            if self._over.wait(max(0.0, started + at - time.monotonic())):
                return
            try:
                if digits:
                    self.press(digits)
                else:
                    self.hangup()
            except HostError:
                return  # the call or the switch has ended first: the test sees that for itself

    def _first_wait(self) -> float:
        """Since when the call's script waits for the first time; now if it has none, or does not come to a wait.

        The far end's times count from then, as they do on pocket, whose time goes by only while scripts wait. A busy
        machine may keep a script from its first line for longer than the far end is to wait.
        """
        seen, since, end = None, time.monotonic(), time.monotonic() + COMES_TO_WAIT
        while time.monotonic() < end:
            place = self._host.script_place(self._uuid)
            if place is None:
                break
            if place != seen:
                seen, since = place, time.monotonic()
            # A coroutine that waits in no verb is known by its line alone.
            stays = STAYS_IN_VERB if "waits in " in place else STAYS_AT_LINE
            if time.monotonic() - since >= stays:
                return since
            if self._over.wait(0.02):
                break
        return time.monotonic()

    def _events(self) -> list[Event]:
        return list(self._host.all_events()[self._first_event :])

    def _near_leg(self) -> str | None:
        for event in self._events():
            if event.get("variable_other_loopback_leg_uuid") == self._far:
                return event["Unique-ID"]
            if event.get("Job-UUID") == self._job and event["Event-Name"] == "BACKGROUND_JOB":
                raise HostError(f"originate said: {event.get('_body', '').strip()}")
        return None

    def _runs(self) -> bool:
        return any(
            event["Event-Name"] in {"CHANNEL_EXECUTE", "CHANNEL_DESTROY"} and event.get("Unique-ID") == self._uuid
            for event in self._events()
        )

    def _destroyed(self, leg: str) -> Event | None:
        for event in self._events():
            if event["Event-Name"] == "CHANNEL_DESTROY" and event.get("Unique-ID") == leg:
                return event
        return None

    @staticmethod
    def _expect_ok(reply: str) -> None:
        if not reply.startswith("+OK"):
            raise HostError(f"the far end could not: {reply.strip()}")


def _transcript(events: list[Event]) -> str:
    """The call as one reads it: when, what, and the header that says more."""
    lines = []
    for event in events:
        name = event["Event-Name"]
        if name in TOLD:
            seconds = (int(event["Event-Date-Timestamp"]) - int(events[0]["Event-Date-Timestamp"])) / 1e6
            more = " ".join(filter(None, (event.get(header, "") for header in TOLD[name])))
            lines.append(f"{seconds:7.2f}  {name} {more}".rstrip())
    return "\n".join(lines)

"""A leg on a FreeSWITCH, as `pocket.Call` wants it: told from the events of the switch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from freeswitch_pocket.real.lacks import NotOnFreeSwitch
from freeswitch_pocket.real.phones import NUMBER, RUN

if TYPE_CHECKING:
    from freeswitch_pocket.real.core import Core
    from freeswitch_pocket.real.esl import Headers

Pairs = list[tuple[str, str]]
Told = tuple[float, str, str, Pairs]

# How a sound ended, in pocket's words.
WHY = {"done": "end of file", "break": "break"}
# Events that make an entry as they are: its kind, the header that is its text, and those that are its data.
PLAIN: dict[str, tuple[str, str, dict[str, str]]] = {
    "CHANNEL_CREATE": ("created", "Channel-Name", {"uuid": "Unique-ID"}),
    "CHANNEL_STATE": ("state", "Channel-State", {}),
    "CHANNEL_PROGRESS_MEDIA": ("early media", "", {}),
    "CHANNEL_ANSWER": ("answered", "", {}),
    "CHANNEL_EXECUTE": ("application", "Application", {"data": "Application-Data"}),
    "DTMF": ("digit", "DTMF-Digit", {"duration": "DTMF-Duration"}),
}


class Leg:
    """One leg; `far` is the leg of the loopback pair that plays its far end."""

    def __init__(self, core: Core, uuid: str, far: str) -> None:
        self._core = core
        self.uuid = uuid
        self.far = far
        # Whether the far end has hung up.
        self.left = False

    def _events(self) -> list[Headers]:
        return self._core.records.of(self.uuid)

    def _last(self, header: str) -> str | None:
        return next((event[header] for event in reversed(self._events()) if header in event), None)

    def has(self, name: str) -> bool:
        """Whether there was such an event of it."""
        return any(event["Event-Name"] == name for event in self._events())

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._last("Channel-Name") or ""

    @property
    def state(self) -> str:
        """The channel's state."""
        return self._last("Channel-State") or "CS_NEW"

    @property
    def cause(self) -> str | None:
        """Why it ended."""
        return next((e.get("Hangup-Cause") for e in self._events() if e["Event-Name"] == "CHANNEL_HANGUP"), None)

    @property
    def answered(self) -> bool:
        """Whether the switch has answered it."""
        return self.has("CHANNEL_ANSWER")

    @property
    def over(self) -> bool:
        """Whether it has gone, and its far end too."""
        gone = {e.get("Unique-ID") for e in list(self._core.records.events) if e["Event-Name"] == "CHANNEL_DESTROY"}
        return {self.uuid, self.far} <= gone

    @property
    def phone(self) -> str | None:
        """The address of the phone that it has reached."""
        number = self._last(f"variable_{NUMBER}")
        return None if number is None else self._core.phones.address(number)

    def variables(self) -> Pairs:
        """Its variables: as they are now, or as they were at its end."""
        headers: dict[str, str] = {}
        if not self.has("CHANNEL_DESTROY"):
            reply = self._core.api(f"uuid_dump {self.uuid} json")
            headers = json.loads(reply) if reply.startswith("{") else {}
        headers = headers or self._at_the_end()
        begins = "variable_"
        return [(name.removeprefix(begins), value) for name, value in headers.items() if name.startswith(begins)]

    def variable(self, name: str) -> str | None:
        """What `${name}` is on it."""
        if not self.has("CHANNEL_DESTROY"):
            value = self._core.api(f"uuid_getvar {self.uuid} {name}")
            if not value.startswith("-ERR"):
                return None if value == "_undef_" else value
        last = self._at_the_end()
        field = "Caller-" + "-".join(part.capitalize() for part in name.split("_")).replace("Id", "ID")
        return last.get(f"variable_{name}") or last.get(field) or self._core.global_variable(name)

    def _at_the_end(self) -> Headers:
        """The last event that has what it was."""
        return next((e for e in reversed(self._events()) if any(name.startswith("variable_") for name in e)), {})

    def press(self, digits: str) -> None:
        """The far end presses digits."""
        self._core.expect(f"uuid_send_dtmf {self.far} {digits}")

    def says(self, words: str) -> None:
        """Nothing hears words."""
        raise NotOnFreeSwitch(f"says({words!r})")

    def hangup(self, cause: str) -> None:
        """The far end hangs up: as by a BYE, this leg ends first."""
        self.left = True
        self._core.expect(f"uuid_kill {self.uuid} {cause}")

    def transcript(self) -> list[Told]:
        """What has happened, as far as events say it."""
        told: list[Told] = []
        began: dict[str, float] = {}
        for event in self._core.records.of(self.uuid, bridges=True):
            if event.get("Application-Data") != f"{RUN}=":
                told += self._told(event, began)
        return told

    def _told(self, event: Headers, began: dict[str, float]) -> list[Told]:
        time, name = self._core.records.time_of(event), event["Event-Name"]
        if name in PLAIN:
            kind, text, more = PLAIN[name]
            return [(time, kind, event.get(text, ""), [(key, event.get(header, "")) for key, header in more.items()])]
        if name in {"PLAYBACK_START", "RECORD_START"}:
            what = self._heard(event)
            began[what] = time
            return [(time, "plays", what, [])] if name == "PLAYBACK_START" else []
        if name in {"PLAYBACK_STOP", "RECORD_STOP"}:
            what = self._heard(event)
            why = event.get("Playback-Status") or event.get("Record-Completion-Cause", "")
            data = [("start", f"{began.get(what, time) * 1e6:.0f}"), ("end", f"{time * 1e6:.0f}")]
            kind = "played" if name == "PLAYBACK_STOP" else "recorded"
            return [(time, kind, what, [*data, ("why", WHY.get(why, why))])]
        if name == "CHANNEL_BRIDGE":
            # One leg of the two has the event.
            other = "Other-Leg-" if event["Unique-ID"] == self.uuid else ""
            return [
                (time, "bridged", event.get(f"{other}Channel-Name", ""), [("uuid", event.get(f"{other}Unique-ID", ""))])
            ]
        if name == "CHANNEL_HANGUP":
            cause, by = event.get("Hangup-Cause", ""), "far end" if self.left else "switch"
            return [(time, "hung up", cause, [("by", by), ("cause", cause)])]
        return []

    def _heard(self, event: Headers) -> str:
        return event.get("Record-File-Path") or event.get("Playback-File-Path", "")

"""A call, while it goes on and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pocket import _pocket
from pocket._far_end import cause as checked_cause
from pocket._far_end import digits as checked_digits
from pocket._far_end import seconds as checked_seconds
from pocket._transcript import Entry, Transcript

# How often a wait looks, in the switch's time: a frame.
STEP = 0.02

if TYPE_CHECKING:
    from pocket._caller import Caller


class Call:
    """One leg. What is done to it here, its far end does."""

    def __init__(self, switch: Caller, core: _pocket.Call) -> None:
        self._switch = switch
        self._core = core
        self._waited = 0

    @property
    def uuid(self) -> str:
        """The session's UUID."""
        return self._core.uuid

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._core.name

    @property
    def state(self) -> str:
        """The channel's state, such as "CS_EXECUTE"."""
        return self._core.state

    @property
    def cause(self) -> str:
        """Why it ended; empty while it has not."""
        return self._core.cause or ""

    @property
    def answered(self) -> bool:
        """Whether the switch has answered it."""
        return self._core.answered

    @property
    def over(self) -> bool:
        """Whether all that ran on it has ended."""
        return self._core.over

    @property
    def variables(self) -> dict[str, str]:
        """Its own variables as they are now."""
        return dict(self._core.variables())

    def variable(self, name: str) -> str | None:
        """What `${name}` is on it: also a field of its profile, or a global variable."""
        return self._core.variable(name)

    @property
    def transcript(self) -> Transcript:
        """What has happened so far."""
        return Transcript.of(self._core.transcript())

    @property
    def phone(self) -> str | None:
        """The address of the phone that it has reached, if the test has named one."""
        return self._core.phone

    @property
    def played(self) -> list[str]:
        """The files that were played, in order, also those that were not there; without the folder of sounds."""
        folder = f"{self._switch._sounds_at}/"
        return [entry.text.removeprefix(folder) for entry in self.transcript.of_kind("played")]

    @property
    def spoken(self) -> list[str]:
        """The texts that were spoken by TTS, in order."""
        return [entry.text for entry in self.transcript.of_kind("spoken")]

    def press(self, digits: str) -> None:
        """The far end presses digits."""
        self._core.press(checked_digits("digits", digits))

    def says(self, words: str) -> None:
        """The far end speaks; recognition, where it listens, gets just these words."""
        self._core.says(words)

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """The far end hangs up."""
        self._core.hangup(checked_cause("cause", cause))

    def wait_played(self, sound: str, *, begins: bool = False, timeout: float = 60.0) -> Entry:
        """Wait until a sound was played, or `begins` to be; what stands about it in the transcript.

        A sound is named as for `press` of `Switch.start_call`; a text that is spoken, said or phrased is one, too.
        Each wait goes on where the one before has ended, so that the same prompt can be waited for again. TimeoutError
        when it does not come in time, in the switch's, and at once when the call is over.
        """
        kinds = ("plays", "speaks") if begins else ("played", "spoken", "said", "phrase")
        core = self._switch._running
        deadline = core.time + checked_seconds("timeout", timeout)
        while True:
            over, late = self.over, core.time >= deadline
            entries = self.transcript
            for at, entry in enumerate(entries[self._waited :], self._waited + 1):
                if (
                    entry.kind in kinds
                    and entry.data.get("why") != "file not found"
                    and _pocket.is_sound(sound, entry.text)
                ):
                    self._waited = at
                    return entry
            if over or late:
                heard = [entry.text for entry in entries if entry.kind in kinds] or "nothing"
                when = "before it was over" if over else f"in {timeout:g} s"
                raise TimeoutError(f"the call {self.uuid} has not played {sound!r} {when}; it played {heard}")
            core.sleep(min(STEP, deadline - core.time))

    def wait(self, timeout: float = 60.0) -> Call:
        """Wait for the end, in the switch's time; CallTimeout when it does not come."""
        self._switch.wait(self, timeout)
        return self

    def __repr__(self) -> str:
        return f"<pocket.Call {self.uuid} {self.state}{' ' + self.cause if self.cause else ''}>"

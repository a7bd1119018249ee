"""A call, while it goes on and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pocket._transcript import Transcript

if TYPE_CHECKING:
    from pocket import _pocket
    from pocket._switch import Switch


class Call:
    """One leg. What is done to it here, its far end does."""

    def __init__(self, switch: Switch, core: _pocket.Call) -> None:
        self._switch = switch
        self._core = core

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
    def played(self) -> list[str]:
        """The files that were played, in order."""
        return [entry.text for entry in self.transcript.of_kind("played")]

    @property
    def spoken(self) -> list[str]:
        """The texts that were spoken by TTS, in order."""
        return [entry.text for entry in self.transcript.of_kind("spoken")]

    def press(self, digits: str) -> None:
        """The far end presses digits."""
        self._core.press(digits)

    def says(self, words: str) -> None:
        """The far end speaks; recognition, where it listens, gets just these words."""
        self._core.says(words)

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """The far end hangs up."""
        self._core.hangup(cause)

    def wait(self, timeout: float = 60.0) -> Call:
        """Wait for the end, in the switch's time; CallTimeout when it does not come."""
        self._switch.wait(self, timeout)
        return self

    def __repr__(self) -> str:
        return f"<pocket.Call {self.uuid} {self.state}{' ' + self.cause if self.cause else ''}>"

"""The tape of a call: what it is recorded on, or played back from."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol


class Tape(Protocol):
    """What a call is recorded on, or played back from."""

    # A crossing is under way: what it uses itself is no crossing of the script's.
    inside: bool
    # Where the call's random numbers come from.
    random: random.Random

    def cross(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]
    ) -> Any:
        """Have the switch do something, and give what came of it."""

    async def cross_async(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]
    ) -> Any:
        """Have the switch do something that is awaited."""

    def once(self, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]) -> Any:
        """Wait for an event."""

    def stream(self, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[[], Any]) -> Any:
        """Give a stream of events."""

    def on(self, args: tuple[Any, ...], kwargs: dict[str, Any], go: Callable[..., Any]) -> Any:
        """Have a function called with events."""

    def open(self, kind: str, what: str) -> None:
        """Take note of something that is not recorded."""

    def lost(self, how: str) -> None:
        """Take note that the call is over, of which its coroutine is about to hear."""

    def called_back(self, function: Callable[..., Any], argument: Any) -> Callable[..., Any]:
        """Give a function that the next crossing hands to the switch such that its calls are seen."""


# The tape of the call that this runs for.
TAPE: ContextVar[Tape | None] = ContextVar("freeswitch_tape", default=None)


def tape() -> Tape | None:
    """Give the tape of the call, unless a crossing is under way."""
    found = TAPE.get()
    return None if found is None or found.inside else found

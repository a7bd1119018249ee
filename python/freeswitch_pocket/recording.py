"""A switch of a test."""

from __future__ import annotations

from typing import Any

from pocket import Call, Switch


class RecordingSwitch(Switch):
    """A switch that keeps the calls that a test has placed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.placed: list[Call] = []

    def _start(self, **options: Any) -> Call:
        call = super()._start(**options)
        self.placed.append(call)
        return call

"""The far end of a leg on a FreeSWITCH: a thread of the tests that presses and hangs up when it is time."""

from __future__ import annotations

import heapq
import threading
from typing import TYPE_CHECKING

from freeswitch_pocket.real.installed import SwitchError
from pocket import _pocket

if TYPE_CHECKING:
    from freeswitch_pocket.real.core import Core
    from freeswitch_pocket.real.leg import Leg
    from pocket._far_end import FarEnd

# How often it is looked whether the test has ended, at the latest.
LOOK = 0.5


class Player(threading.Thread):
    """What the far end does from `begins` on: an event of the leg."""

    def __init__(self, core: Core, leg: Leg, does: FarEnd, begins: tuple[str, ...]) -> None:
        super().__init__(name="far end", daemon=True)
        self._core = core
        self._leg = leg
        self._does = does
        self._begins = begins
        self._heard = 0
        self._answers = [0] * len(does.cues)

    def run(self) -> None:
        """Do it, until the leg or the test is over."""
        records, leg = self._core.records, self._leg
        due: list[tuple[float, int, str]] = []
        begun = False
        while not self._core.ended and not leg.has("CHANNEL_DESTROY"):
            if not begun and any(leg.has(name) for name in self._begins):
                begun = True
                due += [(records.now + at, 0, digits) for at, digits in self._does.press]
                if self._does.hangs_up_after is not None:
                    due.append((records.now + self._does.hangs_up_after, 1, ""))
                heapq.heapify(due)
            for step in self._cued():
                heapq.heappush(due, step)
            while due and due[0][0] <= records.now:
                _, ends, digits = heapq.heappop(due)
                try:
                    leg.hangup("NORMAL_CLEARING") if ends else leg.press(digits)
                except SwitchError:
                    # The leg has ended first.
                    return
            seen = len(records.events)
            until = min([records.now + LOOK, *(at for at, _, _ in due[:1])])
            records.wait(lambda seen=seen: len(records.events) != seen, until)  # type: ignore[misc]

    def _cued(self) -> list[tuple[float, int, str]]:
        """What sounds that have begun or ended since have it do."""
        records = self._core.records
        events = records.of(self._leg.uuid)
        new, self._heard = events[self._heard :], len(events)
        steps = []
        for event in new:
            kind = event["Event-Name"]
            if kind not in {"PLAYBACK_START", "PLAYBACK_STOP"}:
                continue
            for number, (sound, after, _, texts, repeats) in enumerate(self._does.cues):
                heard = kind == "PLAYBACK_START" if after is not None else event.get("Playback-Status") == "done"
                if not heard or not _pocket.is_sound(sound, event.get("Playback-File-Path", "")):
                    continue
                at, self._answers[number] = self._answers[number], self._answers[number] + 1
                if at < len(texts) or repeats:
                    steps.append((records.time_of(event) + (after or 0.0), 0, texts[min(at, len(texts) - 1)]))
        return steps

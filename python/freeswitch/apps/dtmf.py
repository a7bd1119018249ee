"""Apps that check digits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from freeswitch.apps import app
from freeswitch.apps._marks import callback
from freeswitch.apps.models import Session
from freeswitch.apps.utils import get_logger


@app
class DtmfChecker:
    """The caller's leg sends the digits of `sequence`, each of `duration` ms; the called one checks what arrives.

    `sess.vars["dtmf_checked"]` is True on the called leg when all have come as sent. `failed` has the legs on which one
    did not, or that ended before all had come; `incomplete` those that wait for more, with what they wait for.
    """

    def prepost(self, sequence: Iterable[Any] = range(1, 10), duration: int = 200) -> None:
        """Take the digits."""
        self.log = get_logger(type(self).__name__)
        self.sequence, self.duration = [str(digit) for digit in sequence], int(duration)
        self.incomplete: dict[Session, deque[str]] = {}
        self.failed: deque[Session] = deque(maxlen=1000)

    @property
    def total_time(self) -> float:
        """How long the digits take, in seconds."""
        return len(self.sequence) * self.duration / 1000.0

    @callback("CHANNEL_PARK")
    def on_park(self, sess: Session) -> None:
        """Answer and wait for digits, or send them."""
        if sess.is_inbound():
            self.incomplete[sess] = deque(self.sequence)
            sess.vars["dtmf_checked"] = False
            sess.answer()
        else:
            sess.playback("silence_stream://0")
            sess.send_dtmf("".join(self.sequence), self.duration)

    @callback("DTMF")
    def on_digit(self, sess: Session) -> None:
        """Check a digit."""
        left = self.incomplete.get(sess)
        if not left:
            return
        digit, wanted = str(sess["DTMF-Digit"]), left.popleft()
        if digit != wanted:
            self.log.warning("DtmfChecker: %s has got %s instead of %s", sess.uuid, digit, wanted)
            self._failed(sess)
        elif not left:
            self.incomplete.pop(sess)
            sess.vars["dtmf_checked"] = True

    @callback("CHANNEL_DESTROY")
    def on_destroy(self, sess: Session) -> None:
        """Count a leg that ended too early as failed."""
        if sess in self.incomplete:
            self._failed(sess)

    def _failed(self, sess: Session) -> None:
        self.incomplete.pop(sess, None)
        self.failed.append(sess)


__all__ = ["DtmfChecker"]

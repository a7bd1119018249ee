"""Apps whose calls do not come about."""

from __future__ import annotations

from freeswitch.apps import app
from freeswitch.apps._marks import callback
from freeswitch.apps._timers import hang_up_after
from freeswitch.apps.models import Session

INFINITE = float("inf")


@app
class CalleeBlockOnInvite:
    """Calls that come in are rejected at once: with a hangup cause, or with a SIP status where `response` is one."""

    def prepost(self, response: str | int = "NORMAL_CLEARING") -> None:
        """Take the response."""
        self.response = response

    @property
    def response(self) -> str | int:
        """The cause, or the SIP status. It can be set."""
        return self._response

    @response.setter
    def response(self, value: str | int) -> None:
        self._response = int(value) if str(value).isdigit() else value

    @callback("CHANNEL_CREATE")
    def on_invite(self, sess: Session) -> None:
        """Reject a call."""
        if not sess.is_inbound():
            return
        if isinstance(self.response, int):
            sess.respond(self.response)
        else:
            sess.hangup(self.response)


@app
class CalleeRingback:
    """Calls that come in ring and have early media, and are never answered.

    ringback: what the caller hears; None for nothing. ring_response: `pre_answer` (183) or `ring_ready` (180).
    callee_hup_after, caller_hup_after: which leg hangs up, so many seconds after it began to ring.
    auto_duration: let a dialer's duration be `callee_hup_after`.
    """

    def prepost(
        self,
        ringback: str | None = "tone_stream://%(2000,4000,440,480);loops=-1",
        callee_hup_after: float = INFINITE,
        caller_hup_after: float = INFINITE,
        ring_response: str = "pre_answer",
        auto_duration: bool = False,
    ) -> None:
        """Take how it rings."""
        if ring_response not in {"pre_answer", "ring_ready"}:
            raise ValueError(f"ring_response is pre_answer or ring_ready, not {ring_response!r}")
        self.ringback, self.ring_response, self.auto_duration = ringback, ring_response, auto_duration
        self.callee_hup_after, self.caller_hup_after = float(callee_hup_after), float(caller_hup_after)

    def __setduration__(self, value: float) -> None:
        """Ring for as long as a dialer holds its calls."""
        if self.auto_duration:
            self.callee_hup_after = value

    @callback("CHANNEL_PARK")
    def on_park(self, sess: Session) -> None:
        """Ring."""
        if not sess.is_inbound():
            return
        sess.execute(self.ring_response)
        if self.ringback:
            sess.playback(self.ringback)
        if self.callee_hup_after < INFINITE:
            hang_up_after(sess, self.callee_hup_after)

    @callback("CHANNEL_PROGRESS")
    @callback("CHANNEL_PROGRESS_MEDIA")
    def on_ringing(self, sess: Session) -> None:
        """Have the caller give up."""
        if not sess.is_inbound() and self.caller_hup_after < INFINITE and not sess.vars.get("gives_up"):
            sess.vars["gives_up"] = True
            hang_up_after(sess, self.caller_hup_after, "ORIGINATOR_CANCEL")


__all__ = ["CalleeBlockOnInvite", "CalleeRingback"]

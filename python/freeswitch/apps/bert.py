"""Apps that check the audio of calls."""

from __future__ import annotations

from collections import deque
from typing import Any

from freeswitch.apps import app
from freeswitch.apps._errors import ConfigurationError
from freeswitch.apps._marks import callback
from freeswitch.apps.models import Session
from freeswitch.apps.utils import get_logger

STATS = ("sync_lost_percent", "sync_lost_count", "cng_count", "err_samples")


@app
class Bert:
    """Bit error rates: the caller's leg runs `bert_test`, the called one sends back what it hears, or tests, too.

    Needs the module mod_bert, which FreeSWITCH's packages often lack: `ConfigurationError` where it is not there.
    ToneCheck needs nothing.

    ring_response: `ring_ready` or `pre_answer`, `pdd` seconds after the call came in; answered `prd` seconds later.
    opts: variables of both legs, mod_bert's own among them (`bert_timeout_ms`, `bert_max_err`).
    """

    bert_sync_lost_var = "bert_stats_sync_lost"

    def prepost(
        self,
        client: Any,
        ring_response: str | None = None,
        pdd: float | None = None,
        prd: float | None = None,
        **opts: Any,
    ) -> None:
        """See that the module is there."""
        self.log = get_logger(type(self).__name__)
        self.ring_response, self.pdd, self.prd = ring_response, float(pdd or 0), float(prd or 0)
        self.opts: dict[str, Any] = {
            "bert_timer_name": "soft",
            "bert_max_err": "30",
            "bert_timeout_ms": "3000",
            "bert_hangup_on_error": "yes",
            "jitterbuffer_msec": "100:200:40",
            "absolute_codec_string": "PCMU",
            **opts,
        }
        # Whether both legs test.
        self.two_sided = False
        self.lost_sync: deque[Session] = deque(maxlen=1000)
        self.timed_out: deque[Session] = deque(maxlen=1000)
        if client.cmd("module_exists mod_bert") != "true":
            said = client.api("load mod_bert", exc=False).strip()
            if client.cmd("module_exists mod_bert") != "true":
                raise ConfigurationError(
                    f"Bert needs mod_bert, which {client.host} cannot load ({said}): build it, or use ToneCheck"
                )

    @property
    def hangup_on_error(self) -> bool:
        """Whether a call ends when its test fails. It can be set."""
        return bool(self.opts["bert_hangup_on_error"] == "yes")

    @hangup_on_error.setter
    def hangup_on_error(self, value: bool) -> None:
        self.opts["bert_hangup_on_error"] = "yes" if value else "no"

    @callback("CHANNEL_PARK")
    def on_park(self, sess: Session) -> None:
        """Answer, or test."""
        sess.setvars(self.opts)
        if not sess.is_inbound():
            self._test(sess)
            return
        if self.ring_response:
            sess.broadcast(f"{self.ring_response}::", delay=self.pdd)
        if self.pdd or self.prd:
            sess.broadcast("answer::", delay=self.pdd + self.prd)
        else:
            sess.answer()

    @callback("CHANNEL_ANSWER")
    def on_answer(self, sess: Session) -> None:
        """Send back what is heard, or test."""
        if sess.is_inbound():
            if self.two_sided:
                self._test(sess)
            else:
                sess.execute("echo")

    def _test(self, sess: Session) -> None:
        codec = sess.get("variable_read_codec")
        if codec and codec != "PCMU":
            self.log.error(
                "Bert: %s has the codec %s, and mod_bert tests PCMU alone: place the call with "
                "absolute_codec_string=PCMU, or use ToneCheck, as over loopback, whose legs have L16",
                sess.uuid, codec,
            )  # fmt: skip
        sess.execute("bert_test")

    @callback("mod_bert::lost_sync")
    def on_lost_sync(self, sess: Session) -> None:
        """Count what was not understood."""
        said = ", ".join(f"{name} {sess.get(name, 'n/a')}" for name in STATS)
        self.log.error("Bert: %s has lost synchronisation: %s", sess.uuid, said)
        count = sess.vars["bert_lost_sync_cnt"] = sess.vars.get("bert_lost_sync_cnt", 0) + 1
        sess.vars["bert_sync"] = False
        if count == 1:
            self.lost_sync.append(sess)
            for leg in sess.call.sessions if sess.call is not None else (sess,):
                leg.setvar(self.bert_sync_lost_var, "true")

    @callback("mod_bert::timeout")
    def on_timeout(self, sess: Session) -> None:
        """Note a leg on which nothing was understood in time."""
        self.log.error("Bert: %s has timed out", sess.uuid)
        sess.vars["bert_timeout"] = True
        self.timed_out.append(sess)

    @callback("mod_bert::in_sync")
    def on_synced(self, sess: Session) -> None:
        """Note a leg on which all is understood."""
        sess.vars["bert_sync"] = True


@app
class ToneCheck:
    """The caller's leg plays a tone of `frequency` Hz, and the called one listens for it, for `timeout` seconds.

    `sess.vars["tone_checked"]` is True on the called leg when it was heard; `failed` has the answered legs that ended
    without. Needs FreeSWITCH's `tone_detect`, which is in mod_dptools.
    """

    def prepost(self, frequency: int = 1004, timeout: int = 10) -> None:
        """Take the tone."""
        self.frequency, self.timeout = int(frequency), int(timeout)
        self.failed: deque[Session] = deque(maxlen=1000)

    @callback("CHANNEL_PARK")
    def on_park(self, sess: Session) -> None:
        """Answer, or play."""
        if sess.is_inbound():
            sess.vars["tone_checked"] = False
            sess.answer()
        else:
            sess.playback(f"tone_stream://%(1000,0,{self.frequency});loops=-1")

    @callback("CHANNEL_ANSWER")
    def on_answer(self, sess: Session) -> None:
        """Listen."""
        if sess.is_inbound():
            sess.execute("tone_detect", f"tone_check {self.frequency} r +{self.timeout}")

    @callback("DETECTED_TONE")
    def on_tone(self, sess: Session) -> None:
        """Note that it was heard."""
        if sess.get("Detected-Tone") == "tone_check":
            sess.vars["tone_checked"] = True

    @callback("CHANNEL_DESTROY")
    def on_destroy(self, sess: Session) -> None:
        """Note that it was not."""
        if sess.answered and sess.vars.get("tone_checked") is False:
            self.failed.append(sess)


__all__ = ["Bert", "ToneCheck"]

"""Apps that play, and record what arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from freeswitch.apps import app
from freeswitch.apps._marks import callback, coroutine
from freeswitch.apps._timers import hang_up
from freeswitch.apps.models import Session
from freeswitch.apps.utils import Timer, get_logger

# Without end: 0, which switchio has, is refused by the switch.
SILENCE = "silence_stream://-1"


@app
class TonePlay:
    """The caller's leg plays a tone of 1004 Hz until it ends; the called leg answers and sends back what it hears."""

    tone = "tone_stream://%(251,0,1004);loops=-1"

    @callback("CHANNEL_PARK")
    def on_park(self, sess: Session) -> None:
        """Answer, or play."""
        if sess.is_inbound():
            sess.answer()
        else:
            sess.playback(self.tone)

    @callback("CHANNEL_ANSWER")
    def on_answer(self, sess: Session) -> None:
        """Send it back."""
        if sess.is_inbound():
            sess.echo()


class RecInfo(NamedTuple):
    """The two recordings of a call; None where a leg was not recorded."""

    host: str
    caller: str | None
    callee: str | None


@app
class PlayRec:
    """The caller's leg plays a clip `iterations` times, and both legs are recorded every `rec_period` seconds.

    filename: a path, a `...://` source, or a file of the switch's sounds in `category`.
    clip_length: how long the clip is, in seconds; `sample_rate` in Hz names the folder of the sounds.
    callback: called with a `RecInfo` when both recordings have ended; `rec_stereo`: both directions, one a side.

    A recorded call has `noautohangup` in its `vars`: this app ends it, a dialer does not. Needs FreeSWITCH to record.
    """

    # How long after the last clip the recordings end, in seconds.
    tail = 1.0

    def prepost(
        self,
        client: Any,
        filename: str = "ivr-founder_of_freesource.wav",
        category: str = "ivr",
        clip_length: float = 4.25,
        sample_rate: int = 8000,
        iterations: float = 1,
        callback: Callable[[RecInfo], object] | None = None,
        rec_period: float = 5.0,
        rec_stereo: bool = False,
    ) -> None:
        """Find the clip, and where recordings go."""
        if callback is not None and not callable(callback):
            raise TypeError(f"argument 'callback' must be a function, not {type(callback).__name__}")
        self.log = get_logger(type(self).__name__)
        self.host: str = client.host
        self.clip_length, self.iterations = float(clip_length), float(iterations)
        self.callback, self.rec_period, self.stereo = callback, float(rec_period), rec_stereo
        self.recsdir = client.cmd("global_getvar recordings_dir")
        self.audiofile = filename
        if "/" not in filename:
            prefix = client.cmd("global_getvar sound_prefix")
            if prefix == client.cmd("global_getvar sounds_dir"):
                prefix += "/en/us/callie"
            self.audiofile = f"{prefix}/{category}/{sample_rate}/{filename}"
        self.timer = Timer()
        # The recordings of calls that go on.
        self.call2recs: dict[str, dict[str, str]] = {}

    def __setduration__(self, value: float) -> None:
        """Play for as long as a dialer holds its calls."""
        if value == float("inf"):
            self.iterations, self.tail = value, 1.0
        else:
            self.iterations, rest = divmod(value, self.clip_length)
            self.tail = max(1.0, rest)

    @coroutine("CHANNEL_PARK")
    async def on_park(self, sess: Session) -> None:
        """Answer, or wait for the called leg and play."""
        if sess.is_inbound():
            await sess.answer()
            return
        call = sess.call
        assert call is not None
        peer = call.get_peer(sess)
        if peer is None:
            self.log.warning("PlayRec: the call %s has one leg here, so nothing is recorded of the other", sess.uuid)
        try:
            if self.timer.elapsed() >= self.rec_period:
                await self._play_and_record(sess, peer)
            else:
                await self.play(sess, peer)
        finally:
            # Also where a clip or a recording cannot be: nobody else hangs up a call that is recorded.
            hang_up(sess)

    async def _play_and_record(self, sess: Session, peer: Session | None) -> None:
        call = sess.call
        assert call is not None
        self.timer.reset()
        call.vars["record"] = call.vars["noautohangup"] = True
        for leg, role in ((peer, "callee"), (sess, "caller")):
            if leg is not None:
                await self._record(leg, role)
        await self.play(sess, peer)
        await asyncio.sleep(self.tail)
        for leg in (sess, peer):
            if leg is not None and not leg.hungup:
                await leg.stop_record(leg.vars["recording"])
                leg.vars["recorded"] = True
        found = self.call2recs.pop(call.uuid, {})
        if self.callback is not None:
            self.callback(RecInfo(self.host, found.get("caller"), found.get("callee")))

    async def _record(self, leg: Session, role: str) -> None:
        path = leg.vars["recording"] = f"{self.recsdir}/{role}_{leg.uuid}.wav"
        leg.vars["recorded"] = False
        await leg.start_record(path, stereo=self.stereo)
        assert leg.call is not None
        self.call2recs.setdefault(leg.call.uuid, {})[role] = path

    async def play(self, sess: Session, peer: Session | None) -> None:
        """Play the clip as often as is asked for, while the far leg is silent."""
        if peer is not None and not peer.hungup:
            peer.playback(SILENCE)
        played = 0
        while played < self.iterations:
            await sess.playback(self.audiofile)
            played += 1
            sess.vars["playback_count"] = played
        if peer is not None and not peer.hungup:
            peer.breakmedia()

    @callback("CHANNEL_DESTROY")
    def on_destroy(self, sess: Session) -> None:
        """Forget a call that is over."""
        if sess.call is not None and not sess.call.sessions:
            self.call2recs.pop(sess.call.uuid, None)


@app
class MutedPlayRec(PlayRec):
    """As PlayRec, but both legs play the clip without end, and take turns in being silent, one clip each.

    Needs FreeSWITCH (uuid_audio).
    """

    async def play(self, sess: Session, peer: Session | None) -> None:
        """Let them take turns."""
        legs = [leg for leg in (sess, peer) if leg is not None]
        for leg in legs:
            leg.playback(self.audiofile, endless=True)
        turn = 0
        while turn < self.iterations:
            for at, leg in enumerate(legs):
                if not leg.hungup:
                    (leg.unmute if at == turn % len(legs) else leg.mute)()
            await asyncio.sleep(self.clip_length)
            turn += 1
            sess.vars["playback_count"] = turn
        for leg in legs:
            if not leg.hungup:
                leg.breakmedia()


__all__ = ["MutedPlayRec", "PlayRec", "RecInfo", "TonePlay"]

//! The pace of media: frames of 20 ms.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use bindings::SWITCH_EVENT_CODEC;

use super::{Session, say};
use crate::c::*;
use crate::cause;
use crate::clock::{FRAME, Wait};

/// What a leg has of media.
pub(super) struct Media {
    /// Whether it has a codec.
    pub(super) codec: AtomicBool,
    /// The last kick that a frame was cut short by.
    pub(super) seen: AtomicU64,
    /// When the next frame is due.
    pub(super) next_frame: AtomicI64,
    /// Until when the far end speaks.
    pub(super) speaking_until: AtomicI64,
}

impl Media {
    pub(super) fn new(codec: bool) -> Self {
        Self {
            codec: AtomicBool::new(codec),
            seen: AtomicU64::new(0),
            next_frame: AtomicI64::new(0),
            speaking_until: AtomicI64::new(0),
        }
    }
}

impl Session {
    pub(crate) fn has_codec(&self) -> bool {
        self.media.codec.load(Ordering::SeqCst)
    }

    /// Media is set up: from here on the leg can be heard.
    pub(crate) fn set_codec(self: &Arc<Self>) {
        if !self.media.codec.swap(true, Ordering::SeqCst) {
            self.tell_codec();
        }
    }

    /// Tells of the codec, which is the same both ways.
    pub(crate) fn tell_codec(self: &Arc<Self>) {
        for way in ["read", "write"] {
            self.fire(SWITCH_EVENT_CODEC, |event| {
                event.add(format!("channel-{way}-codec-name"), "L16");
                event.add(format!("channel-{way}-codec-rate"), "8000");
                event.add(format!("channel-{way}-codec-bit-rate"), "128000");
            });
            self.set(format!("{way}_codec"), "L16");
            self.set(format!("{way}_rate"), "8000");
        }
    }

    /// Waits for the next frame. A kick ends the wait early, once, as a break
    /// signal ends a blocking read. Without a codec the leg is hung up.
    pub(crate) fn read_frame(self: &Arc<Self>) -> Status {
        let now = self.core.clock.now();
        let Some(due) = self.frame_after(now) else {
            return FAILURE;
        };
        let seen = self.media.seen.load(Ordering::SeqCst);
        if due > now {
            self.core.clock.wait(Wait::on(&self.wake, seen, Some(due)));
        }
        self.media
            .seen
            .store(self.wake.generation(), Ordering::SeqCst);
        let reached = self.core.clock.now() >= due;
        self.media
            .next_frame
            .store(if reached { due + FRAME } else { due }, Ordering::SeqCst);
        SUCCESS
    }

    /// When the next frame comes; `None` for a leg that can be heard no more.
    fn frame_after(self: &Arc<Self>, now: i64) -> Option<i64> {
        if !self.has_codec() {
            say!(self, ERROR, "{} has no read codec.", self.name());
            self.hangup(cause::INCOMPATIBLE_DESTINATION);
            return None;
        }
        let planned = self.media.next_frame.load(Ordering::SeqCst);
        // After a pause the frames begin afresh, not at what was missed.
        let begins_anew = planned + FRAME <= now || planned > now + FRAME;
        self.is_up()
            .then_some(if begins_anew { now + FRAME } else { planned })
    }

    /// Reads frames that nobody listens to until a kick, or the first of them at
    /// that time or later: one wait for all of them. The next one comes when it
    /// would have come.
    pub(crate) fn skip_frames(self: &Arc<Self>, until: Option<i64>) -> Status {
        let Some(due) = self.frame_after(self.core.clock.now()) else {
            return FAILURE;
        };
        let until = until.map(|at| due + ((at - due).max(0) + FRAME - 1) / FRAME * FRAME);
        let seen = self.media.seen.load(Ordering::SeqCst);
        self.core.clock.wait(Wait::on(&self.wake, seen, until));
        self.media
            .seen
            .store(self.wake.generation(), Ordering::SeqCst);
        let missed = self.core.clock.now() - due;
        let behind = if missed < 0 { 0 } else { missed / FRAME + 1 };
        self.media
            .next_frame
            .store(due + behind * FRAME, Ordering::SeqCst);
        SUCCESS
    }

    /// Waits as [`Session::read_frame`] does, and tells how long that took, in
    /// microseconds; `None` where it failed.
    pub(crate) fn hear_frame(self: &Arc<Self>) -> Option<i64> {
        let before = self.core.clock.now();
        (self.read_frame() == SUCCESS).then(|| self.core.clock.now() - before)
    }

    /// As [`Session::hear_frame`], for as many frames as [`Session::skip_frames`] skips.
    pub(crate) fn hear_until(self: &Arc<Self>, until: Option<i64>) -> Option<i64> {
        let before = self.core.clock.now();
        (self.skip_frames(until) == SUCCESS).then(|| self.core.clock.now() - before)
    }

    /// Waits 20 ms with no media; only the clock ends it.
    pub(crate) fn idle_frame(&self) {
        self.core.clock.sleep(FRAME);
    }
}

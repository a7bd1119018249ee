//! Placing calls, joining them, and waiting for an answer.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bindings::{
    CS_SOFT_EXECUTE, SOF_NONE, SWITCH_CAUSE_DESTINATION_OUT_OF_ORDER, switch_call_cause_t,
    switch_channel_wait_for_state, switch_ivr_originate, switch_ivr_wait_for_answer,
};

use super::cause::Cause;
use super::{Locked, Session};
use crate::event::OwnedEvent;
use crate::{Detached, Status, core};

/// How long the core waits for an answer where nobody says (`SWITCH_DEFAULT_TIMEOUT`).
const ANSWER_TIMEOUT_S: u32 = 60;
/// One frame of audio.
const FRAME: Duration = Duration::from_millis(20);

/// Ends an originate that is under way, from any thread.
///
/// Without it nothing could: an originate with no A leg looks at nothing else.
#[derive(Debug, Default)]
pub struct Cancel(AtomicU32);

impl Cancel {
    /// Ends it with this cause.
    pub fn cancel(&self, cause: Cause) {
        self.0.store(cause.0.0, Ordering::Relaxed);
    }

    fn as_ptr(&self) -> *mut switch_call_cause_t {
        self.0.as_ptr().cast()
    }
}

/// Calls a dial string and waits until it is answered or has early media
/// (`switch_ivr_originate`). The call lives by the lock that is given, and has
/// the headers of `variables`, which nothing parses, as variables.
///
/// # Errors
/// Why there is no call.
pub fn originate(
    _: &Detached,
    a_leg: Option<Session<'_>>,
    dial: &CStr,
    timeout_s: u32,
    variables: Option<OwnedEvent>,
    cancel: &Cancel,
) -> Result<Locked, Cause> {
    let mut made = std::ptr::null_mut();
    let mut cause = SWITCH_CAUSE_DESTINATION_OUT_OF_ORDER;
    let a_leg = a_leg.map_or(std::ptr::null_mut(), Session::as_ptr);
    let mut variables = variables;
    let variables = variables
        .as_mut()
        .map_or(std::ptr::null_mut(), OwnedEvent::as_ptr);
    // SAFETY: the A leg lives over the call or is NULL, the string ends with
    // NUL, the core writes one pointer and one cause, adds to the variables,
    // which stay ours, and reads the cancel cell until it returns. It takes NULL
    // for all that is not asked for.
    let status = unsafe {
        switch_ivr_originate(
            a_leg,
            &raw mut made,
            &raw mut cause,
            dial.as_ptr(),
            timeout_s,
            std::ptr::null(),
            std::ptr::null(),
            std::ptr::null(),
            std::ptr::null_mut(),
            variables,
            SOF_NONE.0,
            cancel.as_ptr(),
            std::ptr::null_mut(),
        )
    };
    Status::check(status).map_err(|_| Cause(cause))?;
    // SAFETY: on success the core gives a session with a read lock for the caller.
    unsafe { Locked::from_locked(made) }.ok_or(Cause(cause))
}

impl Session<'_> {
    /// Takes an originated call out of the core's hands: its own thread idles,
    /// and whoever holds it drives it (`CS_SOFT_EXECUTE`).
    pub fn take_over(self, _: &Detached, a_leg: Option<Session<'_>>) {
        let channel = self.channel();
        let other = a_leg.map_or(std::ptr::null_mut(), |a| a.channel().as_ptr());
        channel.set_state(CS_SOFT_EXECUTE);
        // SAFETY: the sessions live, and so do their channels.
        unsafe { switch_channel_wait_for_state(channel.as_ptr(), other, CS_SOFT_EXECUTE) };
    }

    /// Waits until this call, placed for `caller` or for nobody, is answered or
    /// has early media (`switch_ivr_wait_for_answer`); else it is hung up.
    ///
    /// # Errors
    /// The core's status: it was not.
    pub fn wait_for_answer(
        self,
        held: &Detached,
        caller: Option<Session<'_>>,
    ) -> Result<(), Status> {
        let Some(caller) = caller else {
            return self.wait_for_media(held);
        };
        // SAFETY: the sessions live.
        Status::check(unsafe { switch_ivr_wait_for_answer(caller.as_ptr(), self.as_ptr()) })
    }

    /// The same for nobody: the core's own function reads the codec of a caller
    /// that must be there.
    fn wait_for_media(self, held: &Detached) -> Result<(), Status> {
        let channel = self.channel();
        // A break makes the call not ready.
        for _ in 0..ANSWER_TIMEOUT_S * 50 {
            if !channel.ready() || channel.media_ready() {
                break;
            }
            core::pause(held, FRAME);
        }
        if channel.media_ready() {
            return Ok(());
        }
        channel.hangup(held, Cause(SWITCH_CAUSE_DESTINATION_OUT_OF_ORDER));
        Err(Status(bindings::SWITCH_STATUS_FALSE))
    }
}

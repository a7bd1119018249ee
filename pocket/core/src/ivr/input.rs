//! What a blocking function tells its caller of: digits, events, frames.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use bindings::{
    SWITCH_INPUT_TYPE_DTMF as DTMF, SWITCH_INPUT_TYPE_EVENT as EVENT, switch_dtmf_t,
    switch_input_args_t,
};

use crate::c::*;
use crate::event::Event;
use crate::log;
use crate::place::here;
use crate::session::Session;

/// Nested deeper than this the core refuses a function that takes input.
const DEEPEST: i32 = 25;

/// A caller that listens.
pub(crate) trait Input {
    /// Whether digits are taken; without that a digit ends the function.
    fn takes_digits(&self) -> bool;

    /// A digit; anything but SUCCESS ends the function.
    fn digit(&mut self, session: &Arc<Session>, digit: switch_dtmf_t) -> Status;

    /// As [`Input::digit`] where the one-digit buffer has no meaning.
    fn collected_digit(&mut self, session: &Arc<Session>, digit: switch_dtmf_t) -> Status {
        self.digit(session, digit)
    }

    /// Whether events are taken.
    fn takes_events(&self) -> bool {
        false
    }

    /// An event that was meant for the leg's owner.
    fn event(&mut self, _: &Arc<Session>, _: &Event) -> Status {
        SUCCESS
    }

    /// Whether it is called for each frame.
    fn takes_frames(&self) -> bool {
        false
    }

    /// Called for each frame; anything but SUCCESS ends the function.
    fn frame(&mut self, _: &Arc<Session>) -> Status {
        SUCCESS
    }
}

/// The input arguments of a module.
pub(crate) struct CInput(NonNull<switch_input_args_t>);

impl CInput {
    /// # Safety
    /// `args` is NULL or stays live while this does; what it points to is as
    /// the core asks.
    pub(crate) unsafe fn new(args: *mut switch_input_args_t) -> Option<Self> {
        NonNull::new(args).map(Self)
    }

    fn args(&self) -> switch_input_args_t {
        // SAFETY: live by the contract of `new`; copied, since a callback may
        // change it.
        unsafe { *self.0.as_ptr() }
    }

    /// Counts the nesting; false when there is too much of it.
    pub(crate) fn enter(&self, session: &Session) -> bool {
        // SAFETY: live, and on this thread only.
        let loops = unsafe { &mut (*self.0.as_ptr()).loops };
        if *loops >= DEEPEST {
            session.core.say(
                log::ERROR,
                here!(),
                format_args!(
                    "RECURSION ERROR!  It's not the best idea to call things that collect input recursively from an input callback."
                ),
            );
            return false;
        }
        *loops += 1;
        true
    }

    pub(crate) fn leave(&self) {
        // SAFETY: as in `enter`.
        unsafe { (*self.0.as_ptr()).loops -= 1 };
    }

    fn call(&self, session: &Arc<Session>, digit: &mut switch_dtmf_t) -> Option<Status> {
        let args = self.args();
        let callback = args.input_callback?;
        let input: *mut c_void = std::ptr::from_mut(digit).cast();
        // SAFETY: the module's function with the module's own buffer; session
        // and digit live over the call.
        Some(unsafe { callback(session.as_ptr(), input, DTMF, args.buf, args.buflen) })
    }
}

impl Input for CInput {
    fn takes_digits(&self) -> bool {
        let args = self.args();
        args.input_callback.is_some() || !args.buf.is_null() || !args.dmachine.is_null()
    }

    fn digit(&mut self, session: &Arc<Session>, mut digit: switch_dtmf_t) -> Status {
        if let Some(status) = self.call(session, &mut digit) {
            return status;
        }
        let buffer = self.args().buf;
        if buffer.is_null() {
            return SUCCESS;
        }
        // SAFETY: a buffer without a callback takes one digit, by the core's rule.
        unsafe { buffer.cast::<i8>().write(digit.digit) };
        BREAK
    }

    fn collected_digit(&mut self, session: &Arc<Session>, mut digit: switch_dtmf_t) -> Status {
        self.call(session, &mut digit).unwrap_or(SUCCESS)
    }

    fn takes_events(&self) -> bool {
        self.args().input_callback.is_some()
    }

    fn event(&mut self, session: &Arc<Session>, event: &Event) -> Status {
        let args = self.args();
        match args.input_callback {
            // SAFETY: as in `call`; the event lives over it.
            Some(callback) => unsafe {
                callback(
                    session.as_ptr(),
                    event.as_ptr().cast(),
                    EVENT,
                    args.buf,
                    args.buflen,
                )
            },
            None => SUCCESS,
        }
    }

    fn takes_frames(&self) -> bool {
        self.args().read_frame_callback.is_some()
    }

    fn frame(&mut self, session: &Arc<Session>) -> Status {
        let args = self.args();
        match args.read_frame_callback {
            // SAFETY: the module's function; the frame has no members that the
            // slice of the API shows, so a zeroed block stands for it.
            Some(callback) => unsafe {
                let mut frame = [0u64; 64];
                callback(session.as_ptr(), frame.as_mut_ptr().cast(), args.user_data)
            },
            None => SUCCESS,
        }
    }
}

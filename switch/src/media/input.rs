//! What a playing or waiting call does with digits and events that come in.

use std::ffi::{CStr, CString, c_uint, c_void};
use std::sync::Arc;

use bindings::{
    DTMF_FLAG_SENSITIVE, SWITCH_INPUT_TYPE_DTMF, SWITCH_INPUT_TYPE_EVENT, SWITCH_STATUS_BREAK,
    SWITCH_STATUS_IGNORE, SWITCH_STATUS_SUCCESS, switch_channel_dequeue_dtmf,
    switch_channel_queue_dtmf, switch_core_session_t, switch_dtmf_t, switch_event_t,
    switch_file_handle_t, switch_frame_t, switch_input_args_t, switch_input_type_t,
    switch_ivr_process_fh, switch_status_t,
};

use crate::edge::guard;
use crate::event::shared::Event;
use crate::session::Session;

/// One DTMF digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dtmf {
    /// The digit: 0 to 9, A to D, `*`, `#`, and F for flash.
    pub digit: u8,
    /// Its length in samples at 8 kHz.
    pub duration: u32,
    /// Where it came from.
    pub source: Source,
}

impl Dtmf {
    /// A digit of which no more is known.
    #[must_use]
    pub fn of(digit: u8) -> Self {
        Self {
            digit,
            duration: 0,
            source: Source::Unknown,
        }
    }
}

/// Where a digit came from (`switch_dtmf_source_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Not known.
    Unknown,
    /// Heard in the audio.
    Inband,
    /// An RTP event (RFC 2833).
    Rtp,
    /// Signalling (SIP INFO).
    Endpoint,
    /// An application of the switch.
    App,
}

impl Dtmf {
    pub(crate) fn from_c(dtmf: switch_dtmf_t) -> Self {
        let source = match dtmf.source {
            bindings::SWITCH_DTMF_INBAND_AUDIO => Source::Inband,
            bindings::SWITCH_DTMF_RTP => Source::Rtp,
            bindings::SWITCH_DTMF_ENDPOINT => Source::Endpoint,
            bindings::SWITCH_DTMF_APP => Source::App,
            _ => Source::Unknown,
        };
        Self {
            digit: dtmf.digit.cast_unsigned(),
            duration: dtmf.duration,
            source,
        }
    }

    pub(crate) fn to_c(self) -> switch_dtmf_t {
        switch_dtmf_t {
            digit: self.digit.cast_signed(),
            duration: self.duration,
            flags: 0,
            source: match self.source {
                Source::Unknown => bindings::SWITCH_DTMF_UNKNOWN,
                Source::Inband => bindings::SWITCH_DTMF_INBAND_AUDIO,
                Source::Rtp => bindings::SWITCH_DTMF_RTP,
                Source::Endpoint => bindings::SWITCH_DTMF_ENDPOINT,
                Source::App => bindings::SWITCH_DTMF_APP,
            },
        }
    }
}

impl Session<'_> {
    /// Returns digits to the channel, before those that have come since (`switch_channel_queue_dtmf`).
    ///
    /// The next reader gets them. No event and no hook reports them again.
    pub fn put_back_digits(self, mut digits: Vec<Dtmf>) {
        if digits.is_empty() {
            return;
        }
        let channel = self.channel().as_ptr();
        let mut one = Dtmf::of(0).to_c();
        // SAFETY: the channel lives, and the core writes a digit where it gives success.
        while unsafe { switch_channel_dequeue_dtmf(channel, &raw mut one) } == SWITCH_STATUS_SUCCESS
        {
            digits.push(Dtmf::from_c(one));
        }
        for digit in digits {
            let mut digit = digit.to_c();
            // Its event was fired and its hooks have run when it came.
            digit.flags = DTMF_FLAG_SENSITIVE.0.cast_signed();
            // SAFETY: the channel lives, and the core copies the digit.
            unsafe { switch_channel_queue_dtmf(channel, &raw const digit) };
        }
    }
}

/// What becomes of the call that played or waited when input came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputAction {
    /// It goes on.
    GoOn,
    /// It ends.
    Stop,
    /// In a bridge: the digit does not reach the other leg.
    Ignore,
    /// A string as the core reads it: `pause`, `restart`, `seek:+1000`, `speed:1`,
    /// `volume:-1` act on the file; empty, `true`, `undefined` go on; the rest stops.
    Command(CString),
}

/// What receives the input.
pub trait Input {
    /// A digit came.
    fn digit(&self, session: Session<'_>, digit: Dtmf) -> InputAction;

    /// An event was queued to the session.
    fn event(&self, session: Session<'_>, event: &Arc<Event>) -> InputAction;
}

/// The core's input arguments for one blocking call, and what they lead to.
///
/// `buf` points here. It starts with a NUL, since `speak` reads `buf` as text.
#[repr(C)]
pub(crate) struct Wait<'a> {
    no_text: [u8; 8],
    input: &'a dyn Input,
    file: *mut switch_file_handle_t,
    /// Asked at each frame whether it goes on.
    goes_on: Option<&'a dyn Fn() -> bool>,
}

impl<'a> Wait<'a> {
    /// `file` is what the verdict's commands act on, NULL where nothing plays.
    pub(crate) fn new(input: &'a dyn Input, file: *mut switch_file_handle_t) -> Self {
        Self {
            no_text: [0; 8],
            input,
            file,
            goes_on: None,
        }
    }

    /// The same, for as long as this says so: it is asked at each frame, of 20 ms as a rule.
    pub(crate) fn while_it(mut self, goes_on: &'a dyn Fn() -> bool) -> Self {
        self.goes_on = Some(goes_on);
        self
    }

    /// The arguments, good while `self` stays where it is.
    pub(crate) fn args(&mut self) -> switch_input_args_t {
        let this: *mut c_void = (&raw mut *self).cast();
        switch_input_args_t {
            input_callback: Some(on_input),
            buf: this,
            buflen: 0,
            read_frame_callback: self.goes_on.map(|_| on_frame as _),
            user_data: self.goes_on.map_or(std::ptr::null_mut(), |_| this),
            dmachine: std::ptr::null_mut(),
            loops: 0,
        }
    }

    pub(crate) fn obey(&self, session: Session<'_>, verdict: InputAction) -> switch_status_t {
        match verdict {
            InputAction::GoOn => SWITCH_STATUS_SUCCESS,
            InputAction::Stop => SWITCH_STATUS_BREAK,
            InputAction::Ignore => SWITCH_STATUS_IGNORE,
            InputAction::Command(text) => {
                // SAFETY: the session lives, and the file handle is that of the
                // play call this callback came from, or NULL where no file plays.
                unsafe { switch_ivr_process_fh(session.as_ptr(), text.as_ptr(), self.file) }
            }
        }
    }
}

/// The file that a call plays, as commands find it (`uuid_fileman`), while its
/// callback runs. A file that is played in there takes its place, and the core
/// puts nothing back: this does when it goes.
struct Playing<'a> {
    session: Session<'a>,
    file: *mut c_void,
}

impl<'a> Playing<'a> {
    const KEY: &'static CStr = c"__fh";

    fn of(session: Session<'a>) -> Self {
        let file = session.channel().private(Self::KEY);
        Self { session, file }
    }
}

impl Drop for Playing<'_> {
    fn drop(&mut self) {
        let channel = self.session.channel();
        if channel.private(Self::KEY) != self.file {
            // SAFETY: the call that set it is beneath this callback: its handle lives
            // until that returns, which takes it away itself.
            unsafe { channel.set_private(Self::KEY, self.file) };
        }
    }
}

unsafe extern "C" fn on_frame(
    _session: *mut switch_core_session_t,
    _frame: *mut switch_frame_t,
    user_data: *mut c_void,
) -> switch_status_t {
    guard(c"frame callback", SWITCH_STATUS_BREAK, || {
        // SAFETY: args() put a Wait there, which lives until the call it was
        // given to returns, and this runs within it.
        let wait = unsafe { &*user_data.cast::<Wait<'_>>() };
        match wait.goes_on {
            Some(goes_on) if !goes_on() => SWITCH_STATUS_BREAK,
            _ => SWITCH_STATUS_SUCCESS,
        }
    })
}

unsafe extern "C" fn on_input(
    session: *mut switch_core_session_t,
    input: *mut c_void,
    kind: switch_input_type_t,
    buf: *mut c_void,
    _buflen: c_uint,
) -> switch_status_t {
    guard(c"input callback", SWITCH_STATUS_SUCCESS, || {
        // SAFETY: args() put a Wait there, which lives until the call it was
        // given to returns, and this runs within it.
        let wait = unsafe { &*buf.cast::<Wait<'_>>() };
        // SAFETY: the core lends the session for this call.
        let Some(session) = (unsafe { Session::from_ptr(session) }) else {
            return SWITCH_STATUS_SUCCESS;
        };
        let _playing = Playing::of(session);
        match kind {
            SWITCH_INPUT_TYPE_DTMF if !input.is_null() => {
                // SAFETY: with this kind the core passes a digit.
                let dtmf = Dtmf::from_c(unsafe { *input.cast::<switch_dtmf_t>() });
                wait.obey(session, wait.input.digit(session, dtmf))
            }
            SWITCH_INPUT_TYPE_EVENT => {
                // SAFETY: with this kind the core passes an event, which it
                // destroys when this returns; the loan ends before.
                let lent = unsafe { Event::lend(input.cast::<switch_event_t>()) };
                let Some((event, loan)) = lent else {
                    return SWITCH_STATUS_SUCCESS;
                };
                let verdict = wait.input.event(session, &event);
                drop(loan);
                wait.obey(session, verdict)
            }
            _ => SWITCH_STATUS_SUCCESS,
        }
    })
}

//! Playing, waiting and transferring, with an ear for digits and events.

use std::borrow::Cow;
use std::cell::Cell;
use std::ffi::{CStr, CString};

use bindings::{
    SWITCH_FALSE, SWITCH_TRUE, switch_file_handle_t, switch_input_args_t, switch_ivr_insert_file,
    switch_ivr_play_file, switch_ivr_record_file, switch_ivr_session_transfer, switch_ivr_sleep,
};

use super::input::{Input, Wait};
use crate::guard::{application, files, queued};
use crate::session::Session;
use crate::text::pointer;
use crate::{Detached, Status};

/// A file handle with room behind it, should a newer core's be longer.
#[repr(C)]
struct File {
    handle: switch_file_handle_t,
    slack: [u64; 64],
}

impl File {
    fn new() -> Box<Self> {
        // SAFETY: the structure is numbers and pointers; the core itself starts
        // from all zeroes.
        unsafe { Box::<Self>::new_zeroed().assume_init() }
    }
}

/// Runs a blocking call with input arguments, or with NULL where nobody
/// listens: the core then leaves digits queued for the next verb, while
/// arguments without a callback would end the call at a digit.
pub(crate) fn listening<R>(
    input: Option<&dyn Input>,
    file: *mut switch_file_handle_t,
    call: impl FnOnce(*mut switch_input_args_t) -> R,
) -> R {
    match input {
        None => call(std::ptr::null_mut()),
        Some(input) => {
            let mut wait = Wait::new(input, file);
            let mut args = wait.args();
            call(&raw mut args)
        }
    }
}

impl Session<'_> {
    /// A file's name as the core can take it.
    pub(crate) fn safe(self, name: &CStr) -> Cow<'_, CStr> {
        if !files::suspicious(name.to_bytes()) {
            return Cow::Borrowed(name);
        }
        files::safe(name, application::delimiter(&self.channel()))
    }

    /// Plays a file, tone or stream to its end (`switch_ivr_play_file`), from
    /// `start` samples on. Early media is started where the call is not answered.
    ///
    /// # Errors
    /// `BREAK` when input ended it, `FALSE` when the call did, `NOTFOUND` when
    /// there is no such file.
    pub fn play(
        self,
        _: &Detached,
        name: &CStr,
        start: u32,
        input: Option<&dyn Input>,
    ) -> Result<(), Status> {
        let name = self.safe(name);
        let mut file = File::new();
        file.handle.samples = start;
        let prebuffer = self.channel().variable(c"stream_prebuffer");
        if let Some(bytes) = prebuffer.and_then(|v| String::from_utf8(v).ok()?.trim().parse().ok())
        {
            file.handle.prebuf = bytes;
        }
        let handle = &raw mut file.handle;
        Status::check(listening(input, handle, |args| {
            // SAFETY: the session lives, and all that is pointed to outlives the call.
            unsafe { switch_ivr_play_file(self.as_ptr(), handle, name.as_ptr(), args) }
        }))
    }

    /// Plays a file, tone or stream for as long as `goes_on` says so, which is asked at each frame,
    /// or to its end.
    ///
    /// # Errors
    /// As [`Self::play`], with `BREAK` when `goes_on` ended it.
    pub fn play_while(
        self,
        _: &Detached,
        name: &CStr,
        input: &dyn Input,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), Status> {
        const TIMER: &CStr = c"timer_name";
        let name = self.safe(name);
        let mut file = File::new();
        let handle = &raw mut file.handle;
        // With a timer of its own the core looks at no frame, and would ask nobody.
        let timer = self.channel().variable(TIMER);
        if timer.is_some() {
            let _ = self.channel().set_variable(TIMER, None);
        }
        let mut wait = Wait::new(input, handle).while_it(goes_on);
        let mut args = wait.args();
        // SAFETY: the session lives, and all that is pointed to outlives the call.
        let status =
            unsafe { switch_ivr_play_file(self.as_ptr(), handle, name.as_ptr(), &raw mut args) };
        if let Some(timer) = timer.and_then(|timer| CString::new(timer).ok()) {
            let _ = self.channel().set_variable(TIMER, Some(&timer));
        }
        Status::check(status)
    }

    /// Records to a file (`switch_ivr_record_file`), for at most `limit_s` seconds
    /// (0: no limit), or until so many frames in a row are below the threshold.
    ///
    /// # Errors
    /// The core's status. A file that cannot be written also hangs the call up.
    pub fn record(
        self,
        _: &Detached,
        name: &CStr,
        limit_s: u32,
        threshold: u32,
        silence_hits: u32,
        input: Option<&dyn Input>,
    ) -> Result<(), Status> {
        let name = self.safe(name);
        let mut file = File::new();
        file.handle.thresh = threshold;
        file.handle.silence_hits = silence_hits;
        let handle = &raw mut file.handle;
        Status::check(listening(input, handle, |args| {
            // SAFETY: the session lives, and all that is pointed to outlives the call.
            unsafe { switch_ivr_record_file(self.as_ptr(), handle, name.as_ptr(), args, limit_s) }
        }))
    }

    /// Puts one sound file into another at a sample (`switch_ivr_insert_file`).
    ///
    /// # Errors
    /// The core's status.
    pub fn insert_file(
        self,
        _: &Detached,
        file: &CStr,
        insert: &CStr,
        at: usize,
    ) -> Result<(), Status> {
        let (file, insert) = (self.safe(file), self.safe(insert));
        // SAFETY: the session lives, and the strings end with NUL.
        Status::check(unsafe {
            switch_ivr_insert_file(self.as_ptr(), file.as_ptr(), insert.as_ptr(), at)
        })
    }

    /// Waits (`switch_ivr_sleep`), in steps of 20 ms; with `sync` the audio is
    /// brought in step first.
    ///
    /// # Errors
    /// `BREAK` when input ended it, `FALSE` when the call did.
    pub fn sleep(
        self,
        _: &Detached,
        ms: u32,
        sync: bool,
        input: Option<&dyn Input>,
    ) -> Result<(), Status> {
        let sync = if sync { SWITCH_TRUE } else { SWITCH_FALSE };
        Status::check(listening(input, std::ptr::null_mut(), |args| {
            // SAFETY: the session lives, and all that is pointed to outlives the call.
            unsafe { switch_ivr_sleep(self.as_ptr(), ms, sync, args) }
        }))
    }

    /// Waits until a frame of the call's media comes, for at most `ms` (`switch_ivr_sleep`); false where
    /// none came. A sleep does not tell that: where its time is over before it reads, it succeeds.
    #[must_use]
    pub fn hears(self, _: &Detached, ms: u32, input: &dyn Input) -> bool {
        let heard = Cell::new(false);
        let goes_on = || {
            heard.set(true);
            false
        };
        let mut wait = Wait::new(input, std::ptr::null_mut()).while_it(&goes_on);
        let mut args = wait.args();
        // SAFETY: the session lives, and all that is pointed to outlives the call.
        unsafe { switch_ivr_sleep(self.as_ptr(), ms, SWITCH_FALSE, &raw mut args) };
        heard.get()
    }

    /// Sends the call to another extension once the application has returned
    /// (`switch_ivr_session_transfer`); dialplan and context are the call's own
    /// where none are given.
    ///
    /// # Errors
    /// The core's status.
    pub fn transfer(
        self,
        _: &Detached,
        extension: &CStr,
        dialplan: Option<&CStr>,
        context: Option<&CStr>,
    ) -> Result<(), Status> {
        let safe = queued::transfer(&self.channel(), extension, dialplan);
        let extension = safe.map_err(|why| {
            tracing::error!("transfer: {why}");
            Status(bindings::SWITCH_STATUS_GENERR)
        })?;
        // SAFETY: the session lives, the strings end with NUL or are NULL.
        Status::check(unsafe {
            switch_ivr_session_transfer(
                self.as_ptr(),
                extension.as_ptr(),
                pointer(dialplan),
                pointer(context),
            )
        })
    }
}

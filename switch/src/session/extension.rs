//! What a dialplan gives a call: a list of applications to run.

use std::ffi::CStr;
use std::ptr::NonNull;

use bindings::{
    CS_EXECUTE, switch_caller_extension_add_application, switch_caller_extension_new,
    switch_caller_extension_t, switch_channel_set_caller_extension,
};

use super::Session;

/// An extension in the session's pool; the core takes it when the hunt returns.
pub struct Extension<'a> {
    session: Session<'a>,
    extension: NonNull<switch_caller_extension_t>,
}

impl<'a> Extension<'a> {
    /// An empty one (`switch_caller_extension_new`); none without memory.
    #[must_use]
    pub fn new(session: Session<'a>, name: &CStr, number: &CStr) -> Option<Self> {
        // SAFETY: the session lives, and the core copies both strings.
        let extension = unsafe {
            switch_caller_extension_new(session.as_ptr(), name.as_ptr(), number.as_ptr())
        };
        NonNull::new(extension).map(|extension| Self { session, extension })
    }

    /// Adds an application (`switch_caller_extension_add_application`).
    pub fn add(&mut self, application: &CStr, data: &CStr) {
        // SAFETY: the session lives, the extension is its own, and the core copies
        // both strings.
        unsafe {
            switch_caller_extension_add_application(
                self.session.as_ptr(),
                self.extension.as_ptr(),
                application.as_ptr(),
                data.as_ptr(),
            );
        }
    }

    /// Has the call run it next, on its own thread
    /// (`switch_channel_set_caller_extension`, `CS_EXECUTE`).
    pub fn run(self) {
        let channel = self.session.channel();
        // SAFETY: the session lives, and the extension lies in its pool; the
        // channel takes it.
        unsafe { switch_channel_set_caller_extension(channel.as_ptr(), self.extension.as_ptr()) };
        channel.set_state(CS_EXECUTE);
    }

    /// For the core.
    #[must_use]
    pub fn into_raw(self) -> *mut switch_caller_extension_t {
        self.extension.as_ptr()
    }
}

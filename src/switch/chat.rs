//! Chat messages, JSON commands and mail: what the core does beside calls.

use std::ffi::CStr;

use bindings::{
    SWITCH_TRUE, cJSON_Delete, cJSON_Parse, cJSON_PrintUnformatted, switch_core_chat_send,
    switch_core_execute_chat_app, switch_json_api_execute, switch_simple_email,
};

use super::event::View;
use super::session::Session;
use super::text::{pointer, taken};
use super::{Detached, Status};

impl View<'_> {
    /// Runs a chat application on this message (`switch_core_execute_chat_app`).
    ///
    /// # Errors
    /// The core's status.
    pub fn chat_execute(self, _: &Detached, app: &CStr, data: Option<&CStr>) -> Result<(), Status> {
        // SAFETY: the event lives, and the strings end with NUL or are NULL.
        Status::check(unsafe {
            switch_core_execute_chat_app(self.as_ptr(), app.as_ptr(), pointer(data))
        })
    }

    /// Sends this message by a protocol, "sip" say (`switch_core_chat_send`).
    ///
    /// # Errors
    /// The core's status.
    pub fn chat_send(self, _: &Detached, protocol: &CStr) -> Result<(), Status> {
        // SAFETY: the event lives, and the string ends with NUL.
        Status::check(unsafe { switch_core_chat_send(protocol.as_ptr(), self.as_ptr()) })
    }
}

/// Runs a JSON API command: an object with `command` and `data`, as text
/// (`switch_json_api_execute`). Gives the object with `status`, `message` and
/// `response` added; none where the request is no JSON.
pub fn json(_: &Detached, request: &CStr, session: Option<Session<'_>>) -> Option<Vec<u8>> {
    let session = session.map_or(std::ptr::null_mut(), Session::as_ptr);
    // SAFETY: the request is parsed into a tree of the core's, which is freed
    // here; the session lives or is NULL; with no place for it the answer is put
    // into the tree.
    unsafe {
        let tree = cJSON_Parse(request.as_ptr());
        if tree.is_null() {
            return None;
        }
        switch_json_api_execute(tree, session, std::ptr::null_mut());
        let text = taken(cJSON_PrintUnformatted(tree));
        cJSON_Delete(tree);
        text
    }
}

/// A letter.
pub struct Mail<'a> {
    /// To whom.
    pub to: &'a CStr,
    /// From whom.
    pub from: &'a CStr,
    /// Header lines.
    pub headers: Option<&'a CStr>,
    /// The text.
    pub body: Option<&'a CStr>,
    /// A file to attach.
    pub file: Option<&'a CStr>,
    /// A command that converts the file first.
    pub convert: Option<&'a CStr>,
    /// The suffix of what that makes.
    pub suffix: Option<&'a CStr>,
}

/// Sends a letter with the switch's mailer (`switch_simple_email`).
#[must_use]
pub fn send_mail(_: &Detached, mail: &Mail<'_>) -> bool {
    // SAFETY: the strings end with NUL or are NULL.
    let sent = unsafe {
        switch_simple_email(
            mail.to.as_ptr(),
            mail.from.as_ptr(),
            pointer(mail.headers),
            pointer(mail.body),
            pointer(mail.file),
            pointer(mail.convert),
            pointer(mail.suffix),
        )
    };
    sent == SWITCH_TRUE
}

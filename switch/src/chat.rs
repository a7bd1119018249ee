//! Chat messages, JSON commands and mail: what the core does beside calls.

use std::ffi::CStr;
use std::ptr::NonNull;

use bindings::{
    SWITCH_TRUE, cJSON, cJSON_Delete, cJSON_Parse, cJSON_PrintUnformatted, switch_core_chat_send,
    switch_core_execute_chat_app, switch_json_api_execute, switch_simple_email,
};

use super::event::View;
use super::session::Session;
use super::text::{c_string, pointer, taken};
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

/// A JSON tree of the core's, freed with it.
pub struct Json(NonNull<cJSON>);

/// What the core cannot make a tree of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadJson {
    /// The core's strings would end there.
    #[error("a string has a NUL")]
    Nul,
    /// No JSON, or more than the core reads.
    #[error("the switch cannot read it: it is nested too deep, or has a lone surrogate")]
    Unreadable,
}

impl Json {
    /// Parses a text.
    ///
    /// # Errors
    /// [`BadJson`]
    pub fn parse(text: &[u8]) -> Result<Self, BadJson> {
        if has_nul(text) {
            return Err(BadJson::Nul);
        }
        let text = c_string(text).map_err(|_| BadJson::Nul)?;
        // SAFETY: the core reads the text and gives a tree of its own.
        NonNull::new(unsafe { cJSON_Parse(text.as_ptr()) })
            .map(Self)
            .ok_or(BadJson::Unreadable)
    }

    /// The text of a tree that the core lends.
    ///
    /// # Safety
    /// It is NULL, or a tree that nobody changes while it is used.
    #[must_use]
    pub unsafe fn text_of(tree: *const cJSON) -> Option<Vec<u8>> {
        if tree.is_null() {
            return None;
        }
        // SAFETY: the caller vouches for the tree; the text is made with malloc.
        unsafe { taken(cJSON_PrintUnformatted(tree)) }
    }

    /// Gives the tree to the core.
    #[must_use]
    pub fn into_raw(self) -> *mut cJSON {
        let tree = self.0.as_ptr();
        std::mem::forget(self);
        tree
    }
}

impl Drop for Json {
    fn drop(&mut self) {
        // SAFETY: ours, and not used again.
        unsafe { cJSON_Delete(self.0.as_ptr()) };
    }
}

/// Does a string in a JSON text stand for one with a NUL? A backslash begins an
/// escape there, and the second of two stands for itself.
fn has_nul(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&b| b == b'\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with(b"u0000") {
            return true;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

/// Runs a JSON API command: an object with `command` and `data`, as text
/// (`switch_json_api_execute`). Gives the object with `status`, `message` and
/// `response` added.
///
/// # Errors
/// [`BadJson`]: of the request.
pub fn json(
    _: &Detached,
    request: &[u8],
    session: Option<Session<'_>>,
) -> Result<Vec<u8>, BadJson> {
    let session = session.map_or(std::ptr::null_mut(), Session::as_ptr);
    let tree = Json::parse(request)?;
    // SAFETY: the tree is ours; the session lives or is NULL; with no place for
    // it the answer is put into the tree.
    unsafe {
        switch_json_api_execute(tree.0.as_ptr(), session, std::ptr::null_mut());
        Json::text_of(tree.0.as_ptr()).ok_or(BadJson::Unreadable)
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

#[cfg(test)]
mod tests {
    use super::has_nul;

    #[test]
    fn a_nul_is_an_escape_and_not_six_letters() {
        for (text, expected) in [
            (br#""\u0000""#.as_slice(), true),
            (br#"{"a\u0000": 1}"#, true),
            (br#""\\\u0000""#, true),
            (br#""\\u0000""#, false),
            (br#""\\\\u0000""#, false),
            (br#""u0000 \u0001 \"""#, false),
            (br#""\"#, false),
        ] {
            assert_eq!(has_nul(text), expected, "{}", text.escape_ascii());
        }
    }
}

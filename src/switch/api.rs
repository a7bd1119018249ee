//! Calling the switch's own API commands.

use std::ffi::CStr;

use bindings::switch_api_execute;

use super::session::Session;
use super::stream::Collector;
use super::text::pointer;
use super::{Detached, Status};

/// Runs an API command and gives its reply (`switch_api_execute`). A command
/// that the core does not know answers in the reply too.
pub fn execute(
    _: &Detached,
    command: &CStr,
    argument: Option<&CStr>,
    session: Option<Session<'_>>,
) -> Vec<u8> {
    let mut reply = Collector::new();
    let session = session.map_or(std::ptr::null_mut(), Session::as_ptr);
    // SAFETY: the strings end with NUL, the session lives over the call or is
    // NULL, and the stream is ours.
    let status = Status::check(unsafe {
        switch_api_execute(command.as_ptr(), pointer(argument), session, reply.as_ptr())
    });
    if let Err(status) = status {
        tracing::debug!(command = %command.to_string_lossy(), %status, "the API command failed");
    }
    reply.text().to_vec()
}

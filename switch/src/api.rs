//! Calling the switch's own API commands.

use std::borrow::Cow;
use std::ffi::CStr;

use bindings::switch_api_execute;

use super::guard::Refused;
use super::guard::command as guard;
use super::guard::command::Checked;
use super::session::Session;
use super::stream::Collector;
use super::text::{c_string_shown, pointer};
use super::{Detached, Status};

/// Runs an API command and gives its reply (`switch_api_execute`). A command
/// that the core does not know answers in the reply too.
pub fn execute(
    _: &Detached,
    command: &CStr,
    argument: Option<&CStr>,
    session: Option<Session<'_>>,
) -> Vec<u8> {
    let checked = argument
        .map(|text| guard::checked(command.to_bytes(), text.to_bytes(), session.is_some()))
        .transpose();
    let argument = match checked {
        Ok(None) => None,
        Ok(Some(Checked::Run(Cow::Borrowed(_)))) => argument.map(Cow::Borrowed),
        Ok(Some(Checked::Run(Cow::Owned(safe)))) => Some(Cow::Owned(c_string_shown(&safe))),
        Ok(Some(Checked::Reply(reply))) => return reply,
        Err(why) => return refused(command, &why),
    };
    let argument = argument.as_deref();
    let calls = guard::named(argument);
    calls
        .run(command, argument, session, || {
            run(command, argument, session)
        })
        .unwrap_or_else(|why| refused(command, &why))
}

/// What the caller of a command gets that the core would not survive.
fn refused(command: &CStr, why: &Refused) -> Vec<u8> {
    tracing::error!("{}: {why}", command.to_string_lossy());
    guard::refusal(why)
}

fn run(command: &CStr, argument: Option<&CStr>, session: Option<Session<'_>>) -> Vec<u8> {
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

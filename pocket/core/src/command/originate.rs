//! The originate command.

use bstr::{BStr, ByteSlice};

use crate::c::*;
use crate::cause;
use crate::ivr::originate::{Request, originate as dial};
use crate::ivr::transfer;
use crate::module::api::{Invocation, Reply, usage};
use crate::session::{Extension, say};
use crate::text::{number, split};

const SYNTAX: &str = "<call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]";

pub(super) fn originate(call: &Invocation<'_>) -> Reply {
    if let Some(session) = call.session {
        say!(
            session,
            NOTICE,
            "Originate can take 60 seconds to complete, and blocks the existing session. Do not confuse with a lockup."
        );
    }
    let words = split(call.argument, b' ', 10);
    if !(2..=7).contains(&words.len()) {
        return usage(SYNTAX);
    }
    let word = |at: usize| {
        words
            .get(at)
            .map(|word| word.as_bstr())
            .filter(|word| !word.eq_ignore_ascii_case(b"undef"))
    };
    let (Some(leg), Some(extension)) = (word(0), word(1)) else {
        return usage(SYNTAX);
    };
    let request = Request {
        caller_id_name: word(4),
        caller_id_number: word(5),
        timeout: word(6).map_or(60, |seconds| number(seconds).max(1)),
        ..Request::default()
    };
    let session = match dial(call.core, None, leg, &request) {
        Ok(session) => session,
        Err(cause) => return format!("-ERR {}\n", cause::name(cause).to_string_lossy()).into(),
    };
    if let Some(application) = extension
        .strip_prefix(b"&")
        .filter(|application| !application.is_empty())
    {
        let application = &application[..application.find_byte(b')').unwrap_or(application.len())];
        let (name, data) = crate::text::cut(application, b'(');
        let applications = [(name.to_owned(), data.to_owned())].into();
        *session.extension.lock() = Some(Extension { applications });
        session.set_state(CS_EXECUTE);
    } else {
        let (dialplan, context) = (
            word(2).unwrap_or(BStr::new("XML")),
            word(3).unwrap_or(BStr::new("default")),
        );
        transfer::transfer(&session, extension, dialplan, context);
    }
    format!("+OK {}\n", session.uuid()).into()
}

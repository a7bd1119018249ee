//! The functions of FreeSWITCH's C API, thin over what does their work.

mod calls;
mod channel;
mod console;
mod core;
mod database;
mod event;
mod ivr;
mod log;
mod menu;
mod module;
mod outbox;
mod queue;
mod session;
mod speech;
mod threads;
mod xml;

use std::ffi::c_char;
use std::sync::Arc;

use bindings::{switch_channel_t, switch_core_session_t};
use bstr::BStr;

use crate::place::Place;
use crate::session::Session;

/// The place that a caller gives.
///
/// # Safety
/// Both texts are NULL or live, NUL-terminated strings.
unsafe fn place<'a>(file: *const c_char, function: *const c_char, line: i32) -> Place<'a> {
    // SAFETY: the caller's.
    unsafe {
        Place {
            file: text(file),
            function: text(function),
            line,
        }
    }
}

/// A text, empty for NULL.
///
/// # Safety
/// NULL, or a live NUL-terminated string.
unsafe fn text<'a>(text: *const c_char) -> &'a BStr {
    // SAFETY: the caller's.
    unsafe { crate::text::borrow(text) }.unwrap_or_default()
}

/// # Safety
/// NULL, or a session that lives.
unsafe fn session(session: *mut switch_core_session_t) -> Option<Arc<Session>> {
    // SAFETY: the caller's.
    unsafe { Session::from_ptr(session) }
}

/// # Safety
/// NULL, or the channel of a session that lives.
unsafe fn channel(channel: *mut switch_channel_t) -> Option<Arc<Session>> {
    // SAFETY: the caller's.
    unsafe { Session::from_channel(channel) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// Names of functions in a C header: what stands before a parenthesis at
    /// the first column's declarations.
    fn declared() -> BTreeSet<String> {
        let header = include_str!("../../../../include/functions.h");
        let mut text = String::new();
        let mut rest = header;
        while let Some(at) = rest.find("/*") {
            text.push_str(&rest[..at]);
            rest = rest[at..].split_once("*/").map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        text.split(';')
            .filter_map(|declaration| declaration.split_once('('))
            .filter_map(|(head, _)| head.rsplit([' ', '*', '\n']).next())
            .filter(|name| {
                ["switch_", "_switch_", "cJSON_"]
                    .iter()
                    .any(|start| name.starts_with(start))
            })
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn all_that_modules_import_is_there() {
        let mut there: BTreeSet<String> = [
            super::calls::NAMES,
            super::channel::NAMES,
            super::core::NAMES,
            super::database::NAMES,
            super::event::NAMES,
            super::console::NAMES,
            super::ivr::NAMES,
            super::log::NAMES,
            super::menu::NAMES,
            super::module::NAMES,
            super::outbox::NAMES,
            super::queue::NAMES,
            super::session::NAMES,
            super::speech::NAMES,
            super::threads::NAMES,
            super::xml::NAMES,
        ]
        .concat()
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
        let shim = include_str!("../shim.c");
        there.extend(
            [
                "switch_log_printf",
                "switch_console_stream_write",
                "switch_event_xmlize",
            ]
            .into_iter()
            .filter(|name| shim.contains(&format!(" {name}(")))
            .map(ToOwned::to_owned),
        );
        let declared = declared();
        assert!(
            declared.len() > 50,
            "the header was not understood: {declared:?}"
        );
        let missing: Vec<_> = declared.difference(&there).collect();
        assert!(missing.is_empty(), "pocket lacks {missing:?}");
    }
}

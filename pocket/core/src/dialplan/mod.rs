//! Dialplans: what a leg shall run.

use std::collections::VecDeque;
use std::sync::Arc;

use bindings::SWITCH_EVENT_REQUEST_PARAMS;
use bstr::{BStr, BString, ByteSlice};

use crate::event::here;
use crate::session::profile::text;
use crate::session::{Extension, Profile, Session, say};

mod condition;
mod date;
mod expression;
mod xml;

pub(crate) use date::read as read_date;
pub(crate) use expression::{matches, substitute};

/// What a search of all of a leg's dialplans has found.
pub(crate) struct Found {
    pub(crate) extension: Option<Extension>,
    /// How many of the dialplans that it names there are.
    pub(crate) dialplans: usize,
}

/// Asks each dialplan that the profile names, in turn.
pub(crate) fn hunt_all(session: &Arc<Session>, profile: &Profile) -> Found {
    let names = session.expand(profile.dialplan.as_bytes());
    let mut found = Found {
        extension: None,
        dialplans: 0,
    };
    for name in names.split_str(",") {
        let (name, argument) = crate::text::cut(name, b':');
        found.extension = match name.to_ascii_lowercase().as_slice() {
            b"xml" => xml::hunt(session, profile, argument),
            b"inline" => inline(session, profile, argument),
            b"" => continue,
            _ => match session.core.modules.dialplan(name) {
                Some(module) => {
                    let given = module.hunt(session, argument).cast::<Extension>();
                    // SAFETY: it is NULL, or the session keeps it.
                    unsafe { given.as_ref() }.cloned()
                }
                None => {
                    say!(session, ERROR, "Dialplan [{name}] not found, skipping");
                    continue;
                }
            },
        };
        found.dialplans += 1;
        if found.extension.is_some() {
            break;
        }
    }
    found
}

/// The dialplan `inline`: the destination is `application:data,application:data`,
/// with another separator by `m:^:`.
fn inline(_: &Arc<Session>, profile: &Profile, argument: &BStr) -> Option<Extension> {
    let destination = text(Some(&profile.destination_number));
    let target = if argument.is_empty() {
        destination
    } else {
        argument
    };
    let (separator, list) = match target.as_bytes() {
        [b'm', b':', separator, b':', list @ ..] => (*separator, list),
        list => (b',', list),
    };
    let applications: VecDeque<(BString, BString)> = crate::text::split(list, separator, 128)
        .iter()
        .map(|entry| {
            let (name, data) = crate::text::cut(entry.trim_ascii_start(), b':');
            (name.to_owned(), data.to_owned())
        })
        .filter(|(name, _)| !name.is_empty())
        .collect();
    (!applications.is_empty()).then_some(Extension { applications })
}

/// The parameters of a dialplan lookup.
fn params(session: &Arc<Session>, profile: &Profile) -> crate::event::Event {
    let mut params = session
        .core
        .events
        .create(SWITCH_EVENT_REQUEST_PARAMS, None, here!());
    session.describe(&mut params);
    profile.describe("Hunt", &mut params);
    params
}

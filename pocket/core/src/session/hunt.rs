//! What a leg shall run: its dialplans are asked in turn.

use std::sync::Arc;

use bstr::ByteSlice;

use super::{Extension, Profile, Session, say};

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
        if name.is_empty() {
            continue;
        }
        let Some(dialplan) = session.core.modules.dialplan(name) else {
            say!(session, ERROR, "Dialplan [{name}] not found, skipping");
            continue;
        };
        found.extension = dialplan.hunt(session, profile, argument);
        found.dialplans += 1;
        if found.extension.is_some() {
            break;
        }
    }
    found
}

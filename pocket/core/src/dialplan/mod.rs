//! Dialplans: what a leg shall run.

use std::collections::VecDeque;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use crate::module::own::Hunt;
use crate::session::profile::text;
use crate::session::{Extension, Profile, Session};

mod condition;
mod date;
mod params;
mod xml;

/// The dialplans that a leg may name.
pub(crate) static DIALPLANS: [(&str, Hunt); 2] = [("inline", inline), ("xml", xml::hunt)];

pub(crate) use date::read as read_date;

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

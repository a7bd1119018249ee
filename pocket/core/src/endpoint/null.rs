//! Nobody: answers, and that is all.

use std::sync::Arc;

use bstr::ByteSlice;

use crate::module::own::Dialled;
use crate::session::endpoint::Endpoint;
use crate::session::{Profile, Session};
use crate::text::c_string;

struct Null;

impl Endpoint for Null {
    fn on_init(&self, session: &Arc<Session>) -> bool {
        if session.outbound {
            session.mark_answered();
        }
        true
    }
}

pub(super) fn dial(call: &Dialled<'_>, profile: &mut Profile) -> Box<dyn Endpoint> {
    profile.chan_name = c_string(&[b"null/", call.destination.as_bytes()].concat());
    Box::new(Null)
}

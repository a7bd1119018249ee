//! Phones that a test has named: what a dial string of any kind may reach.

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::far_end::{FarEnd, Script};
use crate::module::own::{Dialled, Phone};
use crate::session::Profile;
use crate::text::c_string;

/// A phone that does what the script says, each time that it is called.
pub(crate) fn phone(name: BString, script: Script) -> Phone {
    Arc::new(move |call: &Dialled<'_>, profile: &mut Profile| {
        let address = [call.kind.as_bytes(), b"/", call.destination.as_bytes()].concat();
        profile.chan_name = c_string(&address);
        profile.source = c"mod_pocket".to_owned();
        Box::new(FarEnd::of_phone(script.clone(), name.clone()))
    })
}

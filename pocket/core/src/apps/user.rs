//! `set_user`: what the directory knows of a user, on the leg.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use crate::ivr::originate::user;
use crate::session::{Session, say};
use crate::text::cut;

/// `user@domain [prefix]`
pub(super) fn set_user(session: &Arc<Session>, data: &BStr) {
    let (address, prefix) = cut(data, b' ');
    let (name, domain) = cut(address, b'@');
    if !address.contains(&b'@') {
        say!(session, ERROR, "No user@domain specified.");
        return;
    }
    let key = [("key", BStr::new("id"))];
    let Some(user) = user::find(&session.core, name, domain, &key) else {
        say!(session, WARNING, "can't find user [{name}@{domain}]");
        return;
    };
    let set = |name: &[u8], value: &[u8]| session.set([prefix.as_bytes(), name].concat(), value);
    for (attribute, value) in &user.attributes {
        if attribute == "number-alias" {
            set(b"number_alias", value);
        }
    }
    for (variable, value) in &user.variables {
        set(variable, value);
    }
    set(b"user_name", name);
    set(b"domain_name", domain);
}

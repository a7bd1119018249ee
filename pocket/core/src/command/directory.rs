//! Commands about users, and about what reaches them.

use bstr::{BStr, BString, ByteSlice};

use crate::ivr::originate::user;
use crate::module::api::{Invocation, Reply};
use crate::text::{cut, split};

/// The domain that is meant where none is named.
fn domain(call: &Invocation<'_>) -> BString {
    let own = call.core.globals.get(b"domain");
    own.unwrap_or_else(|| "pocket".into())
}

/// `user[@domain] attr|var|param name`
pub(super) fn user_data(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 3);
    let [address, kind, name] = words.as_slice() else {
        return "".into();
    };
    let (id, own) = cut(address, b'@');
    let own = if own.is_empty() {
        domain(call)
    } else {
        own.to_owned()
    };
    let params = [("type", kind.as_bstr())];
    let Some(user) = user::find(call.core, id, own.as_bstr(), &params) else {
        return "".into();
    };
    let all = match kind.as_slice() {
        b"attr" => {
            let attributes = user.attributes.iter();
            let found = attributes.rev().find(|(known, _)| known == name);
            return found
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
                .into();
        }
        b"var" => &user.variables,
        _ => &user.params,
    };
    let mut found = all.iter().rev();
    found
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
        .into()
}

/// `key user domain`
pub(super) fn user_exists(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 3);
    let there = match words.as_slice() {
        [key, id, domain] => {
            let params = [("key", key.as_bstr())];
            user::find(call.core, id.as_bstr(), domain.as_bstr(), &params).is_some()
        }
        _ => false,
    };
    if there { "true" } else { "false" }.into()
}

pub(super) fn domain_exists(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return "".into();
    }
    let there = user::domain_exists(call.core, call.argument);
    if there { "true" } else { "false" }.into()
}

/// `[profile/]user[@domain]`, as dial strings of a directory have it: the phone that the
/// test has named for the user, or FreeSWITCH's answer for one that is not registered.
pub(super) fn contact(call: &Invocation<'_>) -> Reply {
    let user = call.argument;
    let user = &user[user.find_byte(b'/').map_or(0, |at| at + 1)..];
    phone(call, b"user/", cut(user, b'@').0).unwrap_or_else(|| "error/user_not_registered".into())
}

/// `group[@domain]`: the phone that the test has named for the group.
pub(super) fn group_call(call: &Invocation<'_>) -> Reply {
    let group = cut(cut(call.argument, b'+').0, b'@').0;
    phone(call, b"group/", group).unwrap_or_else(|| "error/NO_ROUTE_DESTINATION".into())
}

/// The address of a phone, if the test has named it.
fn phone(call: &Invocation<'_>, endpoint: &[u8], name: &BStr) -> Option<Reply> {
    let address: BString = [endpoint, name.as_bytes()].concat().into();
    let named = &call.core.modules.named;
    named.find_phone(address.as_bstr())?;
    Some(address.into())
}

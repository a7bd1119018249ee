//! `hash` and `db`: what scripts keep for each other, in memory and in a database.

use std::collections::BTreeMap;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use crate::log;
use crate::module::api::{Invocation, Reply};
use crate::place::here;
use crate::session::{Session, say};
use crate::switch::Core;
use crate::text::split;

/// What there is, by `realm_key`.
#[derive(Default)]
struct Hash(BTreeMap<BString, BString>);

/// The same by realm and key. FreeSWITCH's lies in a database and outlives it; here it
/// is one of the switch.
#[derive(Default)]
struct Db(BTreeMap<(BString, BString), BString>);

const HASH: &str = "insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]";
const HASH_APP: &str = "[insert|insert_ifempty|delete|delete_ifmatch]/<realm>/<key>/<val>";
const DB_APP: &str = "[insert|delete]/<realm>/<key>/<val>";

fn with_hash(core: &Core, words: &[BString]) -> Option<BString> {
    let [action, realm, key, rest @ ..] = words else {
        return None;
    };
    let key: BString = [realm.as_slice(), b"_", key].concat().into();
    let mut kept = core.attached.get::<Hash>();
    let known = kept.0.get(&key).cloned();
    Some(
        match (action.to_ascii_lowercase().as_slice(), rest.first(), known) {
            (b"insert", Some(value), _) => {
                kept.0.insert(key, value.clone());
                "+OK\n"
            }
            (b"insert_ifempty", Some(_), Some(_)) => "-ERR key already exists\n",
            (b"insert_ifempty", Some(value), None) => {
                kept.0.insert(key, value.clone());
                "+OK\n"
            }
            (b"delete_ifmatch", Some(value), Some(known)) if *value != known => {
                "-ERR Doesn't match\n"
            }
            (b"delete", _, Some(_)) | (b"delete_ifmatch", Some(_), Some(_)) => {
                kept.0.remove(&key);
                "+OK\n"
            }
            (b"delete", _, None) | (b"delete_ifmatch", Some(_), None) => "-ERR Not found\n",
            (b"select", _, known) => return Some(known.unwrap_or_default()),
            _ => return None,
        }
        .into(),
    )
}

pub(super) fn hash(call: &Invocation<'_>) -> Reply {
    with_hash(call.core, &split(call.argument, b'/', 4))
        .unwrap_or_else(|| format!("-ERR Usage: hash {HASH}\n").into())
        .into()
}

/// The application `hash`.
pub(crate) fn hash_application(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b'/', 4);
    let selects = words
        .first()
        .is_some_and(|action| action.eq_ignore_ascii_case(b"select"));
    if selects || with_hash(&session.core, &words).is_none() {
        say!(session, WARNING, "USAGE: hash {HASH_APP}");
    }
}

fn with_db(core: &Core, words: &[BString]) -> Option<BString> {
    let mut kept = core.attached.get::<Db>();
    let word = |at: usize| words.get(at).cloned().unwrap_or_default();
    let address = (word(1), word(2));
    Some(
        match (word(0).to_ascii_lowercase().as_slice(), words.len()) {
            (b"insert", 4) => {
                kept.0.insert(address, word(3));
                "+OK".into()
            }
            (b"delete", 2..) => {
                kept.0.remove(&address);
                "+OK".into()
            }
            (b"select", 3..) => kept.0.get(&address).cloned().unwrap_or_default(),
            (b"exists", 3..) => {
                let there = kept.0.get(&address).is_some_and(|value| !value.is_empty());
                if there { "true" } else { "false" }.into()
            }
            (b"count", 1) => realms(&kept.0).len().to_string().into(),
            (b"count", 2) => keys(&kept.0, &address.0).len().to_string().into(),
            (b"list", 1) => bstr::join(",", realms(&kept.0)).into(),
            (b"list", 2) => bstr::join(",", keys(&kept.0, &address.0)).into(),
            _ => return None,
        },
    )
}

fn realms(kept: &BTreeMap<(BString, BString), BString>) -> Vec<&BString> {
    let mut realms: Vec<_> = kept.keys().map(|(realm, _)| realm).collect();
    realms.dedup();
    realms
}

fn keys<'a>(kept: &'a BTreeMap<(BString, BString), BString>, realm: &BString) -> Vec<&'a BString> {
    kept.keys()
        .filter(|(known, _)| known == realm)
        .map(|(_, key)| key)
        .collect()
}

pub(super) fn db(call: &Invocation<'_>) -> Reply {
    with_db(call.core, &split(call.argument, b'/', 4))
        .unwrap_or_else(|| "!err!".into())
        .into()
}

/// The application `db`.
pub(crate) fn db_application(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b'/', 4);
    let action = words.first().map(|word| word.to_ascii_lowercase());
    let fits = match action.as_deref() {
        Some(b"insert") => words.len() == 4,
        Some(b"delete") => words.len() >= 3,
        _ => false,
    };
    if fits {
        with_db(&session.core, &words);
    } else {
        say!(session, WARNING, "USAGE: db {DB_APP}");
    }
}

/// `log [level] text`
pub(super) fn log_(call: &Invocation<'_>) -> Reply {
    let (level, text) = match call.argument.find_byte(b' ') {
        Some(at) => (
            log::parse_level(&call.argument[..at]),
            call.argument[at + 1..].as_bstr(),
        ),
        None => (log::DEBUG, call.argument),
    };
    let level = if level == log::INVALID {
        log::DEBUG
    } else {
        level
    };
    match call.session {
        Some(session) => session.log(level, here!(), format_args!("{text}")),
        None => call.core.say(level, here!(), format_args!("{text}")),
    }
    "+OK\n".into()
}

/// A command of the machine's, with all that it writes.
pub(super) fn system(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return "-USAGE: <command>\n".into();
    }
    let output = std::process::Command::new("/bin/sh")
        .arg("-c")
        .arg(&*call.argument.to_os_str_lossy())
        .output();
    match output {
        Ok(output) => output.stdout.into(),
        Err(error) => {
            let text = format_args!("Failed to execute command: {} ({error})", call.argument);
            call.core.say(log::NOTICE, here!(), text);
            "".into()
        }
    }
}

pub(super) fn file_exists(call: &Invocation<'_>) -> Reply {
    let there = !call.argument.is_empty() && call.argument.to_path_lossy().exists();
    if there { "true" } else { "false" }.into()
}

/// A request of the JSON API.
pub(super) fn json(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return "-ERR No JSON supplied.\n".into();
    }
    let Ok(mut request) = serde_json::from_slice::<serde_json::Value>(call.argument) else {
        return "-ERR Parse error.\n".into();
    };
    let pretty = request
        .get("format")
        .and_then(serde_json::Value::as_str)
        .is_some_and(|format| format.eq_ignore_ascii_case("pretty"));
    crate::json::answer(call.core, &mut request, call.session);
    let text = if pretty {
        serde_json::to_string_pretty(&request)
    } else {
        serde_json::to_string(&request)
    };
    format!("{}\n", text.unwrap_or_default()).into()
}

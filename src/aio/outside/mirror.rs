//! What a program outside reads of its call without asking: sent as it is at first, and then
//! what has changed.

use std::collections::HashMap;

use freeswitch::session::Session;
use freeswitch::text::c_string;
use serde_json::{Map, Value, json};

/// What `getVariable` finds beside variables: the caller profile's.
const FIELDS: [&str; 18] = [
    "ani",
    "aniii",
    "callee_id_name",
    "callee_id_number",
    "caller_id_name",
    "caller_id_number",
    "chan_name",
    "context",
    "destination_number",
    "dialplan",
    "network_addr",
    "orig_caller_id_name",
    "orig_caller_id_number",
    "rdnis",
    "source",
    "transfer_source",
    "username",
    "uuid",
];

type Values = HashMap<Vec<u8>, Vec<u8>>;

/// What the program knows.
#[derive(Default)]
pub struct Mirror {
    variables: Values,
    fields: Values,
}

impl Mirror {
    /// What is not as the program knows it.
    pub fn news(&mut self, session: Session<'_>) -> Value {
        let channel = session.channel();
        let read = |name: Vec<u8>| {
            let value = channel.variable(&c_string(name.clone()).ok()?)?;
            Some((name, value))
        };
        let variables: Values = channel
            .variable_names()
            .into_iter()
            .filter_map(read)
            .collect();
        let fields = FIELDS.iter().map(|name| name.as_bytes().to_vec());
        let fields: Values = fields
            .filter(|name| !variables.contains_key(name))
            .filter_map(read)
            .collect();
        json!({
            "variables": changed(&mut self.variables, variables),
            "fields": changed(&mut self.fields, fields),
            "state": channel.state().name(),
            "cause": channel.cause().name(),
            "ready": channel.ready(),
            "media_ready": channel.media_ready(),
            "answered": channel.has(bindings::CF_ANSWERED),
            "bridged": channel.is_up() && channel.has(bindings::CF_BRIDGED),
        })
    }
}

/// Takes the new values for the known ones; names of those that differ, null where one is gone.
fn changed(known: &mut Values, now: Values) -> Map<String, Value> {
    let mut news = Map::new();
    for name in known.keys().filter(|name| !now.contains_key(*name)) {
        news.insert(String::from_utf8_lossy(name).into_owned(), Value::Null);
    }
    for (name, value) in &now {
        if known.get(name) != Some(value) {
            let name = String::from_utf8_lossy(name).into_owned();
            news.insert(name, text(value));
        }
    }
    *known = now;
    news
}

/// Text as verbs have it: a string, or an array of its bytes where it is no UTF-8.
fn text(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| Value::from(bytes), Value::from)
}

//! What a program outside reads of its call without asking: sent as it is at first, and then
//! what has changed.

use std::collections::{HashMap, HashSet};
use std::mem;

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

/// What the program was told.
#[derive(Default)]
struct Told {
    values: Values,
    /// Names of what it was told is gone.
    gone: HashSet<Vec<u8>>,
}

/// What the program knows.
#[derive(Default)]
pub struct Mirror {
    variables: Told,
    fields: Told,
    /// Earlier news may be lost: the next news has everything.
    all: bool,
}

impl Mirror {
    /// Has the next news name all that there is and all that is gone, because earlier news may be lost.
    pub fn tell_all(&mut self) {
        self.all = true;
    }

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
        let all = mem::take(&mut self.all);
        json!({
            "variables": self.variables.changed(variables, all),
            "fields": self.fields.changed(fields, all),
            "state": channel.state().name(),
            "cause": channel.cause().name(),
            "ready": channel.ready(),
            "media_ready": channel.media_ready(),
            "answered": channel.has(bindings::CF_ANSWERED),
            "bridged": channel.is_up() && channel.has(bindings::CF_BRIDGED),
        })
    }
}

impl Told {
    /// Takes the new values for the known ones; names of those that differ, or of all, null where one is gone.
    fn changed(&mut self, now: Values, all: bool) -> Map<String, Value> {
        let mut news = Map::new();
        let known = self.values.keys().filter(|name| !now.contains_key(*name));
        let mut gone: HashSet<_> = known.cloned().collect();
        if all {
            gone.extend(self.gone.drain().filter(|name| !now.contains_key(name)));
        }
        for name in &gone {
            news.insert(String::from_utf8_lossy(name).into_owned(), Value::Null);
        }
        self.gone.extend(gone);
        for (name, value) in &now {
            self.gone.remove(name);
            if all || self.values.get(name) != Some(value) {
                let name = String::from_utf8_lossy(name).into_owned();
                news.insert(name, text(value));
            }
        }
        self.values = now;
        news
    }
}

/// Text as verbs have it: a string, or an array of its bytes where it is no UTF-8.
fn text(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| Value::from(bytes), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn what_is_told_again_names_what_is_gone() {
        let mut told = Told::default();
        let mut news = |now: &[(&str, &str)], all| Value::from(told.changed(values(now), all));
        assert_eq!(
            news(&[("a", "1"), ("b", "2")], false),
            json!({"a": "1", "b": "2"})
        );
        assert_eq!(news(&[("a", "1")], false), json!({"b": null}));
        assert_eq!(news(&[("a", "1")], false), json!({}));
        assert_eq!(news(&[("a", "1")], true), json!({"a": "1", "b": null}));
        assert_eq!(news(&[("a", "1"), ("b", "3")], false), json!({"b": "3"}));
        assert_eq!(news(&[("b", "3")], true), json!({"a": null, "b": "3"}));
    }
}

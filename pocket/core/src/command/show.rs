//! `show`: what there is, as lists, as JSON and as XML.

use std::sync::Arc;

use bstr::{BString, ByteSlice};
use serde_json::{Map, Value};

use crate::c::CF_BRIDGE_ORIGINATOR;
use crate::module::api::{Invocation, Reply, usage};
use crate::session::{Session, state};
use crate::text::split;
use crate::xml::escape;
use crate::zone::Moment;

const SYNTAX: &str = "codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]|calls|\
    detailed_calls|bridged_calls|detailed_bridged_calls|aliases|complete|chat|management|modules|nat_map|say|\
    interfaces|interface_types|tasks|limits|status";

/// Columns of the core's table of channels, in its order.
const CHANNEL: [&str; 38] = [
    "uuid",
    "direction",
    "created",
    "created_epoch",
    "name",
    "state",
    "cid_name",
    "cid_num",
    "ip_addr",
    "dest",
    "application",
    "application_data",
    "dialplan",
    "context",
    "read_codec",
    "read_rate",
    "read_bit_rate",
    "write_codec",
    "write_rate",
    "write_bit_rate",
    "secure",
    "hostname",
    "presence_id",
    "presence_data",
    "accountcode",
    "callstate",
    "callee_name",
    "callee_num",
    "callee_direction",
    "call_uuid",
    "sent_callee_name",
    "sent_callee_num",
    "initial_cid_name",
    "initial_cid_num",
    "initial_ip_addr",
    "initial_dest",
    "initial_dialplan",
    "initial_context",
];

/// Columns of a call's first leg, with those that only `detailed_calls` has.
const CALL: [&str; 21] = [
    "uuid",
    "direction",
    "created",
    "created_epoch",
    "name",
    "state",
    "cid_name",
    "cid_num",
    "ip_addr",
    "dest",
    "presence_id",
    "presence_data",
    "accountcode",
    "callstate",
    "callee_name",
    "callee_num",
    "callee_direction",
    "call_uuid",
    "hostname",
    "sent_callee_name",
    "sent_callee_num",
];

/// Columns of a first leg that a call's second one has not.
const FIRST_LEG_ONLY: [&str; 2] = ["call_uuid", "hostname"];

/// What is shown: the names of the columns, and rows of as many values.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<BString>>,
}

pub(super) fn show(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 6);
    let word = |at: usize| words.get(at).map_or(&b""[..], |word| word.as_slice());
    let is = |at: usize, wanted: &str| word(at).eq_ignore_ascii_case(wanted.as_bytes());
    let kind = word(0).to_ascii_lowercase();
    let mut at = 1;
    let mut count_only = false;
    let mut pattern = None;
    let mut wanted = None;
    match kind.as_slice() {
        b"status" => return super::general::status(call),
        b"channels" | b"calls" | b"registrations" if is(1, "count") => {
            count_only = true;
            at = 2;
        }
        b"channels" if is(1, "like") => {
            pattern = words.get(2);
            at = 3;
        }
        b"api" | b"application" if words.len() > 1 && !is(1, "as") => {
            wanted = words.get(1);
            at = 2;
        }
        _ => {}
    }
    let sessions = call.core.sessions.all();
    let table = match kind.as_slice() {
        b"channels" => channels(&sessions, pattern.map(|pattern| pattern.as_slice())),
        b"calls" => calls(&sessions, false, false),
        b"bridged_calls" => calls(&sessions, true, false),
        b"detailed_calls" => calls(&sessions, false, true),
        b"detailed_bridged_calls" => calls(&sessions, true, true),
        b"api" => interfaces(call.core.modules.commands(), wanted),
        b"application" => interfaces(call.core.modules.applications(), wanted),
        b"registrations" | b"modules" | b"interfaces" | b"tasks" | b"aliases" | b"complete"
        | b"codec" | b"codecs" | b"endpoint" | b"dialplan" | b"file" | b"timer" | b"chat"
        | b"management" | b"say" | b"limits" | b"nat_map" | b"interface_types" => Table {
            columns: Vec::new(),
            rows: Vec::new(),
        },
        _ => return usage(SYNTAX),
    };
    let format = if is(at, "as") { word(at + 1) } else { b"" };
    match format.to_ascii_lowercase().as_slice() {
        b"" | b"delim" | b"csv" => {
            let delimiter = if format.is_empty() { b"" } else { word(at + 2) };
            as_lines(&table, count_only, delimiter)
        }
        b"json" => as_json(&table, count_only),
        b"xml" => as_xml(&table, count_only),
        _ => format!("-ERR Cannot find format {}\n", format.as_bstr()).into(),
    }
}

/// Commands or applications, all or the one of that name.
fn interfaces(rows: Vec<[BString; 4]>, wanted: Option<&BString>) -> Table {
    Table {
        columns: ["name", "description", "syntax", "ikey"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows
            .into_iter()
            .filter(|row| wanted.is_none_or(|wanted| row[0] == *wanted))
            .map(Vec::from)
            .collect(),
    }
}

fn as_lines(table: &Table, count_only: bool, delimiter: &[u8]) -> Reply {
    let delimiter = if delimiter.is_empty() {
        b","
    } else {
        delimiter
    };
    let mut text = Vec::new();
    if !count_only && !table.rows.is_empty() {
        text.extend(bstr::join(delimiter, &table.columns));
        text.push(b'\n');
        for row in &table.rows {
            text.extend(bstr::join(delimiter, row));
            text.push(b'\n');
        }
    }
    text.extend(format!("\n{} total.\n", table.rows.len()).into_bytes());
    text.into()
}

fn as_json(table: &Table, count_only: bool) -> Reply {
    if table.rows.is_empty() && !count_only {
        return "{\"row_count\": 0}\n".into();
    }
    let rows = table.rows.iter().filter(|_| !count_only).map(|row| {
        let values = row.iter().map(|value| value.to_str_lossy().into_owned());
        let named = table.columns.iter().cloned().zip(values.map(Value::from));
        Value::Object(named.collect())
    });
    let all: Map<String, Value> = [
        ("row_count".to_owned(), Value::from(table.rows.len())),
        ("rows".to_owned(), Value::Array(rows.collect())),
    ]
    .into_iter()
    .collect();
    Value::Object(all).to_string().into()
}

fn as_xml(table: &Table, count_only: bool) -> Reply {
    if table.rows.is_empty() && !count_only {
        return "<result row_count=\"0\"/>\n".into();
    }
    let mut text = format!("<result row_count=\"{}\"", table.rows.len()).into_bytes();
    if count_only {
        text.extend_from_slice(b"></result>\n");
        return text.into();
    }
    text.extend_from_slice(b">\n");
    for (at, row) in table.rows.iter().enumerate() {
        text.extend(format!("  <row row_id=\"{}\">\n", at + 1).into_bytes());
        for (name, value) in table.columns.iter().zip(row) {
            text.extend(format!("    <{name}>{}</{name}>\n", escape(value)).into_bytes());
        }
        text.extend_from_slice(b"  </row>\n");
    }
    text.extend_from_slice(b"</result>\n");
    text.into()
}

fn channels(sessions: &[Arc<Session>], like: Option<&[u8]>) -> Table {
    const SEARCHED: [&str; 6] = [
        "uuid",
        "name",
        "cid_name",
        "cid_num",
        "presence_data",
        "accountcode",
    ];
    let fits = |session: &&Arc<Session>| {
        like.is_none_or(|pattern| {
            SEARCHED
                .iter()
                .any(|column| is_like(&value(session, column), pattern))
        })
    };
    Table {
        columns: CHANNEL.map(str::to_owned).to_vec(),
        rows: sessions
            .iter()
            .filter(fits)
            .map(|session| CHANNEL.map(|column| value(session, column)).to_vec())
            .collect(),
    }
}

/// SQL's `like`, with the text anywhere when it has no `%` of its own.
fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    if !pattern.contains(&b'%') {
        return text.contains_str(&pattern);
    }
    let mut parts = pattern.split_str("%");
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    for (at, part) in parts.iter().enumerate() {
        if at + 1 == parts.len() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(found) => rest = &rest[found + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

/// A call is a leg, and the one that it is bridged to, if it called that.
fn calls(sessions: &[Arc<Session>], bridged_only: bool, detailed: bool) -> Table {
    let first: &[&str] = if detailed { &CHANNEL[..32] } else { &CALL };
    let second: Vec<&str> = first
        .iter()
        .copied()
        .filter(|column| detailed || !FIRST_LEG_ONLY.contains(column))
        .collect();
    let other = |session: &Arc<Session>| {
        let uuid = session.get("bridge_to")?;
        sessions.iter().find(|other| other.uuid() == uuid.as_bstr())
    };
    let calls_other = |session: &Arc<Session>| session.has(CF_BRIDGE_ORIGINATOR);
    let mut rows = Vec::new();
    for session in sessions {
        let peer = other(session);
        let called = peer.is_some() && !calls_other(session);
        let peer = peer.filter(|_| calls_other(session));
        if called || (bridged_only && peer.is_none()) {
            continue;
        }
        let mut row: Vec<_> = first.iter().map(|column| value(session, column)).collect();
        row.extend(
            second
                .iter()
                .map(|column| peer.map_or_else(BString::default, |peer| value(peer, column))),
        );
        row.push(peer.map_or_else(BString::default, |_| {
            (session.profile().times.bridged / 1_000_000)
                .to_string()
                .into()
        }));
        rows.push(row);
    }
    let columns = first
        .iter()
        .map(|column| (*column).to_owned())
        .chain(second.iter().map(|column| format!("b_{column}")))
        .chain(["call_created_epoch".to_owned()])
        .collect();
    Table { columns, rows }
}

/// What the core has of a leg in a column.
fn value(session: &Session, column: &str) -> BString {
    let profile = session.profile();
    let first = session.profiles().into_iter().next().unwrap_or_default();
    let variable = |name: &str| session.get(name).unwrap_or_default();
    let text = |text: &std::ffi::CString| BString::from(text.as_bytes());
    let created = profile.times.created / 1_000_000;
    let codec = |value: &str| {
        if session.has_codec() {
            value.into()
        } else {
            BString::default()
        }
    };
    match column {
        "uuid" => session.uuid().to_owned(),
        "direction" => session.direction().into(),
        "created" => Moment::local(created).format(b"%Y-%m-%d %T", 80),
        "created_epoch" => created.to_string().into(),
        "name" => session.name(),
        "state" => state::name(session.state()).to_bytes().into(),
        "cid_name" => text(&profile.caller_id_name),
        "cid_num" => text(&profile.caller_id_number),
        "ip_addr" => text(&profile.network_addr),
        "dest" => text(&profile.destination_number),
        "application" => variable("current_application"),
        "application_data" => variable("current_application_data"),
        "dialplan" => text(&profile.dialplan),
        "context" => text(&profile.context),
        "read_codec" | "write_codec" => codec("L16"),
        "read_rate" | "write_rate" => codec("8000"),
        "read_bit_rate" | "write_bit_rate" => codec("128000"),
        "hostname" => "pocket".into(),
        "presence_id" | "presence_data" | "accountcode" => variable(column),
        "callstate" => session.call_state_name().into(),
        "callee_name" => text(&profile.callee_id_name),
        "callee_num" => text(&profile.callee_id_number),
        "call_uuid" => variable("call_uuid"),
        "initial_cid_name" => text(&first.caller_id_name),
        "initial_cid_num" => text(&first.caller_id_number),
        "initial_ip_addr" => text(&first.network_addr),
        "initial_dest" => text(&first.destination_number),
        "initial_dialplan" => text(&first.dialplan),
        "initial_context" => text(&first.context),
        _ => BString::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_finds_text_anywhere_or_where_the_pattern_says() {
        assert!(is_like(b"loopback/1000-a", b"1000") && is_like(b"ABC", b"b"));
        assert!(is_like(b"loopback/1000-a", b"loop%a") && is_like(b"abc", b"%c"));
        assert!(!is_like(b"loopback/1000-a", b"loop%b") && !is_like(b"abc", b"b%"));
        assert!(is_like(b"abcabc", b"a%bc") && is_like(b"abc", b"%"));
    }
}

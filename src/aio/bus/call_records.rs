//! A record of each call of this switch, made when it ends, with no Python.

use std::ffi::CString;

use freeswitch::Detached;
use freeswitch::event::subscription::Subscription;
use freeswitch::event::{Kind, View};
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::records;
use super::setting::CallRecords;

/// What stands in each, by FreeSWITCH's own names; what a call does not have is left out.
const HEADERS: [&str; 24] = [
    "Unique-ID",
    "Other-Leg-Unique-ID",
    "Channel-Name",
    "Call-Direction",
    "Channel-Call-UUID",
    "Caller-Caller-ID-Name",
    "Caller-Caller-ID-Number",
    "Caller-Destination-Number",
    "Caller-Context",
    "Caller-Network-Addr",
    "Caller-Channel-Created-Time",
    "Caller-Channel-Progress-Time",
    "Caller-Channel-Answered-Time",
    "Caller-Channel-Bridged-Time",
    "Caller-Channel-Hangup-Time",
    "Hangup-Cause",
    "variable_duration",
    "variable_billsec",
    "variable_sip_call_id",
    "variable_sip_term_status",
    "variable_originate_disposition",
    "variable_last_bridge_to",
    "variable_read_codec",
    "variable_rtp_audio_in_mos",
];

static BOUND: Mutex<Option<(CallRecords, Subscription)>> = Mutex::new(None);

/// Makes records as this says, or none.
pub fn set(held: &Detached, setting: Option<&CallRecords>) {
    let mut bound = BOUND.lock();
    if bound.as_ref().map(|(setting, _)| setting) == setting {
        return;
    }
    if let Some((_, subscription)) = bound.take() {
        subscription.end(held);
    }
    let Some((setting, kind)) = setting.zip(Kind::named(c"CHANNEL_HANGUP_COMPLETE")) else {
        return;
    };
    let name = setting.name.clone();
    let more = setting.headers.iter().map(String::as_str);
    let headers: Vec<_> = HEADERS
        .into_iter()
        .chain(more)
        .filter_map(|header| Some((CString::new(header).ok()?, header.to_owned())))
        .collect();
    let made = Subscription::new(held, kind, None, move |event| {
        on_end(&name, &headers, event);
    });
    match made {
        Ok(subscription) => *bound = Some((setting.clone(), subscription)),
        Err(status) => {
            tracing::error!(
                "MR0024 bus-call-records is off: the events of hangups could not be bound: {status}"
            );
        }
    }
}

/// Runs on a dispatch thread: reads some headers, and leaves.
fn on_end(name: &str, headers: &[(CString, String)], event: View<'_>) {
    let found = headers.iter().filter_map(|(header, shown)| {
        let value = event.header(header, None)?;
        let value = String::from_utf8_lossy(&value).into_owned();
        Some((shown.clone(), Value::String(value)))
    });
    let found: Map<_, _> = found.collect();
    let uuid = found.get("Unique-ID").and_then(Value::as_str);
    let created = found
        .get("Caller-Channel-Created-Time")
        .and_then(Value::as_str);
    // A UUID that a dial string names may be used again.
    let id = format!("{}/{}", uuid.unwrap_or("-"), created.unwrap_or("-"));
    let value = Value::Object(found).to_string();
    if let Err(why) = records::put(records::line(name, &id, &value), None) {
        records::lost(&why);
    }
}

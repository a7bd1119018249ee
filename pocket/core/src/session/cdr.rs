//! A call's record as XML.

use std::sync::Arc;

use bstr::BString;
use parking_lot::Mutex;

use super::profile::{Profile, Times};
use super::{Session, state};
use crate::text::url_encode;
use crate::xml::build::{Attributes, Builder};
use crate::xml::tree::Tree;

/// Applications kept for the record.
const KEPT: usize = 10_000;

/// An application that was run: name, data, when.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) name: BString,
    pub(crate) data: BString,
    pub(crate) at: i64,
}

/// What a leg has run.
#[derive(Default)]
pub(super) struct Record {
    /// The last application, until it is reported.
    pub(super) last_application: Mutex<Option<(BString, BString)>>,
    /// All of them, for the call's record.
    pub(super) applications: Mutex<Vec<Ran>>,
}

impl Times {
    /// All of them by the names that a record gives them, in its order.
    pub(crate) fn named(&self) -> [(&'static str, i64); 11] {
        [
            ("created_time", self.created),
            ("profile_created_time", self.profile_created),
            ("progress_time", self.progress),
            ("progress_media_time", self.progress_media),
            ("answered_time", self.answered),
            ("bridged_time", self.bridged),
            ("last_hold_time", 0),
            ("hold_accum_time", 0),
            ("hangup_time", self.hungup),
            ("resurrect_time", 0),
            ("transfer_time", self.transferred),
        ]
    }
}

impl Profile {
    /// Its texts by the names that a record gives them, in its order.
    pub(crate) fn fields(&self) -> [(&'static str, &std::ffi::CString); 16] {
        [
            ("username", &self.username),
            ("dialplan", &self.dialplan),
            ("caller_id_name", &self.caller_id_name),
            ("caller_id_number", &self.caller_id_number),
            ("callee_id_name", &self.callee_id_name),
            ("callee_id_number", &self.callee_id_number),
            ("ani", &self.ani),
            ("aniii", &self.aniii),
            ("network_addr", &self.network_addr),
            ("rdnis", &self.rdnis),
            ("destination_number", &self.destination_number),
            ("uuid", &self.uuid),
            ("source", &self.source),
            ("transfer_source", &self.transfer_source),
            ("context", &self.context),
            ("chan_name", &self.chan_name),
        ]
    }
}

fn attributes(pairs: &[(&str, &[u8])]) -> Attributes {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

impl Session {
    pub(crate) fn direction(&self) -> &'static str {
        if self.outbound { "outbound" } else { "inbound" }
    }

    /// About how many bytes are kept of it when it is over.
    pub(super) fn size(&self) -> usize {
        let ran = self.record.applications.lock();
        let ran: usize = ran.iter().map(|one| one.name.len() + one.data.len()).sum();
        let pool: usize = self.pool.lock().iter().map(|text| text.count_bytes()).sum();
        ran + pool + self.transcript.size() + self.size_of_variables()
    }

    pub(super) fn note_application(&self, name: &[u8], data: &[u8]) {
        let mut ran = self.record.applications.lock();
        if ran.len() < KEPT {
            ran.push(Ran {
                name: name.into(),
                data: data.into(),
                at: self.core.clock.epoch_now(),
            });
        }
    }

    /// `switch_ivr_generate_xml_cdr`: the latest profile is the first callflow.
    pub(crate) fn record(self: &Arc<Self>) -> Tree {
        let core_uuid = self.core.globals.get(b"core_uuid").unwrap_or_default();
        let none = Attributes::new();
        let mut cdr = Builder::new(
            "cdr",
            &attributes(&[("core-uuid", &core_uuid), ("switchname", b"pocket")]),
        );
        cdr.nest("channel_data", &none, |data| {
            data.leaf("state", state::name(self.state()).to_bytes());
            data.leaf("direction", self.direction());
            data.leaf("state_number", self.state().0.to_string());
        });
        cdr.nest("call-stats", &none, |_| {});
        cdr.nest("variables", &none, |variables| {
            for (name, value) in self.variables() {
                variables.leaf(&name, url_encode(&value));
            }
        });
        let ran = self.record.applications.lock().clone();
        if !ran.is_empty() {
            cdr.nest("app_log", &none, |log| {
                for one in &ran {
                    let at = one.at.to_string();
                    let named = attributes(&[
                        ("app_name", &one.name),
                        ("app_data", &one.data),
                        ("app_stamp", at.as_bytes()),
                    ]);
                    log.nest("application", &named, |_| {});
                }
            });
        }
        let others = self.other_profiles();
        for (at, profile) in self.profiles().iter().rev().enumerate() {
            let named: Attributes = [
                ("dialplan", &profile.dialplan),
                ("unique-id", &profile.uuid),
                ("profile_index", &profile.profile_index),
            ]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into(), value.as_bytes().into()))
            .collect();
            cdr.nest("callflow", &named, |flow| {
                flow.nest("caller_profile", &none, |tag| {
                    write_profile(tag, profile);
                    for (role, other) in others.iter().filter(|_| at == 0) {
                        tag.nest(role, &none, |tag| {
                            tag.nest(format!("{role}_caller_profile"), &none, |tag| {
                                write_profile(tag, other);
                            });
                        });
                    }
                });
                flow.nest("times", &none, |times| {
                    for (name, time) in profile.times.named() {
                        times.leaf(name, time.to_string());
                    }
                });
            });
        }
        cdr.finish()
    }
}

fn write_profile(tag: &mut Builder, profile: &Profile) {
    let fields = profile.fields().into_iter();
    for (name, value) in
        fields.filter(|(name, value)| *name != "transfer_source" || !value.is_empty())
    {
        tag.leaf(name, value.as_bytes());
    }
}

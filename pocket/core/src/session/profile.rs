//! Who calls whom: the caller profile, and its fields as variables and headers.

use std::ffi::CString;

use bstr::{BStr, BString, ByteSlice};

use crate::event::Event;
use crate::text::c_string;

/// When what happened, in microseconds since 1970; 0 for what has not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) profile_created: i64,
    pub(crate) created: i64,
    pub(crate) answered: i64,
    pub(crate) progress: i64,
    pub(crate) progress_media: i64,
    pub(crate) hungup: i64,
    pub(crate) transferred: i64,
    pub(crate) bridged: i64,
}

/// A profile. Its texts are C strings because C is shown where they lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    pub(crate) username: CString,
    pub(crate) dialplan: CString,
    pub(crate) caller_id_name: CString,
    pub(crate) caller_id_number: CString,
    pub(crate) orig_caller_id_name: CString,
    pub(crate) orig_caller_id_number: CString,
    pub(crate) callee_id_name: CString,
    pub(crate) callee_id_number: CString,
    pub(crate) network_addr: CString,
    pub(crate) ani: CString,
    pub(crate) aniii: CString,
    pub(crate) rdnis: CString,
    pub(crate) destination_number: CString,
    pub(crate) source: CString,
    pub(crate) context: CString,
    pub(crate) chan_name: CString,
    pub(crate) uuid: CString,
    pub(crate) profile_index: CString,
    pub(crate) transfer_source: CString,
    pub(crate) outbound: bool,
    /// What the application `privacy` has set.
    pub(crate) hides_name: bool,
    pub(crate) hides_number: bool,
    pub(crate) times: Times,
}

impl Profile {
    pub(crate) fn channel_name(&self) -> &[u8] {
        self.chan_name.as_bytes()
    }

    /// A call to `destination` in `context` by the XML dialplan.
    pub(crate) fn to(destination: &[u8], context: &[u8]) -> Self {
        Self {
            dialplan: c"XML".to_owned(),
            destination_number: c_string(destination),
            context: c_string(context),
            ..Self::default()
        }
    }

    /// Who calls, and by which number, which is the line's, too.
    pub(crate) fn call_from(&mut self, name: &[u8], number: &[u8]) {
        self.caller_id_name = c_string(name);
        self.orig_caller_id_name = c_string(name);
        self.caller_id_number = c_string(number);
        self.orig_caller_id_number = c_string(number);
        self.ani = c_string(number);
    }

    /// A field by the name that it has as a variable.
    pub(crate) fn field(&self, name: &[u8]) -> Option<&CString> {
        let fields: [(&str, &CString); 19] = [
            ("dialplan", &self.dialplan),
            ("username", &self.username),
            ("caller_id_name", &self.caller_id_name),
            ("caller_id_number", &self.caller_id_number),
            ("orig_caller_id_name", &self.orig_caller_id_name),
            ("orig_caller_id_number", &self.orig_caller_id_number),
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
            ("profile_index", &self.profile_index),
        ];
        fields
            .into_iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
            // Two of them are not there until they are set; the others are empty.
            .filter(|(known, value)| {
                !value.is_empty() || !["transfer_source", "profile_index"].contains(known)
            })
            .map(|(_, value)| value)
    }

    /// Whether there is a field of that name, whatever is in it.
    pub(crate) fn has_field(&self, name: &[u8]) -> bool {
        self.fields()
            .iter()
            .any(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
            || [
                "orig_caller_id_name",
                "orig_caller_id_number",
                "profile_index",
            ]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
            || self.fixed(name).is_some()
            || self.time(name).is_some()
    }

    /// What a field holds, as text, also what is no text in the core.
    pub(crate) fn value(&self, name: &[u8]) -> Option<BString> {
        self.field(name)
            .map(|field| field.as_bytes().into())
            .or_else(|| self.fixed(name).map(BString::from))
            .or_else(|| self.time(name).map(|time| time.to_string().into()))
    }

    /// What pocket's callers hardly differ in: kinds of numbers, and privacy.
    pub(crate) fn fixed(&self, name: &[u8]) -> Option<&'static str> {
        const UNDEFINED: &str = "255";
        let truth = |value: bool| if value { "true" } else { "false" };
        let fixed: [(&str, &'static str); 11] = [
            ("caller_ton", UNDEFINED),
            ("caller_numplan", UNDEFINED),
            ("destination_number_ton", UNDEFINED),
            ("destination_number_numplan", UNDEFINED),
            ("ani_ton", UNDEFINED),
            ("ani_numplan", UNDEFINED),
            ("rdnis_ton", UNDEFINED),
            ("rdnis_numplan", UNDEFINED),
            ("screen_bit", "true"),
            ("privacy_hide_name", truth(self.hides_name)),
            ("privacy_hide_number", truth(self.hides_number)),
        ];
        fixed
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
            .map(|(_, value)| *value)
    }

    /// A field that is a time.
    pub(crate) fn time(&self, name: &[u8]) -> Option<i64> {
        let times = [
            ("profile_created_time", self.times.profile_created),
            ("created_time", self.times.created),
            ("answered_time", self.times.answered),
            ("progress_time", self.times.progress),
            ("progress_media_time", self.times.progress_media),
            ("hungup_time", self.times.hungup),
            ("transferred_time", self.times.transferred),
        ];
        times
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
            .map(|(_, time)| *time)
    }

    /// Writes the profile as headers that begin with `prefix`.
    pub(crate) fn describe(&self, prefix: &str, event: &mut Event) {
        let mut headers = event.with_prefix(&[prefix, "-"]);
        let direction = if self.outbound { "outbound" } else { "inbound" };
        headers.add("Direction", direction);
        headers.add("Logical-Direction", direction);
        let texts = [
            ("Username", &self.username),
            ("Dialplan", &self.dialplan),
            ("Caller-ID-Name", &self.caller_id_name),
            ("Caller-ID-Number", &self.caller_id_number),
            ("Orig-Caller-ID-Name", &self.orig_caller_id_name),
            ("Orig-Caller-ID-Number", &self.orig_caller_id_number),
            ("Callee-ID-Name", &self.callee_id_name),
            ("Callee-ID-Number", &self.callee_id_number),
            ("Network-Addr", &self.network_addr),
            ("ANI", &self.ani),
            ("ANI-II", &self.aniii),
            ("Destination-Number", &self.destination_number),
            ("Unique-ID", &self.uuid),
            ("Source", &self.source),
            ("Transfer-Source", &self.transfer_source),
            ("Context", &self.context),
            ("RDNIS", &self.rdnis),
            ("Channel-Name", &self.chan_name),
            ("Profile-Index", &self.profile_index),
        ];
        for (name, value) in texts {
            if !value.is_empty() {
                headers.add(name, value.as_bytes());
            }
        }
        let times = [
            ("Profile-Created-Time", self.times.profile_created),
            ("Channel-Created-Time", self.times.created),
            ("Channel-Answered-Time", self.times.answered),
            ("Channel-Progress-Time", self.times.progress),
            ("Channel-Progress-Media-Time", self.times.progress_media),
            ("Channel-Hangup-Time", self.times.hungup),
            ("Channel-Transfer-Time", self.times.transferred),
            ("Channel-Resurrect-Time", 0),
            ("Channel-Bridged-Time", self.times.bridged),
            ("Channel-Last-Hold", 0),
            ("Channel-Hold-Accum", 0),
        ];
        for (name, time) in times {
            headers.add_number(name, time);
        }
        headers.add("Screen-Bit", "true");
        for (name, hides) in [
            ("Privacy-Hide-Name", self.hides_name),
            ("Privacy-Hide-Number", self.hides_number),
        ] {
            headers.add(name, if hides { "true" } else { "false" });
        }
    }
}

/// The text of a field, for conditions of a dialplan.
pub(crate) fn text(field: Option<&CString>) -> &BStr {
    field.map_or(BStr::new(""), |field| field.as_bytes().as_bstr())
}

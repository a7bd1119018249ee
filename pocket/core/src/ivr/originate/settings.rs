//! How a call is placed, by the variables of its dial string.

use std::sync::Arc;

use bstr::{BStr, BString};

use super::variables::Variables;
use crate::session::{Session, say};
use crate::text::{is_number, is_true, number};

/// Variables of the A leg that hold for a call as if they stood in braces.
pub(super) const INHERITED: [&str; 20] = [
    "group_confirm_key",
    "group_confirm_file",
    "group_confirm_read_timeout",
    "group_confirm_cancel_timeout",
    "group_confirm_timeout",
    "forked_dial",
    "fail_on_single_reject",
    "hangup_on_single_reject",
    "ignore_early_media",
    "bridge_early_media",
    "originate_continue_on_timeout",
    "ignore_ring_ready",
    "monitor_early_media_ring",
    "monitor_early_media_ring_total",
    "monitor_early_media_fail",
    "return_ring_ready",
    "ring_ready",
    "instant_ringback",
    "progress_timeout",
    "language",
];

/// Seconds that a call is given when nobody says how many.
pub(super) const TIMEOUT: i64 = 60;

/// What a called leg does before it counts as answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Confirm {
    pub(super) key: BString,
    pub(super) file: BString,
    pub(super) error_file: BString,
    /// Seconds that a leg has for it; 0 for all that it wants.
    pub(super) seconds: Option<i64>,
    /// Milliseconds until a digit is pressed.
    pub(super) read_timeout: u32,
}

/// When the rejection of one leg ends the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OnReject {
    GoesOn,
    Fails,
    /// Only that with one of these causes.
    FailsOn(BString),
}

/// All of it.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a variable of its own"
)]
pub(super) struct Settings {
    pub(super) seconds: i64,
    pub(super) progress_seconds: i64,
    pub(super) early_media_is_enough: bool,
    pub(super) early_media_rings: bool,
    pub(super) ringing_is_enough: bool,
    pub(super) rings_not: bool,
    pub(super) continues_on_timeout: bool,
    pub(super) on_reject: OnReject,
    pub(super) hangs_up_on_reject: bool,
    pub(super) confirm: Confirm,
    pub(super) tries: i64,
    pub(super) retry_seconds: Option<i64>,
    /// Milliseconds before each further try, and from the begin of one to the next.
    pub(super) retry_sleep: i64,
    pub(super) retry_period: i64,
}

impl Settings {
    pub(super) fn of(variables: &Variables, seconds: i64, a_leg: Option<&Arc<Session>>) -> Self {
        let text = |name: &str| variables.get(name).map(BString::from).unwrap_or_default();
        let known = |name: &str| {
            let text = text(name);
            if text == "undef" {
                BString::default()
            } else {
                text
            }
        };
        let ignored = text("ignore_early_media");
        let rings = ignored == "ring_ready";
        let mut early_media_is_enough = variables
            .get("group_confirm_early_ok")
            .is_none_or(|value| is_true(value));
        if variables.is_true("bridge_early_media")
            || is_true(&ignored)
            || rings
            || ignored == "consume"
            || variables.is_true("monitor_early_media_ring")
            || variables.is_true("monitor_early_media_fail")
        {
            early_media_is_enough = false;
        }
        let hangs_up_on_reject = variables.is_true("hangup_on_single_reject");
        let on_reject = match variables.get("fail_on_single_reject") {
            Some(list) if !is_true(list) => OnReject::FailsOn(list.to_owned()),
            Some(_) => OnReject::Fails,
            None if hangs_up_on_reject => OnReject::Fails,
            None => OnReject::GoesOn,
        };
        let seconds = variables.count("originate_timeout").unwrap_or(seconds);
        let retry_seconds = variables.count("originate_retry_timeout");
        let within = |name: &str, range: std::ops::RangeInclusive<i64>, usual: i64| {
            let Some(value) = variables.get(name).filter(|value| is_true(value)) else {
                return usual;
            };
            if range.contains(&number(value)) {
                return number(value);
            }
            if let Some(leg) = a_leg {
                say!(
                    leg,
                    WARNING,
                    "Invalid {name} setting of {value} ignored, value must be between {} and {}",
                    range.start(),
                    range.end()
                );
            }
            usual
        };
        let most_tries = if retry_seconds.is_some() {
            i64::MAX
        } else {
            100
        };
        let retry_sleep = within("originate_retry_sleep_ms", 500..=60_000, 1000);
        Self {
            seconds,
            progress_seconds: variables.count("progress_timeout").unwrap_or(seconds),
            early_media_is_enough,
            early_media_rings: rings,
            ringing_is_enough: variables.is_true("return_ring_ready"),
            rings_not: variables.is_true("ignore_ring_ready"),
            continues_on_timeout: variables.is_true("originate_continue_on_timeout"),
            on_reject,
            hangs_up_on_reject,
            confirm: Confirm {
                key: text("group_confirm_key"),
                file: known("group_confirm_file"),
                error_file: known("group_confirm_error_file"),
                seconds: confirm_seconds(variables),
                read_timeout: variables
                    .get("group_confirm_read_timeout")
                    .and_then(|value| u32::try_from(number(value)).ok())
                    .filter(|milliseconds| *milliseconds > 0)
                    .unwrap_or(5000),
            },
            tries: within("originate_retries", 1..=most_tries, 1),
            retry_seconds,
            retry_sleep,
            retry_period: within("originate_retry_min_period_ms", 500..=300_000, 1000),
        }
    }

    /// Whether a leg's end with that cause ends the whole.
    pub(super) fn fails_on(&self, cause: &[u8]) -> bool {
        match &self.on_reject {
            OnReject::GoesOn => false,
            OnReject::Fails => true,
            OnReject::FailsOn(list) => super::variables::lists(list, cause),
        }
    }
}

fn confirm_seconds(variables: &Variables) -> Option<i64> {
    let timeout: Option<&BStr> = variables.get("group_confirm_timeout");
    match timeout {
        Some(seconds) => is_number(seconds).then(|| number(seconds)),
        None => variables
            .is_true("group_confirm_cancel_timeout")
            .then_some(0),
    }
}

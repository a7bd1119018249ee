//! Digits that a leg has received and nobody has taken yet.

use std::collections::VecDeque;
use std::sync::Arc;

use bindings::{
    DTMF_FLAG_SENSITIVE, SWITCH_DTMF_APP, SWITCH_EVENT_DTMF, switch_dtmf_source_t, switch_dtmf_t,
};
use bstr::BString;
use parking_lot::Mutex;

use super::{Session, say};
use crate::c::*;
use crate::transcript::Kind;

/// Samples at 8 kHz: what the core takes for a digit that says nothing else,
/// and the shortest and longest that it lets through.
const DEFAULT: u32 = 2000;
const SHORTEST: u32 = 400;
const LONGEST: u32 = 192_000;
/// The core's queue is as long.
const QUEUE: usize = 100;

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || b"*#ABCDabcdFfWw".contains(&byte)
}

/// Does it run no hook and fire no event?
fn is_sensitive(dtmf: &switch_dtmf_t) -> bool {
    dtmf.flags & DTMF_FLAG_SENSITIVE.0.cast_signed() != 0
}

/// Digits of a leg.
#[derive(Default)]
pub(super) struct Digits {
    /// Those that wait for somebody to take them.
    pub(super) queue: Mutex<VecDeque<switch_dtmf_t>>,
    /// Those that were taken, for the call's record.
    pub(super) dialed: Mutex<Vec<u8>>,
}

/// What became of a string of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    All,
    /// None of it is a digit.
    Bad,
    Nothing,
}

/// The digits in `text`: `12@200+3` is 1 and 2 of 200 ms each, then 3.
pub(crate) fn digits(text: &[u8], source: switch_dtmf_source_t) -> Vec<switch_dtmf_t> {
    let text = text.strip_prefix(b"~").unwrap_or(text);
    let mut digits = Vec::new();
    for part in crate::text::split(text, b'+', 256) {
        let (part, length) = crate::text::cut(&part, b'@');
        let asked = u32::try_from(crate::text::number(length))
            .unwrap_or(0)
            .saturating_mul(8);
        let duration = if asked > SHORTEST {
            asked.min(LONGEST)
        } else {
            DEFAULT
        };
        for &digit in part.iter().filter(|byte| is_digit(**byte)) {
            digits.push(switch_dtmf_t {
                digit: digit.cast_signed(),
                duration,
                flags: 0,
                source,
            });
        }
    }
    digits
}

impl Session {
    /// The leg receives digits, as if the far end had pressed them.
    pub(crate) fn queue_digits(&self, text: &[u8]) -> Queued {
        let digits = digits(text, SWITCH_DTMF_APP);
        if digits.is_empty() {
            return if text.is_empty() {
                Queued::Nothing
            } else {
                Queued::Bad
            };
        }
        for digit in digits {
            self.queue_digit(digit);
        }
        Queued::All
    }

    pub(crate) fn queue_digit(&self, dtmf: switch_dtmf_t) {
        say!(
            self,
            DEBUG,
            "{} Queue dtmf\ndigit={} ms={} samples={}",
            self.name(),
            char::from(dtmf.digit.cast_unsigned()),
            dtmf.duration / 8,
            dtmf.duration
        );
        {
            let mut queue = self.digits.queue.lock();
            if queue.len() < QUEUE {
                queue.push_back(dtmf);
            }
        }
        if !is_sensitive(&dtmf) {
            let digit = BString::from(vec![dtmf.digit.cast_unsigned()]);
            self.note(
                Kind::Digit,
                digit,
                vec![("duration", (dtmf.duration / 8).to_string().into())],
            );
        }
        self.kick();
    }

    /// Sends digits to the far end.
    pub(crate) fn send_digits(self: &Arc<Self>, text: &[u8]) -> bool {
        let digits = digits(text, SWITCH_DTMF_APP);
        for digit in &digits {
            self.send_digit(*digit);
        }
        !digits.is_empty()
    }

    pub(crate) fn send_digit(self: &Arc<Self>, dtmf: switch_dtmf_t) {
        let digit = BString::from(vec![dtmf.digit.cast_unsigned()]);
        self.note(
            Kind::SentDigit,
            digit,
            vec![("duration", (dtmf.duration / 8).to_string().into())],
        );
        self.endpoint.send_digit(dtmf);
    }

    pub(crate) fn has_digit(&self) -> bool {
        !self.digits.queue.lock().is_empty()
    }

    /// Takes the next digit; a DTMF event tells of it.
    pub(crate) fn take_digit(self: &Arc<Self>) -> Option<switch_dtmf_t> {
        let dtmf = self.digits.queue.lock().pop_front()?;
        if is_sensitive(&dtmf) {
            return Some(dtmf);
        }
        self.digits.dialed.lock().push(dtmf.digit.cast_unsigned());
        let source = ["UNKNOWN", "INBAND_AUDIO", "RTP", "ENDPOINT", "APP"]
            .get(dtmf.source.0 as usize)
            .copied()
            .unwrap_or("UNKNOWN");
        let mut event = self
            .core
            .events
            .create(SWITCH_EVENT_DTMF, None, crate::place::here!());
        self.describe(&mut event);
        event.add("DTMF-Digit", [dtmf.digit.cast_unsigned()]);
        event.add("DTMF-Duration", dtmf.duration.to_string());
        event.add("DTMF-Source", source);
        if self.has(CF_DIVERT_EVENTS) {
            self.divert(event);
        } else {
            self.core.events.fire(event);
        }
        Some(dtmf)
    }

    pub(crate) fn flush_digits(&self) {
        self.digits.queue.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_of_digits_has_lengths() {
        let found: Vec<_> = digits(b"1x2@200+#", SWITCH_DTMF_APP)
            .iter()
            .map(|dtmf| (dtmf.digit.cast_unsigned(), dtmf.duration))
            .collect();
        assert_eq!(found, [(b'1', 1600), (b'2', 1600), (b'#', 2000)]);
    }
}

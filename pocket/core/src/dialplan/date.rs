//! Conditions on date and time: `switch_xml_std_datetime_check`.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use crate::session::{Session, say};
use crate::text::{is_number, is_true, number};
use crate::xml::Node;
use crate::zone::{self, Moment};

/// The attributes of a condition that are about date and time.
pub(super) const ATTRIBUTES: [&str; 14] = [
    "date-time",
    "year",
    "yday",
    "mon",
    "mday",
    "week",
    "mweek",
    "wday",
    "hour",
    "minute",
    "minute-of-day",
    "time-of-day",
    "tz-offset",
    "dst",
];

const DAYS: [&[u8; 3]; 7] = [b"sun", b"mon", b"tue", b"wed", b"thu", b"fri", b"sat"];

/// When it is, for the machine, and where the call says that it is.
pub(super) struct Now {
    seconds: i64,
    here: Moment,
    there: Moment,
    /// Hours east of Greenwich there.
    offset: i64,
}

impl Now {
    /// The switch's time; the variables `tod_tz_offset` and `timezone` say where.
    pub(super) fn of(session: &Arc<Session>) -> Self {
        let seconds = session.core.clock.epoch_now() / 1_000_000;
        let here = Moment::local(seconds);
        let east = session
            .get("tod_tz_offset")
            .filter(|hours| is_number(hours))
            .map(|hours| number(&hours));
        let zone = || session.get("timezone");
        let there = match (east, east.is_none().then(zone).flatten()) {
            (Some(hours), _) => Moment::at_offset(seconds, hours.saturating_mul(3600), false),
            (None, Some(name)) => {
                if let Some(rules) = zone::find(&session.core.xml, &name) {
                    rules.at(seconds)
                } else {
                    say!(
                        session,
                        ERROR,
                        "Timezone '{name}' not found! The machine's own time counts"
                    );
                    here
                }
            }
            (None, None) => here,
        };
        Self {
            seconds,
            here,
            there,
            offset: east.unwrap_or_else(|| there.hours_east()),
        }
    }

    /// Whether it is the date and time of a condition; `None` when that is about
    /// neither.
    pub(super) fn fits(&self, session: &Arc<Session>, condition: Node<'_>) -> Option<bool> {
        let mut seen = None;
        for name in ["tz-offset", "dst"].iter().chain(&ATTRIBUTES[..12]) {
            let Some(wanted) = condition.attribute(name) else {
                continue;
            };
            // As in the core an empty one is not there.
            if *name == "dst" && wanted.is_empty() {
                continue;
            }
            let fits = self.fits_one(session, name, wanted);
            seen = Some(fits);
            if !fits {
                break;
            }
        }
        seen
    }

    fn fits_one(&self, session: &Arc<Session>, name: &str, wanted: &BStr) -> bool {
        let now = &self.there;
        let is = |value: i64| is_in_list(wanted, value);
        match name {
            "tz-offset" => !is_number(wanted) || number(wanted) == self.offset,
            // As in the core `false` never fits.
            "dst" => self.here.is_summer() && is_true(wanted),
            "date-time" => is_in_dates(session, wanted, self.seconds),
            "year" => is(now.year()),
            "yday" => is(now.day_of_year()),
            "mon" => is(now.month()),
            "mday" => is(now.day()),
            "week" => is((now.day_of_year() - 1) / 7 + 1),
            "mweek" => is(week_of_month(now.day(), now.day_of_week())),
            "wday" => is_in_days(session, wanted, now.day_of_week()),
            "hour" => is(now.hour()),
            "minute" => is(now.minute()),
            "minute-of-day" => is(now.second_of_day() / 60 + 1),
            _ => is_in_times(wanted, now.second_of_day()),
        }
    }
}

/// Weeks begin with Sunday, the first with the month; Sunday is 1.
fn week_of_month(day: i64, day_of_week: i64) -> i64 {
    let first = (7 - (day - day_of_week).rem_euclid(7)) % 7;
    (day + first + 6) / 7
}

/// Between two values, or outside them when they are the wrong way round.
fn between(value: i64, from: i64, to: i64) -> bool {
    if from <= to {
        (from..=to).contains(&value)
    } else {
        value >= from || value <= to
    }
}

/// A number at the beginning, and what follows it: C's `strtol`.
fn leading_number(text: &[u8]) -> (i64, &[u8]) {
    let unspaced = text.trim_ascii_start();
    let sign = usize::from(matches!(unspaced.first(), Some(b'+' | b'-')));
    let digits = unspaced[sign..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 {
        return (0, text);
    }
    (number(unspaced), &unspaced[sign + digits..])
}

/// `1,5-9,23-4`; what cannot be read ends the list.
fn is_in_list(list: &[u8], value: i64) -> bool {
    let mut rest = list;
    loop {
        let (from, after) = leading_number(rest);
        let (to, after) = match after.strip_prefix(b"-") {
            Some(after) => leading_number(after),
            None => (from, after),
        };
        if between(value, from, to) {
            return true;
        }
        match after.strip_prefix(b",") {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

/// `mon-fri,1`
fn is_in_days(session: &Arc<Session>, list: &[u8], day: i64) -> bool {
    let mut rest = list;
    let (mut last, mut from) = (None, None);
    while let Some(&byte) = rest.first() {
        let named = rest.get(..3).and_then(|word| {
            DAYS.iter()
                .position(|name| word.eq_ignore_ascii_case(*name))
        });
        let (found, length) = match (byte, named) {
            (b'-', _) => {
                from = last;
                last = None;
                rest = &rest[1..];
                continue;
            }
            (b',', _) => {
                last = None;
                rest = &rest[1..];
                continue;
            }
            (b'1'..=b'7', _) => (i64::from(byte - b'0'), 1),
            (_, Some(at)) => (i64::try_from(at + 1).unwrap_or(0), 3),
            _ => {
                say!(
                    session,
                    ERROR,
                    "Parse error for [{}] at position {} ({})",
                    list.as_bstr(),
                    list.len() - rest.len(),
                    rest[..rest.len().min(6)].as_bstr()
                );
                return false;
            }
        };
        rest = &rest[length..];
        last = Some(found);
        let fits = match from.take() {
            Some(from) => between(day, from, found),
            None => day == found,
        };
        if fits {
            return true;
        }
    }
    false
}

/// `8:30-17:00,20:00:00-20:00:59`
fn is_in_times(list: &[u8], second: i64) -> bool {
    let clock = |text: &[u8]| {
        let mut parts = text.splitn_str(3, ":");
        let mut part = || parts.next().map(number);
        let (hour, minute, second) = (part()?, part()?, part().unwrap_or(0));
        Some((hour * 60 + minute) * 60 + second)
    };
    list.split_str(",").any(|range| {
        let Some(at) = range.find_byte(b'-') else {
            return false;
        };
        match (clock(&range[..at]), clock(&range[at + 1..])) {
            (Some(from), Some(to)) => between(second, from, to),
            _ => false,
        }
    })
}

/// `2026-01-01 00:00:00~2026-02-01 00:00:00`; the end is not in it.
fn is_in_dates(session: &Arc<Session>, list: &[u8], now: i64) -> bool {
    for range in list.split_str(",") {
        let Some(at) = range.find_byte(b'~') else {
            continue;
        };
        let (from, to) = (range[..at].as_bstr(), range[at + 1..].as_bstr());
        let (Some(begin), Some(end)) = (read(from, now), read(to, now)) else {
            say!(
                session,
                ERROR,
                "Parse error for date time range ({from}~{to})"
            );
            return false;
        };
        if (begin..end).contains(&now) {
            return true;
        }
    }
    false
}

/// A date with or without a time, or a time of today; seconds since 1970.
pub(crate) fn read(text: &BStr, now: i64) -> Option<i64> {
    let numbers = |expression: &str| {
        crate::pattern::matches(text, expression.into()).map(|found| -> Vec<i64> {
            found.groups[1..].iter().map(|part| number(part)).collect()
        })
    };
    if let Some(time) = numbers(r"^([0-9]*):?([0-9]*):?([0-9]*)$") {
        let today = Moment::local(now);
        let date = [today.year(), today.month(), today.day()];
        return Some(zone::of_local(date, [time[0], time[1], time[2]]));
    }
    let parts = numbers(r"^([0-9]+)-([0-9]+)-([0-9]+)\s*([0-9]*):?([0-9]*):?([0-9]*)")
        .or_else(|| numbers(r"^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})"))?;
    let seconds = zone::of_local(
        [parts[0], parts[1], parts[2]],
        [parts[3], parts[4], parts[5]],
    );
    (seconds != 0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_numbers_and_ranges_also_around_the_end() {
        assert!(is_in_list(b"1,5-9", 7) && is_in_list(b"1,5-9", 1) && !is_in_list(b"1,5-9", 4));
        assert!(is_in_list(b"22-6", 23) && is_in_list(b"22-6", 0) && !is_in_list(b"22-6", 12));
        assert!(!is_in_list(b"noon,12", 12) && is_in_list(b"noon", 0));
    }

    #[test]
    fn times_need_hours_and_minutes() {
        let noon = 12 * 3600;
        assert!(is_in_times(b"8:30-17:00", noon) && is_in_times(b"12:00:00-12:00:00", noon));
        assert!(!is_in_times(b"8-17", noon) && !is_in_times(b"13:00-17:00", noon));
        assert!(is_in_times(b"1:00-2:00,22:00-13:00", noon));
    }

    #[test]
    fn weeks_of_a_month_begin_with_sunday() {
        // 1 February 2026 is a Sunday, 1 August 2026 a Saturday.
        assert_eq!([week_of_month(1, 1), week_of_month(28, 7)], [1, 4]);
        assert_eq!(
            [
                week_of_month(1, 7),
                week_of_month(2, 1),
                week_of_month(31, 2)
            ],
            [1, 2, 6]
        );
    }
}

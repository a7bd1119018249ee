//! Commands that tell the time, which is the switch's own.

use bstr::ByteSlice;

use crate::dialplan::read_date;
use crate::module::api::{Invocation, Reply};
use crate::text::{cut, number};
use crate::zone::{self, Moment};

/// Bytes that the core has room for, of which one is the NUL.
const ROOM: usize = 80;

const DATE_AND_TIME: &[u8] = b"%Y-%m-%d %T";

fn seconds(call: &Invocation<'_>) -> i64 {
    call.core.clock.epoch_now() / 1_000_000
}

/// Seconds since 1970 of now, or of a date; 0 for what is none.
pub(super) fn strepoch(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return seconds(call).to_string().into();
    }
    let seconds = read_date(call.argument, seconds(call)).unwrap_or(0);
    seconds.to_string().into()
}

/// The same in microseconds.
pub(super) fn strmicroepoch(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return call.core.clock.epoch_now().to_string().into();
    }
    let seconds = read_date(call.argument, seconds(call)).unwrap_or(0);
    (seconds * 1_000_000).to_string().into()
}

/// `[seconds|]format`
fn when_and_format(call: &Invocation<'_>, text: &[u8]) -> (i64, bstr::BString) {
    match text.find_byte(b'|') {
        Some(at) => (number(&text[..at]), text[at + 1..].into()),
        None => (seconds(call), text.into()),
    }
}

/// The machine's own time.
pub(super) fn strftime(call: &Invocation<'_>) -> Reply {
    let (when, format) = when_and_format(call, call.argument);
    // The core skips one more byte behind the bar.
    let skipped = usize::from(call.argument.contains(&b'|')).min(format.len());
    let format = match &format[skipped..] {
        b"" => DATE_AND_TIME,
        format => format,
    };
    Moment::local(when).format(format, ROOM).into()
}

/// `zone [seconds|]format`
pub(super) fn strftime_tz(call: &Invocation<'_>) -> Reply {
    let (name, rest) = cut(call.argument, b' ');
    let (when, format) = when_and_format(call, rest);
    let format = match format.as_slice() {
        b"" => DATE_AND_TIME,
        format => format,
    };
    let text = zone::find(&call.core.xml, name)
        .map(|rules| rules.at(when).format(format, ROOM))
        .unwrap_or_default();
    if text.is_empty() {
        "-ERR Invalid timezone/format\n".into()
    } else {
        text.into()
    }
}

//! Applications and their data, on the way to `switch_core_session_exec`.
//!
//! The core expands the data, takes `%[name=value]` off it, and gives the rest to
//! the application. Where it has made a copy and the bracket does not close, the
//! application gets NULL. Text that could become such a one is expanded here,
//! looked at, and given to the core in a form that expands to itself.

use super::Call;
use super::files;
use super::files::safe_in;
use super::table::UNKNOWN;
use crate::text::c_string;
use std::borrow::Cow;

/// Where in its data an application has the name of a file.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// The data is one.
    Whole,
    /// Behind a count, `+3 file`.
    AfterCount,
    /// The first word.
    First,
    /// Any word.
    Words,
    /// Behind the name of a variable that names a file.
    Value,
}

const FILES: [(&[u8], Place); 19] = [
    (b"playback", Place::Whole),
    (b"endless_playback", Place::Whole),
    (b"loop_playback", Place::AfterCount),
    (b"play_and_detect_speech", Place::Whole),
    (b"play_and_get_digits", Place::Words),
    (b"read", Place::Words),
    (b"record", Place::Words),
    (b"record_session", Place::Words),
    (b"displace_session", Place::Words),
    (b"sched_broadcast", Place::Words),
    (b"soft_hold", Place::Words),
    (b"fifo", Place::Words),
    (b"wait_for_silence", Place::Words),
    (b"detect_audio", Place::Words),
    (b"detect_silence", Place::Words),
    (b"lua", Place::First),
    (b"set", Place::Value),
    (b"export", Place::Value),
    (b"bridge_export", Place::Value),
];

/// Applications that send a call elsewhere: where to, and by which dialplan.
const MOVES: [&[u8]; 3] = [b"transfer", b"execute_extension", b"sched_transfer"];

/// Does the application send the call to what its data names?
pub(super) fn moves(app: &[u8]) -> bool {
    MOVES.iter().any(|name| app.eq_ignore_ascii_case(name))
}

/// Applications that follow a null pointer where they get no data.
const NEED_DATA: [&[u8]; 11] = [
    b"bgsystem",
    b"digit_action_set_realm",
    b"loop_playback",
    b"preprocess",
    b"record_session_mask",
    b"record_session_pause",
    b"record_session_resume",
    b"record_session_unmask",
    b"stop_displace_session",
    b"stop_record_session",
    b"system",
];

/// Would the application crash on no data at all?
pub(super) fn needs_data(app: &[u8]) -> bool {
    NEED_DATA.iter().any(|name| app.eq_ignore_ascii_case(name))
}

/// Has a command's argument, which is expanded once more when a call comes to it,
/// an application in it that could get no data then?
pub(super) fn is_later_without_data(argument: &[u8]) -> bool {
    let grows = |b: &u8| b"$\\".contains(b) || *b == UNKNOWN;
    if !argument.iter().any(grows) {
        return false;
    }
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    argument
        .split(|b| !word(b))
        .any(|name| NEED_DATA.iter().any(|app| name.eq_ignore_ascii_case(app)))
}

/// The one that takes no data, and crashes on empty data.
pub(super) fn wants_none(app: &[u8]) -> bool {
    app.eq_ignore_ascii_case(b"curl")
}

/// Where the data of an application has a file; of those that set variables only
/// where the variable is one for files.
pub(super) fn place(app: &[u8], data: &[u8]) -> Option<Place> {
    let (_, place) = FILES
        .iter()
        .find(|(name, _)| app.eq_ignore_ascii_case(name))?;
    match place {
        Place::Value => files::is_assigned(data).then_some(Place::Value),
        place => Some(*place),
    }
}

/// Mends the file names in an application's data; `delimiter` is `playback_delimiter`.
pub(super) fn with_safe_files<'d>(
    app: &[u8],
    data: &'d [u8],
    delimiter: Option<u8>,
) -> Cow<'d, [u8]> {
    if !files::suspicious(data) {
        return Cow::Borrowed(data);
    }
    let Some(place) = place(app, data) else {
        return Cow::Borrowed(data);
    };
    let scope = match scope(data) {
        Scope::To(end) => end + 1,
        Scope::Open | Scope::Absent => 0,
    };
    let delimiter = delimiter_in(&data[..scope]).or(delimiter);
    let (before, separators) = match place {
        Place::Whole => (scope, delimiter.into_iter().collect()),
        Place::AfterCount => (scope + after_count(&data[scope..]), Vec::new()),
        Place::Words => (scope, [b' '].into_iter().chain(delimiter).collect()),
        Place::Value => (scope + after_name(&data[scope..]), Vec::new()),
        Place::First => {
            let words = files::pieces(&data[scope..], b" ").next();
            let end = words.map_or(data.len(), |word| scope + word.end);
            return match safe_in(&data[scope..end], &[]) {
                Cow::Borrowed(_) => Cow::Borrowed(data),
                Cow::Owned(word) => Cow::Owned([&data[..scope], &word, &data[end..]].concat()),
            };
        }
    };
    match safe_in(&data[before..], &separators) {
        Cow::Borrowed(_) => Cow::Borrowed(data),
        Cow::Owned(rest) => Cow::Owned([&data[..before], &rest].concat()),
    }
}

/// `playback_delimiter` among the variables for one application.
fn delimiter_in(scope: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"playback_delimiter=";
    let at = scope
        .windows(NAME.len())
        .position(|w| w.eq_ignore_ascii_case(NAME))?;
    let value = &scope[at + NAME.len()..];
    value.iter().copied().find(|b| !b" '".contains(b))
}

fn after_count(data: &[u8]) -> usize {
    if data.first() == Some(&b'+') {
        data.iter().position(|&b| b == b' ').map_or(0, |at| at + 1)
    } else {
        0
    }
}

fn after_name(data: &[u8]) -> usize {
    data.iter().position(|&b| b == b'=').map_or(0, |at| at + 1)
}

/// The variables for one application that a text begins with, in `%[...]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Absent,
    /// Its bracket does not close.
    Open,
    /// It ends at this byte, its closing bracket.
    To(usize),
}

/// What variables for one application a text begins with.
pub(super) fn scope(text: &[u8]) -> Scope {
    let Some(rest) = text.strip_prefix(b"%") else {
        return Scope::Absent;
    };
    let open = match rest {
        [b'[', ..] => 1,
        [_, b'[', ..] => 2,
        _ => return Scope::Absent,
    };
    files::end(&text[open..], b'[', b']').map_or(Scope::Open, |at| Scope::To(open + at))
}

/// Could the text begin with `%` once it is expanded?
pub(super) fn may_open_scope(channel: &dyn Call, text: &[u8]) -> bool {
    match text {
        [b'%', ..] => true,
        [b'\\', ..] => text.contains(&b'%'),
        [b'$', rest @ ..] => {
            let inner = rest.strip_prefix(b"$").unwrap_or(rest);
            let Some(inner) = inner.strip_prefix(b"{") else {
                return false;
            };
            let Some(end) = inner.iter().position(|&b| b == b'}') else {
                return true;
            };
            let name = &inner[..end];
            if name.iter().any(|b| b" (:[{$".contains(b)) {
                return true;
            }
            let value = c_string(name).ok().and_then(|name| channel.variable(&name));
            match value.as_deref() {
                None | Some([]) => may_open_scope(channel, &inner[end + 1..]),
                Some([first, ..]) => b"%$\\".contains(first),
            }
        }
        _ => false,
    }
}

/// `playback_delimiter`, by which the core separates the files of one name.
pub(crate) fn delimiter(channel: &dyn Call) -> Option<u8> {
    channel.variable(c"playback_delimiter")?.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(app: &str, data: &str) -> String {
        let data = with_safe_files(app.as_bytes(), data.as_bytes(), None);
        String::from_utf8_lossy(&data).into_owned()
    }

    #[test]
    fn brackets() {
        assert_eq!(scope(b"%[a=b]c"), Scope::To(5));
        assert_eq!(scope(b"%;[a=b;c=d]e"), Scope::To(10));
        assert_eq!(scope(b"%[a"), Scope::Open);
        assert_eq!(scope(b"%[a[b]"), Scope::Open);
        assert_eq!(scope(b"%(1000,0,440)"), Scope::Absent);
        assert_eq!(scope(b"%"), Scope::Absent);
    }

    #[test]
    fn files_by_their_place() {
        assert_eq!(safe("playback", "{"), "./{");
        assert_eq!(safe("playback", "%[a=b]{"), "%[a=b]./{");
        assert_eq!(
            safe("playback", "%[playback_delimiter=!]x.wav!{"),
            "%[playback_delimiter=!]x.wav!./{"
        );
        assert_eq!(safe("PlayBack", "{a=b c}d.wav"), "{a=b c}d.wav");
        assert_eq!(safe("record", "{a=b c}d.wav 5"), "./{a=b c}d.wav 5");
        assert_eq!(safe("loop_playback", "+3 {a"), "+3 ./{a");
        assert_eq!(safe("lua", "{ {\"a\": 1"), "./{ {\"a\": 1");
        assert_eq!(safe("lua", "x.lua {\"a\": 1"), "x.lua {\"a\": 1");
        assert_eq!(safe("log", "INFO {"), "INFO {");
        assert_eq!(safe("set", "ringback={"), "ringback=./{");
        assert_eq!(safe("set", "json={"), "json={");
        assert_eq!(
            safe("play_and_get_digits", "1 1 1 9 # { { x"),
            "1 1 1 9 # ./{ ./{ x"
        );
    }
}

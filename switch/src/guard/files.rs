//! File names that begin with `{`.
//!
//! The core takes `{name=value}` off a file name again and again until the name
//! begins with something else (`switch_is_file_path`). Where the brace does not
//! close it retries without end, and nothing stops it. A `./` before the brace makes
//! the name what it was meant to be: that of a file which is most likely missing.
//! The same ends lists of files in lists that are deeper than the core's stack.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use super::c_text;

/// Plays the files of a list, separated by `!`.
const LIST: &[u8] = b"file_string://";
/// How many lists may stand in each other: the core opens one in the other, on a
/// thread's small stack.
const DEEPEST: usize = 8;

/// Does every `{` that the name begins with close, as the core looks for it?
fn closes(mut name: &[u8]) -> bool {
    while name.first() == Some(&b'{') {
        match end(name, b'{', b'}') {
            None => return false,
            Some(at) => name = &name[at + 1..],
        }
        name = name.trim_ascii_start();
    }
    true
}

/// Where the bracket that the text begins with closes (`switch_find_end_paren`).
pub(super) fn end(text: &[u8], open: u8, close: u8) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, &byte) in text.iter().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
        }
        if depth == 0 {
            return (at > 0).then_some(at);
        }
    }
    None
}

/// The pieces of a text, as the core separates them (`switch_separate_string`):
/// quotes keep a separator, and so does a backslash; `^^` in front names another.
pub(super) fn pieces<'t>(
    text: &'t [u8],
    separators: &'t [u8],
) -> impl Iterator<Item = std::ops::Range<usize>> + 't {
    let (separators, begin) = match text {
        [b'^', b'^', _, _, ..] => (&text[2..3], 3),
        _ => (separators, 0),
    };
    let mut from = Some(begin);
    std::iter::from_fn(move || {
        let start = from?;
        let (mut at, mut quoted) = (start, false);
        while at < text.len() {
            match text[at] {
                b'\\' => at += 1,
                b'\'' if quoted || text[at + 1..].contains(&b'\'') => quoted = !quoted,
                byte if !quoted && separators.contains(&byte) => {
                    from = Some(at + 1);
                    return Some(start..at);
                }
                _ => {}
            }
            at += 1;
        }
        from = None;
        Some(start..text.len())
    })
}

/// The word with this number; blanks between count once.
pub(super) fn word(text: &[u8], number: usize) -> Option<std::ops::Range<usize>> {
    pieces(text, b" ")
        .filter(|word| !text[word.clone()].is_empty())
        .nth(number)
}

/// Has a text something that a file's name could do harm with?
pub(crate) fn suspicious(text: &[u8]) -> bool {
    text.contains(&b'{')
        || (text.len() > DEEPEST * LIST.len()
            && text
                .windows(LIST.len())
                .filter(|w| w.eq_ignore_ascii_case(LIST))
                .count()
                > DEEPEST)
}

/// Where the name in a piece begins: behind blanks and a quote.
fn bare(text: &[u8]) -> usize {
    text.iter().position(|b| !b" '".contains(b)).unwrap_or(0)
}

/// Where in one name a brace begins a file and does not close: at its own
/// beginning, and at that of each file of a list in it, which can be a list.
fn open_braces(name: &[u8], deep: usize) -> Vec<usize> {
    let at = bare(name);
    let mut found = Vec::new();
    if !closes(&name[at..]) {
        found.push(at);
    }
    let list = name
        .windows(LIST.len())
        .position(|w| w.eq_ignore_ascii_case(LIST));
    if let (Some(_), 0) = (list, deep) {
        found.push(at);
    } else if let Some(at) = list {
        let from = at + LIST.len();
        for file in pieces(&name[from..], b"!") {
            let start = from + file.start;
            let inside = open_braces(&name[start..from + file.end], deep - 1);
            found.extend(inside.into_iter().map(|at| start + at));
        }
    }
    found
}

/// The text, whose files are separated so, with `./` before each brace that the
/// core would look behind without end.
pub(super) fn safe_in<'t>(text: &'t [u8], separators: &[u8]) -> Cow<'t, [u8]> {
    if !suspicious(text) {
        return Cow::Borrowed(text);
    }
    let open: Vec<usize> = pieces(text, separators)
        .flat_map(|piece| {
            let from = piece.start;
            open_braces(&text[piece], DEEPEST)
                .into_iter()
                .map(move |at| from + at)
        })
        .collect();
    if open.is_empty() {
        return Cow::Borrowed(text);
    }
    // A separator in it would make it two pieces.
    let before: &[u8] = if separators.iter().any(|s| b"./".contains(s)) {
        b"_"
    } else {
        b"./"
    };
    let mut out = Vec::with_capacity(text.len() + 2 * open.len());
    let mut done = 0;
    for at in open {
        out.extend_from_slice(&text[done..at]);
        out.extend_from_slice(before);
        done = at;
    }
    out.extend_from_slice(&text[done..]);
    Cow::Owned(out)
}

/// A file name as the core can take it; `delimiter` is that of the variable
/// `playback_delimiter`, which separates several.
#[must_use]
pub fn safe(name: &CStr, delimiter: Option<u8>) -> Cow<'_, CStr> {
    match safe_in(name.to_bytes(), delimiter.as_slice()) {
        Cow::Borrowed(_) => Cow::Borrowed(name),
        changed @ Cow::Owned(_) => Cow::Owned(c_text(changed, name)),
    }
}

/// As [`safe`], for a file that may not be given.
#[must_use]
pub fn safe_optional(name: Option<&CStr>) -> Option<CString> {
    name.map(|name| safe(name, None).into_owned())
}

/// A database's name as the core can take it, also behind `sqlite://`.
#[must_use]
pub fn safe_source(dsn: &CStr) -> Cow<'_, CStr> {
    let text = dsn.to_bytes();
    let scheme = text.windows(3).position(|w| w == b"://");
    let at = scheme.map_or(0, |at| at + 3);
    match safe_in(&text[at..], &[]) {
        Cow::Borrowed(_) => Cow::Borrowed(dsn),
        Cow::Owned(name) => Cow::Owned(c_text(Cow::Owned([&text[..at], &name].concat()), dsn)),
    }
}

/// Variables that the core takes for the name of a file.
const NAMED: [&[u8]; 11] = [
    b"ringback",
    b"transfer_ringback",
    b"hold_music",
    b"temp_hold_music",
    b"group_confirm_file",
    b"campon_hold_music",
    b"fifo_music",
    b"fifo_announce",
    b"cc_moh_override",
    b"valet_hold_music",
    b"sound_prefix",
];

/// The value of a variable, as the core can take it where it is a file's name.
#[must_use]
pub fn safe_value<'v>(variable: &CStr, value: &'v CStr) -> Cow<'v, CStr> {
    let name = variable.to_bytes();
    if value.to_bytes().first() == Some(&b'{')
        && NAMED.iter().any(|known| name.eq_ignore_ascii_case(known))
    {
        return safe(value, None);
    }
    Cow::Borrowed(value)
}

/// Does `name=value` set one of them?
pub(super) fn is_assigned(assignment: &[u8]) -> bool {
    let name = assignment.split(|&b| b == b'=').next().unwrap_or_default();
    let name = name.strip_prefix(b"nolocal:").unwrap_or(name).trim_ascii();
    NAMED.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &CStr) -> String {
        safe(name, None).to_string_lossy().into_owned()
    }

    #[test]
    fn names_that_close_stay() {
        for name in [
            c"a.wav",
            c"{a=b}c.wav",
            c"{a={b}} {c=d}e.wav",
            c"a{b",
            c"{a=b}",
            c"",
        ] {
            assert_eq!(shown(name), name.to_string_lossy());
        }
        assert_eq!(
            shown(c"file_string://a.wav!{b=c}d.wav"),
            "file_string://a.wav!{b=c}d.wav"
        );
        assert_eq!(
            shown(c"file_string://{b='!'}d.wav"),
            "file_string://{b='!'}d.wav"
        );
    }

    #[test]
    fn names_that_do_not_close_are_of_missing_files() {
        assert_eq!(shown(c"{"), "./{");
        assert_eq!(shown(c"{a=b"), "./{a=b");
        assert_eq!(shown(c"{a=b}{c"), "./{a=b}{c");
        assert_eq!(shown(c"{a={b}"), "./{a={b}");
        assert_eq!(shown(c"file_string://{"), "file_string://./{");
        assert_eq!(shown(c"file_string://a.wav!{b"), "file_string://a.wav!./{b");
        assert_eq!(shown(c"{a=b}file_string://{"), "{a=b}file_string://./{");
    }

    #[test]
    fn lists_in_lists_end() {
        let deep = "file_string://".repeat(100_000);
        let text = safe_in(deep.as_bytes(), &[]).into_owned();
        assert_eq!(text.len(), deep.len() + 2);
        assert!(!suspicious(b"file_string://a.wav!b.wav"));
    }

    #[test]
    fn each_word_can_be_a_list() {
        assert_eq!(
            shown(c"file_string://file_string://{"),
            "file_string://file_string://./{"
        );
        let text = b"1 '{a=b}file_string://{' 'file_string://x!{y' z";
        assert_eq!(
            safe_in(text, b" ").as_ref(),
            b"1 '{a=b}file_string://./{' 'file_string://x!./{y' z"
        );
    }

    #[test]
    fn a_text_names_its_separator() {
        assert_eq!(safe_in(b"^^:x:{:y", b" ").as_ref(), b"^^:x:./{:y");
        assert_eq!(safe_in(b"^^:{", b" ").as_ref(), b"^^:./{");
        assert_eq!(safe_in(b"^^", b" ").as_ref(), b"^^");
        assert_eq!(shown(c"file_string://^^:{:{"), "file_string://^^:./{:./{");
    }

    #[test]
    fn a_delimiter_separates_names() {
        let safe = |name, delimiter| safe(name, Some(delimiter)).into_owned();
        assert_eq!(safe(c"a.wav!{b", b'!').as_c_str(), c"a.wav!./{b");
        assert_eq!(safe(c"{a=1,b=2}c", b',').as_c_str(), c"./{a=1,b=2}c");
        assert_eq!(safe(c"a/{b", b'/').as_c_str(), c"a/_{b");
    }

    #[test]
    fn only_variables_of_files_are_looked_at() {
        assert_eq!(safe_value(c"ringback", c"{").to_bytes(), b"./{");
        assert_eq!(safe_value(c"other", c"{").to_bytes(), b"{");
        assert_eq!(safe_value(c"ringback", c"%(1,1,1)").to_bytes(), b"%(1,1,1)");
    }
}

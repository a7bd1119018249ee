//! Applications that a session is given to run later, on its own thread: by
//! `app::data`, an event, a command or the dialplan `inline`.
//!
//! The core expands the data when it comes to it, where nothing of the module's
//! can look. So only the text counts, and the call's state now.

use std::borrow::Cow;
use std::ffi::CStr;

use super::application::{Scope, needs_data, scope, wants_none, with_safe_files};
use super::expansion::By;
use super::table::UNKNOWN;
use super::{Call, Refused, c_text, files, holds_escape, holds_variable, times};
use crate::event::View;
use crate::text::{c_string, c_string_shown};

/// The data as the core can take it later.
///
/// # Errors
/// [`Refused`]
pub(super) fn data<'d>(
    channel: Option<&dyn Call>,
    app: &[u8],
    data: &'d [u8],
) -> Result<Cow<'d, [u8]>, Refused> {
    // The core keeps no empty data for later.
    let blank = data.iter().all(|&b| b == b' ');
    if data.is_empty() && needs_data(app) || blank && !data.is_empty() && wants_none(app) {
        return Err(Refused::Nothing(Refused::show(app)));
    }
    if holds_variable(data) || holds_escape(data) {
        if scope(data) == Scope::Open {
            return Err(Refused::Bracket(Refused::show(data)));
        }
        if channel.is_some_and(Call::lacks_b_leg_times) && times::in_text(data) {
            return Err(Refused::Time(Refused::show(data)));
        }
        let by = By::later(channel);
        by.check(data)?;
        expanded(&by.filled(data), app)?;
        if needs_data(app) {
            let safe = with_safe_files(app, data, None);
            return Ok(match closed(&safe)? {
                Cow::Borrowed(_) => safe,
                Cow::Owned(closed) => Cow::Owned(closed),
            });
        }
    }
    Ok(with_safe_files(app, data, None))
}

/// The data in a form in which no later value of a variable opens a bracket at its
/// beginning: behind an empty one the core looks for no other.
fn closed(data: &[u8]) -> Result<Cow<'_, [u8]>, Refused> {
    let literal = data.iter().position(|b| b"$\\".contains(b));
    let literal = &data[..literal.unwrap_or(data.len())];
    match scope(literal) {
        Scope::To(_) => Ok(Cow::Borrowed(data)),
        Scope::Open => Err(Refused::Later(Refused::show(data))),
        Scope::Absent if literal.len() > 2 || literal.first().is_some_and(|&b| b != b'%') => {
            Ok(Cow::Borrowed(data))
        }
        Scope::Absent => Ok(Cow::Owned([b"%[]", data].concat())),
    }
}

/// Looks at data as far as it is known what it expands to; the worst is taken for
/// the rest.
fn expanded(filled: &[u8], app: &[u8]) -> Result<(), Refused> {
    let with = |unknown: &[u8]| {
        filled
            .split(|&b| b == UNKNOWN)
            .collect::<Vec<_>>()
            .join(unknown)
    };
    let known = with(b"");
    let opens = needs_data(app) && scope(&with(b"%[")) == Scope::Open;
    if opens || scope(&known) == Scope::Open {
        return Err(Refused::Bracket(Refused::show(&known)));
    }
    if matches!(with_safe_files(app, &with(b"{"), None), Cow::Owned(_)) {
        return Err(Refused::Name(Refused::show(&with(b"{"))));
    }
    if wants_none(app) && known.iter().all(|&b| b == b' ') {
        return Err(Refused::Nothing(Refused::show(app)));
    }
    Ok(())
}

/// `app::data` in place of an application's name.
pub(super) fn in_name<'a>(channel: &dyn Call, app: &'a CStr) -> Result<Cow<'a, CStr>, Refused> {
    let text = app.to_bytes();
    let Some(at) = text.windows(2).position(|w| w == b"::") else {
        return Ok(Cow::Borrowed(app));
    };
    Ok(match data(Some(channel), &text[..at], &text[at + 2..])? {
        Cow::Borrowed(_) => Cow::Borrowed(app),
        Cow::Owned(safe) => Cow::Owned(c_string_shown(&[&text[..at + 2], &safe].concat())),
    })
}

/// A text that is a file to play, or `app::data` (`switch_ivr_broadcast`).
pub(super) fn broadcast<'p>(
    channel: Option<&dyn Call>,
    path: &'p [u8],
) -> Result<Cow<'p, [u8]>, Refused> {
    let Some(at) = path.windows(2).position(|w| w == b"::") else {
        return data(channel, b"playback", path);
    };
    // A cause behind the application: what the call is hung up with.
    let app = path[..at].split(|&b| b == b'!').next().unwrap_or_default();
    Ok(match data(channel, app, &path[at + 2..])? {
        Cow::Borrowed(_) => Cow::Borrowed(path),
        Cow::Owned(safe) => Cow::Owned([&path[..at + 2], &safe].concat()),
    })
}

/// `app data`, as a key of a menu runs it.
///
/// # Errors
/// [`Refused`]
pub(crate) fn in_menu(line: &CStr) -> Result<Cow<'_, CStr>, Refused> {
    let text = line.to_bytes();
    let Some(at) = text.iter().position(|&b| b == b' ') else {
        data(None, text, b"")?;
        return Ok(Cow::Borrowed(line));
    };
    Ok(match data(None, &text[..at], &text[at + 1..])? {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        Cow::Owned(safe) => Cow::Owned(c_string_shown(&[&text[..=at], &safe].concat())),
    })
}

/// An event that has a session run an application, as `sendmsg` does.
///
/// # Errors
/// [`Refused`]
pub(crate) fn event(channel: &dyn Call, event: View<'_>) -> Result<(), Refused> {
    const DATA: &CStr = c"execute-app-arg";
    let command = event.header(c"call-command", None).unwrap_or_default();
    if command.eq_ignore_ascii_case(b"xferext") {
        return extension(channel, event);
    }
    if !command.eq_ignore_ascii_case(b"execute") {
        return Ok(());
    }
    let app = event.header(c"execute-app-name", None).unwrap_or_default();
    if let Some(text) = event.header(DATA, None).filter(|text| !text.is_empty()) {
        if let Cow::Owned(safe) = data(Some(channel), &app, &text)? {
            let _ = event.del_header(DATA);
            let _ = event.add_header(DATA, &c_string_shown(&safe));
        }
    } else {
        let body = event.body().unwrap_or_default();
        if let Cow::Owned(safe) = data(Some(channel), &app, &body)? {
            let _ = event.set_body(Some(&c_string_shown(&safe)));
        }
        let name = c_string(app).unwrap_or_default();
        if let Cow::Owned(safe) = in_name(channel, &name)? {
            let _ = event.del_header(c"execute-app-name");
            let _ = event.add_header(c"execute-app-name", &safe);
        }
    }
    Ok(())
}

/// An event that sends a session to applications of its own, each a header.
fn extension(channel: &dyn Call, event: View<'_>) -> Result<(), Refused> {
    for (name, values) in event.headers() {
        if !name.eq_ignore_ascii_case(b"application") {
            continue;
        }
        for text in values {
            let at = text.iter().position(|&b| b == b' ');
            let (app, rest) = text.split_at(at.unwrap_or(text.len()));
            if let Cow::Owned(_) = data(Some(channel), app, rest.get(1..).unwrap_or_default())? {
                return Err(Refused::Name(Refused::show(&text)));
            }
        }
    }
    Ok(())
}

/// Where a call is sent by words of which the one before `inline` is the target;
/// `first` is the earliest that can be `inline`.
pub(super) fn in_words<'a>(
    channel: Option<&dyn Call>,
    argument: &'a [u8],
    first: usize,
) -> Result<Cow<'a, [u8]>, Refused> {
    const LAST: usize = 12;
    let dialplan = (first..LAST).find(|&at| {
        files::word(argument, at).is_some_and(|word| argument[word].eq_ignore_ascii_case(b"inline"))
    });
    let Some(target) = dialplan.and_then(|at| files::word(argument, at - 1)) else {
        return Ok(Cow::Borrowed(argument));
    };
    let word = &argument[target.clone()];
    // The quotes of a word with blanks stay around it.
    let quoted = word.len() > 1 && word.starts_with(b"'") && word.ends_with(b"'");
    let bare = if quoted {
        &word[1..word.len() - 1]
    } else {
        word
    };
    let quote: &[u8] = if quoted { b"'" } else { b"" };
    Ok(match inline(channel, bare)? {
        Cow::Borrowed(_) => Cow::Borrowed(argument),
        Cow::Owned(safe) => Cow::Owned(
            [
                &argument[..target.start],
                quote,
                &safe,
                quote,
                &argument[target.end..],
            ]
            .concat(),
        ),
    })
}

/// `extension/dialplan/context`, as `uuid_dual_transfer` has it.
pub(super) fn in_path<'p>(
    channel: Option<&dyn Call>,
    path: &'p [u8],
) -> Result<Cow<'p, [u8]>, Refused> {
    let mut parts = path.splitn(3, |&b| b == b'/');
    let (Some(target), Some(dialplan)) = (parts.next(), parts.next()) else {
        return Ok(Cow::Borrowed(path));
    };
    if !dialplan.eq_ignore_ascii_case(b"inline") {
        return Ok(Cow::Borrowed(path));
    }
    match inline(channel, target)? {
        Cow::Borrowed(_) => Ok(Cow::Borrowed(path)),
        // A slash in it would end the target.
        Cow::Owned(safe) if safe.contains(&b'/') => Err(Refused::Name(Refused::show(target))),
        Cow::Owned(safe) => Ok(Cow::Owned([&safe, &path[target.len()..]].concat())),
    }
}

/// Where a call is sent by the dialplan `inline`: `app:data,app:data`, or with
/// another separator `m:;:app:data;app:data`.
///
/// # Errors
/// [`Refused`]
pub(crate) fn inline<'t>(
    channel: Option<&dyn Call>,
    target: &'t [u8],
) -> Result<Cow<'t, [u8]>, Refused> {
    let (head, separator) = match target {
        [b'm', b':', separator, b':', ..] => (4, *separator),
        _ => (0, b','),
    };
    let body = &target[head..];
    let mut out = target[..head].to_vec();
    let mut changed = false;
    for piece in files::pieces(body, std::slice::from_ref(&separator)) {
        if piece.start > 0 {
            out.push(separator);
        }
        let text = &body[piece];
        let at = text.iter().position(|&b| b == b':').map(|at| at + 1);
        let (app, rest) = text.split_at(at.unwrap_or(text.len()));
        let app_name = app.strip_suffix(b":").unwrap_or(app).trim_ascii();
        let safe = data(channel, app_name, rest)?;
        changed |= matches!(safe, Cow::Owned(_));
        out.extend_from_slice(app);
        out.extend_from_slice(&safe);
    }
    Ok(if changed {
        Cow::Owned(out)
    } else {
        Cow::Borrowed(target)
    })
}

/// As [`inline`], for a transfer, whose dialplan may be another.
///
/// # Errors
/// [`Refused`]
pub(crate) fn transfer<'t>(
    channel: &dyn Call,
    extension: &'t CStr,
    dialplan: Option<&CStr>,
) -> Result<Cow<'t, CStr>, Refused> {
    if !dialplan.is_some_and(|d| d.to_bytes().eq_ignore_ascii_case(b"inline")) {
        return Ok(Cow::Borrowed(extension));
    }
    Ok(match inline(Some(channel), extension.to_bytes())? {
        Cow::Borrowed(_) => Cow::Borrowed(extension),
        changed @ Cow::Owned(_) => Cow::Owned(c_text(changed, extension)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasts() {
        let safe = |path: &[u8]| broadcast(None, path).map(std::borrow::Cow::into_owned);
        assert_eq!(safe(b"{"), Ok(b"./{".to_vec()));
        assert_eq!(safe(b"playback::{"), Ok(b"playback::./{".to_vec()));
        assert_eq!(
            safe(b"log!normal_clearing::INFO {"),
            Ok(b"log!normal_clearing::INFO {".to_vec())
        );
        assert!(safe(b"loop_playback::%[a${uuid}").is_err());
        let same = |path: &[u8]| safe(path) == Ok(path.to_vec());
        assert!(same(b"loop_playback::%[a=b]${uuid}"));
        assert!(same(b"loop_playback::+2 ${uuid}"));
        assert!(same(b"loop_playback::%(1${uuid}"));
        assert!(same(b"playback::${later}${uuid}"));
    }

    #[test]
    fn no_later_value_opens_a_bracket() {
        let safe = |path: &[u8]| broadcast(None, path).map(std::borrow::Cow::into_owned);
        for text in [
            &b"${later}${uuid}"[..],
            b"\\'%[a",
            b"%${later}",
            b"%;${later}",
        ] {
            let path = [b"loop_playback::", text].concat();
            assert_eq!(safe(&path), Ok([b"loop_playback::%[]", text].concat()));
        }
        // No empty bracket helps where one that is meant has the variable in it.
        assert!(matches!(
            safe(b"loop_playback::%[a=${uuid}]b"),
            Err(Refused::Later(_))
        ));
    }

    #[test]
    fn paths() {
        let safe = |path: &[u8]| in_path(None, path).map(std::borrow::Cow::into_owned);
        assert_eq!(
            safe(b"loop_playback:${a}/inline/x"),
            Ok(b"loop_playback:%[]${a}/inline/x".to_vec())
        );
        assert!(safe(b"playback:{/inline").is_err());
        assert_eq!(safe(b"1000/XML/default"), Ok(b"1000/XML/default".to_vec()));
        assert_eq!(safe(b"{"), Ok(b"{".to_vec()));
    }

    #[test]
    fn inline_targets() {
        let safe = |target: &[u8]| inline(None, target).map(std::borrow::Cow::into_owned);
        assert_eq!(
            safe(b"answer,playback:{"),
            Ok(b"answer,playback:./{".to_vec())
        );
        assert_eq!(
            safe(b"m:;:playback:{;hangup"),
            Ok(b"m:;:playback:./{;hangup".to_vec())
        );
        assert_eq!(safe(b"answer,hangup"), Ok(b"answer,hangup".to_vec()));
        assert!(safe(b"loop_playback:%[a${uuid}").is_err());
    }
}

//! An application and its data, made such that the core survives both, right before
//! `switch_core_session_exec`.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use super::application::{
    Scope, delimiter, may_open_scope, moves, place, scope, wants_none, with_safe_files,
};
use super::expansion::By;
use super::{Call, Refused, c_text, escaped, files, holds_escape, holds_variable, queued};
use crate::Detached;

/// Application and data as the core can take them.
pub(crate) type Prepared<'d> = (Cow<'d, CStr>, Option<Cow<'d, CStr>>);

/// Makes an application and its data such that the core survives them.
///
/// # Errors
/// [`Refused`]: there is no such form.
pub(crate) fn prepare<'d>(
    channel: &dyn Call,
    held: &Detached,
    app: &'d CStr,
    data: Option<&'d CStr>,
    expand: bool,
) -> Result<Prepared<'d>, Refused> {
    let Some(data) = data else {
        // Data that a dialplan leaves out is empty, and no application dies of that.
        let none = app.to_bytes().windows(2).any(|w| w == b"::") || wants_none(app.to_bytes());
        let data = (!none).then_some(Cow::Borrowed(c""));
        return Ok((queued::in_name(channel, app)?, data));
    };
    let text = data.to_bytes();
    if wants_none(app.to_bytes()) && text.iter().all(|&b| b == b' ') {
        return Ok((Cow::Borrowed(app), None));
    }
    let plain = !text.iter().any(|b| b"$%".contains(b)) && !files::suspicious(text);
    if plain && !moves(app.to_bytes()) {
        return Ok((Cow::Borrowed(app), Some(Cow::Borrowed(data))));
    }
    let data = checked(channel, held, app.to_bytes(), data, expand)?;
    Ok((Cow::Borrowed(app), Some(data)))
}

/// Mends the file names in data that is not expanded any more, or in what it sends
/// the call to.
fn with_safe_parts<'d>(
    channel: &dyn Call,
    app: &[u8],
    data: &'d [u8],
) -> Result<Cow<'d, [u8]>, Refused> {
    if moves(app) {
        return queued::in_words(Some(channel), data, 1);
    }
    Ok(with_safe_files(app, data, delimiter(channel)))
}

fn checked<'d>(
    channel: &dyn Call,
    held: &Detached,
    app: &[u8],
    data: &'d CStr,
    expand: bool,
) -> Result<Cow<'d, CStr>, Refused> {
    let text = data.to_bytes();
    let changes = holds_variable(text) || holds_escape(text);
    if !(expand && changes && channel.expands()) {
        return Ok(match with_safe_parts(channel, app, text)? {
            Cow::Borrowed(_) => Cow::Borrowed(data),
            changed @ Cow::Owned(_) => Cow::Owned(c_text(changed, data)),
        });
    }
    By::now(channel).check(text)?;
    if place(app, text).is_none()
        && !wants_none(app)
        && !moves(app)
        && !channel.lacks_b_leg_times()
        && !may_open_scope(channel, text)
    {
        return Ok(Cow::Borrowed(data));
    }
    let expanded = channel.expand(held, data);
    if scope(expanded.to_bytes()) == Scope::Open {
        return Err(Refused::Bracket(Refused::show(expanded.to_bytes())));
    }
    if wants_none(app) && expanded.to_bytes().iter().all(|&b| b == b' ') {
        return Err(Refused::Nothing(Refused::show(app)));
    }
    let safe = with_safe_parts(channel, app, expanded.to_bytes())?.into_owned();
    Ok(Cow::Owned(
        CString::new(escaped(safe)).unwrap_or_else(|_| expanded.clone()),
    ))
}

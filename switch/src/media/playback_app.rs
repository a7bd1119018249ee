//! The `playback` application, carried out here so that an input callback fires.
//!
//! The core's own passes a callback of its own to the file player, which a
//! script cannot reach. What others can see of it stays the same: expansion of
//! `${}`, the events around it, `file@@samples`, and the variables it sets.

use std::ffi::{CStr, CString};
use std::sync::Arc;

use bindings::{CF_BREAK, SWITCH_STATUS_BREAK, SWITCH_STATUS_NOTFOUND};

use super::input::{Dtmf, Input, InputAction};
use crate::event::shared::Event;
use crate::event::{Kind, OwnedEvent};
use crate::session::Session;
use crate::text::{c_string, c_string_shown};
use crate::{Detached, Status};

/// Gives the script's callback the digit first; where it has no opinion the
/// call's `playback_terminators` decide.
struct Terminators<'a> {
    script: &'a dyn Input,
    digits: Vec<u8>,
}

impl Input for Terminators<'_> {
    fn digit(&self, session: Session<'_>, dtmf: Dtmf) -> InputAction {
        match self.script.digit(session, dtmf) {
            InputAction::GoOn if self.digits.contains(&dtmf.digit) => {
                let _ = session.channel().set_variable(
                    c"playback_terminator_used",
                    Some(&c_string_shown(&[dtmf.digit])),
                );
                InputAction::Stop
            }
            verdict => verdict,
        }
    }

    fn event(&self, session: Session<'_>, event: &Arc<Event>) -> InputAction {
        self.script.event(session, event)
    }
}

fn terminators(session: Session<'_>) -> Vec<u8> {
    match session.channel().variable(c"playback_terminators") {
        None => b"*".to_vec(),
        Some(t) if t.eq_ignore_ascii_case(b"none") => Vec::new(),
        Some(t) if t.eq_ignore_ascii_case(b"any") => b"1234567890*#".to_vec(),
        Some(t) => t,
    }
}

impl Session<'_> {
    /// Plays as `execute("playback", data)` does, with the script listening.
    pub fn playback(self, held: &Detached, data: &CStr, expand: bool, script: &dyn Input) {
        let channel = self.channel();
        let data = if expand {
            channel.expand(held, data)
        } else {
            data.to_owned()
        };
        let set = |name: &CStr, value: Option<&CStr>| {
            // The names are ours and never empty, so the core takes them.
            let _ = channel.set_variable(name, value);
        };
        set(c"current_application", Some(c"playback"));
        set(c"current_application_data", Some(&data));
        set(c"current_application_response", None);
        self.announce(held, Kind::CHANNEL_EXECUTE, &data);
        channel.clear(CF_BREAK);
        set(c"playback_terminator_used", Some(c""));

        let (file, start) = split_start(&data);
        let input = Terminators {
            script,
            digits: terminators(self),
        };
        let played = self.play(held, &file, start, Some(&input));
        set(
            c"current_application_response",
            Some(match played {
                Ok(()) | Err(Status(SWITCH_STATUS_BREAK)) => c"FILE PLAYED",
                Err(Status(SWITCH_STATUS_NOTFOUND)) => c"FILE NOT FOUND",
                Err(_) => c"PLAYBACK ERROR",
            }),
        );
        self.announce(held, Kind::CHANNEL_EXECUTE_COMPLETE, &data);
    }

    fn announce(self, held: &Detached, kind: Kind, data: &CStr) {
        let Ok(mut event) = OwnedEvent::new(kind, None) else {
            return;
        };
        self.channel().describe(&mut event);
        let view = event.view();
        let _ = view.add_header(c"Application", c"playback");
        let _ = view.add_header(c"Application-Data", data);
        if kind == Kind::CHANNEL_EXECUTE_COMPLETE {
            let response = self.channel().variable(c"current_application_response");
            let response = response.and_then(|r| c_string(r).ok());
            let _ = view.add_header(
                c"Application-Response",
                response.as_deref().unwrap_or(c"_none_"),
            );
        }
        if let Err(status) = event.fire(held) {
            tracing::debug!(%status, "the event was not fired");
        }
    }
}

/// `file@@8000` starts 8000 samples in.
fn split_start(data: &CStr) -> (CString, u32) {
    let bytes = data.to_bytes();
    let Some(at) = bytes.windows(2).position(|w| w == b"@@") else {
        return (data.to_owned(), 0);
    };
    let digits = bytes[at + 2..].iter().take_while(|b| b.is_ascii_digit());
    let start = digits.fold(0u32, |n, d| {
        n.saturating_mul(10).saturating_add(u32::from(d - b'0'))
    });
    (c_string_shown(&bytes[..at]), start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_name_its_start() {
        assert_eq!(split_start(c"a.wav@@8000"), (c"a.wav".to_owned(), 8000));
        assert_eq!(split_start(c"a@b.wav"), (c"a@b.wav".to_owned(), 0));
        assert_eq!(split_start(c"a.wav@@"), (c"a.wav".to_owned(), 0));
    }
}

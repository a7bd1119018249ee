//! A far end that follows a script: when it answers, presses, hangs up.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;

use super::cue::{Counted, Cue};
use super::deed::{later, press};
use crate::c::CS_EXECUTE;
use crate::cause;
use crate::ivr::recognise;
use crate::module::own::Dialled;
use crate::session::endpoint::{Endpoint, Heard};
use crate::session::{Extension, Profile, Session};
use crate::text::c_string;
use crate::transcript::Kind;

/// What the far end does, in microseconds from when the leg was made; what a phone
/// does once it has answered, from there.
#[derive(Clone, Debug)]
pub struct Script {
    /// When it answers a call that comes to it; `None`: never.
    pub answer_after: Option<i64>,
    /// When it rings.
    pub ring_after: Option<i64>,
    /// Why it does not take the call, and when it says so.
    pub refuse: Option<(i64, BString)>,
    /// Digits, and when they are pressed.
    pub press: Vec<(i64, BString)>,
    /// Words, and when they are spoken.
    pub says: Vec<(i64, BString)>,
    /// When it hangs up.
    pub hangup_after: Option<i64>,
    /// What it does when it hears something.
    pub cues: Vec<Cue>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            answer_after: Some(0),
            ring_after: None,
            refuse: None,
            press: Vec::new(),
            says: Vec::new(),
            hangup_after: None,
            cues: Vec::new(),
        }
    }
}

impl Script {
    /// The script that the variables of a dial string make: `pocket_answer_after`,
    /// `pocket_ring_after`, `pocket_refuse`, `pocket_refuse_after`,
    /// `pocket_press` (`1.5:12 2:#`), `pocket_says` (`1.5:'one word' 4:two`) and
    /// `pocket_hangup_after`, in seconds.
    pub(crate) fn from_variables(get: impl Fn(&str) -> Option<BString>) -> Self {
        let micros = |name: &str| get(name).and_then(|value| seconds(&value));
        let refuse =
            get("pocket_refuse").map(|cause| (micros("pocket_refuse_after").unwrap_or(0), cause));
        let timed = |name: &str| {
            get(name).map_or_else(Vec::new, |entries| {
                crate::text::split(&entries, b' ', 1000)
                    .iter()
                    .filter_map(|entry| {
                        let (when, what) = crate::text::cut(entry, b':');
                        Some((seconds(when)?, what.to_owned()))
                    })
                    .collect()
            })
        };
        let never = get("pocket_answer_after").is_some_and(|value| value == "never");
        Self {
            answer_after: (!never).then(|| micros("pocket_answer_after").unwrap_or(0)),
            ring_after: micros("pocket_ring_after"),
            refuse,
            press: timed("pocket_press"),
            says: timed("pocket_says"),
            hangup_after: micros("pocket_hangup_after"),
            cues: Vec::new(),
        }
    }
}

fn seconds(text: &[u8]) -> Option<i64> {
    let seconds: f64 = text.to_str().ok()?.trim_ascii().parse().ok()?;
    // A schedule of centuries is cut, not wrapped.
    Some((seconds.clamp(0.0, 1e9) * 1e6) as i64)
}

/// The far end of a leg.
pub(crate) struct FarEnd {
    script: Script,
    cues: Vec<Counted>,
    /// The name of a phone, whose deeds are counted from where it answers.
    phone: Option<BString>,
    /// What an inbound leg runs in the place of the dialplan.
    first: Mutex<Option<Extension>>,
}

impl FarEnd {
    pub(crate) fn new(mut script: Script, first: Option<Extension>) -> Self {
        let cues = std::mem::take(&mut script.cues);
        Self {
            script,
            cues: cues.into_iter().map(Counted::new).collect(),
            phone: None,
            first: Mutex::new(first),
        }
    }

    pub(super) fn of_phone(script: Script, name: BString) -> Self {
        Self {
            phone: Some(name),
            ..Self::new(script, None)
        }
    }
}

impl FarEnd {
    fn hang_up_later(&self, session: &Arc<Session>, begin: i64) {
        if let Some(when) = self.script.hangup_after {
            later(session, begin + when, |session| {
                session.hangup_by("far end", cause::NORMAL_CLEARING);
            });
        }
    }
}

/// `pocket/name`: a phone that does what the variables say.
pub(super) fn dial(call: &Dialled<'_>, profile: &mut Profile) -> Box<dyn Endpoint> {
    profile.chan_name = c_string(&[b"pocket/", call.destination.as_bytes()].concat());
    profile.source = c"mod_pocket".to_owned();
    let script = Script::from_variables(|name| call.variable(name));
    Box::new(FarEnd::new(script, None))
}

impl Endpoint for FarEnd {
    fn has_codec_at_once(&self) -> bool {
        false
    }

    fn receive_event(&self, session: &Session, body: BString) -> bool {
        session.note(Kind::Message, body, Vec::new());
        true
    }

    fn hears(&self, session: &Arc<Session>, heard: Heard, sound: &BStr) {
        for cue in &self.cues {
            cue.hears(session, heard, sound);
        }
    }

    fn phone(&self) -> Option<&BStr> {
        self.phone.as_ref().map(|name| name.as_bstr())
    }

    fn on_routing(&self, session: &Arc<Session>) -> bool {
        let first = self.first.lock().take();
        let goes_on = first.is_none();
        if let Some(first) = first {
            *session.extension.lock() = Some(first);
            session.set_state(CS_EXECUTE);
        }
        goes_on
    }

    fn begin(&self, session: &Arc<Session>) {
        let script = &self.script;
        if session.outbound {
            if let Some((when, cause)) = script.refuse.clone() {
                later(session, when, move |session| {
                    session.hangup_by("far end", cause::parse(&cause));
                });
            } else {
                if let Some(when) = script.ring_after {
                    later(
                        session,
                        when,
                        super::super::session::Session::mark_ring_ready,
                    );
                }
                if let Some(when) = script.answer_after {
                    later(session, when, |session| {
                        session.set_codec();
                        session.mark_answered();
                    });
                }
            }
        }
        let begin = match (&self.phone, script.answer_after) {
            (None, _) => 0,
            (Some(_), Some(answer)) if script.refuse.is_none() => answer,
            // A phone that is never answered does nothing but to be hung up.
            (Some(_), _) => {
                self.hang_up_later(session, 0);
                return;
            }
        };
        for (when, digits) in script.press.clone() {
            later(session, begin + when, move |session| {
                press(session, &digits);
            });
        }
        for (when, words) in script.says.clone() {
            later(session, begin + when, move |session| {
                recognise::hear(session, words);
            });
        }
        self.hang_up_later(session, begin);
    }
}

//! Stand-ins for speech: nothing is heard, but it takes its time, can be
//! interrupted, and stands in the transcript.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::input::Input;
use super::sleep::look;
use crate::c::*;
use crate::session::{Session, say};
use crate::transcript::Kind;

/// How long one character takes, in microseconds.
pub(crate) const CHARACTER: i64 = 60_000;

/// The types of `say` that the core has names for.
const SAY_TYPES: [&str; 19] = [
    "NUMBER",
    "ITEMS",
    "PERSONS",
    "MESSAGES",
    "CURRENCY",
    "TIME_MEASUREMENT",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_DATE_TIME",
    "TELEPHONE_NUMBER",
    "TELEPHONE_EXTENSION",
    "URL",
    "IP_ADDRESS",
    "EMAIL_ADDRESS",
    "POSTAL_ADDRESS",
    "ACCOUNT_NUMBER",
    "NAME_SPELLED",
    "NAME_PHONETIC",
    "SHORT_DATE_TIME",
];

/// Nobody listens to more of a stand-in than this, in microseconds.
const LONGEST: i64 = 60_000_000;

/// How long a text takes to be said.
pub(crate) fn length(text: &[u8]) -> i64 {
    i64::try_from(text.chars().count())
        .unwrap_or(i64::MAX / CHARACTER)
        .saturating_mul(CHARACTER)
        .min(LONGEST)
}

/// Whether an engine, a language or a macro is there: all are, but those that say
/// otherwise by their names, so that scripts can be tested without them, too.
pub(crate) fn is_there(name: &BStr) -> bool {
    !name.is_empty() && name != "none" && !name.starts_with(b"no_such")
}

/// `switch_ivr_speak_text`.
pub(crate) fn speak(
    session: &Arc<Session>,
    engine: &BStr,
    voice: &BStr,
    text: &BStr,
    input: Option<&mut dyn Input>,
) -> Status {
    if session.pre_answer() != SUCCESS {
        return FAILURE;
    }
    if !is_there(engine) {
        say!(session, ERROR, "Invalid TTS module {engine}[{voice}]!");
        return GENERR;
    }
    let data = vec![("engine", engine.to_owned()), ("voice", voice.to_owned())];
    utter(session, Kind::Spoken, text, data, text, input)
}

/// What is to be said, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Say<'a> {
    pub(crate) what: &'a BStr,
    pub(crate) module: &'a BStr,
    pub(crate) kind: &'a BStr,
    pub(crate) method: &'a BStr,
    pub(crate) gender: &'a BStr,
}

/// `switch_ivr_say`.
pub(crate) fn say(
    session: &Arc<Session>,
    asked: &Say<'_>,
    input: Option<&mut dyn Input>,
) -> Status {
    let known = SAY_TYPES
        .iter()
        .any(|known| asked.kind.eq_ignore_ascii_case(known.as_bytes()));
    if !known {
        say!(session, ERROR, "Unknown Say type=[{}]", asked.kind);
        return FAILURE;
    }
    let language = if asked.module.is_empty() {
        BStr::new("en")
    } else {
        asked.module
    };
    if !is_there(language) {
        say!(session, ERROR, "Invalid SAY Interface [{language}]!");
        return FAILURE;
    }
    if !session.media_ready() {
        return FAILURE;
    }
    let data = [
        ("module", language),
        ("type", asked.kind),
        ("method", asked.method),
        ("gender", asked.gender),
    ]
    .into_iter()
    .map(|(name, value)| (name, value.to_owned()))
    .collect();
    utter(session, Kind::Said, asked.what, data, asked.what, input)
}

/// `switch_ivr_phrase_macro`: the macro is not looked up; what it would be given
/// is what takes time, or its name.
pub(crate) fn phrase(
    session: &Arc<Session>,
    name: &BStr,
    data: &BStr,
    language: &BStr,
    input: Option<&mut dyn Input>,
) -> Status {
    if name.is_empty() {
        say!(session, ERROR, "No phrase macro specified.");
        return GENERR;
    }
    if !is_there(name) {
        say!(session, ERROR, "Can't find macro {name}.");
        return GENERR;
    }
    if session.pre_answer() != SUCCESS {
        return FAILURE;
    }
    let language = if language.is_empty() {
        session
            .get("default_language")
            .unwrap_or_else(|| "en".into())
    } else {
        language.to_owned()
    };
    let noted = vec![("data", data.to_owned()), ("language", language)];
    let length = if data.is_empty() { name } else { data };
    utter(session, Kind::Phrase, name, noted, length, input)
}

/// Why a text that was heard to its end is not spoken any more.
const HEARD: &str = "end";

/// Takes the time that `words` take, with digits and events for the input callback.
fn utter(
    session: &Arc<Session>,
    kind: Kind,
    text: &BStr,
    mut data: Vec<(&'static str, BString)>,
    words: &BStr,
    input: Option<&mut dyn Input>,
) -> Status {
    let began = session.core.clock.now();
    let heard = if kind == Kind::Phrase { text } else { words };
    session.begin_sound(Kind::Speaks, heard);
    let (status, why) = last(session, length(words), input);
    let ended = session.core.clock.now();
    data.extend([
        ("start", began.to_string().into()),
        ("end", ended.to_string().into()),
        ("why", why.into()),
    ]);
    session.note(kind, text, data);
    if why == HEARD {
        session.end_sound(heard);
    }
    status
}

/// Speaks for that many microseconds; what a callback does is added to that.
fn last(
    session: &Arc<Session>,
    mut left: i64,
    mut input: Option<&mut dyn Input>,
) -> (Status, &'static str) {
    loop {
        if !session.ready() {
            let why = if session.is_up() { "stopped" } else { "hangup" };
            return (FAILURE, why);
        }
        if session.take_break().is_some() {
            return (BREAK, "break");
        }
        session.parse_all_events();
        if let Some(input) = &mut input {
            let digit = session.has_digit();
            let status = look(session, &mut **input);
            if status != SUCCESS {
                return (status, if digit { "digit" } else { "event" });
            }
        }
        if left <= 0 {
            return (SUCCESS, HEARD);
        }
        let Some(heard) = session.hear_frame() else {
            return (SUCCESS, "hangup");
        };
        left -= heard;
        if let Some(input) = &mut input {
            let status = input.frame(session);
            if status != SUCCESS {
                return (status, "stopped");
            }
        }
    }
}

/// What `say:` and `phrase:` in the place of a file ask for; `None` for a file.
pub(crate) fn in_place_of_file(
    session: &Arc<Session>,
    file: &BStr,
    input: Option<&mut dyn Input>,
) -> Option<Status> {
    let begins = |prefix: &[u8]| {
        let (start, rest) = file.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then(|| rest.as_bstr())
    };
    if let Some(rest) = begins(b"phrase:") {
        let (name, data) = crate::text::cut(rest, b':');
        let language = session.get("language").unwrap_or_default();
        return Some(phrase(session, name, data, language.as_bstr(), input));
    }
    let text = begins(b"say:")?;
    let voice = session.get("tts_voice").unwrap_or_default();
    Some(if let Some(engine) = session.get("tts_engine") {
        speak(session, engine.as_bstr(), voice.as_bstr(), text, input)
    } else {
        say!(session, ERROR, "Invalid Args");
        SUCCESS
    })
}

//! A stand-in for speech recognition: what the far end says is what is
//! recognised, word for word, by whatever engine and grammar.

use std::collections::BTreeMap;
use std::sync::Arc;

use bindings::{
    SWITCH_EVENT_DETECTED_SPEECH, SWITCH_STATUS_NOT_INITALIZED as NOT_INITALIZED, switch_dtmf_t,
};
use bstr::{BStr, BString, ByteSlice};
use parking_lot::MappedMutexGuard;

use super::input::Input;
use super::{play, sleep, speak};
use crate::c::*;
use crate::event::Event;
use crate::place::here;
use crate::session::{Session, say};
use crate::text::{is_true, number};
use crate::transcript::Kind;

/// Milliseconds without a word until that is reported, unless the parameter
/// `no-input-timeout` says otherwise.
const NO_INPUT: i64 = 5000;

/// What an engine says of a recognition: it went well, or nobody said anything.
const DONE: &str = "000";
const NOBODY: &str = "002";

/// An engine that is open on a leg.
pub(crate) struct Recogniser {
    /// By name, and whether they are enabled.
    grammars: BTreeMap<BString, bool>,
    parameters: BTreeMap<BString, BString>,
    /// It takes a result; after one it does no more until it is resumed.
    listening: bool,
    /// Which of the timers counts.
    timer: u64,
}

/// The engine that is open on a leg, if one is.
fn engine_of(session: &Session) -> MappedMutexGuard<'_, Option<Recogniser>> {
    session.attached.get()
}

impl Recogniser {
    fn parameter(&self, name: &str) -> Option<&BString> {
        self.parameters.get(BStr::new(name))
    }
}

/// Opens an engine, unless [`speak::is_there`] says that it is not there.
pub(crate) fn open(session: &Arc<Session>, engine: &BStr) -> Status {
    if engine_of(session).is_some() {
        return SUCCESS;
    }
    if !speak::is_there(engine) {
        say!(session, ERROR, "Invalid ASR module [{engine}]!");
        return GENERR;
    }
    if session.pre_answer() != SUCCESS {
        return FAILURE;
    }
    *engine_of(session) = Some(Recogniser {
        grammars: BTreeMap::new(),
        parameters: BTreeMap::new(),
        listening: false,
        timer: 0,
    });
    let data = vec![("what", "begins".into())];
    session.note(Kind::Listens, engine, data);
    SUCCESS
}

/// `switch_ivr_detect_speech`: opens the engine, or resumes it, with one grammar
/// more.
pub(crate) fn begin(session: &Arc<Session>, engine: &BStr, grammar: &BStr, name: &BStr) -> Status {
    if open(session, engine) != SUCCESS {
        return NOT_INITALIZED;
    }
    load(session, grammar, name)
}

/// Loads a grammar; what stands in braces before it are parameters.
pub(crate) fn load(session: &Arc<Session>, grammar: &BStr, name: &BStr) -> Status {
    if engine_of(session).is_none() {
        return FAILURE;
    }
    if grammar.is_empty() {
        say!(session, DEBUG, "Error loading Grammar");
        stop(session);
        return FAILURE;
    }
    if let Some(recogniser) = &mut *engine_of(session) {
        if let Some(inner) = grammar
            .strip_prefix(b"{")
            .and_then(|rest| rest.split_once_str("}"))
        {
            for pair in crate::text::split(inner.0, b',', 64) {
                let (name, value) = crate::text::cut(&pair, b'=');
                recogniser
                    .parameters
                    .insert(name.trim_ascii().into(), value.to_owned());
            }
        }
        recogniser.grammars.insert(name.to_owned(), true);
        recogniser.listening = true;
    }
    let data = vec![("what", "grammar".into()), ("grammar", grammar.to_owned())];
    session.note(Kind::Listens, name, data);
    start_unless_told(session);
    SUCCESS
}

/// Changes the engine that is open; fails when none is.
fn change(session: &Session, change: impl FnOnce(&mut Recogniser) -> bool) -> Status {
    let changed = engine_of(session).as_mut().is_some_and(change);
    if changed { SUCCESS } else { FAILURE }
}

/// Does something about a grammar; as in the core the engine is closed when it
/// has none of that name.
fn with_grammar(
    session: &Arc<Session>,
    what: impl FnOnce(&mut BTreeMap<BString, bool>) -> bool,
) -> Status {
    if engine_of(session).is_none() {
        return FAILURE;
    }
    let status = change(session, |recogniser| what(&mut recogniser.grammars));
    if status != SUCCESS {
        stop(session);
    }
    status
}

pub(crate) fn unload(session: &Arc<Session>, name: &BStr) -> Status {
    with_grammar(session, |grammars| grammars.remove(name).is_some())
}

pub(crate) fn enable(session: &Arc<Session>, name: &BStr, enabled: bool) -> Status {
    with_grammar(session, |grammars| match grammars.get_mut(name) {
        Some(slot) => {
            *slot = enabled;
            true
        }
        None => false,
    })
}

pub(crate) fn disable_all(session: &Arc<Session>) -> Status {
    with_grammar(session, |grammars| {
        for slot in grammars.values_mut() {
            *slot = false;
        }
        true
    })
}

pub(crate) fn pause(session: &Session) -> Status {
    change(session, |recogniser| {
        recogniser.listening = false;
        recogniser.timer += 1;
        true
    })
}

pub(crate) fn resume(session: &Arc<Session>) -> Status {
    let status = change(session, |recogniser| {
        recogniser.listening = true;
        true
    });
    if status == SUCCESS {
        start_unless_told(session);
    }
    status
}

pub(crate) fn set_parameter(session: &Session, name: &BStr, value: &BStr) -> Status {
    change(session, |recogniser| {
        recogniser
            .parameters
            .insert(name.to_owned(), value.to_owned());
        true
    })
}

/// Closes the engine; fails when none is open.
pub(crate) fn stop(session: &Arc<Session>) -> Status {
    if engine_of(session).take().is_none() {
        return FAILURE;
    }
    session.note(Kind::Listens, "", vec![("what", "ends".into())]);
    tell(session, "closed", None, None);
    SUCCESS
}

/// Timers begin with listening, unless `start-input-timers` is false.
fn start_unless_told(session: &Arc<Session>) {
    let waits = engine_of(session).as_ref().is_some_and(|recogniser| {
        recogniser
            .parameter("start-input-timers")
            .is_some_and(|value| !is_true(value))
    });
    if !waits {
        start_timers(session);
    }
}

/// From now on silence is counted.
pub(crate) fn start_timers(session: &Arc<Session>) -> Status {
    let (timer, milliseconds) = match &mut *engine_of(session) {
        None => return FAILURE,
        Some(recogniser) => {
            recogniser.timer += 1;
            let milliseconds = recogniser
                .parameter("no-input-timeout")
                .map_or(NO_INPUT, |value| number(value));
            (recogniser.timer, milliseconds)
        }
    };
    if milliseconds <= 0 {
        return SUCCESS;
    }
    let leg = Arc::downgrade(session);
    let at = session.core.clock.now() + milliseconds * 1000;
    session.core.timers.at(at, move || {
        let Some(session) = leg.upgrade().filter(|session| session.is_up()) else {
            return;
        };
        let over = match &mut *engine_of(&session) {
            Some(recogniser) if recogniser.timer == timer && recogniser.listening => {
                recogniser.listening = false;
                true
            }
            _ => false,
        };
        if over {
            tell(&session, "detected-speech", Some("".into()), Some(NOBODY));
        }
    });
    SUCCESS
}

/// The far end speaks, from now on and for as long as the text takes.
pub(crate) fn hear(session: &Arc<Session>, text: BString) {
    let now = session.core.clock.now();
    let end = now.saturating_add(speak::length(&text));
    session.speak_until(end);
    let data = vec![
        ("start", now.to_string().into()),
        ("end", end.to_string().into()),
    ];
    session.note(Kind::Heard, text.clone(), data);
    let timer = match &mut *engine_of(session) {
        Some(recogniser)
            if recogniser.listening && recogniser.grammars.values().any(|enabled| *enabled) =>
        {
            // A caller who speaks is not silent.
            recogniser.timer += 1;
            recogniser.timer
        }
        _ => return,
    };
    tell(session, "begin-speaking", None, None);
    let leg = Arc::downgrade(session);
    session.core.timers.at(end, move || {
        let Some(session) = leg.upgrade().filter(|session| session.is_up()) else {
            return;
        };
        let heard = match &mut *engine_of(&session) {
            // Timers that were started since then do not end what was begun.
            Some(recogniser) if recogniser.listening && recogniser.timer >= timer => {
                recogniser.listening = false;
                recogniser.timer += 1;
                true
            }
            _ => false,
        };
        if heard {
            tell(&session, "detected-speech", Some(text), Some(DONE));
        }
    });
}

/// Sends it to the leg's own event queue, and to all subscribers when `fire_asr_events` is true.
fn tell(session: &Arc<Session>, kind: &str, body: Option<BString>, cause: Option<&str>) {
    let mut event = session
        .core
        .events
        .create(SWITCH_EVENT_DETECTED_SPEECH, None, here!());
    event.add("Speech-Type", kind);
    if let Some(cause) = cause {
        event.add("ASR-Completion-Cause", cause);
    }
    event.set_body(body.as_ref().map(|body| body.as_slice()));
    if session.is_true("fire_asr_events") {
        let mut copy = event.duplicate();
        session.describe(&mut copy);
        session.core.events.fire(copy);
    }
    session.divert(event);
}

/// The progress of playing and detecting.
struct Waiting<'a> {
    done: bool,
    recognised: bool,
    result: BString,
    input: Option<&'a mut dyn Input>,
}

impl Input for Waiting<'_> {
    fn takes_digits(&self) -> bool {
        true
    }

    fn takes_events(&self) -> bool {
        true
    }

    fn digit(&mut self, session: &Arc<Session>, digit: switch_dtmf_t) -> Status {
        let digit = digit.digit.cast_unsigned();
        let terminators = session.get("playback_terminators").unwrap_or_default();
        let ends = if terminators.eq_ignore_ascii_case(b"any") {
            b"1234567890*#".contains(&digit)
        } else {
            !terminators.eq_ignore_ascii_case(b"none") && terminators.contains(&digit)
        };
        if !ends || self.done {
            return SUCCESS;
        }
        session.set("playback_terminator_used", [digit]);
        self.result = format!("DIGIT: {}", char::from(digit)).into();
        self.done = true;
        BREAK
    }

    fn event(&mut self, session: &Arc<Session>, event: &Event) -> Status {
        let kind = event.get(b"Speech-Type").unwrap_or_default().to_owned();
        if self.done || event.kind() != SWITCH_EVENT_DETECTED_SPEECH || kind.is_empty() {
            return SUCCESS;
        }
        if let Some(input) = self.input.as_mut().filter(|input| input.takes_events()) {
            // The answer counts for nothing here, as in the core.
            input.event(session, event);
        }
        match kind.as_bytes() {
            b"detected-speech" => {
                self.result = event.body().unwrap_or_default().to_owned();
                (self.done, self.recognised) = (true, true);
                BREAK
            }
            b"closed" => {
                (self.done, self.recognised) = (true, true);
                BREAK
            }
            b"begin-speaking" => BREAK,
            _ => SUCCESS,
        }
    }

    fn frame(&mut self, session: &Arc<Session>) -> Status {
        match &mut self.input {
            Some(input) => input.frame(session),
            None => SUCCESS,
        }
    }
}

/// `switch_ivr_play_and_detect_speech`: a prompt that speech interrupts, and what
/// is recognised.
pub(crate) fn play_and_detect(
    session: &Arc<Session>,
    file: &BStr,
    engine: &BStr,
    grammar: &BStr,
    timeout: u32,
    input: Option<&mut dyn Input>,
) -> (Status, BString) {
    let timeout = if timeout == 0 { 5000 } else { timeout };
    match begin(session, engine, grammar, BStr::new("")) {
        SUCCESS => {}
        FAILURE => return (GENERR, BString::default()),
        status => return (status, BString::default()),
    }
    let mut waiting = Waiting {
        done: false,
        recognised: false,
        result: BString::default(),
        input,
    };
    let mut status = play::play_file(session, None, file, Some(&mut waiting));
    if !waiting.done && (status == SUCCESS || status == BREAK) {
        start_timers_of_prompt(session);
        while !waiting.done && session.ready() {
            status = sleep::sleep(session, timeout, Some(&mut waiting));
            if status != SUCCESS && status != BREAK {
                break;
            }
        }
    }
    if status != SUCCESS && status != BREAK {
        status = FAILURE;
    }
    if !waiting.recognised {
        pause(session);
    }
    if session.is_true("play_and_detect_speech_close_asr") {
        stop(session);
    }
    if waiting.done {
        status = SUCCESS;
    }
    (status, waiting.result)
}

/// The prompt is over: silence counts from here, unless somebody speaks just now.
fn start_timers_of_prompt(session: &Arc<Session>) {
    if session.is_silent() {
        start_timers(session);
    }
}

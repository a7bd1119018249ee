//! Applications that speak, listen and record.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::media::Terminators;
use crate::c::*;
use crate::cause;
use crate::ivr::record::application as ivr_record;
use crate::ivr::{recognise, speak as ivr_speak};
use crate::session::{Session, say as tell};
use crate::text::{cut, split};

fn word(words: &[BString], at: usize) -> &BStr {
    words.get(at).map_or(BStr::new(""), |word| word.as_bstr())
}

/// `path [seconds] [threshold] [seconds of silence]`
pub(super) fn record(session: &Arc<Session>, data: &BStr) {
    session.unset("playback_terminator_used");
    let status = ivr_record(session, data, &mut Terminators);
    if !session.ready() || ![SUCCESS, BREAK].contains(&status) {
        session.hangup(cause::DESTINATION_OUT_OF_ORDER);
    }
}

/// `[engine|[voice|]]text`
pub(super) fn speak(session: &Arc<Session>, data: &BStr) {
    let parts: Vec<&[u8]> = data.splitn_str(3, "|").collect();
    let (engine, voice, text) = match parts[..] {
        [engine, voice, text] => (Some(engine.into()), Some(voice.into()), text),
        [voice, text] => (None, Some(voice.into()), text),
        _ => (None, None, &**data),
    };
    let engine: Option<BString> = engine.or_else(|| session.get("tts_engine"));
    let voice: Option<BString> = voice.or_else(|| session.get("tts_voice"));
    let (Some(engine), Some(voice), false) = (engine, voice, text.is_empty()) else {
        tell!(session, ERROR, "Invalid Params! [{data}]");
        session.hangup(cause::DESTINATION_OUT_OF_ORDER);
        return;
    };
    session.unset("playback_terminator_used");
    ivr_speak::speak(
        session,
        engine.as_bstr(),
        voice.as_bstr(),
        text.as_bstr(),
        Some(&mut Terminators),
    );
}

/// `module type method [gender] text`
pub(super) fn say(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 5);
    if !(4..=5).contains(&words.len()) {
        tell!(
            session,
            ERROR,
            "Usage: <module_name>[:<lang>] <say_type> <say_method> [<say_gender>] <text>"
        );
        return;
    }
    session.unset("playback_terminator_used");
    let asked = ivr_speak::Say {
        module: word(&words, 0),
        kind: word(&words, 1),
        method: word(&words, 2),
        gender: if words.len() == 5 {
            word(&words, 3)
        } else {
            BStr::new("")
        },
        what: word(&words, words.len() - 1),
    };
    ivr_speak::say(session, &asked, Some(&mut Terminators));
}

/// `macro[,data]`
pub(super) fn phrase(session: &Arc<Session>, data: &BStr) {
    if data.is_empty() {
        session.set("current_application_response", "NOTHING");
        return;
    }
    let (name, argument) = cut(data, b',');
    let language = session.get("language").unwrap_or_default();
    session.unset("playback_terminator_used");
    let status = ivr_speak::phrase(
        session,
        name,
        argument,
        language.as_bstr(),
        Some(&mut Terminators),
    );
    let response = match status {
        SUCCESS | BREAK => "PHRASE PLAYED",
        _ => "UNKNOWN ERROR",
    };
    session.set("current_application_response", response);
}

/// `engine grammar name`, or a word about the recognition that runs.
pub(super) fn detect_speech(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 4);
    let (first, second, third) = (word(&words, 0), word(&words, 1), word(&words, 2));
    match first.to_ascii_lowercase().as_slice() {
        b"" => tell!(session, ERROR, "Usage: <mod_name> <gram_name> <gram_path>"),
        b"grammar" => {
            recognise::load(session, second, third);
        }
        b"nogrammar" => {
            recognise::unload(session, second);
        }
        b"grammaron" => {
            recognise::enable(session, second, true);
        }
        b"grammaroff" => {
            recognise::enable(session, second, false);
        }
        b"grammarsalloff" => {
            recognise::disable_all(session);
        }
        b"init" => {
            recognise::open(session, second);
        }
        b"pause" => {
            recognise::pause(session);
        }
        b"resume" => {
            recognise::resume(session);
        }
        b"stop" => {
            recognise::stop(session);
        }
        b"param" => {
            recognise::set_parameter(session, second, third);
        }
        b"start-input-timers" | b"start_input_timers" => {
            recognise::start_timers(session);
        }
        _ if words.len() >= 3 => {
            recognise::begin(session, first, second, third);
        }
        _ => {}
    }
}

/// `file detect:engine grammar`
pub(super) fn play_and_detect_speech(session: &Arc<Session>, data: &BStr) {
    session.unset("detect_speech_result");
    let parts = data.find("detect:").map(|at| {
        let (file, rest) = (&data[..at], &data[at + b"detect:".len()..]);
        (file.trim_ascii_end().as_bstr(), cut(rest, b' '))
    });
    let response = match parts {
        Some((file, (engine, grammar))) if !grammar.is_empty() => {
            let (status, result) =
                recognise::play_and_detect(session, file, engine, grammar, 0, None);
            match status {
                SUCCESS => {
                    session.set_checked(b"detect_speech_result", &result, false);
                    "DONE"
                }
                GENERR => "GRAMMAR ERROR",
                bindings::SWITCH_STATUS_NOT_INITALIZED => "ASR INIT ERROR",
                _ => "ERROR",
            }
        }
        _ => {
            tell!(
                session,
                ERROR,
                "Usage: <file> detect:<engine> {{param1=val1,param2=val2}}<grammar>"
            );
            "USAGE ERROR"
        }
    };
    session.set("current_application_response", response);
}

/// A hangup is dealt with when a script asks for it, not when its application ends.
pub(super) fn early_hangup(session: &Arc<Session>, _: &BStr) {
    session.set_flag(CF_EARLY_HANGUP, 1);
}

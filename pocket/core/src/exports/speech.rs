//! Speaking, saying, recognising.

use std::ffi::c_char;

use bindings::*;

use super::arguments::{session as session_of, text};
use super::ivr::with_input;
use crate::c::*;
use crate::edge::export;
use crate::ivr::{recognise, speak};

/// Defines functions that take a session and texts, and do no more than hand them
/// on.
macro_rules! hand_on {
    ($session:expr, |$name:ident $(, $text:ident)*| $body:expr) => {{
        // SAFETY: the caller's session and texts, which live.
        unsafe {
            let Some($name) = session_of($session) else { return FAILURE };
            $(let $text = text($text);)*
            $body
        }
    }};
}

export! {
    fn switch_ivr_speak_text(
        session: *mut switch_core_session_t,
        tts_name: *const c_char,
        voice_name: *const c_char,
        words: *const c_char,
        args: *mut switch_input_args_t,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, tts_name, voice_name, words| {
            with_input(&session, args, |input| speak::speak(&session, tts_name, voice_name, words, input))
        })
    }

    fn switch_ivr_say(
        session: *mut switch_core_session_t,
        tosay: *const c_char,
        module_name: *const c_char,
        say_type: *const c_char,
        say_method: *const c_char,
        say_gender: *const c_char,
        args: *mut switch_input_args_t,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, tosay, module_name, say_type, say_method, say_gender| {
            let asked = speak::Say {
                what: tosay,
                module: module_name,
                kind: say_type,
                method: say_method,
                gender: say_gender,
            };
            with_input(&session, args, |input| speak::say(&session, &asked, input))
        })
    }

    fn switch_ivr_phrase_macro_event(
        session: *mut switch_core_session_t,
        macro_name: *const c_char,
        data: *const c_char,
        _event: *mut switch_event_t,
        lang: *const c_char,
        args: *mut switch_input_args_t,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, macro_name, data, lang| {
            with_input(&session, args, |input| speak::phrase(&session, macro_name, data, lang, input))
        })
    }

    fn switch_ivr_detect_speech(
        session: *mut switch_core_session_t,
        mod_name: *const c_char,
        grammar: *const c_char,
        name: *const c_char,
        _dest: *const c_char,
        _ah: *mut switch_asr_handle_t,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, mod_name, grammar, name| {
            recognise::begin(&session, mod_name, grammar, name)
        })
    }

    fn switch_ivr_detect_speech_init(
        session: *mut switch_core_session_t,
        mod_name: *const c_char,
        _dest: *const c_char,
        _ah: *mut switch_asr_handle_t,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, mod_name| recognise::open(&session, mod_name))
    }

    fn switch_ivr_detect_speech_load_grammar(
        session: *mut switch_core_session_t,
        grammar: *const c_char,
        name: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, grammar, name| recognise::load(&session, grammar, name))
    }

    fn switch_ivr_detect_speech_unload_grammar(
        session: *mut switch_core_session_t,
        name: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, name| recognise::unload(&session, name))
    }

    fn switch_ivr_detect_speech_enable_grammar(
        session: *mut switch_core_session_t,
        name: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, name| recognise::enable(&session, name, true))
    }

    fn switch_ivr_detect_speech_disable_grammar(
        session: *mut switch_core_session_t,
        name: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, name| recognise::enable(&session, name, false))
    }

    fn switch_ivr_detect_speech_disable_all_grammars(
        session: *mut switch_core_session_t,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session| recognise::disable_all(&session))
    }

    fn switch_ivr_pause_detect_speech(session: *mut switch_core_session_t) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session| recognise::pause(&session))
    }

    fn switch_ivr_resume_detect_speech(session: *mut switch_core_session_t) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session| recognise::resume(&session))
    }

    fn switch_ivr_stop_detect_speech(session: *mut switch_core_session_t) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session| recognise::stop(&session))
    }

    fn switch_ivr_set_param_detect_speech(
        session: *mut switch_core_session_t,
        name: *const c_char,
        val: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, name, val| recognise::set_parameter(&session, name, val))
    }

    fn switch_ivr_detect_speech_start_input_timers(
        session: *mut switch_core_session_t,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session| recognise::start_timers(&session))
    }

    fn switch_ivr_play_and_detect_speech(
        session: *mut switch_core_session_t,
        file: *const c_char,
        mod_name: *const c_char,
        grammar: *const c_char,
        result: *mut *mut c_char,
        input_timeout: u32,
        args: *mut switch_input_args_t,
    ) -> switch_status_t = else FAILURE; {
        hand_on!(session, |session, file, mod_name, grammar| {
            let Some(result) = result.as_mut() else { return FAILURE };
            with_input(&session, args, |input| {
                let (status, text) =
                    recognise::play_and_detect(&session, file, mod_name, grammar, input_timeout, input);
                *result = session.pooled(&text).cast_mut();
                status
            })
        })
    }
}

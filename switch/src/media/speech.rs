//! Speaking, saying, phrases, and recognising speech.

use std::ffi::{CStr, c_char};

use bindings::{
    switch_ivr_detect_speech, switch_ivr_detect_speech_disable_all_grammars,
    switch_ivr_detect_speech_disable_grammar, switch_ivr_detect_speech_enable_grammar,
    switch_ivr_detect_speech_init, switch_ivr_detect_speech_load_grammar,
    switch_ivr_detect_speech_start_input_timers, switch_ivr_detect_speech_unload_grammar,
    switch_ivr_pause_detect_speech, switch_ivr_phrase_macro_event,
    switch_ivr_play_and_detect_speech, switch_ivr_resume_detect_speech, switch_ivr_say,
    switch_ivr_set_param_detect_speech, switch_ivr_speak_text, switch_ivr_stop_detect_speech,
};

use super::input::Input;
use super::play::listening;
use crate::session::Session;
use crate::text::{copied, pointer};
use crate::{Detached, Status};

/// How to say something (`switch_ivr_say`).
pub struct Say<'a> {
    /// What: "1234", "12:30" ...
    pub what: &'a CStr,
    /// Language module: "en".
    pub module: &'a CStr,
    /// Kind: "number", "`current_date`" ...
    pub kind: &'a CStr,
    /// Manner: "pronounced", "iterated", "counted".
    pub method: &'a CStr,
    /// Grammatical gender, where the language asks for it.
    pub gender: Option<&'a CStr>,
}

/// What is done with speech recognition (the words of `detectSpeech`).
pub enum Detect<'a> {
    /// Begin, with engine, grammar, the grammar's name, and where to.
    Begin([&'a CStr; 3], Option<&'a CStr>),
    /// Open an engine and destination without a grammar.
    Init(&'a CStr, &'a CStr),
    /// Load a grammar under a name.
    Load(&'a CStr, &'a CStr),
    /// Unload one.
    Unload(&'a CStr),
    /// Enable one.
    Enable(&'a CStr),
    /// Disable one.
    Disable(&'a CStr),
    /// Disable all.
    DisableAll,
    /// Stop listening for a while.
    Pause,
    /// Listen again.
    Resume,
    /// End.
    Stop,
    /// Set a parameter of the engine.
    Param(&'a CStr, &'a CStr),
    /// Start the timers for silence.
    StartTimers,
}

impl Session<'_> {
    /// Speaks text with a TTS engine and voice (`switch_ivr_speak_text`).
    ///
    /// # Errors
    /// The core's status.
    pub fn speak(
        self,
        _: &Detached,
        engine: &CStr,
        voice: &CStr,
        text: &CStr,
        input: Option<&dyn Input>,
    ) -> Result<(), Status> {
        Status::check(listening(input, std::ptr::null_mut(), |args| {
            // SAFETY: the session lives, and all that is pointed to outlives the call.
            unsafe {
                switch_ivr_speak_text(
                    self.as_ptr(),
                    engine.as_ptr(),
                    voice.as_ptr(),
                    text.as_ptr(),
                    args,
                )
            }
        }))
    }

    /// Says a number, date or the like with recorded words (`switch_ivr_say`).
    ///
    /// # Errors
    /// The core's status.
    pub fn say(self, _: &Detached, say: &Say<'_>, input: Option<&dyn Input>) -> Result<(), Status> {
        Status::check(listening(input, std::ptr::null_mut(), |args| {
            // SAFETY: as in speak().
            unsafe {
                switch_ivr_say(
                    self.as_ptr(),
                    say.what.as_ptr(),
                    say.module.as_ptr(),
                    say.kind.as_ptr(),
                    say.method.as_ptr(),
                    pointer(say.gender),
                    args,
                )
            }
        }))
    }

    /// Says a phrase macro (`switch_ivr_phrase_macro`).
    ///
    /// # Errors
    /// The core's status.
    pub fn phrase(
        self,
        _: &Detached,
        name: &CStr,
        data: Option<&CStr>,
        language: Option<&CStr>,
        input: Option<&dyn Input>,
    ) -> Result<(), Status> {
        Status::check(listening(input, std::ptr::null_mut(), |args| {
            // SAFETY: as in speak(); no event comes with it.
            unsafe {
                switch_ivr_phrase_macro_event(
                    self.as_ptr(),
                    name.as_ptr(),
                    pointer(data),
                    std::ptr::null_mut(),
                    pointer(language),
                    args,
                )
            }
        }))
    }

    /// Does something with speech recognition (`switch_ivr_detect_speech*`).
    ///
    /// # Errors
    /// The core's status.
    pub fn detect_speech(self, _: &Detached, what: &Detect<'_>) -> Result<(), Status> {
        let session = self.as_ptr();
        let none = std::ptr::null_mut();
        // SAFETY: the session lives, the strings end with NUL, and the core opens
        // its own handle where it is given none.
        Status::check(unsafe {
            match *what {
                Detect::Begin([engine, grammar, name], dest) => switch_ivr_detect_speech(
                    session,
                    engine.as_ptr(),
                    grammar.as_ptr(),
                    name.as_ptr(),
                    pointer(dest),
                    none,
                ),
                Detect::Init(engine, dest) => {
                    switch_ivr_detect_speech_init(session, engine.as_ptr(), dest.as_ptr(), none)
                }
                Detect::Load(grammar, name) => {
                    switch_ivr_detect_speech_load_grammar(session, grammar.as_ptr(), name.as_ptr())
                }
                Detect::Unload(name) => {
                    switch_ivr_detect_speech_unload_grammar(session, name.as_ptr())
                }
                Detect::Enable(name) => {
                    switch_ivr_detect_speech_enable_grammar(session, name.as_ptr())
                }
                Detect::Disable(name) => {
                    switch_ivr_detect_speech_disable_grammar(session, name.as_ptr())
                }
                Detect::DisableAll => switch_ivr_detect_speech_disable_all_grammars(session),
                Detect::Pause => switch_ivr_pause_detect_speech(session),
                Detect::Resume => switch_ivr_resume_detect_speech(session),
                Detect::Stop => switch_ivr_stop_detect_speech(session),
                Detect::Param(name, value) => {
                    switch_ivr_set_param_detect_speech(session, name.as_ptr(), value.as_ptr())
                }
                Detect::StartTimers => switch_ivr_detect_speech_start_input_timers(session),
            }
        })
    }

    /// Plays a prompt and recognises what is said
    /// (`switch_ivr_play_and_detect_speech`); none where nothing was.
    ///
    /// # Errors
    /// The core's status: `GENERR` for the grammar, `NOT_INITALIZED` for the engine.
    pub fn play_and_detect_speech(
        self,
        _: &Detached,
        file: &CStr,
        engine: &CStr,
        grammar: &CStr,
        input: Option<&dyn Input>,
    ) -> Result<Option<Vec<u8>>, Status> {
        let file = self.safe(file);
        let mut result: *mut c_char = std::ptr::null_mut();
        let status = listening(input, std::ptr::null_mut(), |args| {
            // SAFETY: as in speak(); the core writes one pointer.
            unsafe {
                switch_ivr_play_and_detect_speech(
                    self.as_ptr(),
                    file.as_ptr(),
                    engine.as_ptr(),
                    grammar.as_ptr(),
                    &raw mut result,
                    0,
                    args,
                )
            }
        });
        Status::check(status)?;
        // SAFETY: the text is of the session's pool, which lives; it is not ours to free.
        Ok(unsafe { copied(result) })
    }
}

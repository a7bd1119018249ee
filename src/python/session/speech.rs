//! Text to speech, spoken numbers and phrases, and speech recognition.

use std::ffi::CString;

use freeswitch::media::speech::{Detect, Say};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::{CoreSession, done};
use crate::interp::convert::{optional_text, str_of, text};

#[pymethods]
impl CoreSession {
    /// Chooses the TTS engine and voice for `speak`.
    fn set_tts_params(
        &self,
        tts_name: &Bound<'_, PyAny>,
        voice_name: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let engine = optional_text(Some(tts_name), "tts_name")?.unwrap_or_default();
        let voice = optional_text(Some(voice_name), "voice_name")?.unwrap_or_default();
        self.leg.attachments.lock().speech = Some((engine, voice));
        Ok(())
    }

    /// The older name of `set_tts_params`.
    fn set_tts_parms(
        &self,
        tts_name: &Bound<'_, PyAny>,
        voice_name: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.set_tts_params(tts_name, voice_name)
    }

    /// The TTS engine that was chosen.
    #[getter]
    fn tts_name(&self) -> Option<String> {
        self.chosen_speech()
            .map(|(engine, _)| engine.to_string_lossy().into_owned())
    }

    /// The voice that was chosen.
    #[getter]
    fn voice_name(&self) -> Option<String> {
        self.chosen_speech()
            .map(|(_, voice)| voice.to_string_lossy().into_owned())
    }

    /// Speaks text with the engine and voice that were chosen.
    fn speak(slf: &Bound<'_, Self>, text: &Bound<'_, PyAny>) -> PyResult<u8> {
        let words = crate::interp::convert::text(text, "text")?;
        let Some((engine, voice)) = slf.get().chosen_speech() else {
            return Err(PyValueError::new_err(
                "no TTS engine is chosen: call set_tts_params first",
            ));
        };
        Self::listening(slf, "speak", |s, held, input| {
            done(s.speak(held, &engine, &voice, &words, input))
        })
    }

    /// Says a number, date or the like with recorded words.
    #[pyo3(signature = (tosay, module_name, say_type, say_method, say_gender=None))]
    fn say(
        slf: &Bound<'_, Self>,
        tosay: &Bound<'_, PyAny>,
        module_name: &Bound<'_, PyAny>,
        say_type: &Bound<'_, PyAny>,
        say_method: &Bound<'_, PyAny>,
        say_gender: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let what = text(tosay, "tosay")?;
        let module = text(module_name, "module_name")?;
        let kind = text(say_type, "say_type")?;
        let method = text(say_method, "say_method")?;
        let gender = optional_text(say_gender, "say_gender")?;
        let say = Say {
            what: &what,
            module: &module,
            kind: &kind,
            method: &method,
            gender: gender.as_deref(),
        };
        Self::listening(slf, "say", |s, held, input| {
            // mod_python gives None whatever came of it; the core logs why.
            let _ = s.say(held, &say, input);
        })
    }

    /// Says a phrase macro.
    #[pyo3(name = "sayPhrase", signature = (phrase_name, phrase_data=None, phrase_lang=None))]
    fn say_phrase(
        slf: &Bound<'_, Self>,
        phrase_name: &Bound<'_, PyAny>,
        phrase_data: Option<&Bound<'_, PyAny>>,
        phrase_lang: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let name = text(phrase_name, "phrase_name")?;
        let data = optional_text(phrase_data, "phrase_data")?.unwrap_or_default();
        let language = optional_text(phrase_lang, "phrase_lang")?;
        Self::listening(slf, "sayPhrase", |s, held, input| {
            let _ = s.phrase(held, &name, Some(&data), language.as_deref(), input);
        })
    }

    /// Speech recognition: `(engine, grammar, name[, dest])` begins; "init",
    /// "grammar", "nogrammar", "grammaron", "grammaroff", "grammarsalloff",
    /// "pause", "resume", "stop", "param", "start-input-timers" with what they
    /// need do the rest. What makes no sense is nothing, as in mod_python.
    #[pyo3(name = "detectSpeech", signature = (arg0, arg1=None, arg2=None, arg3=None))]
    fn detect_speech(
        slf: &Bound<'_, Self>,
        arg0: &Bound<'_, PyAny>,
        arg1: Option<&Bound<'_, PyAny>>,
        arg2: Option<&Bound<'_, PyAny>>,
        arg3: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let Some(word) = optional_text(Some(arg0), "arg0")? else {
            return Ok(());
        };
        let one = optional_text(arg1, "arg1")?;
        let two = optional_text(arg2, "arg2")?;
        let three = optional_text(arg3, "arg3")?;
        let verb = word.to_bytes().to_ascii_lowercase();
        let what = match (
            verb.as_slice(),
            one.as_deref(),
            two.as_deref(),
            three.as_deref(),
        ) {
            (b"grammar", Some(grammar), Some(name), _) => Detect::Load(grammar, name),
            (b"nogrammar", Some(name), ..) => Detect::Unload(name),
            (b"grammaron", Some(name), ..) => Detect::Enable(name),
            (b"grammaroff", Some(name), ..) => Detect::Disable(name),
            (b"grammarsalloff", ..) => Detect::DisableAll,
            (b"init", Some(engine), Some(dest), _) => Detect::Init(engine, dest),
            (b"pause", ..) => Detect::Pause,
            (b"resume", ..) => Detect::Resume,
            (b"stop", ..) => Detect::Stop,
            (b"param", Some(name), Some(value), _) => Detect::Param(name, value),
            (b"start-input-timers" | b"start_input_timers", ..) => Detect::StartTimers,
            (_, Some(grammar), Some(name), Some(dest)) => {
                Detect::Begin([&word, grammar, name], Some(dest))
            }
            _ => return Ok(()),
        };
        Self::blocking(slf, "detectSpeech", |s, held| {
            // mod_python gives None whatever came of it; the core logs why.
            let _ = s.detect_speech(held, &what);
        })
    }

    /// Plays a prompt and recognises what is said; None where nothing was, or
    /// the engine or grammar failed, which the log tells.
    #[pyo3(name = "playAndDetectSpeech")]
    fn play_and_detect_speech<'py>(
        slf: &Bound<'py, Self>,
        file: &Bound<'py, PyAny>,
        engine: &Bound<'py, PyAny>,
        grammar: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let file = text(file, "file")?;
        let (engine, grammar) = (text(engine, "engine")?, text(grammar, "grammar")?);
        let heard = Self::listening(slf, "playAndDetectSpeech", |s, held, input| {
            s.play_and_detect_speech(held, &file, &engine, &grammar, input)
        })?;
        let heard = heard.unwrap_or_else(|status| {
            let what = match status.0 {
                bindings::SWITCH_STATUS_GENERR => "the grammar",
                bindings::SWITCH_STATUS_NOT_INITALIZED => "the engine",
                _ => "recognition",
            };
            tracing::error!(%status, "playAndDetectSpeech: {what} failed");
            None
        });
        Ok(heard.map(|h| str_of(slf.py(), &h)))
    }
}

impl CoreSession {
    fn chosen_speech(&self) -> Option<(CString, CString)> {
        self.leg.attachments.lock().speech.clone()
    }
}

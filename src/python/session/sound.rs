//! Playing, recording and collecting digits.

use std::time::Duration;

use freeswitch::media::digits::{Prompt, Timeouts};
use freeswitch::media::input::Input;
use pyo3::prelude::*;

use super::{CoreSession, done};
use crate::interp::convert::{count, count_or, limit, limit_or, optional_text, str_of, text};

/// A time; a negative one is read as the core reads it, which is 49 days.
fn millis(ms: Option<u32>) -> Duration {
    Duration::from_millis(u64::from(ms.unwrap_or(u32::MAX)))
}

#[pymethods]
impl CoreSession {
    /// Plays a file, tone or stream; 0 when it was stopped or is not there.
    #[pyo3(name = "streamFile", signature = (file, starting_sample_count=None))]
    fn stream_file(
        slf: &Bound<'_, Self>,
        file: &Bound<'_, PyAny>,
        starting_sample_count: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let file = text(file, "file")?;
        let start = count_or(starting_sample_count, "starting_sample_count", 0)?;
        Self::listening(slf, "streamFile", |s, held, input| {
            done(s.play(held, &file, start, input))
        })
    }

    /// Records to a file for at most `time_limit` seconds, or until
    /// `silence_hits` frames in a row are below `silence_threshold`; 0 or less is
    /// no limit.
    #[pyo3(name = "recordFile", signature = (file_name, time_limit=None, silence_threshold=None, silence_hits=None))]
    fn record_file(
        slf: &Bound<'_, Self>,
        file_name: &Bound<'_, PyAny>,
        time_limit: Option<&Bound<'_, PyAny>>,
        silence_threshold: Option<&Bound<'_, PyAny>>,
        silence_hits: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let file = text(file_name, "file_name")?;
        // 0 is none, as a negative number is for the application `record`.
        let time = limit_or(time_limit, "time_limit", 0)?.unwrap_or(0);
        let threshold = limit_or(silence_threshold, "silence_threshold", 0)?.unwrap_or(0);
        let hits = limit_or(silence_hits, "silence_hits", 0)?.unwrap_or(0);
        Self::listening(slf, "recordFile", |s, held, input| {
            done(s.record(held, &file, time, threshold, hits, input))
        })
    }

    /// Waits for digits with the input callback: `(abs_timeout)` or
    /// `(digit_timeout, abs_timeout)`, in milliseconds; 0 or less is no limit.
    /// 0, as in mod_python.
    #[pyo3(name = "collectDigits", signature = (digit_timeout, abs_timeout=None))]
    fn collect_digits(
        slf: &Bound<'_, Self>,
        digit_timeout: &Bound<'_, PyAny>,
        abs_timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let first = limit(
            digit_timeout,
            if abs_timeout.is_some() {
                "digit_timeout"
            } else {
                "abs_timeout"
            },
        )?;
        let (digit, total) = match abs_timeout {
            Some(total) => (first, limit(total, "abs_timeout")?),
            None => (Some(0), first),
        };
        Self::listening(
            slf,
            "collectDigits",
            |s, held, input: Option<&dyn Input>| {
                // Without a callback mod_python returns at once, and so does the core.
                input
                    .is_none_or(|input| s.listen(held, millis(digit), millis(total), input).is_ok())
            },
        )?;
        Ok(0)
    }

    /// Collects up to `maxdigits` digits, or until one of `terminators`, and
    /// gives them without it. Times are in milliseconds; 0 or less is no limit,
    /// and so is a `maxdigits` of less than 0.
    #[pyo3(name = "getDigits", signature = (maxdigits, terminators, timeout, interdigit=None, abstimeout=None))]
    fn get_digits<'py>(
        slf: &Bound<'py, Self>,
        maxdigits: &Bound<'py, PyAny>,
        terminators: &Bound<'py, PyAny>,
        timeout: &Bound<'py, PyAny>,
        interdigit: Option<&Bound<'py, PyAny>>,
        abstimeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let max = limit(maxdigits, "maxdigits")?.map_or(usize::MAX, |max| max as usize);
        let terminators = optional_text(Some(terminators), "terminators")?.unwrap_or_default();
        let times = Timeouts {
            first: millis(limit(timeout, "timeout")?),
            between: millis(limit_or(interdigit, "interdigit", 0)?),
            total: millis(limit_or(abstimeout, "abstimeout", 0)?),
        };
        let digits = Self::blocking(slf, "getDigits", |s, held| {
            s.collect_digits(held, max, terminators.as_bytes(), times)
        })?;
        Ok(str_of(slf.py(), &digits.text))
    }

    /// Plays a prompt and collects digits, once. Times are in milliseconds.
    #[pyo3(signature = (min_digits, max_digits, prompt_audio_file, timeout, valid_terminators, digit_timeout=None))]
    fn read<'py>(
        slf: &Bound<'py, Self>,
        min_digits: &Bound<'py, PyAny>,
        max_digits: &Bound<'py, PyAny>,
        prompt_audio_file: &Bound<'py, PyAny>,
        timeout: &Bound<'py, PyAny>,
        valid_terminators: &Bound<'py, PyAny>,
        digit_timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let file = optional_text(Some(prompt_audio_file), "prompt_audio_file")?;
        let terminators = optional_text(Some(valid_terminators), "valid_terminators")?;
        let prompt = Prompt {
            // As mod_python: at least one digit, and one millisecond, whatever is said.
            min: limit(min_digits, "min_digits")?.unwrap_or(0).max(1) as usize,
            max: limit(max_digits, "max_digits")?.unwrap_or(0).max(1) as usize,
            tries: 1,
            timeout: millis(Some(limit(timeout, "timeout")?.unwrap_or(0).max(1))),
            between: millis(limit_or(digit_timeout, "digit_timeout", 0)?),
            terminators: terminators.as_deref(),
            file: file.as_deref(),
            invalid_file: None,
            regex: None,
            variable: None,
            transfer_on_failure: None,
        };
        let digits = Self::blocking(slf, "read", |s, held| {
            s.read_digits(held, &prompt, Vec::new()).0
        })?;
        Ok(str_of(slf.py(), &digits))
    }

    /// Plays a prompt and collects digits, again after an invalid answer; "" when
    /// all tries failed. Times are in milliseconds; less than 0 is no limit, also
    /// of tries.
    #[pyo3(name = "playAndGetDigits", signature = (
        min_digits, max_digits, max_tries, timeout, terminators, audio_files, bad_input_audio_files,
        digits_regex, var_name=None, digit_timeout=None, transfer_on_failure=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the signature is mod_python's")]
    fn play_and_get_digits<'py>(
        slf: &Bound<'py, Self>,
        min_digits: &Bound<'py, PyAny>,
        max_digits: &Bound<'py, PyAny>,
        max_tries: &Bound<'py, PyAny>,
        timeout: &Bound<'py, PyAny>,
        terminators: &Bound<'py, PyAny>,
        audio_files: &Bound<'py, PyAny>,
        bad_input_audio_files: &Bound<'py, PyAny>,
        digits_regex: &Bound<'py, PyAny>,
        var_name: Option<&Bound<'py, PyAny>>,
        digit_timeout: Option<&Bound<'py, PyAny>>,
        transfer_on_failure: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let terminators = optional_text(Some(terminators), "terminators")?;
        let file = optional_text(Some(audio_files), "audio_files")?;
        let invalid_file = optional_text(Some(bad_input_audio_files), "bad_input_audio_files")?;
        let regex = optional_text(Some(digits_regex), "digits_regex")?;
        let variable = optional_text(var_name, "var_name")?;
        let target = optional_text(transfer_on_failure, "transfer_on_failure")?;
        let prompt = Prompt {
            min: count(min_digits, "min_digits")? as usize,
            max: count(max_digits, "max_digits")? as usize,
            tries: limit(max_tries, "max_tries")?.unwrap_or(u32::MAX),
            timeout: millis(limit(timeout, "timeout")?),
            between: millis(limit_or(digit_timeout, "digit_timeout", 0)?),
            terminators: terminators.as_deref(),
            file: file.as_deref(),
            invalid_file: invalid_file.as_deref(),
            regex: regex.as_deref(),
            variable: variable.as_deref(),
            transfer_on_failure: target.as_deref(),
        };
        let digits = Self::blocking(slf, "playAndGetDigits", |s, held| {
            s.play_and_get_digits(held, &prompt, Vec::new())
        })?;
        Ok(str_of(slf.py(), &digits))
    }
}

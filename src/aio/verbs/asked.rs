//! The verbs that are awaited: each gives the ticket of its answer.

use freeswitch::verb::{GetDigits, PlayAndGetDigits, Verb};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::{
    Answer, Place, PySessionThread, Text, answered, leg_of, limit, loop_queue, milliseconds,
    next_ticket, optional_text, text, text_or_empty,
};

#[pymethods]
impl PySessionThread {
    fn answer(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, Verb::Answer {})
    }

    fn pre_answer(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, Verb::PreAnswer {})
    }

    #[pyo3(signature = (file, offset=0, terminators=None))]
    fn play(
        &self,
        py: Python<'_>,
        file: &Bound<'_, PyAny>,
        offset: u32,
        terminators: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        self.ask(
            py,
            Verb::Play {
                file: text(file, "file")?,
                offset,
                terminators: text_or_empty(terminators, "terminators")?,
            },
        )
    }

    #[pyo3(signature = (file, limit=0.0, threshold=0, silence=0, terminators=None))]
    fn record(
        &self,
        py: Python<'_>,
        file: &Bound<'_, PyAny>,
        limit: f64,
        threshold: u32,
        silence: u32,
        terminators: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        self.ask(
            py,
            Verb::Record {
                file: text(file, "file")?,
                limit_s: milliseconds(limit, "limit")?.div_ceil(1000),
                threshold,
                silence_s: silence,
                terminators: text_or_empty(terminators, "terminators")?,
            },
        )
    }

    fn sleep(&self, py: Python<'_>, seconds: f64) -> PyResult<u64> {
        let ms = milliseconds(seconds, "seconds")?;
        self.ask(py, Verb::Sleep { ms })
    }

    #[pyo3(signature = (words, engine, voice, terminators=None))]
    fn speak(
        &self,
        py: Python<'_>,
        words: &Bound<'_, PyAny>,
        engine: &Bound<'_, PyAny>,
        voice: &Bound<'_, PyAny>,
        terminators: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        self.ask(
            py,
            Verb::Speak {
                text: text(words, "text")?,
                engine: text(engine, "engine")?,
                voice: text(voice, "voice")?,
                terminators: text_or_empty(terminators, "terminators")?,
            },
        )
    }

    #[pyo3(signature = (what, module, kind, method, gender=None))]
    fn say(
        &self,
        py: Python<'_>,
        what: &Bound<'_, PyAny>,
        module: &Bound<'_, PyAny>,
        kind: &Bound<'_, PyAny>,
        method: &Bound<'_, PyAny>,
        gender: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        self.ask(
            py,
            Verb::Say {
                what: text(what, "what")?,
                module: text(module, "module")?,
                kind: text(kind, "type")?,
                method: text(method, "method")?,
                gender: optional_text(gender, "gender")?,
            },
        )
    }

    #[pyo3(signature = (max_digits, terminators=None, timeout=None, between=None, total=None))]
    fn get_digits(
        &self,
        py: Python<'_>,
        max_digits: u32,
        terminators: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        between: Option<f64>,
        total: Option<f64>,
    ) -> PyResult<u64> {
        self.ask(
            py,
            Verb::GetDigits(GetDigits {
                max_digits,
                terminators: text_or_empty(terminators, "terminators")?,
                timeout_ms: limit(timeout, "timeout")?,
                between_ms: limit(between, "between")?,
                total_ms: limit(total, "total")?,
            }),
        )
    }

    #[pyo3(signature = (
        file, min_digits, max_digits, tries, timeout, terminators=None, invalid_file=None,
        regex=None, variable=None, between=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "as many as the application has")]
    fn play_and_get_digits(
        &self,
        py: Python<'_>,
        file: Option<&Bound<'_, PyAny>>,
        min_digits: u32,
        max_digits: u32,
        tries: u32,
        timeout: f64,
        terminators: Option<&Bound<'_, PyAny>>,
        invalid_file: Option<&Bound<'_, PyAny>>,
        regex: Option<&Bound<'_, PyAny>>,
        variable: Option<&Bound<'_, PyAny>>,
        between: Option<f64>,
    ) -> PyResult<u64> {
        self.ask(
            py,
            Verb::PlayAndGetDigits(PlayAndGetDigits {
                file: optional_text(file, "file")?,
                min_digits,
                max_digits,
                tries,
                terminators: optional_text(terminators, "terminators")?,
                invalid_file: optional_text(invalid_file, "invalid_file")?,
                regex: optional_text(regex, "regex")?,
                variable: optional_text(variable, "variable")?,
                timeout_ms: limit(Some(timeout), "timeout")?,
                between_ms: limit(between, "between")?,
            }),
        )
    }

    #[pyo3(signature = (app, data=None))]
    fn execute(
        &self,
        py: Python<'_>,
        app: &Bound<'_, PyAny>,
        data: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let app = text(app, "app")?;
        if app.is_empty() {
            return Err(PyValueError::new_err("argument 'app' is empty"));
        }
        let data = optional_text(data, "data")?;
        self.ask(py, Verb::Execute { app, data })
    }

    fn wait_for_answer(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, Verb::WaitForAnswer {})
    }

    /// Joins the call with another one that coroutines have, until one ends it.
    fn bridge(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<u64> {
        let leg = leg_of(other, "other")?;
        if matches!(self.0, Place::Outside { .. }) {
            let uuid = other.getattr("uuid")?;
            let other = text(&uuid, "other")?;
            let number = None;
            return self.ask(py, Verb::Bridge { other, number });
        }
        let Some(other) = leg.handle() else {
            let ticket = next_ticket();
            loop_queue::post(move |py| answered(py, ticket, &Answer::other_gone()));
            return Ok(ticket);
        };
        self.ask(
            py,
            Verb::Bridge {
                other: Text::from(other.uuid().to_owned()),
                number: Some(other.id()),
            },
        )
    }
}

//! `DTMF`: one digit.

use freeswitch::media::input;
use freeswitch::media::input::Source;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::interp::convert::{count_or, wrong_type};

/// What the core gives a digit without a duration: 250 ms.
const DEFAULT_DURATION: u32 = 2000;

/// One DTMF digit, as an input callback gets it.
#[pyclass(frozen, module = "freeswitch", name = "DTMF")]
pub struct Dtmf {
    digit: char,
    duration: u32,
    source: &'static str,
}

impl From<input::Dtmf> for Dtmf {
    fn from(dtmf: input::Dtmf) -> Self {
        let source = match dtmf.source {
            Source::Unknown => "unknown",
            Source::Inband => "inband",
            Source::Rtp => "rtp",
            Source::Endpoint => "endpoint",
            Source::App => "app",
        };
        Self {
            digit: char::from(dtmf.digit),
            duration: dtmf.duration,
            source,
        }
    }
}

#[pymethods]
impl Dtmf {
    #[new]
    #[pyo3(signature = (digit, duration=None))]
    fn new(digit: &Bound<'_, PyAny>, duration: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let text = digit
            .cast::<PyString>()
            .map_err(|_| wrong_type("digit", "str", digit))?;
        let text = text.to_string();
        let mut chars = text.chars();
        let (Some(digit), None) = (
            chars.next().filter(|c| c.is_ascii() && *c != '\0'),
            chars.next(),
        ) else {
            return Err(PyValueError::new_err(format!(
                "argument 'digit' must be one DTMF digit, not {text:?}"
            )));
        };
        let duration = match count_or(duration, "duration", DEFAULT_DURATION)? {
            0 => DEFAULT_DURATION,
            duration => duration,
        };
        Ok(Self {
            digit,
            duration,
            source: "unknown",
        })
    }

    /// The digit: 0 to 9, A to D, `*`, `#`, F.
    #[getter]
    fn digit(&self) -> char {
        self.digit
    }

    /// Its length in samples at 8 kHz: 2000 is 250 ms.
    #[getter]
    fn duration(&self) -> u32 {
        self.duration
    }

    /// Where it came from: "rtp", "inband", "endpoint", "app" or "unknown".
    #[getter]
    fn source(&self) -> &'static str {
        self.source
    }

    fn __repr__(&self) -> String {
        format!("DTMF({:?}, {})", self.digit.to_string(), self.duration)
    }
}

//! What the far end does, as the package says it: seconds become microseconds.

use bstr::BString;
use pocket_core::{Cue, Deed, Script};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::{micros, to_switch};

/// When, and what.
type Timed<'py> = Vec<(f64, Bound<'py, PyString>)>;

/// A sound, seconds from where it begins (or none for its end), "press" or "say", one
/// text for each time, and whether the last is for all later times.
type Cues<'py> = Vec<(
    Bound<'py, PyString>,
    Option<f64>,
    String,
    Vec<Bound<'py, PyString>>,
    bool,
)>;

/// The package's `_far_end.FarEnd`.
#[derive(FromPyObject)]
pub(crate) struct FarEnd<'py> {
    answers_after: Option<f64>,
    rings_after: Option<f64>,
    refuses: Option<(f64, Bound<'py, PyString>)>,
    press: Timed<'py>,
    says: Timed<'py>,
    hangs_up_after: Option<f64>,
    cues: Cues<'py>,
}

fn timed(name: &str, entries: &Timed<'_>) -> PyResult<Vec<(i64, BString)>> {
    entries
        .iter()
        .map(|(when, what)| Ok((micros(*when), to_switch(name, what)?)))
        .collect()
}

impl FarEnd<'_> {
    pub(crate) fn script(&self) -> PyResult<Script> {
        let refuse = match &self.refuses {
            Some((when, cause)) => Some((micros(*when), to_switch("refuses", cause)?)),
            None => None,
        };
        let cues = self.cues.iter().map(|(sound, after, deed, each, repeats)| {
            Ok(Cue {
                sound: to_switch("sound", sound)?,
                after: after.map(micros),
                deed: match deed.as_str() {
                    "press" => Deed::Press,
                    "say" => Deed::Say,
                    other => {
                        return Err(PyValueError::new_err(format!("{other} is no deed")));
                    }
                },
                each: each
                    .iter()
                    .map(|what| to_switch(deed, what))
                    .collect::<PyResult<_>>()?,
                repeats: *repeats,
            })
        });
        Ok(Script {
            answer_after: self.answers_after.map(micros),
            ring_after: self.rings_after.map(micros),
            refuse,
            press: timed("press", &self.press)?,
            says: timed("says", &self.says)?,
            hangup_after: self.hangs_up_after.map(micros),
            cues: cues.collect::<PyResult<_>>()?,
        })
    }
}

//! The XML binding: `xml_fetch(params)` answers lookups.

use std::sync::Arc;

use freeswitch::event::OwnedEvent;
use freeswitch::event::shared;
use freeswitch::xml::Xml;
use freeswitch::xml::lookup::{Binding, Sections};
use freeswitch::{Detached, Status};
use parking_lot::{Mutex, RwLock};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::request::Request;
use crate::interp::convert::{bytes_of, str_of};
use crate::interp::errors;
use crate::interp::errors::Failure;
use crate::python::event::Event;
use crate::script::entry_point;

/// Which script answers which kinds of lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetcher {
    /// The kinds.
    pub sections: Sections,
    /// The command line of the script.
    pub line: String,
}

/// Swapped whole, so that a lookup that runs is not disturbed.
static FETCHERS: RwLock<Option<Arc<[Fetcher]>>> = RwLock::new(None);
static BINDING: Mutex<Option<Binding>> = Mutex::new(None);

/// Answers lookups from now on. One function is bound once, for all kinds: to
/// bind and unbind waits for lookups, and a lookup must never wait for that.
///
/// # Errors
/// The core's status; who answered before goes on to.
pub fn bind(held: &Detached, fetchers: Vec<Fetcher>) -> Result<(), Status> {
    let mut binding = BINDING.lock();
    if !fetchers.is_empty() && binding.is_none() {
        *binding = Some(Binding::new(held, Sections::ALL, lookup)?);
    }
    drop(binding);
    *FETCHERS.write() = Some(fetchers.into());
    Ok(())
}

/// Answers no more.
pub fn unbind(held: &Detached) {
    *FETCHERS.write() = None;
    let binding = BINDING.lock().take();
    if let Some(binding) = binding {
        binding.end(held);
    }
}

fn lookup(section: &str, params: OwnedEvent) -> Option<Xml> {
    let fetchers = FETCHERS.read().clone()?;
    let asked = Sections::named(section);
    let fetcher = fetchers.iter().find(|f| f.sections.overlaps(asked))?;
    let request = Request::new(&entry_point::XML, fetcher.line.as_bytes());
    let params = shared::Event::owned(params);
    let text = request.run(
        |py, arguments| {
            let params = Py::new(py, Event::show(params))?.into_any();
            Ok([params, str_of(py, arguments).unbind()])
        },
        text_of,
    );
    let text = text.ok()??;
    match Xml::parse(&text) {
        Ok(xml) => Some(xml),
        Err(error) => {
            let failure = Failure {
                code: errors::NOT_ENTERED,
                way: entry_point::XML.name,
                target: &fetcher.line,
                outcome: entry_point::XML.outcome,
            };
            errors::refuse(&failure, &format!("what it returned is not XML: {error}"));
            None
        }
    }
}

/// The text that a script answers with; None, or "", is 'not found'.
fn text_of(result: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Vec<u8>>> {
    let Some(result) = result.filter(|r| !r.is_none()) else {
        return Ok(None);
    };
    if !result.is_instance_of::<PyString>() && !result.is_instance_of::<PyBytes>() {
        let kind = result.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "xml_fetch returns str or None, not {kind}"
        )));
    }
    // The seed's own example begins with a newline before its XML declaration.
    let text = bytes_of(result).unwrap_or_default().trim_ascii().to_vec();
    Ok((!text.is_empty()).then_some(text))
}

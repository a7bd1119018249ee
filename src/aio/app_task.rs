//! Coroutines in the list of what runs: those of calls, and those of apps.

use std::ffi::CString;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::{event_loop, loop_queue};
use crate::interp::convert::text;
use crate::interp::stdio;
use crate::metrics;
use crate::metrics::Function;
use crate::script::deadline;
use crate::script::deadline::Watched;
use crate::script::entry_point;
use crate::script::entry_point::EntryPoint;
use crate::script::runs;
use crate::script::runs::{Breaker, Listed};

/// A coroutine of an app, in the list of what runs.
#[pyclass(frozen, module = "freeswitch")]
pub struct Work {
    id: u64,
    /// What is shown of it, and its deadline, until it ends.
    listed: Mutex<Option<(Listed, Option<Watched>)>>,
}

/// Puts a coroutine of an app into the list.
#[pyfunction]
pub fn work_of_app(name: &str, uuid: &Bound<'_, PyAny>) -> PyResult<Work> {
    let uuid = text(uuid, "uuid")?;
    let id = runs::next_id();
    let (module, function) = name.split_once("::").unwrap_or((name, ""));
    let function = metrics::function(module, function);
    let listed = list(id, &entry_point::APP, function, uuid);
    let deadline = entry_point::APP
        .timeout()
        .map(|time| deadline::watch(listed.run(), time));
    Ok(Work {
        id,
        listed: Mutex::new(Some((listed, deadline))),
    })
}

#[pymethods]
impl Work {
    /// Its number in `pyps`.
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// It has ended.
    fn finish(&self, failed: bool) {
        stdio::flush();
        let Some((listed, _)) = self.listed.lock().take() else {
            return;
        };
        if let Some(why) = listed.run().killed() {
            let name = &listed.run().function.name;
            tracing::warn!("MR0007 {} {name} was ended: {why}", entry_point::APP.name);
        }
        entry_point::APP.count(listed.run(), listed.ending(failed));
    }
}

/// Puts a coroutine into the list of what runs.
pub fn list(id: u64, way: &EntryPoint, function: Arc<Function>, uuid: CString) -> Listed {
    metrics::keep(&function);
    let listed = runs::list(id, way.name, function, Some(uuid));
    listed.run().set_frame_of(Some(event_loop::frame));
    // It was not told to end before it began.
    let _ = listed.run().begin_wait("await", Some(canceller(id)));
    listed
}

pub(super) fn canceller(id: u64) -> Breaker {
    Arc::new(move || {
        loop_queue::post(move |py| {
            event_loop::module(py)?
                .call_method1("kill", (id,))
                .map(drop)
        });
    })
}

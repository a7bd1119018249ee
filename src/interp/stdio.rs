//! `print` and the rest of stdout and stderr, line by line into the switch's log.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};

use freeswitch::log::Level;
use freeswitch::text::c_string_shown;
use freeswitch::{call_log, core};
use parking_lot::Mutex;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::{context, convert};

/// What is kept of a line that does not end, so that no script fills the memory.
const LONGEST: usize = 64 << 10;

thread_local! {
    /// What this thread began to print and has not ended with a newline.
    static BEGUN: RefCell<[Begun; 2]> = const {
        RefCell::new([Begun::new(Level::Info), Begun::new(Level::Error)])
    };
}

struct Begun {
    level: Level,
    text: Vec<u8>,
    place: Option<Place>,
}

impl Begun {
    const fn new(level: Level) -> Self {
        Self {
            level,
            text: Vec::new(),
            place: None,
        }
    }

    fn finish(&mut self) {
        let (text, place) = (std::mem::take(&mut self.text), self.place.take());
        if text.is_empty() {
            return;
        }
        emit(
            self.level,
            place.as_ref(),
            call_log::uuid().as_deref(),
            &text,
        );
    }
}

/// A thread of the script's own has no other end where this could be done.
impl Drop for Begun {
    fn drop(&mut self) {
        self.finish();
    }
}

#[derive(Clone)]
struct Place {
    file: CString,
    function: CString,
    line: i32,
}

impl Place {
    /// Where the Python code is that is running.
    fn here(py: Python<'_>) -> Option<Self> {
        let (file, function, line) = crate::interp::frame::here(py)?;
        Some(Self {
            file,
            function,
            line,
        })
    }
}

/// What is printed, on its way to the log; `freeswitch._output` makes a text
/// stream of it.
#[pyclass(frozen, module = "freeswitch")]
pub struct LogStream {
    level: Level,
}

impl LogStream {
    /// `sys.stdout`: what a script prints is informational.
    #[must_use]
    pub fn stdout() -> Self {
        Self { level: Level::Info }
    }

    /// `sys.stderr`.
    #[must_use]
    pub fn stderr() -> Self {
        Self {
            level: Level::Error,
        }
    }

    fn slot(&self) -> usize {
        usize::from(self.level == Level::Error)
    }
}

#[pymethods]
impl LogStream {
    /// Writes text; each line that ends becomes an entry of the log.
    fn write(&self, py: Python<'_>, text: &Bound<'_, PyAny>) -> PyResult<usize> {
        let Some(bytes) = convert::bytes_of(text) else {
            let kind = text.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "write() argument must be str, not {kind}"
            )));
        };
        let length = text.len()?;
        let place = Place::here(py);
        let lines = BEGUN.try_with(|begun| {
            let begun = &mut begun.borrow_mut()[self.slot()];
            begun.text.extend_from_slice(&bytes);
            begun.place = place;
            let end = match begun.text.iter().rposition(|&b| b == b'\n') {
                Some(at) => at + 1,
                None if begun.text.len() > LONGEST => begun.text.len(),
                None => 0,
            };
            begun.text.drain(..end).collect::<Vec<u8>>()
        });
        // At the very end of a thread nothing is kept any more.
        let lines = lines.unwrap_or_else(|_| bytes.to_vec());
        if !lines.is_empty() {
            let place = Place::here(py);
            let uuid = context::call_here(py);
            // The log can make its caller wait, and nobody else should.
            py.detach(|| emit(self.level, place.as_ref(), uuid.as_deref(), &lines));
        }
        Ok(length)
    }
}

fn emit(level: Level, place: Option<&Place>, uuid: Option<&CStr>, text: &[u8]) {
    for line in text.split_inclusive(|&b| b == b'\n') {
        match place {
            Some(p) => call_log::write(level, &p.file, &p.function, p.line, uuid, line),
            None => call_log::write(level, c"python", c"print", 0, uuid, line),
        }
    }
}

/// Writes what was begun and never ended; at the end of a script.
pub fn flush() {
    let _ = BEGUN.try_with(|begun| begun.borrow_mut().iter_mut().for_each(Begun::finish));
}

/// Has what this thread prints be kept until after Python has let go of it: a
/// thread's data end in the reverse order of their first use.
pub(super) fn outlive() {
    let _ = BEGUN.try_with(|_| ());
}

thread_local! {
    /// How many scripts lie in each other on this thread.
    static SCRIPTS: Cell<u32> = const { Cell::new(0) };
}

/// Scripts that run.
static REDIRECTED: AtomicUsize = AtomicUsize::new(0);

/// In a program that brought its own interpreter (pocket in pytest) stdout is
/// the program's: only what scripts print goes to the log, and only while they run.
#[pyclass(frozen, module = "freeswitch")]
pub struct ScriptOutput {
    log: LogStream,
    /// The same as a text stream.
    text: Py<PyAny>,
    before: Py<PyAny>,
}

#[pymethods]
impl ScriptOutput {
    fn write<'py>(&self, py: Python<'py>, text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if SCRIPTS.get() == 0 {
            return self.before.bind(py).call_method1("write", (text,));
        }
        Ok(self.log.write(py, text)?.into_pyobject(py)?.into_any())
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        if SCRIPTS.get() == 0 {
            self.before.bind(py).call_method0("flush")?;
        }
        Ok(())
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let stream = if SCRIPTS.get() == 0 {
            &self.before
        } else {
            &self.text
        };
        stream.bind(py).getattr(name)
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.__getattr__(py, "__iter__")?.call0().map(Bound::unbind)
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        slf.get().__getattr__(slf.py(), "__enter__")?.call0()?;
        Ok(slf)
    }

    #[pyo3(signature = (*error))]
    fn __exit__<'py>(
        &self,
        py: Python<'py>,
        error: &Bound<'py, pyo3::types::PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.__getattr__(py, "__exit__")?.call1(error.clone())
    }
}

/// Writes a record of the `logging` package; for `freeswitch._boot`.
#[pyfunction]
pub fn write_record(
    py: Python<'_>,
    level: u32,
    file: &str,
    function: &str,
    line: i32,
    text: &Bound<'_, PyAny>,
) {
    let level = match level {
        50.. => Level::Crit,
        40.. => Level::Error,
        30.. => Level::Warning,
        20.. => Level::Info,
        _ => Level::Debug,
    };
    if !call_log::wanted(level) {
        return;
    }
    let text = convert::bytes_of(text).unwrap_or_default();
    let (file, function) = (
        c_string_shown(file.as_bytes()),
        c_string_shown(function.as_bytes()),
    );
    let uuid = context::call_here(py);
    py.detach(|| call_log::write(level, &file, &function, line, uuid.as_deref(), &text));
}

/// Is what runs on this thread a script's? In the switch's own interpreter all is.
#[must_use]
pub fn in_script() -> bool {
    SCRIPTS.get() > 0 || !super::embedding::is_joined()
}

/// As [`in_script`]; for `freeswitch._boot`.
#[pyfunction]
pub fn script_runs() -> bool {
    in_script()
}

/// Redirects what a script prints, until this goes.
pub struct Redirect<'py>(Python<'py>);

/// Begins a script on this thread. In the switch's own interpreter stdout is
/// the log from the start, and there is nothing to do.
///
/// # Errors
/// No memory.
pub fn begin(py: Python<'_>) -> PyResult<Option<Redirect<'_>>> {
    // With no switch in the program its output stays where it is.
    if !super::embedding::is_joined() || !core::running() {
        return Ok(None);
    }
    REDIRECTED.fetch_add(1, Ordering::AcqRel);
    SCRIPTS.set(SCRIPTS.get() + 1);
    let redirect = Redirect(py);
    redirect_streams(py)?;
    Ok(Some(redirect))
}

/// Begins what a thread's end runs of a script; it ends with [`end_last`].
pub(super) fn begin_last(py: Python<'_>) {
    // Without memory it prints where the program does.
    if let Ok(Some(redirect)) = begin(py) {
        std::mem::forget(redirect);
    }
}

/// Ends it, when the thread has no state of Python's any more.
pub(super) fn end_last() {
    flush();
    if super::embedding::is_joined() && SCRIPTS.get() > 0 {
        Python::try_attach(|py| drop(Redirect(py)));
    }
}

/// How many of ours outlive their time in `sys`.
const KEPT_OUTPUTS: usize = 64;

/// `print` holds no reference to the stream that it writes to, and another thread
/// may put the program's back meanwhile: ours stay for some time after that.
static KEPT: Mutex<VecDeque<Py<ScriptOutput>>> = Mutex::new(VecDeque::new());

/// The one before, in front of this stream of the program's.
fn kept(py: Python<'_>, before: &Bound<'_, PyAny>, level: Level) -> Option<Py<ScriptOutput>> {
    let kept = KEPT.lock();
    let known = kept
        .iter()
        .find(|kept| kept.get().before.is(before) && kept.get().log.level == level);
    known.map(|kept| kept.clone_ref(py))
}

fn keep(py: Python<'_>, output: Py<ScriptOutput>) -> Py<ScriptOutput> {
    let mut kept = KEPT.lock();
    kept.push_back(output.clone_ref(py));
    let oldest = (kept.len() > KEPT_OUTPUTS).then(|| kept.pop_front());
    drop(kept);
    drop(oldest);
    output
}

/// Puts ours in the place of stdout and stderr, where the program's are there:
/// while scripts run a test runner may have put its own there again.
///
/// # Errors
/// No memory.
pub fn redirect_streams(py: Python<'_>) -> PyResult<()> {
    if !super::embedding::is_joined() {
        return Ok(());
    }
    let sys = py.import("sys")?;
    let streams: [(_, fn() -> LogStream, _); 2] = [
        ("stdout", LogStream::stdout, 1),
        ("stderr", LogStream::stderr, 2),
    ];
    for (name, log, descriptor) in streams {
        let before = sys.getattr(name)?;
        if before.is_instance_of::<ScriptOutput>() {
            continue;
        }
        let output = if let Some(known) = kept(py, &before, log().level) {
            known
        } else {
            let make = py.import("freeswitch._output")?.getattr("LogText")?;
            let text = make.call1((log(), format!("<{name}>"), descriptor))?;
            let (log, text, before) = (log(), text.unbind(), before.unbind());
            keep(py, Py::new(py, ScriptOutput { log, text, before })?)
        };
        sys.setattr(name, output)?;
    }
    Ok(())
}

impl Drop for Redirect<'_> {
    fn drop(&mut self) {
        SCRIPTS.set(SCRIPTS.get() - 1);
        if REDIRECTED.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let Ok(sys) = self.0.import("sys") else {
            return;
        };
        for name in ["stdout", "stderr"] {
            // A stream that a script has put there since then stays.
            if let Ok(now) = sys.getattr(name)
                && let Ok(ours) = now.cast::<ScriptOutput>()
            {
                let _ = sys.setattr(name, ours.get().before.bind(self.0));
            }
        }
    }
}

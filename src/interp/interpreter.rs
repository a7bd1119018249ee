//! The interpreter's own thread: it starts Python, and ends it.
//!
//! FreeSWITCH loads modules on a thread that ends; its identity would be used
//! again, and a session's thread be taken for Python's main thread. So Python is
//! started on a thread that does nothing else and outlives all others.

use std::ffi::{CStr, CString};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use freeswitch::core;
use parking_lot::Mutex;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::environment::{Place, StartError, VERSION};
use super::finalize::{End, serve};
use super::stack::SIZE;
use super::stdio::LogStream;
use super::{
    embedded_sources, embedding, errors, gate, process_exit, recursion, script_thread, stdio,
};

/// What the module adds to Python: `_freeswitch`, which lies above this layer.
#[derive(Clone, Copy)]
pub struct Extension {
    /// Puts it among the built-in modules, before Python starts.
    pub register: fn(),
    /// Makes all its types, so that none is made while an error is on its way.
    pub force_types: fn(Python<'_>),
}

/// Whose interpreter it is.
enum Owner {
    Nobody,
    /// Ours, with a thread that takes commands.
    Us(Sender<End>),
    /// The program's that has loaded us: pocket, inside ordinary Python.
    Host,
}

static OWNER: Mutex<Owner> = Mutex::new(Owner::Nobody);

/// The version text of the libpython in this process.
#[must_use]
pub fn running_version() -> String {
    // SAFETY: a constant of libpython, there before initialisation.
    let text = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) };
    text.to_string_lossy()
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Joins the interpreter that runs this extension module: it is not started,
/// changed or ended by us.
///
/// # Errors
/// The module's own Python part failed.
pub fn join(py: Python<'_>, extension: Extension) -> PyResult<()> {
    force_lazy_objects(py, extension);
    let in_script = pyo3::wrap_pyfunction!(stdio::script_runs, py)?;
    let write = pyo3::wrap_pyfunction!(stdio::write_record, py)?;
    let boot = py.import("freeswitch._boot")?;
    boot.call_method1("prepare_log", (write, in_script))?;
    recursion::limit(py)?;
    script_thread::prepare(py)?;
    boot.call_method0("mind_forks")?;
    *OWNER.lock() = Owner::Host;
    embedding::set_joined();
    Ok(())
}

/// Starts Python where it does not run yet, and opens the gate.
///
/// # Errors
/// [`StartError`]
pub fn start(place: &Place, extension: Extension) -> Result<(), StartError> {
    let running = running_version();
    if !running.starts_with(VERSION) || !running[VERSION.len()..].starts_with('.') {
        return Err(StartError::WrongVersion {
            found: running,
            wanted: VERSION,
        });
    }
    let mut owner = OWNER.lock();
    if matches!(*owner, Owner::Nobody) {
        // SAFETY: asks only.
        if unsafe { ffi::Py_IsInitialized() } != 0 {
            return Err(StartError::NotOurs);
        }
        place.check()?;
        if !super::thread_state::stacks_can_be_announced() {
            return Err(StartError::NoStacks);
        }
        *owner = Owner::Us(spawn(place.clone(), extension)?);
    }
    drop(owner);
    log_here("begin_log");
    gate::open();
    Ok(())
}

/// Has what scripts log by `logging` go to the log of this switch, or no more, in a
/// program that has its own set-up of that.
fn log_here(how: &str) {
    if embedding::is_joined() {
        // Without memory it goes where the program's own does.
        let _ = Python::try_attach(|py| py.import("freeswitch._boot")?.call_method0(how).map(drop));
    }
}

fn spawn(place: Place, extension: Extension) -> Result<Sender<End>, StartError> {
    let (commands, inbox) = channel();
    let (ready, answer) = channel();
    thread::Builder::new()
        .name("python".into())
        .stack_size(SIZE)
        .spawn(move || {
            let started = initialize(&place, extension).and_then(|()| {
                // SAFETY: initialize() left this thread attached.
                let py = unsafe { Python::assume_attached() };
                boot(py, extension).map_err(|e| StartError::Boot(errors::one_line(py, &e)))
            });
            let failed = started.is_err();
            let _ = ready.send(started);
            if !failed {
                // SAFETY: attached, by initialize() and outside of PyO3's counting.
                let state = unsafe { super::thread_state::let_go() };
                serve(&inbox, state);
            }
        })?;
    match answer.recv() {
        Ok(Ok(())) => Ok(commands),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(StartError::Init("its thread ended".to_owned())),
    }
}

/// `Py_InitializeFromConfig`, with what the build baked in. Leaves this thread
/// attached.
fn initialize(place: &Place, extension: Extension) -> Result<(), StartError> {
    let check = |status: ffi::PyStatus| {
        // SAFETY: the status is one that CPython just gave, with constant texts.
        unsafe {
            if ffi::PyStatus_Exception(status) == 0 {
                return Ok(());
            }
            let text = if status.err_msg.is_null() {
                c"no reason given"
            } else {
                CStr::from_ptr(status.err_msg)
            };
            Err(StartError::Init(text.to_string_lossy().into_owned()))
        }
    };
    (extension.register)();
    // SAFETY: the structures are initialised by the functions made for it before
    // they are used, and cleared after; strings end with NUL and are copied.
    unsafe {
        let mut before = std::mem::MaybeUninit::<ffi::PyPreConfig>::uninit();
        ffi::PyPreConfig_InitPythonConfig(before.as_mut_ptr());
        let mut before = before.assume_init();
        before.utf8_mode = 1;
        before.configure_locale = 0;
        before.coerce_c_locale = 0;
        before.parse_argv = 0;
        check(ffi::Py_PreInitialize(&raw const before))?;

        let mut config = std::mem::MaybeUninit::<ffi::PyConfig>::uninit();
        ffi::PyConfig_InitPythonConfig(config.as_mut_ptr());
        let mut config = config.assume_init();
        config.install_signal_handlers = 0;
        config.parse_argv = 0;
        let config_ptr: *mut ffi::PyConfig = &raw mut config;
        let set = |config: *mut ffi::PyConfig, field: *mut *mut libc::wchar_t, text: &str| {
            let text = CString::new(text).unwrap_or_default();
            check(ffi::PyConfig_SetBytesString(config, field, text.as_ptr()))
        };
        let executable = place.executable();
        let base = place.base();
        // Without these, a short PATH such as a service's lets Python find
        // another installation's standard library.
        let result = set(config_ptr, &raw mut (*config_ptr).executable, &executable)
            .and_then(|()| set(config_ptr, &raw mut (*config_ptr).home, &base))
            .and_then(|()| check(ffi::Py_InitializeFromConfig(config_ptr)));
        ffi::PyConfig_Clear(config_ptr);
        result
    }
}

/// Sets up our own interpreter.
fn boot(py: Python<'_>, extension: Extension) -> PyResult<()> {
    py.import("threading")?;
    force_lazy_objects(py, extension);
    let source = CString::new(embedded_sources::source("freeswitch._boot").unwrap_or_default())?;
    let boot = PyModule::from_code(
        py,
        &source,
        c"<mod_rust:freeswitch._boot>",
        c"_mod_rust_boot",
    )?;
    let log_streams = (
        Py::new(py, LogStream::stdout())?,
        Py::new(py, LogStream::stderr())?,
    );
    boot.getattr("own_interpreter")?.call1((
        embedded_sources::sources(py)?,
        log_streams.0,
        log_streams.1,
        pyo3::wrap_pyfunction!(errors::report_stray, py)?,
        pyo3::wrap_pyfunction!(stdio::write_record, py)?,
    ))?;
    recursion::limit(py)?;
    script_thread::prepare(py)?;
    py.import("freeswitch")?;
    Ok(())
}

/// PyO3 makes types when they are first needed. If that is while a
/// RecursionError is on its way it fails, and PyO3 then waits for itself.
fn force_lazy_objects(py: Python<'_>, extension: Extension) {
    let _ = py.get_type::<pyo3::panic::PanicException>();
    (extension.force_types)(py);
    let _ = py.get_type::<script_thread::ThreadBody>();
}

/// The load line of the log: version, prefix, and whether there is a lock.
#[must_use]
pub fn about(py: Python<'_>) -> String {
    let prefix = py.import("sys").and_then(|sys| sys.getattr("prefix"));
    let prefix = prefix.map(|p| p.to_string()).unwrap_or_default();
    let lock = if cfg!(Py_GIL_DISABLED) {
        "without the GIL"
    } else {
        "with the GIL"
    };
    format!("Python {} in {prefix}, {lock}", running_version())
}

/// Ends what the module does in Python, at most until `wait` is over. When the
/// core itself ends, Python is stopped for good. Gives whether all scripts had left.
pub fn stop(wait: Duration) -> bool {
    let until = Instant::now() + wait;
    gate::close();
    let left = gate::wait_until_empty(wait);
    if left > 0 {
        tracing::warn!("MR0008 {left} scripts still run as Python ends");
    }
    log_here("end_log");
    let Owner::Us(commands) = &*OWNER.lock() else {
        return left == 0;
    };
    let for_good = core::shutting_down();
    let (done, answer) = channel();
    if commands
        .send(End {
            for_good,
            until,
            done,
        })
        .is_ok()
    {
        let grace = until
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(500));
        if answer.recv_timeout(grace).is_err() {
            tracing::warn!("MR0008 Python did not end within its time");
            process_exit::leave_early();
        }
    }
    left == 0
}

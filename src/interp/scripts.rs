//! Scripts: what was asked for, loaded once, and loaded anew when it changed.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use super::errors::{self, Failure};
use super::loading;
use super::stats::{FAILED_RELOADS, RELOADS};

/// How often the files of a script are looked at.
const LOOK_EVERY_MS: u64 = 50;
/// A file that changed a moment ago may be half written.
const SETTLED: Duration = Duration::from_millis(200);

/// What a command line asks for: `package.module[::function] [arguments]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `package.module`
    pub module: String,
    /// The function; the way in has a default.
    pub function: Option<String>,
    /// What follows, stripped, for the function to read.
    pub arguments: Vec<u8>,
}

/// A command line that names no module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Nothing at all.
    #[error("no module was named: <package.module>[::function] [arguments]")]
    Empty,
    /// Not a name.
    #[error("'{0}' is no module name")]
    Module(String),
    /// Not a name.
    #[error("'{0}' is no function name")]
    Function(String),
}

impl Target {
    /// Reads a command line.
    ///
    /// # Errors
    /// [`BadTarget`]
    pub fn parse(text: &[u8]) -> Result<Self, BadTarget> {
        let text = text.trim_ascii();
        let end = text
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(text.len());
        let (name, arguments) = text.split_at(end);
        if name.is_empty() {
            return Err(BadTarget::Empty);
        }
        let shown = || String::from_utf8_lossy(name).chars().take(80).collect();
        let name = std::str::from_utf8(name).map_err(|_| BadTarget::Module(shown()))?;
        let (module, function) = match name.split_once("::") {
            Some((module, function)) => (module, Some(function).filter(|f| !f.is_empty())),
            None => (name, None),
        };
        if !module.split('.').all(is_identifier) {
            return Err(BadTarget::Module(shown()));
        }
        if let Some(function) = function.filter(|f| !is_identifier(f)) {
            return Err(BadTarget::Function(function.chars().take(80).collect()));
        }
        Ok(Self {
            module: module.to_owned(),
            function: function.map(str::to_owned),
            arguments: arguments.trim_ascii().to_vec(),
        })
    }
}

/// Near enough to Python's own rule; the loader asks Python itself.
fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}

/// The Python half, `freeswitch._scripts`.
///
/// # Errors
/// It cannot be imported.
pub fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MODULE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || {
        py.import("freeswitch._scripts")
            .map(|m| m.into_any().unbind())
    })?;
    Ok(module.bind(py))
}

/// The exception class of what may not be entered, or is not there.
///
/// # Errors
/// It cannot be imported.
pub fn refused(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static REFUSED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let refused = REFUSED.get_or_try_init(py, || {
        PyResult::Ok(module(py)?.getattr("Refused")?.unbind())
    })?;
    Ok(refused.bind(py))
}

/// The exception of a script that may not be entered, with this reason.
pub fn refuse(py: Python<'_>, why: String) -> PyErr {
    match refused(py).and_then(|class| class.call1((why,))) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// Path, time of the last change in nanoseconds, size and inode.
type FileFacts = (PathBuf, i128, u64, u64);

/// What a loaded file looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    modified: i128,
    size: u64,
    inode: u64,
}

impl Stamp {
    fn of(path: PathBuf, found: &std::fs::Metadata) -> Self {
        let modified = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
        Self {
            path,
            modified,
            size: found.len(),
            inode: found.ino(),
        }
    }

    /// What is there now; of a file that is not, when its folder has changed.
    fn now(&self) -> Self {
        let folder = || self.path.parent().and_then(|p| std::fs::metadata(p).ok());
        match std::fs::metadata(&self.path) {
            Ok(found) => Self::of(self.path.clone(), &found),
            Err(_) => Self {
                path: self.path.clone(),
                modified: folder().map_or(0, |f| Self::of(PathBuf::new(), &f).modified),
                size: 0,
                inode: 0,
            },
        }
    }

    /// Is the file still that one? One that changed a moment ago counts as
    /// unchanged until it has settled, and so does one that has just gone:
    /// editors take a file away before they put the new one there.
    fn holds(&self) -> bool {
        let found = self.now();
        if found == *self || (found.inode, self.inode) == (0, 0) {
            return true;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let age = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX) - found.modified;
        (0..i128::try_from(SETTLED.as_nanos()).unwrap_or(0)).contains(&age)
    }
}

/// A function of a script, ready to be called.
pub struct Loaded {
    function: Py<PyAny>,
    /// How many positional arguments it takes at most.
    takes: usize,
    /// How many the way in gives.
    documented: usize,
    /// Makes a coroutine when it is called.
    is_async: bool,
    stamps: Mutex<Vec<Stamp>>,
    looked: AtomicU64,
}

impl Loaded {
    fn stale(&self) -> bool {
        let now = coarse_ms();
        let looked = self.looked.load(Ordering::Relaxed);
        if now.saturating_sub(looked) < LOOK_EVERY_MS {
            return false;
        }
        // Of many calls at once one looks.
        let mine = self
            .looked
            .compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        mine && !self.stamps.lock().iter().all(Stamp::holds)
    }

    /// The files as they are.
    fn files(&self) -> Vec<Stamp> {
        self.stamps.lock().iter().map(Stamp::now).collect()
    }

    /// Takes the files as they were: they were tried, and failed to load.
    fn accept_files(&self, tried: Vec<Stamp>) {
        *self.stamps.lock() = tried;
    }

    /// Is it an `async def`?
    #[must_use]
    pub fn is_async(&self) -> bool {
        self.is_async
    }

    /// Calls it with as many of the documented arguments as it takes.
    ///
    /// # Errors
    /// What it raises.
    pub fn call<'py>(
        &self,
        py: Python<'py>,
        arguments: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        call_with(self.function.bind(py), self.takes, arguments)
    }
}

fn coarse_ms() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1000 + now.tv_nsec.unsigned_abs() / 1_000_000
}

/// Calls a function with the first `takes` of the arguments.
///
/// # Errors
/// What it raises.
pub fn call_with<'py>(
    function: &Bound<'py, PyAny>,
    takes: usize,
    mut arguments: Vec<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    arguments.truncate(takes);
    function.call1(PyTuple::new(function.py(), arguments)?)
}

/// How many of `documented` positional arguments a function takes.
///
/// # Errors
/// `TypeError`: it needs more than there are.
pub fn takes(function: &Bound<'_, PyAny>, documented: usize) -> PyResult<usize> {
    let py = function.py();
    static SIGNATURE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let signature = SIGNATURE
        .get_or_try_init(py, || {
            PyResult::Ok(py.import("inspect")?.getattr("signature")?.unbind())
        })?
        .bind(py)
        .call1((function,));
    let signature = match signature {
        Ok(signature) => signature,
        // A function written in C may have none to be asked for.
        Err(error)
            if error.is_instance_of::<PyValueError>(py)
                || error.is_instance_of::<PyTypeError>(py) =>
        {
            return Ok(documented);
        }
        Err(error) => return Err(error),
    };
    let (mut most, mut least) = (0usize, 0usize);
    for parameter in signature
        .getattr("parameters")?
        .call_method0("values")?
        .try_iter()?
    {
        let parameter = parameter?;
        let required = parameter
            .getattr("default")?
            .is(&parameter.getattr("empty")?);
        match parameter.getattr("kind")?.extract::<u8>()? {
            // POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD
            0 | 1 => {
                most += 1;
                least += usize::from(required);
            }
            // VAR_POSITIONAL
            2 => most = usize::MAX,
            // KEYWORD_ONLY
            3 if required => least = usize::MAX,
            _ => {}
        }
    }
    if least > documented {
        let name = function
            .getattr("__qualname__")
            .and_then(|n| n.extract::<String>());
        let name = name.unwrap_or_else(|_| "the function".to_owned());
        return Err(PyTypeError::new_err(format!(
            "{name}{signature} needs more than the {documented} arguments it gets"
        )));
    }
    Ok(most.min(documented))
}

/// When scripts are loaded anew (`reload-scripts`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reload {
    /// When a file of theirs has changed.
    Changed,
    /// By command only.
    Never,
    /// At every call, as mod_python3 does.
    Always,
}

static RELOAD: AtomicU8 = AtomicU8::new(Reload::Changed as u8);

/// Sets when scripts are loaded anew.
pub fn set_reload(when: Reload) {
    RELOAD.store(when as u8, Ordering::Relaxed);
}

fn reload_mode() -> Reload {
    match RELOAD.load(Ordering::Relaxed) {
        0 => Reload::Changed,
        1 => Reload::Never,
        _ => Reload::Always,
    }
}

type Key = (Option<Vec<u8>>, String, String);

/// Loaded functions by private folder, module and function.
static LOADED: RwLock<Option<HashMap<Key, Arc<Loaded>>>> = RwLock::new(None);

/// Where a function is looked for.
pub struct Wanted<'a> {
    /// The module.
    pub module: &'a str,
    /// The function.
    pub function: &'a str,
    /// How many arguments this way in gives.
    pub documented: usize,
    /// `python_script_path`: the folder that this call alone looks into.
    pub folder: Option<&'a [u8]>,
}

impl Wanted<'_> {
    fn key(&self) -> Key {
        (
            self.folder.map(<[u8]>::to_vec),
            self.module.to_owned(),
            self.function.to_owned(),
        )
    }
}

/// Gives a script's function, loading the script where it must be.
///
/// # Errors
/// It is not there, may not be entered, or fails to load. A changed script that
/// fails to load is reported, and the old one given.
pub fn find(py: Python<'_>, wanted: &Wanted<'_>) -> PyResult<Arc<Loaded>> {
    let key = wanted.key();
    let known = LOADED
        .read()
        .as_ref()
        .and_then(|all| all.get(&key).cloned());
    let Some(known) = known else {
        let _one = loading::hold(py, &key.0, wanted.module)?;
        let loaded = Arc::new(load(py, wanted, false)?);
        let old = LOADED
            .write()
            .get_or_insert_default()
            .insert(key, loaded.clone());
        drop(old);
        return Ok(loaded);
    };
    match reload_mode() {
        Reload::Changed if known.stale() => {
            // Of many calls at once one loads; the others go on with the old code.
            match loading::try_hold(&key.0, wanted.module) {
                Some(_one) => Ok(renew(py, wanted, known)),
                None => Ok(known),
            }
        }
        Reload::Always => {
            let _one = loading::hold(py, &key.0, wanted.module)?;
            Ok(renew(py, wanted, known))
        }
        _ => Ok(known),
    }
}

/// Loads a script anew; where that fails the old one stays, and the log says so.
fn renew(py: Python<'_>, wanted: &Wanted<'_>, known: Arc<Loaded>) -> Arc<Loaded> {
    // Looked at before: what is written while we load is another change.
    let tried = known.files();
    match load(py, wanted, true) {
        Ok(fresh) => {
            RELOADS.add();
            let fresh = Arc::new(fresh);
            let key = wanted.key();
            let mut loaded = LOADED.write();
            let all = loaded.get_or_insert_default();
            // Other functions of the module are looked up in the new one.
            let old: Vec<_> = all
                .extract_if(|other, _| other.1 == key.1 && other.0 == key.0)
                .collect();
            all.insert(key, fresh.clone());
            drop(loaded);
            // What goes with the old code may run Python: not under our lock.
            drop(old);
            fresh
        }
        Err(error) => {
            FAILED_RELOADS.add();
            known.accept_files(tried);
            let failure = Failure {
                code: errors::NOT_RELOADED,
                way: "reload of",
                target: wanted.module,
                outcome: "the old one stays in use",
            };
            errors::report(py, &error, &failure);
            known
        }
    }
}

/// Loads a module's functions anew, those of all modules where none is named;
/// gives how many modules were loaded and how many failed.
///
/// # Errors
/// The module is not one that is loaded.
pub fn reload(py: Python<'_>, module: Option<&str>) -> PyResult<(usize, usize)> {
    let mut functions: Vec<(Key, Arc<Loaded>)> = LOADED
        .read()
        .iter()
        .flatten()
        .filter(|(key, _)| module.is_none_or(|m| m == key.1))
        .map(|(key, loaded)| (key.clone(), loaded.clone()))
        .collect();
    if functions.is_empty()
        && let Some(module) = module
    {
        return Err(refuse(py, format!("no script '{module}' is loaded")));
    }
    functions.sort_by(|a, b| a.0.cmp(&b.0));
    functions.dedup_by(|a, b| (&a.0.0, &a.0.1) == (&b.0.0, &b.0.1));
    let failed_before = FAILED_RELOADS.get();
    let modules = functions.len();
    for (key, known) in functions {
        let wanted = Wanted {
            module: &key.1,
            function: &key.2,
            documented: known.documented,
            folder: key.0.as_deref(),
        };
        let _one = loading::hold(py, &key.0, wanted.module)?;
        renew(py, &wanted, known);
    }
    let failed = usize::try_from(FAILED_RELOADS.get() - failed_before).unwrap_or(usize::MAX);
    Ok((modules - failed.min(modules), failed))
}

/// The functions that have been called, as `module::function`; for completion.
#[must_use]
pub fn known() -> Vec<String> {
    let names = LOADED.read();
    names
        .iter()
        .flatten()
        .filter(|(key, _)| key.0.is_none())
        .map(|(key, _)| format!("{}::{}", key.1, key.2))
        .collect()
}

fn load(py: Python<'_>, wanted: &Wanted<'_>, fresh: bool) -> PyResult<Loaded> {
    let folder = wanted.folder.map(|f| crate::python::convert::str_of(py, f));
    let answer = module(py)?.call_method1("load", (wanted.module, folder, fresh))?;
    let (script, files): (Bound<'_, PyAny>, Vec<FileFacts>) = answer.extract()?;
    let function = script.getattr(wanted.function).map_err(|error| {
        if error.is_instance_of::<PyAttributeError>(py) {
            refuse(
                py,
                format!(
                    "module '{}' has no function '{}'",
                    wanted.module, wanted.function
                ),
            )
        } else {
            error
        }
    })?;
    if !function.is_callable() {
        return Err(refuse(
            py,
            format!(
                "'{}' of module '{}' is no function",
                wanted.function, wanted.module
            ),
        ));
    }
    let is_async = py
        .import("inspect")?
        .call_method1("iscoroutinefunction", (&function,))?
        .is_truthy()?;
    let stamps = files
        .into_iter()
        .map(|(path, modified, size, inode)| Stamp {
            path,
            modified,
            size,
            inode,
        });
    Ok(Loaded {
        takes: takes(&function, wanted.documented)?,
        is_async,
        documented: wanted.documented,
        function: function.unbind(),
        stamps: Mutex::new(stamps.collect()),
        looked: AtomicU64::new(coarse_ms()),
    })
}

/// Forgets what was loaded; the next call looks again. Attached, since what was
/// loaded is Python's to free.
///
/// # Errors
/// What the loader raises.
pub fn forget(py: Python<'_>) -> PyResult<()> {
    let old = LOADED.write().take();
    drop(old);
    module(py)?.call_method0("forget")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<(String, Option<String>, String), BadTarget> {
        let t = Target::parse(text.as_bytes())?;
        Ok((
            t.module,
            t.function,
            String::from_utf8(t.arguments).unwrap(),
        ))
    }

    #[test]
    fn reads_module_function_and_arguments() {
        let is = |m: &str, f: Option<&str>, a: &str| {
            Ok((m.to_owned(), f.map(str::to_owned), a.to_owned()))
        };
        assert_eq!(target("a.b"), is("a.b", None, ""));
        assert_eq!(target("  a.b::c  d e "), is("a.b", Some("c"), "d e"));
        assert_eq!(target("a::"), is("a", None, ""));
    }

    #[test]
    fn refuses_what_is_no_name() {
        assert_eq!(target(" "), Err(BadTarget::Empty));
        assert_eq!(
            target("../../etc/passwd"),
            Err(BadTarget::Module("../../etc/passwd".into()))
        );
        assert_eq!(target("a..b"), Err(BadTarget::Module("a..b".into())));
        assert_eq!(target("a::b-c"), Err(BadTarget::Function("b-c".into())));
        assert!(Target::parse(b"\xff").is_err());
    }
}

//! Scripts: loaded once, and again when their files changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;

use super::file_stamp::{FileFacts, Stamp};
use super::function::{Before, LoadedFunction};
use super::key::{Key, ModuleKey, ScriptRef};
use super::load_lock;
use super::python_half::{module, shown, uses};
use crate::interp::errors;
use crate::interp::errors::{Busy, Failure, Refused};
use crate::metrics::{FAILED_RELOADS, RELOADS};

/// When scripts are loaded again (`reload-scripts`).
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

/// Sets when scripts are loaded again.
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

type Loaded = HashMap<Key, Arc<LoadedFunction>>;

/// Loaded functions by private folder, module and function.
static LOADED: LazyLock<RwLock<Loaded>> = LazyLock::new(RwLock::default);

/// Gives a script's function, loading the script where it must be.
///
/// # Errors
/// It is not there, may not be entered, or fails to load. A changed script that
/// fails to load is reported, and the old one given.
pub fn find(py: Python<'_>, wanted: &ScriptRef<'_>) -> PyResult<Arc<LoadedFunction>> {
    let known = LOADED.read().get(&wanted.name()).cloned();
    let Some(known) = known else {
        let _one = load_lock::hold(py, wanted)?;
        let loaded = Arc::new(load(py, wanted, false, None, Duration::ZERO)?);
        let old = LOADED.write().insert(wanted.key(), loaded.clone());
        drop(old);
        return Ok(loaded);
    };
    if known.is_unchecked()
        && let Err(error) = known.check(py, wanted)
    {
        let_go(wanted);
        return Err(error);
    }
    if known.is_unlisted() {
        known.list_files(py, wanted)?;
    }
    match reload_mode() {
        Reload::Changed if known.stale() => {
            // Of many calls at once one loads; the others go on with the old code.
            match load_lock::try_hold(wanted) {
                Some(_one) => Ok(renew(py, wanted, known, None, Duration::ZERO).function),
                None => Ok(known),
            }
        }
        Reload::Always => {
            let _one = load_lock::hold(py, wanted)?;
            Ok(renew(py, wanted, known, None, PATIENCE).function)
        }
        _ => Ok(known),
    }
}

/// Forgets one function. What goes with it may run Python: not under our lock.
fn let_go(wanted: &ScriptRef<'_>) {
    let old = LOADED.write().remove(&wanted.name());
    drop(old);
}

/// Is a function that is loaded, and up to date, an `async def`?
/// Nothing, where only [`find`] can tell. Python is not asked.
#[must_use]
pub fn known_async(wanted: &ScriptRef<'_>) -> Option<bool> {
    let all = LOADED.read();
    let known = all.get(&wanted.name())?;
    match reload_mode() {
        _ if known.is_unchecked() || known.is_unlisted() => None,
        Reload::Always => None,
        Reload::Changed if known.changed() => None,
        _ => Some(known.is_async()),
    }
}

/// Which version of a script's files was last said to fail.
static TOLD: Mutex<BTreeMap<ModuleKey, Vec<Stamp>>> = Mutex::new(BTreeMap::new());
/// How long to wait while other scripts are being loaded, where it must be.
const PATIENCE: Duration = Duration::from_secs(10);

/// The outcome of loading a script again.
struct Renewed {
    /// The function to call.
    function: Arc<LoadedFunction>,
    /// It is of the new version; else that did not load, or was not tried.
    is_new: bool,
}

impl Renewed {
    fn not(known: Arc<LoadedFunction>) -> Self {
        Self {
            function: known,
            is_new: false,
        }
    }
}

/// Loads a script again; if that fails, the old one stays, and the log says so.
fn renew(
    py: Python<'_>,
    wanted: &ScriptRef<'_>,
    known: Arc<LoadedFunction>,
    force: Option<&str>,
    patience: Duration,
) -> Renewed {
    // Looked at before: what is written while we load is another change.
    let tried = known.files();
    match load(py, wanted, true, force, patience) {
        Ok(renewed) => {
            RELOADS.add();
            let renewed = Arc::new(renewed);
            let key = wanted.key();
            let mut all = LOADED.write();
            // Other functions of the module are looked up in the new one.
            let old: Vec<_> = all
                .extract_if(|other, _| other.module == key.module && other.folder == key.folder)
                .collect();
            all.insert(key, renewed.clone());
            drop(all);
            // What goes with the old code may run Python: not under our lock.
            drop(old);
            Renewed {
                function: renewed,
                is_new: true,
            }
        }
        // The others that are loaded may wait for us: the next call tries again.
        Err(error) if patience.is_zero() && error.is_instance_of::<Busy>(py) => Renewed::not(known),
        Err(error) => {
            FAILED_RELOADS.add();
            let before = TOLD.lock().insert(wanted.module_key(), tried.clone());
            let is_new = before.as_ref() != Some(&tried);
            known.accept_files(tried);
            if !is_new && force.is_none() {
                // Another function of the same version.
                return Renewed::not(known);
            }
            let failure = Failure {
                code: errors::NOT_RELOADED,
                way: "reload of",
                target: wanted.module,
                outcome: "the old one stays in use",
            };
            errors::report(py, &error, &failure);
            Renewed::not(known)
        }
    }
}

/// Loads a module's functions again, those of all modules if none is named;
/// gives how many modules were loaded and how many failed.
///
/// # Errors
/// The module is not one that is loaded.
pub fn reload(py: Python<'_>, module: Option<&str>) -> PyResult<(usize, usize)> {
    let all: Vec<(Key, Arc<LoadedFunction>)> = LOADED
        .read()
        .iter()
        .map(|(key, loaded)| (key.clone(), loaded.clone()))
        .collect();
    let mut functions = Vec::new();
    for (key, loaded) in all {
        let is_meant = match module {
            None => true,
            Some(module) => uses(py, &key, module)?,
        };
        if is_meant {
            functions.push((key, loaded));
        }
    }
    if functions.is_empty()
        && let Some(module) = module
    {
        return Err(Refused::new_err(format!("no script '{module}' is loaded")));
    }
    functions.sort_by(|a, b| a.0.cmp(&b.0));
    functions.dedup_by(|a, b| (&a.0.folder, &a.0.module) == (&b.0.folder, &b.0.module));
    let (mut loaded, mut failed) = (0, 0);
    let mut force = module;
    for (key, known) in functions {
        let wanted = ScriptRef {
            module: &key.module,
            function: &key.function,
            documented: known.documented,
            folder: key.folder.as_deref(),
        };
        if known.check(py, &wanted).is_err() {
            // It may not be in use any more: a call that names it reports the error.
            let_go(&wanted);
            continue;
        }
        let _one = load_lock::hold(py, &wanted)?;
        if renew(py, &wanted, known, force, PATIENCE).is_new {
            loaded += 1;
            // The next ones find that it is new.
            force = None;
        } else {
            failed += 1;
        }
    }
    Ok((loaded, failed))
}

/// The functions that have been called, as `module::function`; for completion.
#[must_use]
pub fn known() -> Vec<String> {
    let names = LOADED.read();
    names
        .iter()
        .filter(|(key, _)| key.folder.is_none())
        .map(|(key, _)| format!("{}::{}", key.module, key.function))
        .collect()
}

fn load(
    py: Python<'_>,
    wanted: &ScriptRef<'_>,
    reload: bool,
    force: Option<&str>,
    patience: Duration,
) -> PyResult<LoadedFunction> {
    let folder = shown(py, wanted.folder);
    let before = Before::now();
    let answer = module(py)?.call_method1(
        "load",
        (wanted.module, folder, reload, force, patience.as_secs_f64()),
    )?;
    let (script, files): (Bound<'_, PyAny>, Vec<FileFacts>) = answer.extract()?;
    let function = script.getattr(wanted.function).map_err(|error| {
        if error.is_instance_of::<PyAttributeError>(py) {
            Refused::new_err(format!(
                "module '{}' has no function '{}'",
                wanted.module, wanted.function
            ))
        } else {
            error
        }
    })?;
    if !function.is_callable() {
        return Err(Refused::new_err(format!(
            "'{}' of module '{}' is not a function",
            wanted.function, wanted.module
        )));
    }
    let is_async = py
        .import("inspect")?
        .call_method1("iscoroutinefunction", (&function,))?
        .is_truthy()?;
    LoadedFunction::new(&function, wanted.documented, is_async, files, &before)
}

/// Forgets what was loaded; the next call looks again. Attached, since what was
/// loaded is Python's to free.
///
/// # Errors
/// What the loader raises.
pub fn forget(py: Python<'_>) -> PyResult<()> {
    let old = std::mem::take(&mut *LOADED.write());
    drop(old);
    module(py)?.call_method0("forget")?;
    Ok(())
}

//! Taking changes in: `pyreload`, `reloadxml`, and load itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freeswitch::{Detached, api, core};
use parking_lot::{Mutex, MutexGuard};

use super::config;
use super::config::Config;
use super::listener;
use crate::aio::bus;
use crate::entry::{async_call, event_hook, recording, xml_fetch};
use crate::interp::attach::{enter, reenter};
use crate::interp::embedding;
use crate::interp::gate;
use crate::interp::reaper::later;
use crate::interp::{errors, stdio};
use crate::script::entry_point;
use crate::script::python_half;
use crate::script::{cache, function};

/// What is in force.
static CURRENT: Mutex<Option<Arc<Config>>> = Mutex::new(None);
/// One at a time reads the configuration and puts it into force, while the module is
/// loaded. Only tried for: a script that answers the lookup of python.conf may ask for a
/// reload itself.
static LOADED: Mutex<bool> = Mutex::new(false);
/// How long to wait for the reload that is under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts the configuration of a module that is being loaded into force; reloads are
/// taken in from here on.
///
/// # Errors
/// One line that says why not.
pub fn begin(held: &Detached, config: Config) -> Result<(), String> {
    let mut loaded = one()?;
    apply(held, config)?;
    *loaded = true;
    Ok(())
}

/// Waits for a reload that is under way. None is taken in after this: what it bound
/// would stay.
pub fn end() {
    if let Ok(mut loaded) = one() {
        *loaded = false;
    }
}

fn one() -> Result<MutexGuard<'static, bool>, String> {
    LOADED
        .try_lock_for(PATIENCE)
        .ok_or_else(|| "another reload is under way, for more than 10 s".to_owned())
}

/// Puts a configuration into force: all of it, or nothing.
///
/// # Errors
/// One line that says why not.
fn apply(held: &Detached, config: Config) -> Result<(), String> {
    // What can fail comes first.
    use_roots(&config)?;
    if let Err(status) = xml_fetch::bind(held, config.fetchers.clone()) {
        if let Some(before) = current()
            && let Err(why) = use_roots(&before)
        {
            tracing::error!(
                "MR0009 the script folders that were in use could not be restored: {why}"
            );
        }
        return Err(format!("XML lookups are not bound: {status}"));
    }

    if let Some(before) = current()
        && (before.virtual_env != config.virtual_env || before.python_home != config.python_home)
    {
        tracing::warn!(
            "MR0009 changes of virtual-env and python-home take effect when FreeSWITCH is restarted"
        );
    }
    for way in entry_point::ALL {
        let timeout = config.timeouts.iter().find(|(name, _)| *name == way.name);
        way.set_timeout(timeout.map(|(_, time)| *time));
    }
    cache::set_reload(config.reload);
    event_hook::set(held, config.hooks.clone());
    function::check_again();
    async_call::accept_traceparent(config.accept_traceparent);
    recording::use_folder(config.record_calls.as_deref());
    listener::set(held, config.metrics.as_ref());
    bus::set(held, config.bus.as_ref());
    *CURRENT.lock() = Some(Arc::new(config));
    Ok(())
}

/// Gives the script folders to Python.
fn use_roots(config: &Config) -> Result<(), String> {
    let roots = roots(config);
    enter(|py| {
        python_half::use_roots(py, &roots, &config.allowed).map_err(|e| errors::one_line(py, &e))
    })
    .map_err(|e| e.to_string())?
}

/// Reads the configuration, and puts it into force.
fn take_in(held: &Detached) -> Result<(), String> {
    let loaded = one()?;
    if !*loaded {
        // The module ends, or begins and reads it itself.
        return Ok(());
    }
    apply(held, config::read(held))
}

/// PYTHONPATH first, as mod_python3 has it, then the configured folders, then
/// the switch's own.
fn roots(config: &Config) -> Vec<PathBuf> {
    let path = if embedding::is_joined() {
        None
    } else {
        std::env::var_os("PYTHONPATH")
    };
    let mut roots: Vec<_> = path
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|p| p.is_absolute())
        .collect();
    roots.extend(config.directories.iter().cloned());
    roots.push(core::script_dir());
    roots
}

/// What is in force.
#[must_use]
pub fn current() -> Option<Arc<Config>> {
    CURRENT.lock().clone()
}

/// Nothing is in force any more.
pub fn forget() {
    config::forget();
    *CURRENT.lock() = None;
}

/// The XML was read again. Runs on a dispatch thread, where nothing may be bound
/// or unbound: a thread of ours does it.
pub fn on_reloadxml() {
    later(Box::new(|held| {
        // One that the module's end overtakes is nobody's loss.
        if let Err(why) = take_in(held)
            && gate::enter().is_some()
        {
            tracing::error!(
                "MR0009 the new python.conf was not applied, the old one stays in use: {why}"
            );
        }
    }));
}

/// `pyreload [module]`
pub(crate) fn by_command(argument: &str) -> Result<String, String> {
    // SAFETY: an API command comes detached; reenter() attaches for its own part.
    let held = unsafe { Detached::new() };
    let module = Some(argument).filter(|m| !m.is_empty());
    if module.is_none() {
        // The core keeps the configuration as it last read it.
        api::execute(&held, c"reloadxml", None, None);
        take_in(&held)?;
    }
    let outcome = reenter(|py| {
        let reloaded = cache::reload(py, module);
        stdio::flush();
        reloaded.map_err(|error| errors::one_line(py, &error))
    });
    let (loaded, failed) = outcome.map_err(|e| e.to_string())??;
    if failed > 0 {
        return Err(format!(
            "{failed} scripts do not load, and stay as they were; {loaded} were loaded"
        ));
    }
    Ok(format!("+OK {loaded} scripts were loaded\n"))
}

//! One at a time loads a module.
//!
//! Top-level code can call back: into the switch, and from there into the very
//! module that is being loaded. On the same thread that is refused; another
//! thread waits, and only for a limited time, since the first may be waiting for it.

use std::collections::HashMap;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;

use super::key::{ModuleKey, ScriptRef};
use crate::interp::errors::Refused;

/// How long to wait for another thread that loads the module.
const PATIENCE: Duration = Duration::from_secs(10);

static LOADING: Mutex<Option<HashMap<ModuleKey, ThreadId>>> = Mutex::new(None);
static DONE: Condvar = Condvar::new();

/// The right to load a module, until it goes.
pub(crate) struct Held(ModuleKey);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(loading) = &mut *LOADING.lock() {
            loading.remove(&self.0);
        }
        DONE.notify_all();
    }
}

/// Takes it, where nobody has it.
pub(crate) fn try_hold(wanted: &ScriptRef<'_>) -> Option<Held> {
    let key = wanted.module_key();
    let mut loading = LOADING.lock();
    let loading = loading.get_or_insert_default();
    if loading.contains_key(&key) {
        return None;
    }
    loading.insert(key.clone(), thread::current().id());
    Some(Held(key))
}

/// Takes it, and waits for it without the interpreter.
pub(crate) fn hold(py: Python<'_>, wanted: &ScriptRef<'_>) -> PyResult<Held> {
    let (key, module) = (wanted.module_key(), wanted.module);
    let me = thread::current().id();
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(held) = try_hold(wanted) {
            return Ok(held);
        }
        let mine = LOADING
            .lock()
            .as_ref()
            .and_then(|l| l.get(&key))
            .is_some_and(|owner| *owner == me);
        if mine {
            return Err(Refused::new_err(format!(
                "module '{module}' is being loaded, and called itself"
            )));
        }
        if Instant::now() >= until {
            return Err(Refused::new_err(format!(
                "module '{module}' is being loaded by another call, for more than 10 s"
            )));
        }
        py.detach(|| {
            let mut loading = LOADING.lock();
            if loading.as_ref().is_some_and(|l| l.contains_key(&key)) {
                DONE.wait_until(&mut loading, until);
            }
        });
    }
}

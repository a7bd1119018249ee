//! One at a time loads a module.
//!
//! Top-level code can call back: into the switch, and from there into the very
//! module that is being loaded. On the same thread that is refused; another
//! thread waits, and only for a limited time, since the first may be waiting for it.

use std::collections::BTreeMap;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;

use super::key::{ModuleKey, ScriptRef};
use crate::interp::errors::Refused;

/// How long to wait for another thread that loads the module.
const PATIENCE: Duration = Duration::from_secs(10);

static LOADING: Mutex<BTreeMap<ModuleKey, ThreadId>> = Mutex::new(BTreeMap::new());
static DONE: Condvar = Condvar::new();

/// The right to load a module, until it goes.
pub(crate) struct Held(ModuleKey);

impl Drop for Held {
    fn drop(&mut self) {
        LOADING.lock().remove(&self.0);
        DONE.notify_all();
    }
}

/// Takes it, where nobody has it.
pub(crate) fn try_hold(wanted: &ScriptRef<'_>) -> Option<Held> {
    let key = wanted.module_key();
    let mut loading = LOADING.lock();
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
        let mine = LOADING.lock().get(&key) == Some(&me);
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
            if loading.contains_key(&key) {
                DONE.wait_until(&mut loading, until);
            }
        });
    }
}

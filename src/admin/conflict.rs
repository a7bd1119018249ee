//! mod_python3 in the same switch: both modules provide `python`.

use freeswitch::call_log;
use freeswitch::event::subscription::Subscription;
use freeswitch::event::{Kind, View};
use freeswitch::log::Level;
use freeswitch::{Detached, core};
use parking_lot::Mutex;

/// The names that it and its predecessors are loaded under.
const PROVIDERS_OF_PYTHON: [&std::ffi::CStr; 2] = [c"mod_python3", c"mod_python"];

static WATCH: Mutex<Option<Subscription>> = Mutex::new(None);

/// Which of them is loaded already.
#[must_use]
pub fn loaded() -> Option<&'static str> {
    PROVIDERS_OF_PYTHON
        .into_iter()
        .find(|name| core::module_exists(name))
        .and_then(|name| name.to_str().ok())
}

/// Says so when one is loaded later: it takes the names over, and its first
/// call crashes the switch, since it finds Python started and skips its own start.
pub fn watch(held: &Detached) {
    match Subscription::new(held, Kind::MODULE_LOAD, None, on_module_load) {
        Ok(subscription) => *WATCH.lock() = Some(subscription),
        Err(status) => {
            tracing::warn!(%status, "mod_rust will not see it when mod_python3 is loaded");
        }
    }
}

/// Watches no more.
pub fn end(held: &Detached) {
    let watch = WATCH.lock().take();
    if let Some(watch) = watch {
        watch.end(held);
    }
}

fn on_module_load(event: View<'_>) {
    let is = |header, what: &str| {
        event
            .header(header, None)
            .is_some_and(|v| v == what.as_bytes())
    };
    // An event comes for each name that a module provides; this one comes once.
    let takes_over = is(c"type", "api") && is(c"name", "python");
    if takes_over && (is(c"key", "mod_python3") || is(c"key", "mod_python")) {
        call_log::write(
            Level::Crit,
            c"mod_rust",
            c"conflict",
            0,
            None,
            b"MR0001 mod_python3 was loaded after mod_rust and has taken 'python' over: its first call will crash \
              the switch. Unload it, and take it out of modules.conf.xml",
        );
    }
}

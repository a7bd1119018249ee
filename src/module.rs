//! Loading the module and ending it, in order.

use std::ffi::CStr;
use std::time::Duration;

use bindings::{
    SAF_ROUTING_EXEC, SAF_SUPPORT_NOMEDIA, SAF_SUPPORT_TEXT_ONLY, SAF_ZOMBIE_EXEC,
    SMODF_GLOBAL_SYMBOLS, SWITCH_API_VERSION, SWITCH_STATUS_NOUNLOAD, SWITCH_STATUS_SUCCESS,
    SWITCH_STATUS_TERM, switch_api_function_t, switch_application_function_t,
    switch_loadable_module_function_table_t, switch_loadable_module_interface_t,
    switch_memory_pool_t, switch_status_t,
};
use freeswitch::edge;
use freeswitch::edge::guard;
use freeswitch::event::subscription::Subscription;
use freeswitch::event::{Kind, View};
use freeswitch::log::Level;
use freeswitch::module::Interfaces;
use freeswitch::{Detached, Status, call_log, core};
use parking_lot::Mutex;

use crate::admin::config::Config;
use crate::admin::{commands, completion, config, conflict, listener, reload, shutdown};
use crate::aio::{bus, event_loop, event_tap, socket};
use crate::entry::{
    api, application, chat, dialplan, event_hook, json, outside, pyrun, remote, xml_fetch,
};
use crate::interp::attach::enter;
use crate::interp::embedding;
use crate::interp::environment;
use crate::interp::environment::Place;
use crate::interp::{errors, gate, interpreter, reaper, thread_state};
use crate::pymodule;
use crate::script::entry_point;
use crate::script::python_half;
use crate::script::{cache, deadline, runs};

/// The module's table.
///
/// The core opens the library twice for `SMODF_GLOBAL_SYMBOLS`, which numpy, ssl
/// and others need to find libpython; so nothing happens before load.
pub const MODULE: switch_loadable_module_function_table_t =
    switch_loadable_module_function_table_t {
        switch_api_version: SWITCH_API_VERSION.cast_signed(),
        load: Some(load),
        shutdown: Some(shutdown),
        runtime: Some(runtime),
        flags: SMODF_GLOBAL_SYMBOLS.0,
    };

/// What is to run once all modules are loaded.
static STARTUP: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// Ends with the module.
static SUBSCRIPTIONS: Mutex<Vec<Subscription>> = Mutex::new(Vec::new());

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(
        "MR0001 {0} is loaded: both provide 'python'. Take one of them out of modules.conf.xml"
    )]
    OtherProvider(&'static str),
    #[error(
        "MR0002 this is FreeSWITCH {0}, and mod_rust is tested with 1.10.12 and 1.11.x: \
         to load it anyway, set allow-untested-core to true in python.conf"
    )]
    Version(String),
    #[error("MR0003 {0}")]
    Python(#[from] environment::StartError),
    #[error("mod_rust: FreeSWITCH did not register the module: {0}")]
    Interface(&'static str),
    #[error("MR0009 the configuration was not applied: {0}")]
    Config(String),
    #[error("mod_rust: no event was bound: {0}")]
    Core(#[from] Status),
}

unsafe extern "C" fn load(
    module_interface: *mut *mut switch_loadable_module_interface_t,
    pool: *mut switch_memory_pool_t,
) -> switch_status_t {
    edge::install_panic_hook();
    edge::notice_forks();
    guard(c"load", SWITCH_STATUS_TERM, || {
        core::arrive();
        call_log::install(env!("CARGO_CRATE_NAME"));
        // SAFETY: the loader's thread has nothing to do with Python.
        let held = unsafe { Detached::new() };
        // SAFETY: the loader gave both for this load.
        let loaded = begin(&held, || unsafe {
            Interfaces::new(pool, module_interface, c"mod_rust")
        });
        match loaded {
            Ok(()) => SWITCH_STATUS_SUCCESS,
            Err(error) => {
                gate::close();
                call_log::write(
                    Level::Crit,
                    c"mod_rust",
                    c"load",
                    0,
                    None,
                    // Its code stands at the head of the line.
                    error.to_string().as_bytes(),
                );
                SWITCH_STATUS_TERM
            }
        }
    })
}

fn begin(
    held: &Detached,
    interfaces: impl FnOnce() -> Option<Interfaces>,
) -> Result<(), LoadError> {
    socket::py_socket::end_alone("a pocket is opened in this process");
    // Every refusal that can come before Python starts does.
    if let Some(name) = conflict::loaded() {
        return Err(LoadError::OtherProvider(name));
    }
    let config = config::read(held);
    check_version(&config)?;
    let place = Place {
        virtual_env: config.virtual_env.clone(),
        home: config.python_home.clone(),
    };
    interpreter::start(&place, pymodule::EXTENSION)?;
    // What looks after scripts must not want for a thread when it is needed.
    deadline::begin()
        .and_then(|()| reaper::begin())
        .map_err(environment::StartError::Thread)?;
    runs::set_time_over(false);
    enter(|py| {
        thread_state::end_left(py);
        cache::forget(py).map_err(|e| errors::one_line(py, &e))
    })
    .map_err(|e| LoadError::Config(e.to_string()))?
    .map_err(LoadError::Config)?;

    let mut interfaces = interfaces().ok_or(LoadError::Interface("no memory"))?;
    register(&mut interfaces);
    let (startup, at_load) = (config.startup.clone(), config.at_load.clone());
    let switchio_apps = config.switchio_apps.clone();
    if let Err(error) = bind_all(held, config) {
        // What is bound would call a module that is not there.
        unbind_all(held);
        listener::end(held);
        bus::end(held);
        reload::forget();
        return Err(error);
    }
    *STARTUP.lock() = with_switchio_apps(startup, switchio_apps);
    let about = enter(interpreter::about).unwrap_or_default();
    tracing::info!("mod_rust {} with {about}", env!("CARGO_PKG_VERSION"));
    start_all(at_load);
    Ok(())
}

/// Has the core call the module: lookups, events, completion.
fn bind_all(held: &Detached, config: Config) -> Result<(), LoadError> {
    reload::begin(held, config).map_err(LoadError::Config)?;
    conflict::watch(held);
    completion::begin(held);
    let events: [(Kind, fn(View<'_>)); 2] = [
        (Kind::SHUTDOWN, |_| shutdown::begin()),
        (Kind::RELOADXML, |_| reload::on_reloadxml()),
    ];
    for (kind, receiver) in events {
        let subscription = Subscription::new(held, kind, None, receiver)?;
        SUBSCRIPTIONS.lock().push(subscription);
    }
    Ok(())
}

/// Has the core call it no more; what is not bound is left alone.
fn unbind_all(held: &Detached) {
    reload::end();
    completion::end(held);
    xml_fetch::unbind(held);
    event_hook::set(held, Vec::new());
    conflict::end(held);
    let subscriptions = std::mem::take(&mut *SUBSCRIPTIONS.lock());
    for subscription in subscriptions {
        subscription.end(held);
    }
}

fn check_version(config: &Config) -> Result<(), LoadError> {
    let version = core::version();
    if supported(&version) {
        return Ok(());
    }
    if !config.allow_untested_core {
        return Err(LoadError::Version(version));
    }
    tracing::warn!("MR0002 this is FreeSWITCH {version}, which mod_rust was not tested with");
    Ok(())
}

fn supported(version: &str) -> bool {
    let plain = version
        .split(['-', '+', '~', ' '])
        .next()
        .unwrap_or_default();
    plain == "1.10.12" || plain.starts_with("1.11.")
}

const FUNCTION: &CStr = c"<package.module>[::function] [arguments]";

/// Name, what it does, its arguments, and what the core calls.
const COMMANDS: [(&CStr, &CStr, &CStr, switch_api_function_t); 8] = [
    (
        c"python",
        c"Run a Python function and give its reply",
        FUNCTION,
        Some(api::python),
    ),
    (
        c"pyrun",
        c"Run a Python function in a thread of its own",
        FUNCTION,
        Some(api::pyrun),
    ),
    (
        c"pyps",
        c"List the Python functions that run",
        c"[json]",
        Some(commands::pyps),
    ),
    (
        c"pykill",
        c"End a Python function that runs",
        c"<id>",
        Some(commands::pykill),
    ),
    (
        c"pyreload",
        c"Reload the configuration and the scripts",
        c"[package.module]",
        Some(commands::pyreload),
    ),
    (
        c"pystat",
        c"Show counters and latencies",
        c"[json|prometheus]",
        Some(commands::pystat),
    ),
    (
        c"pydial",
        c"Place calls at a rate, and measure them",
        c"start <destination> [options]|status [json]|set <setting> <value>|stop|hupall",
        Some(api::pydial),
    ),
    (
        c"pysocket",
        c"The protocol of programs outside that serve calls; not for use by hand",
        c"<what> ...",
        Some(outside::api),
    ),
];

/// As [`COMMANDS`].
const APPLICATIONS: [(&CStr, &CStr, &CStr, switch_application_function_t); 5] = [
    (
        c"python",
        c"Run a Python function on the call",
        FUNCTION,
        Some(application::python),
    ),
    (
        c"python_originated",
        c"Work for the coroutine that placed this call",
        c"",
        Some(application::originated),
    ),
    (
        c"pyrun",
        c"Start a Python function in the background",
        FUNCTION,
        Some(application::pyrun),
    ),
    (
        c"pyremote",
        c"Have a worker on the bus serve the call",
        FUNCTION,
        Some(remote::application),
    ),
    (
        c"pysocket",
        c"Have a program outside serve the call, by the event socket",
        FUNCTION,
        Some(outside::application),
    ),
];

fn register(interfaces: &mut Interfaces) {
    for (name, description, syntax, function) in COMMANDS {
        interfaces.api(name, description, syntax, function);
    }
    // As mod_lua's: with no media, while being routed, after the hangup, on text.
    let flags =
        SAF_SUPPORT_NOMEDIA.0 | SAF_ROUTING_EXEC.0 | SAF_ZOMBIE_EXEC.0 | SAF_SUPPORT_TEXT_ONLY.0;
    for (name, description, syntax, function) in APPLICATIONS {
        interfaces.application(name, description, syntax, flags, function);
    }
    interfaces.chat_application(
        c"python",
        c"Run a Python function on the message",
        FUNCTION,
        Some(chat::python),
    );
    interfaces.dialplan(c"python", Some(dialplan::hunt));
    interfaces.json_api(
        c"python",
        c"Run a Python function and give its answer",
        c"",
        Some(json::python),
    );
}

/// Called once all modules are loaded, or at once by a later `load`. Ends at
/// once: TERM says that it is not to be called again.
unsafe extern "C" fn runtime() -> switch_status_t {
    guard(c"runtime", SWITCH_STATUS_TERM, || {
        listener::is_ready();
        start_all(std::mem::take(&mut *STARTUP.lock()));
        SWITCH_STATUS_TERM
    })
}

/// Their files are taken in when all modules are there, too, in front of the scripts.
fn with_switchio_apps(startup: Vec<String>, apps: Vec<String>) -> Vec<String> {
    let taken = enter(|py| python_half::use_switchio_apps(py, &apps).is_ok());
    let first = (taken == Ok(true) && !apps.is_empty())
        .then(|| "freeswitch.apps.in_switch::load_switchio".to_owned());
    first.into_iter().chain(startup).collect()
}

fn start_all(lines: Vec<String>) {
    for line in lines {
        // What went wrong is in the log.
        let _ = pyrun::start(&entry_point::STARTUP, line.as_bytes(), None);
    }
}

/// The library stays mapped, since Python's threads are in it (`-z nodelete`).
/// NOUNLOAD would keep the core from freeing the module's memory pool and runtime
/// thread, too: it is for when somebody is still inside, or all ends anyway.
unsafe extern "C" fn shutdown() -> switch_status_t {
    guard(c"shutdown", SWITCH_STATUS_NOUNLOAD, || {
        // SAFETY: the loader's thread has nothing to do with Python.
        let held = unsafe { Detached::new() };
        let core_ends = core::shutting_down();
        unbind_all(&held);
        shutdown::wait();
        listener::end(&held);
        bus::end(&held);
        socket::end_all("the switch that it is used in ends");
        event_loop::stop();
        event_tap::end(&held);
        let all_left = interpreter::stop(shutdown::LAST);
        reload::forget();
        if core_ends && !embedding::is_joined() {
            core::leave(Duration::from_millis(200));
        }
        if core_ends || !all_left {
            return SWITCH_STATUS_NOUNLOAD;
        }
        SWITCH_STATUS_SUCCESS
    })
}

#[cfg(test)]
mod tests {
    use super::supported;

    #[test]
    fn the_versions_that_were_tried_are_taken() {
        assert!(supported("1.10.12-release~64bit ( 64bit)"));
        assert!(supported("1.11.1-release~64bit ( 64bit)"));
        assert!(!supported("1.10.11-release~64bit"));
        assert!(!supported("1.12.0"));
    }
}

//! Loading the module and ending it, in order.

use std::time::Duration;

use bindings::{
    SAF_SUPPORT_NOMEDIA, SMODF_GLOBAL_SYMBOLS, SWITCH_API_VERSION, SWITCH_STATUS_NOUNLOAD,
    SWITCH_STATUS_SUCCESS, SWITCH_STATUS_TERM, switch_loadable_module_function_table_t,
    switch_loadable_module_interface_t, switch_memory_pool_t, switch_status_t,
};
use parking_lot::Mutex;

use crate::edge::{self, guard};
use crate::entry::{api, app, background, config, neighbour, way, xml};
use crate::interp::enter::enter;
use crate::interp::{gate, interpreter, scripts};
use crate::switch::event::Kind;
use crate::switch::log::{self, Level};
use crate::switch::module::Interfaces;
use crate::switch::subscription::Subscription;
use crate::switch::{Detached, Status, core, trace};

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

/// How long scripts get to end when the module does.
const ENDING: Duration = Duration::from_secs(5);

/// What is to run once all modules are loaded.
static STARTUP: Mutex<Vec<String>> = Mutex::new(Vec::new());
static END: Mutex<Option<Subscription>> = Mutex::new(None);

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("{0} is loaded: both provide 'python'. Take one of them out of modules.conf.xml")]
    Neighbour(&'static str),
    #[error(
        "this is FreeSWITCH {0}, and mod_rust is tried with 1.10.12 and 1.11.x: \
         the parameter allow-untested-core of python.conf lets it load all the same"
    )]
    Version(String),
    #[error(transparent)]
    Python(#[from] interpreter::StartError),
    #[error("the core gave no place for the module: {0}")]
    Interface(&'static str),
    #[error("the scripts' folders were refused: {0}")]
    Roots(String),
    #[error(transparent)]
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
        trace::install();
        // SAFETY: the loader's thread has nothing to do with Python.
        let held = unsafe { Detached::new() };
        // SAFETY: the loader gave both for this load.
        let loaded = begin(&held, || unsafe {
            Interfaces::new(pool, module_interface, c"mod_rust")
        });
        match loaded {
            Ok(()) => SWITCH_STATUS_SUCCESS,
            Err(error) => {
                log::write(
                    Level::Crit,
                    c"mod_rust",
                    c"load",
                    0,
                    None,
                    format!("mod_rust: {error}").as_bytes(),
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
    // Every refusal that can come before Python starts does.
    if let Some(name) = neighbour::loaded() {
        return Err(LoadError::Neighbour(name));
    }
    let config = config::read(held);
    let version = core::version();
    if !supported(&version) {
        if !config.allow_untested_core {
            return Err(LoadError::Version(version));
        }
        tracing::warn!("this is FreeSWITCH {version}, which mod_rust was not tried with");
    }
    interpreter::start()?;
    let root = core::script_dir();
    enter(|py| {
        scripts::forget(py)
            .and_then(|()| interpreter::use_roots(py, &roots(root)))
            .map_err(|e| e.to_string())
    })
    .map_err(|e| LoadError::Roots(e.to_string()))?
    .map_err(LoadError::Roots)?;

    let mut interfaces = interfaces().ok_or(LoadError::Interface("no memory"))?;
    register(&mut interfaces);
    xml::bind(held, config.fetchers)?;
    *STARTUP.lock() = config.startup;
    neighbour::watch(held);
    *END.lock() = Some(Subscription::new(held, Kind::SHUTDOWN, None, |_| {
        gate::close()
    })?);
    tracing::info!(
        "mod_rust {} with Python {}",
        env!("CARGO_PKG_VERSION"),
        interpreter::running_version()
    );
    Ok(())
}

/// PYTHONPATH first, as mod_python3 has it, then the switch's own folder.
fn roots(script_dir: std::path::PathBuf) -> Vec<std::path::PathBuf> {
    let path = if interpreter::is_joined() {
        None
    } else {
        std::env::var_os("PYTHONPATH")
    };
    let mut roots: Vec<_> = path
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|p| p.is_absolute())
        .collect();
    roots.push(script_dir);
    roots
}

fn supported(version: &str) -> bool {
    let plain = version
        .split(['-', '+', '~', ' '])
        .next()
        .unwrap_or_default();
    plain == "1.10.12" || plain.starts_with("1.11.")
}

fn register(interfaces: &mut Interfaces) {
    let syntax = c"<package.module>[::function] [arguments]";
    interfaces.api(
        c"python",
        c"Run a Python function and give its reply",
        syntax,
        Some(api::python),
    );
    interfaces.api(
        c"pyrun",
        c"Run a Python function in a thread of its own",
        syntax,
        Some(api::pyrun),
    );
    interfaces.application(
        c"python",
        c"Run a Python function on the call",
        syntax,
        SAF_SUPPORT_NOMEDIA.0,
        Some(app::python),
    );
    interfaces.application(
        c"pyrun",
        c"Start a Python function in the background",
        syntax,
        SAF_SUPPORT_NOMEDIA.0,
        Some(app::pyrun),
    );
}

/// Called once all modules are loaded, or at once by a later `load`. Ends at
/// once: TERM says that it is not to be called again.
unsafe extern "C" fn runtime() -> switch_status_t {
    guard(c"runtime", SWITCH_STATUS_TERM, || {
        for line in std::mem::take(&mut *STARTUP.lock()) {
            // What went wrong is in the log.
            let _ = background::start(&way::STARTUP, line.as_bytes(), None);
        }
        SWITCH_STATUS_TERM
    })
}

/// NOUNLOAD: the library stays mapped, since Python's threads are in it.
unsafe extern "C" fn shutdown() -> switch_status_t {
    guard(c"shutdown", SWITCH_STATUS_NOUNLOAD, || {
        // SAFETY: the loader's thread has nothing to do with Python.
        let held = unsafe { Detached::new() };
        let ending = core::shutting_down();
        xml::unbind(&held);
        neighbour::end(&held);
        let end = END.lock().take();
        if let Some(end) = end {
            end.end(&held);
        }
        interpreter::stop(ENDING);
        if ending && !interpreter::is_joined() {
            core::leave(Duration::from_millis(200));
        }
        SWITCH_STATUS_NOUNLOAD
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

//! The ways in: their names, what they call, and what is counted of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::runs::Run;
use crate::metrics::{Counters, Ending};

/// A way in.
pub struct EntryPoint {
    /// For the log, for `pyps`, and for `script-timeout`.
    pub name: &'static str,
    /// The function that it calls when none is named.
    pub function: &'static str,
    /// How many arguments the documents name.
    pub documented: usize,
    /// What the caller gets when the script fails.
    pub outcome: &'static str,
    /// What is counted of it.
    pub counters: Counters,
    /// How long a script may run, in milliseconds; 0: as long as it likes.
    timeout_ms: AtomicU64,
}

const fn way(
    name: &'static str,
    function: &'static str,
    documented: usize,
    outcome: &'static str,
) -> EntryPoint {
    let (counters, timeout_ms) = (Counters::new(), AtomicU64::new(0));
    EntryPoint {
        name,
        function,
        documented,
        outcome,
        counters,
        timeout_ms,
    }
}

/// The application `python`: `handler(session, args)`.
pub static APPLICATION: EntryPoint = way("application", "handler", 2, "the dialplan goes on");
/// The API command `python`: `fsapi(session, stream, env, args)`.
pub static API: EntryPoint = way("api", "fsapi", 4, "the reply is -ERR");
/// `pyrun`, from wherever: `runtime(args)`.
pub static PYRUN: EntryPoint = way("pyrun", "runtime", 1, "its thread ends");
/// A script that python.conf starts: `runtime(args)`.
pub static STARTUP: EntryPoint = way("startup", "runtime", 1, "its thread ends");
/// XML lookups: `xml_fetch(params, args)`.
pub static XML: EntryPoint = way("xml", "xml_fetch", 2, "the answer is 'not found'");
/// The chat application `python`: `chat(message, args)`.
pub static CHAT: EntryPoint = way("chat", "chat", 2, "the chatplan goes on");
/// The dialplan `python`: `dialplan(session, args)`.
pub static DIALPLAN: EntryPoint = way("dialplan", "dialplan", 2, "the call has no extension");
/// An event hook of python.conf: `hook(event, args)`.
pub static HOOK: EntryPoint = way("hook", "hook", 2, "the event is done with");
/// The JSON command `python`: `json(data, args)`.
pub static JSON: EntryPoint = way("json", "json", 2, "the status is 'error'");

/// A coroutine of an app: what its mark names.
pub static APP: EntryPoint = way("app", "", 1, "the coroutine ends");

/// All of them.
pub static ALL: [&EntryPoint; 10] = [
    &APPLICATION,
    &API,
    &PYRUN,
    &STARTUP,
    &XML,
    &CHAT,
    &DIALPLAN,
    &HOOK,
    &JSON,
    &APP,
];

impl EntryPoint {
    /// Counts a run that has ended: of this way in, and of the function.
    pub fn count(&self, run: &Run, ending: Ending) {
        let took = run.begun.elapsed();
        self.counters.count(took, ending);
        run.function.count(took, ending);
    }

    /// How long a script may run.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        match self.timeout_ms.load(Ordering::Relaxed) {
            0 => None,
            ms => Some(Duration::from_millis(ms)),
        }
    }

    /// Sets how long a script may run.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        let ms = timeout.map_or(0, |t| {
            u64::try_from(t.as_millis()).unwrap_or(u64::MAX).max(1)
        });
        self.timeout_ms.store(ms, Ordering::Relaxed);
    }
}

/// The way with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static EntryPoint> {
    ALL.into_iter().find(|way| way.name == name)
}

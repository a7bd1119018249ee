//! `tracing` into the switch's log: level, file, line, and the call's UUID.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_int};
use std::fmt::Write as _;

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::log::{self, Channel, Level};
use super::session::Locked;
use super::text::c_string_shown;

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

struct Call {
    uuid: CString,
    level: i32,
}

/// While it lives, what this thread logs belongs to a call.
pub struct CallScope(Option<Call>);

/// Says to which call this thread's log entries belong from now on; `level` is
/// the session's own log level.
#[must_use]
pub fn of_call(uuid: &CStr, level: i32) -> CallScope {
    let call = Call {
        uuid: uuid.to_owned(),
        level,
    };
    // At the very end of a thread it belongs to none.
    CallScope(CALL.try_with(|c| c.replace(Some(call))).ok().flatten())
}

impl Drop for CallScope {
    fn drop(&mut self) {
        let _ = CALL.try_with(|c| c.replace(self.0.take()));
    }
}

/// The UUID of the call that this thread works for.
#[must_use]
pub fn uuid() -> Option<CString> {
    CALL.try_with(|c| c.borrow().as_ref().map(|c| c.uuid.clone()))
        .ok()
        .flatten()
}

/// Is an entry of this level written by somebody: by the core's level, or by
/// that of the call?
#[inline]
#[must_use]
pub fn wanted(level: Level) -> bool {
    let own = CALL
        .try_with(|c| c.borrow().as_ref().map(|c| c.level))
        .ok()
        .flatten();
    let level = level as i32;
    // A session without a level of its own has UNINIT, a number above all levels.
    own.is_some_and(|own| own != UNINIT && level <= own) || level <= log::level()
}

/// Writes one entry. `file`, `func` and `line` say where it comes from, `uuid`
/// to which call it belongs: it then counts with that session's own level too.
pub fn write(
    level: Level,
    file: &CStr,
    func: &CStr,
    line: c_int,
    uuid: Option<&CStr>,
    text: &[u8],
) {
    let above = level as i32 > log::level();
    if above && !wanted(level) {
        return;
    }
    // The core looks at a session's level only where it is given the session.
    let session = uuid.filter(|_| above).and_then(Locked::find);
    let channel = match &session {
        Some(locked) => Channel::Session(locked.session().as_ptr().cast_const().cast()),
        None => Channel::Log(uuid),
    };
    // SAFETY: the session is locked until the end of this function.
    unsafe { log::put(level, (file, func, line), channel, text) };
}

const UNINIT: i32 = bindings::SWITCH_LOG_UNINIT.0;

fn of(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warning,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG | tracing::Level::TRACE => Level::Debug,
    }
}

/// The layer that writes to the switch's log.
struct SwitchLog {
    /// The crate whose events are written, beside those of this one.
    module: &'static str,
}

impl SwitchLog {
    /// Is it an event of ours? Those of dependencies are not the operator's business.
    fn writes(&self, metadata: &Metadata<'_>) -> bool {
        [self.module, env!("CARGO_CRATE_NAME")]
            .iter()
            .any(|ours| metadata.target().starts_with(ours))
    }
}

impl<S: Subscriber> Layer<S> for SwitchLog {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // The log level can change at any time, and differs between calls: it is
        // looked at for each event, not once for each place that makes them.
        if self.writes(metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.writes(metadata) && wanted(of(metadata))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut text = Text(String::new());
        event.record(&mut text);
        let file = c_string_shown(metadata.file().unwrap_or(self.module).as_bytes());
        let module = c_string_shown(metadata.module_path().unwrap_or(self.module).as_bytes());
        let line = metadata
            .line()
            .and_then(|l| i32::try_from(l).ok())
            .unwrap_or(0);
        write(
            of(metadata),
            &file,
            &module,
            line,
            uuid().as_deref(),
            text.0.as_bytes(),
        );
    }
}

/// The message, then the fields as `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String does not fail.
        let _ = if field.name() == "message" {
            let rest = std::mem::take(&mut self.0);
            write!(self.0, "{value:?}{rest}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}

/// Makes the layer the process's, unless there is one already: the module can be
/// loaded again, and in pocket a test may have its own. `module` is the name of the
/// crate whose events are written, beside those of this one.
pub fn install(module: &'static str) {
    let subscriber = tracing_subscriber::registry().with(SwitchLog { module });
    let _ = tracing::subscriber::set_global_default(subscriber);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_raised_later_counts() {
        let log = tracing_subscriber::registry().with(SwitchLog {
            module: "freeswitch",
        });
        tracing::subscriber::with_default(log, || {
            let written = || tracing::enabled!(tracing::Level::DEBUG);
            // No switch is open, so no level of the core's asks for it.
            assert!(!written());
            let call = of_call(c"a call", Level::Debug as i32);
            assert!(written());
            drop(call);
            assert!(!written());
        });
    }
}

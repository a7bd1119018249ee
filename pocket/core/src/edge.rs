//! The guard that every exported function goes through.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// Writes a line to the log of the switch that is open, if one is.
static LOG: OnceLock<fn(&[u8])> = OnceLock::new();

/// From now on panics are written by this, too.
pub(crate) fn report_to(log: fn(&[u8])) {
    LOG.get_or_init(|| log);
}

/// Runs `body`; a panic in it is reported and turned into `failure`, for it must
/// not unwind into C.
pub(crate) fn guard<R>(name: &str, failure: R, body: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            report(name, &*payload);
            failure
        }
    }
}

/// Says on stderr and in the log that `what` panicked.
pub(crate) fn report(what: &str, payload: &(dyn std::any::Any + Send)) {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    let line = format!("pocket: panic in {what}: {text}");
    // The log may be what panicked: stderr first, and no second panic.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if let Some(log) = LOG.get() {
            log(line.as_bytes());
        }
    }));
}

/// Defines functions of FreeSWITCH's C API: each is exported by its name, its
/// type is that of the declaration in `bindings`, and a panic in it becomes the
/// failure value that stands after `else`.
macro_rules! export {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = else $failure:expr; $body:block)+) => {
        /// What is exported here.
        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),+];

        $(
            #[doc = concat!("FreeSWITCH's `", stringify!($name), "`.\n\n# Safety\nAs FreeSWITCH asks of its callers: pointers are live, of the right kind, or NULL where it takes NULL.")]
            #[unsafe(no_mangle)]
            pub(crate) unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
                $crate::edge::guard(stringify!($name), $failure, || $body)
            }

            // The declaration and the definition are of one type, or this does
            // not compile.
            const _: () = {
                let _ = [bindings::$name, $name];
            };
        )+
    };
}
pub(crate) use export;

//! Calls that programs outside place.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;

use freeswitch::Detached;
use freeswitch::session::cause::Cause;
use freeswitch::session::originate::Cancel;
use freeswitch::verb::text::Text;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;

use super::calls::{self, Outcome};
use super::{message, workers};
use crate::aio::originate::{self, Dial};
use crate::aio::session_thread::SessionThread;

type Attempts = BTreeMap<(String, u64), Arc<Cancel>>;

/// Attempts that are under way, by program and number.
static ATTEMPTS: Mutex<Attempts> = Mutex::new(Attempts::new());

/// The call that a program asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceRequest {
    dest: Text,
    timeout_s: u32,
    #[serde(default)]
    variables: BTreeMap<String, Text>,
}

/// Places a call for a program, which is told what came of it under this number.
///
/// # Errors
/// A name with a NUL, or no thread.
pub fn place(worker: &str, number: u64, request: PlaceRequest) -> Result<(), String> {
    let variables = request.variables.into_iter();
    let variables: Result<Vec<(CString, CString)>, String> = variables
        .map(|(name, value)| {
            let name = CString::new(name).map_err(|error| error.to_string())?;
            Ok((name, value.as_c_str().to_owned()))
        })
        .collect();
    let dial = Dial {
        target: request.dest.as_c_str().to_owned(),
        timeout_s: request.timeout_s,
        variables: variables?,
    };
    let cancel = Arc::new(Cancel::default());
    let key = (worker.to_owned(), number);
    ATTEMPTS.lock().insert(key.clone(), cancel.clone());
    let told = {
        let key = key.clone();
        move |placed| tell(&key, placed)
    };
    originate::place(dial, cancel, told).map_err(|status| {
        forget(&key);
        status.to_string()
    })
}

/// Ends an attempt.
pub fn cancel(worker: &str, number: u64) {
    let attempts = ATTEMPTS.lock();
    if let Some(cancel) = attempts.get(&(worker.to_owned(), number)) {
        cancel.cancel(Cause::ORIGINATOR_CANCEL);
    }
}

fn forget(key: &(String, u64)) {
    ATTEMPTS.lock().remove(key);
}

/// The program that has placed it is no more.
fn nobodys(thread: &SessionThread) {
    let _ = thread.leg().with(|session| {
        // SAFETY: the thread that has placed it is one of the switch's, with no Python on it.
        let held = unsafe { Detached::new() };
        session.channel().hangup(&held, Cause::ORIGINATOR_CANCEL);
    });
    thread.release();
}

fn tell(key: &(String, u64), placed: Result<Arc<SessionThread>, Cause>) {
    forget(key);
    let (worker, number) = key;
    let Some(way) = workers::way_of(worker) else {
        if let Ok(thread) = placed {
            nobodys(&thread);
        }
        return;
    };
    match placed {
        Err(cause) => {
            let body = json!({"kind": "placed", "number": number, "cause": cause.name()});
            // SAFETY: the thread that has placed it is one of the switch's, with no Python on it.
            message::send(&unsafe { Detached::new() }, way, worker, body);
        }
        Ok(thread) => {
            let Some(uuid) = thread.leg().uuid() else {
                return;
            };
            let call = calls::placed(uuid.clone(), thread.clone(), way, worker);
            call.send(json!({"kind": "placed", "number": number}));
            if let Some(how) = thread.leg().lost() {
                // Its thread may have come and gone before it was listed.
                call.lost(how);
                drop(calls::take_placed(&uuid));
            }
            if !workers::is_there(worker) {
                call.end(Outcome::Done);
            }
        }
    }
}

//! Placing calls for coroutines: a thread of the switch's each while it rings,
//! and none of Python's.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;

use freeswitch::event::OwnedEvent;
use freeswitch::session::cause::Cause;
use freeswitch::session::extension::Extension;
use freeswitch::session::originate::{Cancel, originate};
use freeswitch::sync::thread;
use freeswitch::{Detached, Status};
use parking_lot::Mutex;

use super::session_thread::SessionThread;
use crate::python::session::attached::ScriptLeg;

/// Calls that were placed and whose threads have not come for their work yet.
static PLACED: Mutex<BTreeMap<CString, Arc<SessionThread>>> = Mutex::new(BTreeMap::new());

/// The work of a call's thread, by the call's UUID.
#[must_use]
pub fn claim(uuid: &CStr) -> Option<Arc<SessionThread>> {
    PLACED.lock().remove(uuid)
}

/// What to dial.
pub struct Dial {
    /// The dial string.
    pub target: CString,
    /// How long it may ring.
    pub timeout_s: u32,
    /// Variables of the call, as they are.
    pub variables: Vec<(CString, CString)>,
}

/// Places a call; `told` gets its session thread, or why there is no call.
///
/// # Errors
/// There is no thread for it.
pub fn place(
    dial: Dial,
    cancel: Arc<Cancel>,
    told: impl FnOnce(Result<Arc<SessionThread>, Cause>) + Send + 'static,
) -> Result<(), Status> {
    thread::start(move |held| told(dial_out(held, &dial, &cancel)))
}

fn variables(dial: &Dial) -> Result<OwnedEvent, Status> {
    let event = OwnedEvent::bare()?;
    for (name, value) in &dial.variables {
        event.view().add_header(name, value)?;
    }
    Ok(event)
}

fn dial_out(held: &Detached, dial: &Dial, cancel: &Cancel) -> Result<Arc<SessionThread>, Cause> {
    let variables = variables(dial).map_err(|status| {
        tracing::error!(%status, "a call is not placed");
        Cause::ORIGINATOR_CANCEL
    })?;
    let locked = originate(
        held,
        None,
        &dial.target,
        dial.timeout_s,
        Some(variables),
        cancel,
    )?;
    let session = locked.session();
    let failed = |why: &str| {
        tracing::error!("a call that was placed is hung up: {why}");
        session.channel().hangup(held, Cause::NORMAL_CLEARING);
        Cause::ORIGINATOR_CANCEL
    };
    let leg = ScriptLeg::new(session);
    let session_thread = SessionThread::new(leg).map_err(|status| failed(&status.to_string()))?;
    let session_thread = Arc::new(session_thread);
    let extension = Extension::new(session, c"python", c"python");
    let mut extension = extension.ok_or_else(|| failed("no memory"))?;
    extension.add(c"python_originated", c"");
    PLACED.lock().insert(session.uuid(), session_thread.clone());
    extension.run();
    session_thread.wait_until_at_work(session, held);
    Ok(session_thread)
}

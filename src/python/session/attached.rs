//! What stands behind a Session object: a leg, with what a script has attached to it.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use freeswitch::session::leg::Leg;
use freeswitch::session::own_thread::OnOwnThread;
use freeswitch::session::{Locked, Session};
use parking_lot::Mutex;
use pyo3::prelude::*;

use crate::python::callable::Callable;
use crate::script::runs::Breaker;

/// A leg, with what a script has attached to it.
#[derive(Default)]
pub struct ScriptLeg {
    leg: Leg,
    /// The functions that the script has set, and what it keeps by name.
    pub attachments: Mutex<Attachments>,
    hook_set: AtomicBool,
    hook_ran: AtomicBool,
}

impl Deref for ScriptLeg {
    type Target = Leg;

    #[inline]
    fn deref(&self) -> &Leg {
        &self.leg
    }
}

/// A leg, for the `freeswitch.AsyncSession` of a coroutine that works on it.
#[pyclass(frozen, module = "freeswitch", name = "Leg")]
pub struct PyLeg(pub(crate) Arc<ScriptLeg>);

/// What a script has attached.
#[derive(Default)]
pub struct Attachments {
    /// The hangup hook.
    pub hook: Option<Callable>,
    /// The input callback.
    pub callback: Option<Callable>,
    /// `setPrivate`.
    pub privates: HashMap<Vec<u8>, Py<PyAny>>,
    /// TTS engine and voice.
    pub speech: Option<(CString, CString)>,
}

impl ScriptLeg {
    /// A leg of a session that the core lends.
    #[must_use]
    pub fn new(session: Session<'_>) -> Arc<Self> {
        let leg = Self::default();
        leg.take(session);
        Arc::new(leg)
    }

    /// A leg of the session that an application or command was called with. On
    /// the session's own thread it is known there without a lookup, until the
    /// guard goes.
    ///
    /// # Safety
    /// The guard does not outlive the call into the module.
    #[must_use]
    pub unsafe fn of_entry(session: Session<'_>) -> (Arc<Self>, Option<OnOwnThread>) {
        let leg = Self::new(session);
        // SAFETY: the caller's promise.
        let own_thread = unsafe { leg.enter(session) };
        (leg, own_thread)
    }

    /// As [`Leg::take`]; a hook that has run was another call's.
    pub fn take(&self, session: Session<'_>) {
        self.hook_ran.store(false, Ordering::Release);
        self.leg.take(session);
    }

    /// As [`Leg::keep`]; a hook that has run was another call's.
    pub fn keep(&self, lock: Arc<Locked>) {
        self.hook_ran.store(false, Ordering::Release);
        self.leg.keep(lock);
    }

    /// What [ends a wait](Leg::break_wait) of this leg.
    #[must_use]
    pub fn breaker(self: &Arc<Self>) -> Breaker {
        let leg = Arc::downgrade(self);
        Arc::new(move || {
            if let Some(leg) = leg.upgrade() {
                leg.break_wait();
            }
        })
    }

    /// A hook was set. One that has run for this call's end does not again: a hook
    /// that sets a hook would never end.
    pub fn arm_hook(&self) {
        self.hook_set.store(true, Ordering::Release);
    }

    /// Is there a hook that must run now?
    #[must_use]
    pub fn hook_is_due(&self) -> bool {
        self.hook_set.load(Ordering::Acquire)
            && !self.hook_ran.load(Ordering::Acquire)
            && self.leg.handle().is_some()
            && self.leg.lost().is_some()
    }

    /// Claims the one run of the hook.
    #[must_use]
    pub fn begin_hook(&self) -> bool {
        !self.hook_ran.swap(true, Ordering::AcqRel)
    }
}

/// A name for messages.
#[must_use]
pub fn shown(uuid: Option<&CStr>) -> String {
    uuid.map_or_else(
        || "that was never placed".to_owned(),
        |u| u.to_string_lossy().into_owned(),
    )
}

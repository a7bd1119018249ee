//! Joining two calls, with an ear for digits on both.

use std::collections::HashMap;
use std::ffi::{CString, c_uint, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bindings::{
    CF_BRIDGED, SWITCH_INPUT_TYPE_DTMF, SWITCH_STATUS_SUCCESS, switch_core_session_t,
    switch_dtmf_t, switch_input_type_t, switch_ivr_multi_threaded_bridge, switch_status_t,
};
use parking_lot::Mutex;

use super::{Locked, Session};
use crate::edge::guard;
use crate::media::input::{Dtmf, Input, Wait};
use crate::{Detached, Status, core};

/// How long the other leg's thread is waited for, and how often it is looked.
const LEAVES: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_millis(1);

/// Who listens to a leg of a bridge. The B leg's thread can call back for a
/// moment longer than the bridge lasts for the A leg, so the core gets a number
/// to look the listener up by, and no pointer.
type Listeners = HashMap<usize, Arc<dyn Input + Send + Sync>>;

static LISTENERS: Mutex<Option<Listeners>> = Mutex::new(None);
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// A listener that is known to the callback; forgotten when this goes.
struct Known(usize);

impl Known {
    fn new(listener: Option<Arc<dyn Input + Send + Sync>>) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        if let Some(listener) = listener {
            LISTENERS
                .lock()
                .get_or_insert_default()
                .insert(number, listener);
        }
        Self(number)
    }

    fn as_ptr(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.0)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        let old = LISTENERS
            .lock()
            .as_mut()
            .and_then(|all| all.remove(&self.0));
        // What goes with it may be Python's: not under the lock.
        drop(old);
    }
}

impl Session<'_> {
    /// The other leg of the bridge that this one has left, as long as its own thread has not left it.
    fn left_bridge(self) -> Option<Locked> {
        if self.channel().has(CF_BRIDGED) {
            return None;
        }
        let uuid = self.channel().variable(c"last_bridge_to")?;
        let other = Locked::find(&CString::new(uuid).ok()?)?;
        let theirs = other.session().channel().variable(c"bridge_to");
        (theirs.as_deref() == Some(self.uuid().to_bytes())).then_some(other)
    }

    /// The other leg of a bridge that this one has left, where it waits for this one.
    ///
    /// Its thread has come when this one had gone, and waits ten seconds (`audio_bridge_thread` in
    /// `switch_ivr_bridge.c`). For so long the bridge does not end here.
    #[must_use]
    pub fn left_behind(self) -> Option<Locked> {
        self.left_bridge().filter(|other| {
            let channel = other.session().channel();
            channel.is_up() && channel.has(CF_BRIDGED)
        })
    }

    /// Waits until the other leg's thread has left a bridge that was broken; for a second at most. Until then it may
    /// hang this call up, but for the flag that [`Self::interrupt`] sets.
    pub fn wait_for_left_bridge(self, held: &Detached) {
        let until = core::end_of(LEAVES);
        while self.left_bridge().is_some() && core::running() && core::now_micros() < until {
            core::pause(held, GLANCE);
        }
    }

    /// Bridges two calls until one ends it (`switch_ivr_multi_threaded_bridge`).
    /// Digits of either leg go to its listener; without listeners they pass.
    ///
    /// # Errors
    /// The core's status.
    pub fn bridge(
        self,
        _: &Detached,
        peer: Session<'_>,
        a: Option<Arc<dyn Input + Send + Sync>>,
        b: Option<Arc<dyn Input + Send + Sync>>,
    ) -> Result<(), Status> {
        let listens = a.is_some() || b.is_some();
        let (a, b) = (Known::new(a), Known::new(b));
        let callback = listens.then_some(on_input as unsafe extern "C" fn(_, _, _, _, _) -> _);
        // SAFETY: the sessions live, and the core only hands the numbers back.
        Status::check(unsafe {
            switch_ivr_multi_threaded_bridge(
                self.as_ptr(),
                peer.as_ptr(),
                callback,
                a.as_ptr(),
                b.as_ptr(),
            )
        })
    }
}

unsafe extern "C" fn on_input(
    session: *mut switch_core_session_t,
    input: *mut c_void,
    kind: switch_input_type_t,
    buf: *mut c_void,
    _buflen: c_uint,
) -> switch_status_t {
    guard(c"bridge callback", SWITCH_STATUS_SUCCESS, || {
        if kind != SWITCH_INPUT_TYPE_DTMF || input.is_null() {
            return SWITCH_STATUS_SUCCESS;
        }
        let listener = LISTENERS
            .lock()
            .as_ref()
            .and_then(|all| all.get(&buf.addr()).cloned());
        // SAFETY: the core lends the session for this call.
        let session = unsafe { Session::from_ptr(session) };
        let (Some(listener), Some(session)) = (listener, session) else {
            return SWITCH_STATUS_SUCCESS;
        };
        // SAFETY: with this kind the core passes a digit.
        let dtmf = Dtmf::from_c(unsafe { *input.cast::<switch_dtmf_t>() });
        let verdict = listener.digit(session, dtmf);
        Wait::new(&*listener, std::ptr::null_mut()).obey(session, verdict)
    })
}

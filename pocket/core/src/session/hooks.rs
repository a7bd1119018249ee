//! Functions that modules hang on a session's changes of state.

use std::sync::Arc;

use bindings::{switch_core_session_t, switch_status_t};

use super::Session;
use crate::c::SUCCESS;

/// Called with the session whenever its state has changed.
pub(crate) type Hook = unsafe extern "C" fn(*mut switch_core_session_t) -> switch_status_t;

impl Session {
    /// False when the function is hooked already.
    pub(crate) fn add_hook(&self, hook: Hook) -> bool {
        let mut hooks = self.hooks.lock();
        let known = hooks.iter().any(|known| std::ptr::fn_addr_eq(*known, hook));
        if !known {
            hooks.push(hook);
        }
        !known
    }

    pub(crate) fn remove_hook(&self, hook: Hook) -> bool {
        let mut hooks = self.hooks.lock();
        let before = hooks.len();
        hooks.retain(|known| !std::ptr::fn_addr_eq(*known, hook));
        hooks.len() < before
    }

    /// Wakes the thread, runs the hooks until one does not succeed, and breaks
    /// whatever the leg waits in.
    pub(super) fn signal_state_change(self: &Arc<Self>) {
        self.kick();
        let hooks = self.hooks.lock().clone();
        for hook in hooks {
            // SAFETY: the session lives over the call; the module vouched for
            // its function when it hooked it.
            if unsafe { hook(self.as_ptr()) } != SUCCESS {
                break;
            }
        }
        self.kick();
    }
}

//! Hangup causes and channel states, by number and by name.

use std::ffi::CStr;

use bindings::{
    CS_HANGUP, CS_ROUTING, switch_call_cause_t, switch_channel_cause2str,
    switch_channel_state_name, switch_channel_state_t, switch_channel_str2cause,
};

use crate::text::copied;

/// Why a call ended (`switch_call_cause_t`). Newer cores add causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause(pub(crate) switch_call_cause_t);

impl Cause {
    /// No cause yet: the call lives.
    pub const NONE: Self = Self(bindings::SWITCH_CAUSE_NONE);
    /// A call that was placed came about.
    pub const SUCCESS: Self = Self(bindings::SWITCH_CAUSE_SUCCESS);
    /// The caller has gone while the call was being placed.
    pub const ORIGINATOR_CANCEL: Self = Self(bindings::SWITCH_CAUSE_ORIGINATOR_CANCEL);
    /// What the core hangs up with when a file cannot be recorded to, say.
    pub const DESTINATION_OUT_OF_ORDER: Self =
        Self(bindings::SWITCH_CAUSE_DESTINATION_OUT_OF_ORDER);
    /// The ordinary end.
    pub const NORMAL_CLEARING: Self = Self(bindings::SWITCH_CAUSE_NORMAL_CLEARING);

    /// The cause with this name or number, in any case of letters; what the core
    /// does not know becomes `NORMAL_CLEARING` (`switch_channel_str2cause`).
    #[must_use]
    pub fn named(name: &CStr) -> Self {
        // SAFETY: the core only reads the name.
        Self(unsafe { switch_channel_str2cause(name.as_ptr()) })
    }

    /// Its name, `NORMAL_CLEARING` say (`switch_channel_cause2str`).
    #[must_use]
    pub fn name(self) -> String {
        // SAFETY: the core gives a constant.
        let name = unsafe { copied(switch_channel_cause2str(self.0)) };
        String::from_utf8_lossy(&name.unwrap_or_default()).into_owned()
    }
}

/// What a channel is at (`switch_channel_state_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State(pub(crate) switch_channel_state_t);

impl State {
    /// Its name, `CS_EXECUTE` say (`switch_channel_state_name`).
    #[must_use]
    pub fn name(self) -> String {
        // SAFETY: the core gives a constant.
        let name = unsafe { copied(switch_channel_state_name(self.0)) };
        String::from_utf8_lossy(&name.unwrap_or_default()).into_owned()
    }

    /// Its number (`switch_channel_state_t`).
    #[inline]
    #[must_use]
    pub fn number(self) -> u32 {
        self.0.0
    }

    /// The call is over, from `CS_HANGUP` on.
    #[inline]
    #[must_use]
    pub fn is_down(self) -> bool {
        self.0.0 >= CS_HANGUP.0
    }

    /// The call looks for its next extension: a transfer, when it was elsewhere before.
    #[inline]
    #[must_use]
    pub fn is_routing(self) -> bool {
        self.0 == CS_ROUTING
    }
}

//! The channel of a session: its state, variables and flags.

use std::ffi::{CStr, CString, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use bindings::{
    SWITCH_FALSE, SWITCH_STATUS_SUCCESS, SWITCH_TRUE, switch_channel_clear_flag,
    switch_channel_direction, switch_channel_event_set_data, switch_channel_expand_variables_check,
    switch_channel_flag_t, switch_channel_flush_dtmf, switch_channel_get_cause,
    switch_channel_get_originatee_caller_profile, switch_channel_get_private,
    switch_channel_get_scope_variables, switch_channel_get_state, switch_channel_get_variable_dup,
    switch_channel_perform_answer, switch_channel_perform_hangup,
    switch_channel_perform_pre_answer, switch_channel_perform_set_state,
    switch_channel_set_flag_value, switch_channel_set_private, switch_channel_set_scope_variables,
    switch_channel_set_variable_var_check, switch_channel_state_t, switch_channel_t,
    switch_channel_test_flag, switch_channel_test_ready, switch_channel_variable_first,
    switch_channel_variable_last,
};

use super::cause::{Cause, State};
use crate::event::{OwnedEvent, View};
use crate::guard::{self, files, times};
use crate::text::{c_string, copied, lent, pointer};
use crate::{Detached, Status, core};

const FILE: &CStr = c"mod_rust";

/// A variable by which the core leaves the data of applications as it is.
pub(super) const NO_EXPANSION: &CStr = c"app_disable_expand_variables";

/// A channel that is good for as long as its session is.
#[derive(Clone, Copy)]
pub struct Channel<'a> {
    ptr: NonNull<switch_channel_t>,
    life: PhantomData<&'a switch_channel_t>,
}

impl Channel<'_> {
    /// # Safety
    /// `ptr` is the channel of a session that stays alive over the lifetime.
    #[inline]
    pub(crate) unsafe fn from_ptr(ptr: *mut switch_channel_t) -> Self {
        // SAFETY: a session has a channel from its making to its end.
        let ptr = unsafe { NonNull::new_unchecked(ptr) };
        Self {
            ptr,
            life: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *mut switch_channel_t {
        self.ptr.as_ptr()
    }

    /// Its state (`switch_channel_get_state`).
    #[inline]
    #[must_use]
    pub fn state(self) -> State {
        // SAFETY: the channel lives.
        State(unsafe { switch_channel_get_state(self.as_ptr()) })
    }

    /// Why it was hung up; none while it lives (`switch_channel_get_cause`).
    #[inline]
    #[must_use]
    pub fn cause(self) -> Cause {
        // SAFETY: the channel lives.
        Cause(unsafe { switch_channel_get_cause(self.as_ptr()) })
    }

    /// May a script go on with it: up, not being transferred, not taken by
    /// another (`switch_channel_ready`)?
    #[inline]
    #[must_use]
    pub fn ready(self) -> bool {
        // SAFETY: the channel lives.
        unsafe { switch_channel_test_ready(self.as_ptr(), SWITCH_TRUE, SWITCH_FALSE) != 0 }
    }

    /// As [`Self::ready`], and media flows (`switch_channel_media_ready`).
    #[inline]
    #[must_use]
    pub fn media_ready(self) -> bool {
        // SAFETY: the channel lives.
        unsafe { switch_channel_test_ready(self.as_ptr(), SWITCH_TRUE, SWITCH_TRUE) != 0 }
    }

    /// A pointer that somebody keeps with the channel (`switch_channel_get_private`).
    pub(crate) fn private(self, key: &CStr) -> *mut c_void {
        // SAFETY: the channel lives, and the core reads the name.
        unsafe { switch_channel_get_private(self.as_ptr(), key.as_ptr()) }
    }

    /// Keeps a pointer with the channel (`switch_channel_set_private`).
    ///
    /// # Safety
    /// It is what those who look for this key expect, for as long as it stays.
    pub(crate) unsafe fn set_private(self, key: &CStr, value: *mut c_void) {
        // SAFETY: the channel lives, and the core copies the name; the value is the caller's.
        unsafe { switch_channel_set_private(self.as_ptr(), key.as_ptr(), value) };
    }

    /// Is this flag set (`switch_channel_test_flag`)?
    #[inline]
    #[must_use]
    pub fn has(self, flag: switch_channel_flag_t) -> bool {
        // SAFETY: the channel lives.
        unsafe { switch_channel_test_flag(self.as_ptr(), flag) != 0 }
    }

    /// Sets a flag to a value (`switch_channel_set_flag_value`).
    pub fn set(self, flag: switch_channel_flag_t, value: u32) {
        // SAFETY: the channel lives.
        unsafe { switch_channel_set_flag_value(self.as_ptr(), flag, value) };
    }

    /// Clears a flag (`switch_channel_clear_flag`).
    pub fn clear(self, flag: switch_channel_flag_t) {
        // SAFETY: the channel lives.
        unsafe { switch_channel_clear_flag(self.as_ptr(), flag) };
    }

    /// Answers (`switch_channel_answer`); runs `execute_on_answer` before it returns.
    ///
    /// # Errors
    /// The core's status.
    pub fn answer(self, _: &Detached) -> Result<(), Status> {
        // SAFETY: the channel lives, the strings are constants.
        Status::check(unsafe {
            switch_channel_perform_answer(
                self.as_ptr(),
                FILE.as_ptr(),
                c"answer".as_ptr(),
                line!() as c_int,
            )
        })
    }

    /// Starts early media (`switch_channel_pre_answer`).
    ///
    /// # Errors
    /// The core's status.
    pub fn pre_answer(self, _: &Detached) -> Result<(), Status> {
        // SAFETY: the channel lives, the strings are constants.
        Status::check(unsafe {
            switch_channel_perform_pre_answer(
                self.as_ptr(),
                FILE.as_ptr(),
                c"pre_answer".as_ptr(),
                line!() as c_int,
            )
        })
    }

    /// Hangs up (`switch_channel_hangup`); on a call that is down it does nothing.
    pub fn hangup(self, _: &Detached, cause: Cause) {
        // SAFETY: the channel lives, the strings are constants.
        unsafe {
            switch_channel_perform_hangup(
                self.as_ptr(),
                FILE.as_ptr(),
                c"hangup".as_ptr(),
                line!() as c_int,
                cause.0,
            )
        };
    }

    /// Has the session's thread go on in this state (`switch_channel_set_state`).
    pub(crate) fn set_state(self, state: switch_channel_state_t) {
        // SAFETY: the channel lives, the strings are constants.
        unsafe {
            switch_channel_perform_set_state(
                self.as_ptr(),
                FILE.as_ptr(),
                c"set_state".as_ptr(),
                line!() as c_int,
                state,
            )
        };
    }

    /// A variable as the core resolves it: scope, channel, caller profile,
    /// `aleg_` and `bleg_`, then global (`switch_channel_get_variable`).
    ///
    /// The macro of that name copies into the session's pool at each call, so a
    /// script that polls would grow the session. This reads without a copy, and
    /// keeps the channel's variable lock (which iterating takes) meanwhile, so
    /// that nobody can replace the value under it.
    #[must_use]
    pub fn variable(self, name: &CStr) -> Option<Vec<u8>> {
        // SAFETY: the channel lives; the pair locks and unlocks a recursive
        // mutex on this thread. With no variables at all the first leaves it
        // unlocked and there is no value that could be replaced.
        let locked = unsafe { switch_channel_variable_first(self.as_ptr()) };
        // Looked at under the lock, in which no other leg's profile can come.
        let unknown = times::is_one(name.to_bytes()) && self.lacks_b_leg_times();
        let value = if unknown {
            None
        } else {
            // SAFETY: the channel lives, and the value stays until the lock is left.
            unsafe {
                copied(switch_channel_get_variable_dup(
                    self.as_ptr(),
                    name.as_ptr(),
                    SWITCH_FALSE,
                    -1,
                ))
            }
        };
        if !locked.is_null() {
            // SAFETY: the channel lives, and `locked` was not NULL: this thread holds
            // the lock that is left here.
            unsafe { switch_channel_variable_last(self.as_ptr()) };
        }
        if unknown {
            // Takes the lock itself, which the core counts once.
            return self.beside_b_leg_times(name);
        }
        value
    }

    /// A variable of the call's own, and none of what else has a name.
    #[must_use]
    pub(crate) fn own_variable(self, name: &[u8]) -> Option<Vec<u8>> {
        // SAFETY: as in `variable_names`.
        let first = unsafe { switch_channel_variable_first(self.as_ptr()) };
        let mut next = first;
        let mut value = None;
        // SAFETY: the list stays as it is under the lock.
        while let (None, Some(header)) = (&value, unsafe { next.as_ref() }) {
            // SAFETY: name and value end with NUL, or are NULL.
            unsafe {
                if lent(header.name).is_some_and(|n| n.to_bytes().eq_ignore_ascii_case(name)) {
                    value = copied(header.value);
                }
            }
            next = header.next;
        }
        if !first.is_null() {
            // SAFETY: the channel lives, and `first` was not NULL: this thread holds
            // the lock that is left here.
            unsafe { switch_channel_variable_last(self.as_ptr()) };
        }
        value
    }

    /// Is `${}` in the data of applications expanded on this call
    /// (`app_disable_expand_variables`)?
    #[must_use]
    pub(crate) fn expands(self) -> bool {
        const TRUE: [&[u8]; 7] = [
            b"yes", b"on", b"true", b"t", b"enabled", b"active", b"allow",
        ];
        self.variable(NO_EXPANSION).is_none_or(|v| {
            let word = TRUE.iter().any(|t| v.eq_ignore_ascii_case(t));
            let number = std::str::from_utf8(&v)
                .ok()
                .and_then(|v| v.parse::<f64>().ok());
            !word && number.is_none_or(|n| n == 0.0)
        })
    }

    /// The names of the call's own variables, in order.
    #[must_use]
    pub fn variable_names(self) -> Vec<Vec<u8>> {
        let mut names = Vec::new();
        // SAFETY: the channel lives; the list is locked until last() is called,
        // unless there is none.
        let first = unsafe { switch_channel_variable_first(self.as_ptr()) };
        let mut next = first;
        // SAFETY: the list stays as it is under the lock.
        while let Some(header) = unsafe { next.as_ref() } {
            // SAFETY: a name ends with NUL.
            names.extend(unsafe { copied(header.name) });
            next = header.next;
        }
        if !first.is_null() {
            // SAFETY: the channel lives, and `first` was not NULL: this thread holds
            // the lock that is left here.
            unsafe { switch_channel_variable_last(self.as_ptr()) };
        }
        names
    }

    /// Forgets digits that were pressed and not read (`switch_channel_flush_dtmf`).
    pub fn flush_digits(self) {
        // SAFETY: the channel lives.
        unsafe { switch_channel_flush_dtmf(self.as_ptr()) };
    }

    /// Is it up, so not hung up?
    #[inline]
    #[must_use]
    pub fn is_up(self) -> bool {
        !self.state().is_down()
    }

    /// Is it the called side of a call that the switch placed?
    #[inline]
    #[must_use]
    pub fn is_inbound(self) -> bool {
        // SAFETY: the channel lives.
        unsafe {
            switch_channel_direction(self.as_ptr()) == bindings::SWITCH_CALL_DIRECTION_INBOUND
        }
    }

    /// Adds the call's headers to an event that is lent.
    pub fn describe_view(self, event: View<'_>) {
        // SAFETY: the channel and the event live.
        unsafe { switch_channel_event_set_data(self.as_ptr(), event.as_ptr()) };
    }

    /// Sets a variable, or unsets it with none (`switch_channel_set_variable`,
    /// with no check for `${}` in the value, as `mod_python` does).
    ///
    /// # Errors
    /// The core's status: an empty name.
    pub fn set_variable(self, name: &CStr, value: Option<&CStr>) -> Result<(), Status> {
        let value = value.map(|value| files::safe_value(name, value));
        // SAFETY: the channel lives, and the core copies both strings.
        Status::check(unsafe {
            switch_channel_set_variable_var_check(
                self.as_ptr(),
                name.as_ptr(),
                pointer(value.as_deref()),
                SWITCH_FALSE,
            )
        })
    }

    /// Expands `${name}` and `${api(arguments)}` (`switch_channel_expand_variables`).
    #[must_use]
    pub fn expand(self, _: &Detached, text: &CStr) -> CString {
        let _times = HiddenTimes::hide(self);
        // SAFETY: the channel lives; no lists restrict what may be expanded.
        let out = unsafe {
            switch_channel_expand_variables_check(
                self.as_ptr(),
                text.as_ptr(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                0,
            )
        };
        if out.cast_const() == text.as_ptr() || out.is_null() {
            // Nothing to expand: the core gives its argument back.
            return text.to_owned();
        }
        // SAFETY: else it is a copy that the caller frees.
        unsafe {
            let expanded = CStr::from_ptr(out).to_owned();
            libc::free(out.cast());
            expanded
        }
    }

    /// Adds the call's headers to an event (`switch_channel_event_set_data`).
    pub fn describe(self, event: &mut OwnedEvent) {
        // SAFETY: the channel lives, and the event is ours alone.
        unsafe { switch_channel_event_set_data(self.as_ptr(), event.as_ptr()) };
    }
}

impl Channel<'_> {
    /// Would the core follow a null pointer for a time of the B leg?
    pub(crate) fn lacks_b_leg_times(self) -> bool {
        // SAFETY: the channel lives, and so does the profile, in the session's pool.
        unsafe {
            switch_channel_get_originatee_caller_profile(self.as_ptr())
                .as_ref()
                .is_some_and(|profile| profile.times.is_null())
        }
    }

    /// A time of the B leg as it is where the core has none: a variable for one
    /// application, one of the call, or a global one.
    pub(crate) fn beside_b_leg_times(self, name: &CStr) -> Option<Vec<u8>> {
        self.scope()
            .and_then(|scope| scope.view().header(name, None))
            .or_else(|| self.own_variable(name.to_bytes()))
            .or_else(|| core::global(&c_string(&name.to_bytes()[times::OTHER..]).ok()?))
    }

    fn scope(self) -> Option<OwnedEvent> {
        let mut event = std::ptr::null_mut();
        // SAFETY: the channel lives, and the core writes an event that is ours.
        unsafe {
            switch_channel_get_scope_variables(self.as_ptr(), &raw mut event);
            OwnedEvent::from_raw(event)
        }
    }
}

/// While it lives, the B leg's times that the core would crash on are empty texts,
/// as variables for one application, which the core reads first.
pub(crate) struct HiddenTimes<'a>(Channel<'a>);

impl<'a> HiddenTimes<'a> {
    /// None where there is nothing to hide.
    pub(crate) fn hide(channel: Channel<'a>) -> Option<Self> {
        if !channel.lacks_b_leg_times() {
            return None;
        }
        let event = OwnedEvent::bare().ok()?;
        for name in times::NAMES {
            if channel.beside_b_leg_times(name).is_none() {
                event.view().add_empty(name).ok()?;
            }
        }
        event
            .give(|event| {
                // SAFETY: the channel lives, and takes the event.
                unsafe { switch_channel_set_scope_variables(channel.as_ptr(), event) };
                SWITCH_STATUS_SUCCESS
            })
            .ok()?;
        Some(Self(channel))
    }
}

impl Drop for HiddenTimes<'_> {
    fn drop(&mut self) {
        // SAFETY: the channel lives; with nothing to add the core takes the last
        // addition away, which this thread made.
        unsafe { switch_channel_set_scope_variables(self.0.as_ptr(), std::ptr::null_mut()) };
    }
}

impl guard::Call for Channel<'_> {
    fn variable(&self, name: &CStr) -> Option<Vec<u8>> {
        Channel::variable(*self, name)
    }

    fn expands(&self) -> bool {
        Channel::expands(*self)
    }

    fn expand(&self, held: &Detached, text: &CStr) -> CString {
        Channel::expand(*self, held, text)
    }

    fn lacks_b_leg_times(&self) -> bool {
        Channel::lacks_b_leg_times(*self)
    }
}

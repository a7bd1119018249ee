//! A session: one call leg, with its thread and its channel.

pub mod bridge;
pub mod cause;
pub mod channel;
pub mod extension;
pub mod handle;
pub mod leg;
pub mod originate;
pub mod own_thread;

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr::NonNull;

use bindings::{
    CF_BREAK, CF_NOT_READY, CF_REDIRECT, CS_EXECUTE, CS_PARK, SWITCH_TRUE,
    switch_core_session_dequeue_event, switch_core_session_execute_application_get_flags,
    switch_core_session_get_channel, switch_core_session_get_id, switch_core_session_get_loglevel,
    switch_core_session_get_uuid, switch_core_session_hangup_state, switch_core_session_in_thread,
    switch_core_session_perform_force_locate, switch_core_session_perform_kill_channel,
    switch_core_session_print, switch_core_session_queue_private_event,
    switch_core_session_receive_event, switch_core_session_rwunlock, switch_core_session_t,
    switch_ivr_generate_xml_cdr, switch_ivr_parse_all_events,
};

use super::event::OwnedEvent;
use super::guard::{execute, queued};
use super::text::{c_string, pointer};
use super::xml::Xml;
use super::{Detached, Status};
use crate::session::channel::{Channel, NO_EXPANSION};

/// A session that is good for as long as `'a`: the core lent it for a callback,
/// or a lock on it is held.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    ptr: NonNull<switch_core_session_t>,
    life: PhantomData<&'a switch_core_session_t>,
}

impl<'a> Session<'a> {
    /// The session behind a pointer of the core's, or nothing for NULL.
    ///
    /// # Safety
    /// The session stays alive over `'a`.
    #[inline]
    #[must_use]
    pub unsafe fn from_ptr(ptr: *mut switch_core_session_t) -> Option<Self> {
        NonNull::new(ptr).map(|ptr| Self {
            ptr,
            life: PhantomData,
        })
    }

    pub(super) fn as_ptr(self) -> *mut switch_core_session_t {
        self.ptr.as_ptr()
    }

    /// Its UUID, an opaque name.
    #[must_use]
    pub fn uuid(self) -> CString {
        // SAFETY: the session lives; its UUID is a string that never changes.
        unsafe { CStr::from_ptr(switch_core_session_get_uuid(self.as_ptr())) }.to_owned()
    }

    /// The core's running number of it. A UUID can be given to a later call
    /// again (`origination_uuid`), this number is not.
    #[inline]
    #[must_use]
    pub fn id(self) -> usize {
        // SAFETY: the session lives.
        unsafe { switch_core_session_get_id(self.as_ptr()) }
    }

    /// Is this its own thread (`switch_core_session_in_thread`)?
    #[inline]
    #[must_use]
    pub fn in_thread(self) -> bool {
        // SAFETY: the session lives.
        unsafe { switch_core_session_in_thread(self.as_ptr()) == SWITCH_TRUE }
    }

    /// Its own log level, which can be above the core's (`uuid_loglevel`).
    #[inline]
    #[must_use]
    pub fn log_level(self) -> i32 {
        // SAFETY: the session lives.
        unsafe { switch_core_session_get_loglevel(self.as_ptr()).0 }
    }

    /// Its channel.
    #[inline]
    #[must_use]
    pub fn channel(self) -> Channel<'a> {
        // SAFETY: the session lives over 'a, and its channel exactly as long.
        unsafe { Channel::from_ptr(switch_core_session_get_channel(self.as_ptr())) }
    }

    /// Runs a dialplan application to its end
    /// (`switch_core_session_execute_application_get_flags`). With `expand`,
    /// `${}` in the data is expanded by the core, API calls in it included.
    ///
    /// # Errors
    /// The core's status; an unknown application also hangs the call up. Data
    /// that the core would not survive is refused, with a line in the log.
    pub fn execute(
        self,
        held: &Detached,
        app: &CStr,
        data: Option<&CStr>,
        expand: bool,
    ) -> Result<(), Status> {
        let (app, data) = match execute::prepare(&self.channel(), held, app, data, expand) {
            Ok(prepared) => prepared,
            Err(why) => {
                tracing::error!("{}: {why}", app.to_string_lossy());
                return Err(Status(bindings::SWITCH_STATUS_GENERR));
            }
        };
        let channel = self.channel();
        // The core has no argument for it, but a variable that it reads first.
        let before = (!expand).then(|| channel.variable(NO_EXPANSION));
        if !expand {
            channel.set_variable(NO_EXPANSION, Some(c"true"))?;
        }
        // SAFETY: the session lives, the strings end with NUL, and the core takes
        // NULL for the flags that nobody asks for.
        let status = unsafe {
            switch_core_session_execute_application_get_flags(
                self.as_ptr(),
                app.as_ptr(),
                pointer(data.as_deref()),
                std::ptr::null_mut(),
            )
        };
        if let Some(before) = before {
            let before = before.and_then(|b| c_string(b).ok());
            channel.set_variable(NO_EXPANSION, before.as_deref())?;
        }
        Status::check(status)
    }

    /// Breaks what the session waits in: the flag that playing, sleeping and
    /// collecting look at, the one that makes other applications find the call
    /// not ready, and the end of the frame read.
    ///
    /// It may have just begun to bridge. The other leg's thread, which then comes to a bridge that is over, would hang
    /// this call up (`audio_bridge_thread` in `switch_ivr_bridge.c`) but for the flag of one that goes elsewhere.
    pub fn interrupt(self) {
        // In other states the core takes the flag for more than that.
        let state = self.channel().state().number();
        if [CS_EXECUTE, CS_PARK].map(|state| state.0).contains(&state) {
            self.channel().set(CF_REDIRECT, 1);
        }
        self.channel().set(CF_NOT_READY, 1);
        // 2 ends a list of files as a whole.
        self.channel().set(CF_BREAK, 2);
        self.wake();
    }

    /// Breaks a play, a sleep or the collecting of digits, and nothing else.
    pub fn wake_for_verb(self) {
        self.channel().set(CF_BREAK, 1);
        self.wake();
    }

    /// Runs what was queued to the session (`switch_ivr_parse_all_events`).
    pub fn parse_events(self, _: &Detached) {
        // SAFETY: the session lives.
        unsafe { switch_ivr_parse_all_events(self.as_ptr()) };
    }

    /// Takes back what [`Self::interrupt`] did.
    pub fn clear_break(self) {
        self.channel().clear(CF_BREAK);
        self.channel().clear(CF_NOT_READY);
        self.channel().clear(CF_REDIRECT);
    }

    /// Ends the frame read that the session is in, with no lasting effect
    /// (`switch_core_session_perform_kill_channel`, `SWITCH_SIG_BREAK`).
    pub fn wake(self) {
        // SAFETY: the session lives, the strings are constants.
        unsafe {
            switch_core_session_perform_kill_channel(
                self.as_ptr(),
                c"mod_rust".as_ptr(),
                c"wake".as_ptr(),
                0,
                bindings::SWITCH_SIG_BREAK,
            )
        };
    }
}

impl Session<'_> {
    /// Gives the session an event of its own to work on, as `sendmsg` does
    /// (`switch_core_session_receive_event`).
    ///
    /// # Errors
    /// The core's status; the event is freed then.
    pub fn receive_event(self, _: &Detached, event: OwnedEvent) -> Result<(), Status> {
        self.check(&event)?;
        // SAFETY: the session lives, and the event is given away.
        event.give(|event| unsafe { switch_core_session_receive_event(self.as_ptr(), event) })
    }

    /// Has its thread do what an event says, as `sendmsg` does
    /// (`switch_core_session_queue_private_event`).
    ///
    /// # Errors
    /// The core's status.
    pub fn command(self, _: &Detached, event: OwnedEvent) -> Result<(), Status> {
        self.check(&event)?;
        // SAFETY: the session lives, and the event is given away.
        event.give(|event| unsafe {
            let urgent = bindings::SWITCH_FALSE;
            switch_core_session_queue_private_event(self.as_ptr(), event, urgent)
        })
    }

    /// Refuses what the session would not survive, with a line in the log.
    fn check(self, event: &OwnedEvent) -> Result<(), Status> {
        queued::event(&self.channel(), event.view()).map_err(|why| {
            tracing::error!("event: {why}");
            Status(bindings::SWITCH_STATUS_GENERR)
        })
    }

    /// Throws away events that wait for the session.
    pub fn flush_events(self) {
        loop {
            let mut event = std::ptr::null_mut();
            // SAFETY: the session lives, and the core writes one pointer.
            let status = unsafe {
                switch_core_session_dequeue_event(self.as_ptr(), &raw mut event, SWITCH_TRUE)
            };
            // SAFETY: the event is ours now.
            if Status::check(status).is_err() || unsafe { OwnedEvent::from_raw(event) }.is_none() {
                return;
            }
        }
    }

    /// Runs what is due after a hangup now (`switch_core_session_hangup_state`).
    pub fn hangup_state(self, _: &Detached) {
        // SAFETY: the session lives.
        unsafe { switch_core_session_hangup_state(self.as_ptr(), bindings::SWITCH_FALSE) };
    }

    /// Sends text to the far end, where the call has a text channel
    /// (`switch_core_session_print`).
    ///
    /// # Errors
    /// The core's status.
    pub fn print(self, _: &Detached, text: &CStr) -> Result<(), Status> {
        // SAFETY: the session lives, and the string ends with NUL.
        Status::check(unsafe { switch_core_session_print(self.as_ptr(), text.as_ptr()) })
    }

    /// The call's detail record, as XML text (`switch_ivr_generate_xml_cdr`).
    #[must_use]
    pub fn xml_cdr(self, _: &Detached) -> Option<Vec<u8>> {
        let mut tree = std::ptr::null_mut();
        // SAFETY: the session lives, and the core writes one tree, which is ours.
        let status = unsafe { switch_ivr_generate_xml_cdr(self.as_ptr(), &raw mut tree) };
        Status::check(status).ok()?;
        // SAFETY: the call succeeded: `tree` is NULL or a tree of its own, which nobody
        // else frees.
        unsafe { Xml::from_raw(tree) }.map(|xml| xml.text())
    }
}

/// A session that was looked up: its read lock is held until this goes.
pub struct Locked {
    ptr: NonNull<switch_core_session_t>,
}

// SAFETY: what goes to another thread is a read lock, which is given back there
// (`switch_core_session_rwunlock`). It is a pthread_rwlock_t (apr_thread_rwlock). POSIX
// leaves open what happens; glibc counts the readers, and keeps no owner for them.
unsafe impl Send for Locked {}
// SAFETY: shared use only hands out the session, whose functions lock for themselves.
unsafe impl Sync for Locked {}

impl Locked {
    /// The session with this UUID, also when it is already hung up
    /// (`switch_core_session_force_locate`).
    #[must_use]
    pub fn find(uuid: &CStr) -> Option<Self> {
        // SAFETY: the core reads the name and gives a locked session, or NULL.
        let ptr = unsafe {
            switch_core_session_perform_force_locate(
                uuid.as_ptr(),
                c"mod_rust".as_ptr(),
                c"find".as_ptr(),
                0,
            )
        };
        NonNull::new(ptr).map(|ptr| Self { ptr })
    }

    /// Takes over a lock that the core has given to its caller; nothing for NULL.
    ///
    /// # Safety
    /// The session is read-locked, and the lock is the caller's to give back.
    pub(super) unsafe fn from_locked(ptr: *mut switch_core_session_t) -> Option<Self> {
        NonNull::new(ptr).map(|ptr| Self { ptr })
    }

    /// The session itself.
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        Session {
            ptr: self.ptr,
            life: PhantomData,
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: the lock that find() took is given back once.
        unsafe { switch_core_session_rwunlock(self.ptr.as_ptr()) };
    }
}

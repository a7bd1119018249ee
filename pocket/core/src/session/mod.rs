//! Sessions: a call's leg, its channel, and the thread that runs it.
//!
//! The core has a session and a channel; here they are one, and the pointers
//! that C holds for the two have the same address.

use std::collections::{HashMap, VecDeque};
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use bindings::{switch_channel_flag_t, switch_channel_t, switch_core_session_t};
use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;

use crate::attached::Attached;
use crate::c::*;
use crate::clock::Signal;
use crate::log;
use crate::pool::Pool;
use crate::switch::Core;
use crate::transcript::{Entry, Kind, Transcript};

pub(crate) mod answer;
pub(crate) mod cdr;
pub(crate) mod client;
pub(crate) mod data;
pub(crate) mod dtmf;
pub(crate) mod endpoint;
pub(crate) mod events;
pub(crate) mod execute;
pub(crate) mod expand;
pub(crate) mod hangup;
pub(crate) mod hooks;
pub(crate) mod hunt;
pub(crate) mod lock;
pub(crate) mod machine;
pub(crate) mod media;
pub(crate) mod profile;
pub(crate) mod report;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod variables;

pub(crate) use profile::Profile;

use endpoint::{Endpoint, Heard};

/// Writes to the log about a session, from this line.
macro_rules! say {
    ($session:expr, $level:ident, $($text:tt)+) => {
        // What is said is looked for only where it is kept.
        if $session.logs($crate::log::$level) {
            $session.log($crate::log::$level, $crate::place::here!(), format_args!($($text)+))
        }
    };
}
pub(crate) use say;

/// What a leg does in a state.
pub(crate) type Run = Box<dyn FnOnce(&Arc<Session>) + Send>;

/// What drives a leg besides the states' own behaviour: the core's state
/// handlers of originate and bridge.
pub(crate) enum Role {
    None,
    /// Waits to be taken over by the thread that originated it.
    Originated,
    /// What a bridge has the leg do in a state: to run the bridge, or, on the other side,
    /// to exchange media.
    Bridged(State, Run),
}

/// Applications that are left to be run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extension {
    pub(crate) applications: VecDeque<(BString, BString)>,
}

impl Extension {
    /// Adds one. As in the core, data with an escaped quote is refused.
    pub(crate) fn add(&mut self, session: &Session, application: &BStr, data: &BStr) {
        if data.contains_str("\\'") {
            say!(
                session,
                WARNING,
                "App not added, Invalid character sequence in data string [{data}]"
            );
            return;
        }
        self.applications
            .push_back((application.to_owned(), data.to_owned()));
    }
}

/// One leg.
pub(crate) struct Session {
    pub(crate) core: Arc<Core>,
    pub(crate) id: usize,
    uuid: CString,
    pub(crate) outbound: bool,
    pub(crate) endpoint: Box<dyn Endpoint>,
    name: Mutex<BString>,
    lifecycle: state::Lifecycle,
    media: media::Media,
    digits: dtmf::Digits,
    events: events::Queues,
    record: cdr::Record,
    flags: [AtomicU32; FLAGS],
    data: variables::Guarded,
    privates: Mutex<HashMap<BString, usize>>,
    /// What layers above keep with the leg, one of a type.
    pub(crate) attached: Attached,
    hooks: Mutex<Vec<hooks::Hook>>,
    /// Raised whenever the leg's thread may have something to do.
    pub(crate) wake: Signal,
    pool: Mutex<Vec<CString>>,
    /// What C made for the call, until the call goes.
    pub(crate) memory: Pool,
    pub(crate) extension: Mutex<Option<Extension>>,
    depth: AtomicU32,
    log_level: AtomicI32,
    pub(crate) role: Mutex<Role>,
    pub(crate) transcript: Arc<Transcript>,
}

impl Session {
    pub(crate) fn new(
        core: &Arc<Core>,
        id: usize,
        uuid: &[u8],
        outbound: bool,
        endpoint: Box<dyn Endpoint>,
        profile: Profile,
    ) -> Arc<Self> {
        let name = BString::from(profile.channel_name().to_vec());
        let session = Arc::new(Self {
            core: Arc::clone(core),
            id,
            uuid: crate::text::c_string(uuid),
            outbound,
            media: media::Media::new(endpoint.has_codec_at_once()),
            endpoint,
            name: Mutex::new(name),
            lifecycle: state::Lifecycle::new(),
            digits: dtmf::Digits::default(),
            events: events::Queues::default(),
            record: cdr::Record::default(),
            flags: [const { AtomicU32::new(0) }; FLAGS],
            data: variables::Guarded::new(),
            privates: Mutex::default(),
            attached: Attached::default(),
            hooks: Mutex::default(),
            wake: Signal::new(),
            pool: Mutex::default(),
            memory: Pool::default(),
            extension: Mutex::default(),
            depth: AtomicU32::new(0),
            log_level: AtomicI32::new(core.log.level()),
            role: Mutex::new(Role::None),
            transcript: Arc::default(),
        });
        if outbound {
            session.set_flag(CF_OUTBOUND, 1);
        }
        session.set_profile(profile);
        session.set("uuid", session.uuid());
        session.set("session_id", id.to_string());
        session.set("call_uuid", session.uuid());
        session.set("direction", if outbound { "outbound" } else { "inbound" });
        session.set("channel_name", session.name());
        session
    }

    pub(crate) fn uuid(&self) -> &BStr {
        self.uuid.as_bytes().as_bstr()
    }

    pub(crate) fn uuid_c(&self) -> &CString {
        &self.uuid
    }

    pub(crate) fn name(&self) -> BString {
        self.name.lock().clone()
    }

    /// The address that C holds.
    pub(crate) fn as_ptr(self: &Arc<Self>) -> *mut switch_core_session_t {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// One of ours from the address that C holds.
    ///
    /// # Safety
    /// `session` is NULL or was made by [`Session::as_ptr`], and its session is
    /// alive: the caller is on its thread or holds a read lock.
    pub(crate) unsafe fn from_ptr(session: *mut switch_core_session_t) -> Option<Arc<Self>> {
        if session.is_null() {
            return None;
        }
        let session: *const Self = session.cast();
        // SAFETY: the pointer is an Arc's and its session lives; the count that
        // from_raw takes over is the one added here.
        unsafe {
            Arc::increment_strong_count(session);
            Some(Arc::from_raw(session))
        }
    }

    /// As [`Session::from_ptr`], from a channel.
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn from_channel(channel: *mut switch_channel_t) -> Option<Arc<Self>> {
        // SAFETY: session and channel have one address.
        unsafe { Self::from_ptr(channel.cast()) }
    }

    pub(crate) fn flag(&self, flag: switch_channel_flag_t) -> u32 {
        self.flags
            .get(flag.0 as usize)
            .map_or(0, |value| value.load(Ordering::SeqCst))
    }

    pub(crate) fn has(&self, flag: switch_channel_flag_t) -> bool {
        self.flag(flag) != 0
    }

    pub(crate) fn set_flag(&self, flag: switch_channel_flag_t, value: u32) {
        if let Some(slot) = self.flags.get(flag.0 as usize) {
            slot.store(value, Ordering::SeqCst);
        }
    }

    pub(crate) fn clear_flag(&self, flag: switch_channel_flag_t) {
        self.set_flag(flag, 0);
    }

    /// Takes `CF_BREAK`; its value tells whether all of a list was meant.
    pub(crate) fn take_break(&self) -> Option<u32> {
        let value = self.flag(CF_BREAK);
        (value != 0).then(|| {
            self.clear_flag(CF_BREAK);
            value
        })
    }

    pub(crate) fn private(&self, key: &[u8]) -> usize {
        self.privates
            .lock()
            .get(key.as_bstr())
            .copied()
            .unwrap_or(0)
    }

    /// Uses what is kept by this key, which does not change during that time.
    pub(crate) fn with_private<R>(&self, key: &[u8], body: impl FnOnce(usize) -> R) -> R {
        let privates = self.privates.lock();
        body(privates.get(key.as_bstr()).copied().unwrap_or(0))
    }

    pub(crate) fn set_private(&self, key: &[u8], value: usize) {
        let mut privates = self.privates.lock();
        if value == 0 {
            privates.remove(key.as_bstr());
        } else {
            privates.insert(key.into(), value);
        }
    }

    /// Keeps a string for as long as the session lives, as the core's pool.
    pub(crate) fn pooled(&self, text: &[u8]) -> *const std::ffi::c_char {
        let text = crate::text::c_string(text);
        let address = text.as_ptr();
        self.pool.lock().push(text);
        address
    }

    pub(crate) fn log_level(&self) -> i32 {
        self.log_level.load(Ordering::Relaxed)
    }

    /// Whether a line of this level is kept.
    pub(crate) fn logs(&self, level: i32) -> bool {
        self.core.log.takes(level, Some(self.log_level())).is_some()
    }

    pub(crate) fn log(
        &self,
        level: i32,
        place: crate::place::Place<'_>,
        text: std::fmt::Arguments<'_>,
    ) {
        self.core
            .log
            .format(level, place, self.uuid(), Some(self.log_level()), text);
    }

    /// Adds to the transcript.
    pub(crate) fn note(
        &self,
        kind: Kind,
        text: impl Into<BString>,
        data: Vec<(&'static str, BString)>,
    ) {
        self.transcript.add(Entry {
            time: self.core.clock.now(),
            kind,
            text: text.into(),
            data,
        });
    }

    /// A sound begins: it stands in the transcript, and the far end hears it.
    pub(crate) fn begin_sound(self: &Arc<Self>, kind: Kind, sound: &BStr) {
        self.note(kind, sound, Vec::new());
        self.endpoint.hears(self, Heard::Begins, sound);
    }

    /// A sound was heard to its end.
    pub(crate) fn end_sound(self: &Arc<Self>, sound: &BStr) {
        self.endpoint.hears(self, Heard::Ends, sound);
    }

    /// The far end speaks until that time of the clock.
    pub(crate) fn speak_until(&self, time: i64) {
        self.media.speaking_until.fetch_max(time, Ordering::SeqCst);
    }

    /// Whether the far end says nothing now.
    pub(crate) fn is_silent(&self) -> bool {
        self.core.clock.now() >= self.media.speaking_until.load(Ordering::SeqCst)
    }

    pub(crate) fn depth(&self) -> u32 {
        self.depth.load(Ordering::SeqCst)
    }

    /// Counts an extension run inside another.
    pub(crate) fn deeper(&self) -> Deeper<'_> {
        self.depth.fetch_add(1, Ordering::SeqCst);
        Deeper(self)
    }

    /// Whether the calling thread is the one that runs this leg.
    pub(crate) fn in_thread(&self) -> bool {
        self.lifecycle.thread.load(Ordering::SeqCst) == machine::thread_id()
    }

    /// Wakes the leg's thread out of a wait; what a signal does in the core.
    pub(crate) fn kick(&self) {
        self.core.clock.raise(&self.wake);
    }

    pub(crate) fn warn_unless(&self, fine: bool, what: &str) {
        if !fine {
            self.log(log::WARNING, crate::place::here!(), format_args!("{what}"));
        }
    }
}

/// While it lives, one extension more is on the stack.
pub(crate) struct Deeper<'a>(&'a Session);

impl Drop for Deeper<'_> {
    fn drop(&mut self) {
        self.0.depth.fetch_sub(1, Ordering::SeqCst);
    }
}

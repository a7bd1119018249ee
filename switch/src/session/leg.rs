//! One leg of a call, for code that may outlive it: a call that lives, one that was
//! placed here, none, or what is left of one.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bindings::CF_TRANSFER;
use parking_lot::{Mutex, ReentrantMutex, RwLock};

use super::cause::{Cause, State};
use super::handle::{Gone, Handle};
use super::own_thread::{OnOwnThread, OwnThread};
use super::{Locked, Session};
use crate::Detached;

/// What is known of a call that is over.
pub struct Remains {
    /// Its UUID.
    pub uuid: CString,
    /// Why it ended.
    pub cause: Cause,
    /// Its variables as they were.
    pub variables: HashMap<Vec<u8>, Vec<u8>>,
}

enum Call {
    /// Never there: nothing was dialled, or it failed with this cause.
    None(Cause),
    /// It was there when it was last used.
    There(Arc<Handle>),
    /// Over, or placed here and let go.
    Over(Arc<Remains>),
}

/// One call leg.
pub struct Leg {
    call: RwLock<Call>,
    own_thread: Arc<OwnThread>,
    /// How its thread has found it lost.
    lost: Mutex<Option<&'static str>>,
    /// The state it was in when this became its leg. One that was being routed then
    /// (an inline action) is not transferred because it is in that state.
    began: AtomicU32,
    /// The call ends with the object that holds this (mod_python's `S_HUP`).
    auto_hangup: AtomicBool,
    /// Held while the call is let go of; a hangup can come back here on the same thread.
    ending: ReentrantMutex<()>,
    /// A wait was broken, and the channel's flags say so.
    broken: AtomicBool,
}

impl Default for Leg {
    fn default() -> Self {
        Self {
            call: RwLock::new(Call::None(Cause::NONE)),
            own_thread: Arc::default(),
            lost: Mutex::default(),
            began: AtomicU32::new(0),
            auto_hangup: AtomicBool::new(false),
            ending: ReentrantMutex::default(),
            broken: AtomicBool::new(false),
        }
    }
}

/// How long another thread may take from saying that it moves a call to moving it.
const IS_MOVED: Duration = Duration::from_secs(1);

impl Leg {
    /// Knows the session of an application or command on its own thread without a lookup,
    /// until the guard goes; nothing to do on any other.
    ///
    /// # Safety
    /// The core has called into the module with the session, and the guard does not outlive that call.
    #[must_use]
    pub unsafe fn enter(&self, session: Session<'_>) -> Option<OnOwnThread> {
        session
            .in_thread()
            // SAFETY: on its own thread the session stays while we are called from there.
            .then(|| unsafe { self.own_thread.enter(session) })
    }

    /// Becomes the leg of a session.
    pub fn take(&self, session: Session<'_>) {
        self.began
            .store(session.channel().state().number(), Ordering::Relaxed);
        self.be(Handle::new(session));
    }

    /// Becomes the leg of a session that was placed here, and keeps it
    /// until [`Self::release`].
    pub fn keep(&self, lock: Arc<Locked>) {
        self.be(Handle::keeping(lock));
    }

    fn be(&self, handle: Handle) {
        self.own_thread.leave();
        *self.lost.lock() = None;
        *self.call.write() = Call::There(Arc::new(handle));
    }

    /// Becomes the leg of a call that did not come about.
    pub fn fail(&self, cause: Cause) {
        self.own_thread.leave();
        *self.call.write() = Call::None(cause);
    }

    /// The handle, while there is a call.
    #[inline]
    #[must_use]
    pub fn handle(&self) -> Option<Arc<Handle>> {
        match &*self.call.read() {
            Call::There(handle) => Some(handle.clone()),
            _ => None,
        }
    }

    /// Uses the session.
    ///
    /// # Errors
    /// [`Gone`]
    pub fn with<R>(&self, body: impl FnOnce(Session<'_>) -> R) -> Result<R, Gone> {
        match self.own_thread.with(body) {
            Ok(result) => Ok(result),
            Err(body) => self.handle().ok_or(Gone)?.with(body),
        }
    }

    /// The UUID; none, where there never was a call.
    #[must_use]
    pub fn uuid(&self) -> Option<CString> {
        match &*self.call.read() {
            Call::None(_) => None,
            Call::There(handle) => Some(handle.uuid().to_owned()),
            Call::Over(remains) => Some(remains.uuid.clone()),
        }
    }

    /// Why the call ended or did not come about.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        let handle = match &*self.call.read() {
            Call::None(cause) => return Some(*cause),
            Call::Over(remains) => return Some(remains.cause),
            Call::There(handle) => handle.clone(),
        };
        handle.with(|s| s.channel().cause()).ok()
    }

    /// What is left of a call that is over, or was placed here and let go.
    #[must_use]
    pub fn remains(&self) -> Option<Arc<Remains>> {
        match &*self.call.read() {
            Call::Over(remains) => Some(remains.clone()),
            _ => None,
        }
    }

    /// Does the call end with the object?
    #[must_use]
    pub fn auto_hangup(&self) -> bool {
        self.auto_hangup.load(Ordering::Relaxed)
    }

    /// Has the call end with the object, or not.
    pub fn set_auto_hangup(&self, on: bool) {
        self.auto_hangup.store(on, Ordering::Relaxed);
    }

    /// How the call was lost, if it was.
    #[must_use]
    pub fn lost(&self) -> Option<&'static str> {
        let seen = *self.lost.lock();
        seen.or_else(|| self.lost_by_now())
    }

    /// Its thread has found the call lost: whatever becomes of the call, that is how. What is
    /// neither hung up nor transferred was taken.
    pub fn lose(&self) -> &'static str {
        let until = Instant::now() + IS_MOVED;
        while self.is_being_moved() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        let how = self.lost_by_now().unwrap_or("taken");
        self.lost.lock().get_or_insert(how)
    }

    /// Another thread transfers the call, or bridges it by `uuid_bridge`: the core has said so, and where it goes,
    /// the state, comes next (`switch_ivr_session_transfer`).
    fn is_being_moved(&self) -> bool {
        let is_moved = self.with(|s| {
            let channel = s.channel();
            channel.has(CF_TRANSFER) && self.is_as_it_began(channel.state())
        });
        matches!(is_moved, Ok(true))
    }

    fn is_as_it_began(&self, state: State) -> bool {
        state.number() == self.began.load(Ordering::Relaxed)
    }

    fn lost_by_now(&self) -> Option<&'static str> {
        match self.with(|s| s.channel().state()) {
            Ok(state) if state.is_down() => Some("hangup"),
            Ok(state) if state.is_routing() && !self.is_as_it_began(state) => Some("transfer"),
            Ok(_) => None,
            Err(Gone) => Some("hangup"),
        }
    }

    /// Ends a wait of this leg: a play, a sleep, digits end within a frame,
    /// an application that looks at nothing else when it finds the call not ready.
    pub fn break_wait(&self) {
        self.broken.store(true, Ordering::Release);
        // Gone: then nothing waits for it.
        let _ = self.with(|s| s.interrupt());
    }

    /// Makes the call ready again, after a wait of it was broken.
    pub fn clear_break(&self) {
        if self.broken.swap(false, Ordering::AcqRel) {
            let _ = self.with(|s| s.clear_break());
        }
    }

    /// Lets go of the call, once: hangs it up where it is to end with the object.
    /// Of one that was placed here cause and variables are kept; others are
    /// usable as before. Where another thread does so, this one waits for it.
    pub fn release(&self, held: &Detached) {
        // The object and its script can end at once, each on its own thread. Two that each take a part of what there
        // is to do would leave the call up, and the one that finds nothing left would go on before it is over.
        let _ending = self.ending.lock();
        let Some(handle) = self.handle() else { return };
        let auto_hangup = self.auto_hangup.swap(false, Ordering::Relaxed);
        let Some(lock) = handle.let_go() else {
            if auto_hangup {
                // Gone: then it is hung up.
                let _ = handle.with(|session| hang_up(held, session));
            }
            return;
        };
        self.own_thread.leave();
        let session = lock.session();
        if auto_hangup {
            hang_up(held, session);
        }
        let remains = Arc::new(remains(session));
        let mut call = self.call.write();
        // It can have been given another call by now.
        if matches!(&*call, Call::There(current) if Arc::ptr_eq(current, &handle)) {
            *call = Call::Over(remains);
        }
    }

    /// Does its object's end have anything to do: a call to let go of, or one that
    /// ends with it; or does another thread do it now?
    #[must_use]
    pub fn has_an_end(&self) -> bool {
        self.is_kept()
            || (self.auto_hangup() && self.handle().is_some())
            // Looked at last: what there was to do is taken with the lock held.
            || self.ending.is_locked()
    }

    /// The object goes, and another thread is to [`Self::release`] the call: one
    /// that is being transferred now is not to end, wherever it is by then.
    pub fn settle_end(&self) {
        let leaves = self.auto_hangup()
            && !crate::core::gone()
            && matches!(self.with(|s| s.channel().has(CF_TRANSFER)), Ok(true));
        if leaves {
            self.set_auto_hangup(false);
        }
    }

    /// Parts from a call that is over, and keeps what is known of it: for code
    /// that goes on when the call's thread has gone.
    pub fn part(&self, session: Session<'_>) {
        self.own_thread.leave();
        *self.call.write() = Call::Over(Arc::new(remains(session)));
    }

    /// Is it a call that was placed here and is still kept?
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.handle().is_some_and(|h| h.is_keeping())
    }
}

/// mod_python's rule for the end of a session object that ends its call.
fn hang_up(held: &Detached, session: Session<'_>) {
    let channel = session.channel();
    if channel.is_up() && !channel.has(CF_TRANSFER) {
        channel.hangup(held, Cause::NORMAL_CLEARING);
    }
}

fn remains(session: Session<'_>) -> Remains {
    let channel = session.channel();
    let names = channel.variable_names();
    let variables = names.into_iter().filter_map(|name| {
        let value = channel.variable(&CString::new(name.clone()).ok()?)?;
        Some((name, value))
    });
    Remains {
        uuid: session.uuid(),
        cause: channel.cause(),
        variables: variables.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::hint::spin_loop;
    use std::sync::atomic::AtomicUsize;

    use pocket_core::{Driver, Options};

    use super::*;
    use crate::session::originate::{Cancel, originate};

    /// As the end of an object and that of its script do, each on its own thread.
    #[test]
    fn a_call_is_over_for_each_of_two_that_let_go_of_it_at_once() {
        let switch = Driver::open(Options {
            base: std::env::temp_dir(),
            scripts: std::env::temp_dir(),
            ..Options::default()
        })
        .expect("a switch");
        // SAFETY: there is no Python in this process.
        let held = unsafe { Detached::new() };
        for _ in 0..200 {
            let lock = originate(&held, None, c"null/x", 60, None, &Cancel::default());
            let leg = Leg::default();
            leg.keep(Arc::new(lock.expect("a call")));
            leg.set_auto_hangup(true);
            let uuid = leg.uuid().expect("a call");
            let ready = AtomicUsize::new(0);
            let is_over = || {
                // SAFETY: there is no Python in this process.
                let held = unsafe { Detached::new() };
                ready.fetch_add(1, Ordering::SeqCst);
                while ready.load(Ordering::SeqCst) < 2 {
                    spin_loop();
                }
                if leg.has_an_end() {
                    leg.release(&held);
                }
                Locked::find(&uuid).is_none_or(|call| !call.session().channel().is_up())
            };
            thread::scope(|scope| {
                let both = [scope.spawn(is_over), scope.spawn(is_over)];
                for one in both {
                    assert!(one.join().expect("no panic"));
                }
            });
            assert_eq!(leg.cause(), Some(Cause::NORMAL_CLEARING));
        }
        assert_eq!(switch.close(), 0);
    }
}

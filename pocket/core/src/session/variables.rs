//! Variables and caller profiles, under the lock that the core calls the
//! profile mutex: recursive, and held by C between `variable_first` and `variable_last`.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

use bindings::{
    SWITCH_EVENT_CHANNEL_DATA, SWITCH_STACK_BOTTOM, switch_caller_profile_t, switch_event_header_t,
    switch_stack_t,
};
use bstr::{BString, ByteSlice};
use parking_lot::ReentrantMutex;

use super::{Profile, Session, say};
use crate::event::Event;
use crate::text::{self, c_string};

/// A profile of a leg that was called, as far as C looks at one: without times.
struct Called(switch_caller_profile_t);

// SAFETY: its pointers are all NULL, and nobody writes it.
unsafe impl Sync for Called {}

// SAFETY: the structure is pointers and numbers, and the core begins with zeroes.
static CALLED: Called = Called(unsafe { std::mem::zeroed() });

/// What the lock guards.
pub(super) struct Data {
    pub(super) variables: Event,
    scopes: Vec<Event>,
    /// All profiles the leg has had, the current last: C may still look at the
    /// texts of an older one.
    #[allow(clippy::vec_box, reason = "the texts are shown to C and must not move")]
    profiles: Vec<Box<Profile>>,
    /// Takes the current one's place while `execute_extension` looks for one.
    hunt: Option<Box<Profile>>,
    /// The other leg's profile, for `aleg_` and `bleg_`.
    pub(super) originator: Option<Box<Profile>>,
    pub(super) originatee: Option<Box<Profile>>,
    walking: bool,
}

pub(super) struct Guarded(pub(super) ReentrantMutex<RefCell<Data>>);

impl Guarded {
    pub(super) fn new() -> Self {
        Self(ReentrantMutex::new(RefCell::new(Data {
            variables: Event::plain(SWITCH_EVENT_CHANNEL_DATA),
            scopes: Vec::new(),
            profiles: Vec::new(),
            hunt: None,
            originator: None,
            originatee: None,
            walking: false,
        })))
    }
}

/// Where a variable's value was found.
pub(crate) enum Value {
    /// In the session, where it lies until it is set again.
    There(*const c_char),
    /// Nowhere that lasts.
    Copied(BString),
}

impl Data {
    pub(super) fn profile(&self) -> Option<&Profile> {
        self.hunt
            .as_deref()
            .or_else(|| self.profiles.last().map(|profile| &**profile))
    }

    pub(super) fn current_profile(&mut self) -> Option<&mut Profile> {
        self.profiles.last_mut().map(|profile| &mut **profile)
    }
}

impl Session {
    /// Looks a variable up: scopes, the leg's own, its profile's fields, then
    /// the global ones. `index` chooses one value of several.
    pub(crate) fn lookup(&self, name: &[u8], index: i32) -> Option<Value> {
        if name.is_empty() {
            return None;
        }
        let guard = self.data.0.lock();
        let data = guard.borrow();
        for list in data
            .scopes
            .iter()
            .rev()
            .chain(std::iter::once(&data.variables))
        {
            if let Some(header) = list.header(name) {
                // SAFETY: the header is in a list that the lock keeps.
                let value = unsafe { value_at(header.as_ptr(), index) };
                if !value.is_null() {
                    return Some(Value::There(value));
                }
            }
        }
        let (profile, field) = match data.profile() {
            Some(_) if name.starts_with(b"aleg_") => (data.originator.as_deref(), &name[5..]),
            Some(_) if name.starts_with(b"bleg_") => (data.originatee.as_deref(), &name[5..]),
            profile => (profile, name),
        };
        if let Some(profile) = profile {
            if let Some(value) = profile.field(field) {
                return Some(Value::There(value.as_ptr()));
            }
            if let Some(value) = profile.fixed(field) {
                return Some(Value::Copied(value.into()));
            }
            // FreeSWITCH has no times of the leg that this one called.
            if !name.starts_with(b"bleg_")
                && let Some(time) = profile.time(field)
            {
                return Some(Value::Copied(time.to_string().into()));
            }
        }
        drop(data);
        self.core.globals.get(field).map(Value::Copied)
    }

    /// A variable's value, copied under the lock.
    pub(crate) fn get(&self, name: impl AsRef<[u8]>) -> Option<BString> {
        self.get_at(name.as_ref(), -1)
    }

    pub(crate) fn get_at(&self, name: &[u8], index: i32) -> Option<BString> {
        let _guard = self.data.0.lock();
        self.lookup(name, index).map(|value| match value {
            // SAFETY: found just now, and kept by the lock, which is ours still.
            Value::There(value) => unsafe { text::borrow(value) }
                .unwrap_or_default()
                .to_owned(),
            Value::Copied(value) => value,
        })
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| text::is_true(&value))
    }

    /// A variable's value for C, where it lies or in the session's pool.
    pub(crate) fn get_for_c(&self, name: &[u8], copy: bool, index: i32) -> *const c_char {
        let _guard = self.data.0.lock();
        match self.lookup(name, index) {
            None => std::ptr::null(),
            Some(Value::Copied(value)) => self.pooled(&value),
            Some(Value::There(value)) if copy => {
                // SAFETY: as in get_at.
                self.pooled(unsafe { text::borrow(value) }.unwrap_or_default())
            }
            Some(Value::There(value)) => value,
        }
    }

    /// Sets a variable; an empty value unsets it. A value that holds `${` is
    /// refused unless `check` is off.
    pub(crate) fn set_checked(&self, name: &[u8], value: &[u8], check: bool) -> bool {
        self.add_checked(name, value, check, SWITCH_STACK_BOTTOM)
    }

    pub(crate) fn add_checked(
        &self,
        name: &[u8],
        value: &[u8],
        check: bool,
        stack: switch_stack_t,
    ) -> bool {
        if name.is_empty() {
            return false;
        }
        let guard = self.data.0.lock();
        if value.is_empty() {
            guard.borrow_mut().variables.remove(name, None);
        } else if check && super::expand::holds_variable(value) {
            say!(
                self,
                CRIT,
                "Invalid data (${{{}}} contains a variable)",
                name.as_bstr()
            );
        } else {
            guard.borrow_mut().variables.add_at(stack, name, value);
        }
        true
    }

    pub(crate) fn set(&self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.set_checked(name.as_ref(), value.as_ref(), true);
    }

    pub(crate) fn unset(&self, name: impl AsRef<[u8]>) {
        self.set_checked(name.as_ref(), b"", false);
    }

    /// Unsets every variable whose name begins so.
    pub(crate) fn unset_all(&self, prefix: &str) {
        for (name, _) in self.variables() {
            if name.starts_with(prefix.as_bytes()) {
                self.unset(&name);
            }
        }
    }

    /// Variables in their order.
    pub(crate) fn variables(&self) -> Vec<(BString, BString)> {
        let guard = self.data.0.lock();
        let data = guard.borrow();
        data.variables
            .headers()
            .map(|(name, value, _)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The values of those whose names begin so, in any case.
    pub(super) fn variables_beginning_with(&self, prefix: &str) -> Vec<BString> {
        let guard = self.data.0.lock();
        guard.borrow().variables.beginning_with(prefix)
    }

    pub(super) fn size_of_variables(&self) -> usize {
        let guard = self.data.0.lock();
        guard.borrow().variables.size()
    }

    /// Takes the lock and shows C the list; NULL, and no lock, when it is empty.
    pub(crate) fn walk_first(&self) -> *mut switch_event_header_t {
        let guard = self.data.0.lock();
        let first = {
            let mut data = guard.borrow_mut();
            let first = data.variables.first();
            data.walking = !first.is_null();
            first
        };
        if !first.is_null() {
            // Given back by walk_last, as the core's own mutex is.
            std::mem::forget(guard);
        }
        first
    }

    pub(crate) fn walk_last(&self) {
        let guard = self.data.0.lock();
        if std::mem::take(&mut guard.borrow_mut().walking) {
            // SAFETY: walk_first forgot one guard on this thread: nobody else
            // could have got to here while it held the lock.
            unsafe { self.data.0.force_unlock() };
        }
    }

    /// Lays variables over the leg's own until they are popped.
    pub(crate) fn push_scope(&self, scope: Event) {
        self.data.0.lock().borrow_mut().scopes.push(scope);
    }

    /// All variables for one application, the innermost first.
    pub(crate) fn scope(&self) -> Option<Event> {
        let guard = self.data.0.lock();
        let data = guard.borrow();
        if data.scopes.is_empty() {
            return None;
        }
        let mut all = Event::list();
        for (name, value, _) in data.scopes.iter().rev().flat_map(Event::headers) {
            if all.get(name).is_none() {
                all.add(name, value);
            }
        }
        Some(all)
    }

    pub(crate) fn pop_scope(&self) {
        self.data.0.lock().borrow_mut().scopes.pop();
    }

    pub(super) fn describe_variables(&self, event: &mut Event) {
        let guard = self.data.0.lock();
        let data = guard.borrow();
        for (name, value, _) in data.scopes.iter().rev().flat_map(Event::headers) {
            let name = [b"scope_variable_", name.as_bytes()].concat();
            if event.get(&name).is_none() {
                event.add(name, value);
            }
        }
        let mut variables = event.with_prefix(&["variable_"]);
        for (name, value, _) in data.variables.headers() {
            variables.add(name, value);
        }
    }

    /// A copy of the profile that holds now.
    pub(crate) fn profile(&self) -> Profile {
        self.data
            .0
            .lock()
            .borrow()
            .profile()
            .cloned()
            .unwrap_or_default()
    }

    /// All profiles that the leg has had, the current last.
    pub(crate) fn profiles(&self) -> Vec<Profile> {
        let guard = self.data.0.lock();
        let data = guard.borrow();
        data.profiles
            .iter()
            .map(|profile| Profile::clone(profile))
            .collect()
    }

    /// The other legs' profiles, with what those legs are to this one.
    pub(crate) fn other_profiles(&self) -> Vec<(&'static str, Profile)> {
        let guard = self.data.0.lock();
        let data = guard.borrow();
        [
            ("originator", &data.originator),
            ("originatee", &data.originatee),
        ]
        .into_iter()
        .filter_map(|(role, profile)| Some((role, Profile::clone(profile.as_deref()?))))
        .collect()
    }

    /// Makes a profile the current one; times are carried over.
    pub(crate) fn set_profile(&self, mut profile: Profile) {
        let now = self.core.clock.epoch_now();
        let guard = self.data.0.lock();
        let mut data = guard.borrow_mut();
        profile.outbound = self.outbound;
        profile.uuid = self.uuid_c().clone();
        profile.chan_name = c_string(&self.name());
        if profile.context.is_empty() {
            profile.context = c"default".to_owned();
        }
        profile.times.profile_created = now;
        match data.profiles.last_mut() {
            Some(last) => {
                last.times.transferred = now;
                let kept = last.times;
                profile.times = super::profile::Times {
                    profile_created: now,
                    transferred: 0,
                    ..kept
                };
            }
            None => profile.times.created = now,
        }
        profile.profile_index = c_string((data.profiles.len() + 1).to_string().as_bytes());
        data.profiles.push(Box::new(profile));
    }

    /// Puts a profile in the current one's place, or takes it away again.
    pub(crate) fn set_hunt_profile(&self, profile: Option<Profile>) {
        self.data.0.lock().borrow_mut().hunt = profile.map(Box::new);
    }

    /// The profile of the leg that made this one, as it is now. Of its times the
    /// core keeps none but those that this leg sets.
    pub(crate) fn set_originator(&self, mut profile: Profile) {
        profile.times = super::profile::Times::default();
        profile.profile_index = CString::default();
        profile.transfer_source = CString::default();
        self.data.0.lock().borrow_mut().originator = Some(Box::new(profile));
    }

    pub(crate) fn set_originatee(&self, mut profile: Profile) {
        profile.profile_index = CString::default();
        profile.transfer_source = CString::default();
        self.data.0.lock().borrow_mut().originatee = Some(Box::new(profile));
    }

    /// Changes the current profile.
    pub(crate) fn change_profile(&self, change: impl FnOnce(&mut Profile)) {
        if let Some(profile) = self.data.0.lock().borrow_mut().current_profile() {
            change(profile);
        }
    }

    /// Takes over who a leg says that it is, as its caller does when it rings, has
    /// media or is answered (`switch_channel_pass_callee_id`).
    pub(crate) fn take_callee_id(&self, of: &Self) {
        let other = of.profile();
        self.change_profile(|profile| {
            if !other.callee_id_name.is_empty() {
                profile.callee_id_name = other.callee_id_name;
            }
            if !other.callee_id_number.is_empty() {
                profile.callee_id_number = other.callee_id_number;
            }
        });
    }

    /// Gives the channel another name.
    pub(crate) fn rename(&self, name: &[u8]) {
        *self.name.lock() = name.into();
        self.set("channel_name", name);
        self.change_profile(|profile| profile.chan_name = c_string(name));
    }

    /// Marks a time on the leg's own profile, on what it knows of the leg that
    /// made it, and on that leg.
    pub(crate) fn mark_time_of_both(&self, mark: impl Fn(&mut super::profile::Times, i64) + Copy) {
        self.mark_time(mark);
        let now = self.core.clock.epoch_now();
        let uuid = {
            let guard = self.data.0.lock();
            let mut data = guard.borrow_mut();
            let Some(profile) = data.originator.as_deref_mut() else {
                return;
            };
            mark(&mut profile.times, now);
            profile.uuid.clone()
        };
        if let Some(other) = self.core.sessions.locate(uuid.as_bytes()) {
            other.mark_time(mark);
        }
    }

    /// The profile of the leg that this one has called, as C sees it.
    pub(crate) fn originatee_for_c(&self) -> *mut switch_caller_profile_t {
        match self.data.0.lock().borrow().originatee {
            None => std::ptr::null_mut(),
            Some(_) => (&raw const CALLED.0).cast_mut(),
        }
    }

    /// Changes the current profile's times.
    pub(crate) fn mark_time(&self, mark: impl FnOnce(&mut super::profile::Times, i64)) {
        let now = self.core.clock.epoch_now();
        if let Some(profile) = self.data.0.lock().borrow_mut().current_profile() {
            mark(&mut profile.times, now);
        }
    }
}

/// # Safety
/// `header` is live.
unsafe fn value_at(header: *mut switch_event_header_t, index: i32) -> *const c_char {
    // SAFETY: live; an array holds `idx` strings.
    unsafe {
        match usize::try_from(index) {
            Err(_) => (*header).value,
            Ok(at) if index < (*header).idx => *(*header).array.add(at),
            Ok(_) => std::ptr::null(),
        }
    }
}

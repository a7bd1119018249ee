//! IVR menus (`switch_ivr_menu_*`).

use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use bindings::{
    SWITCH_IVR_ACTION_NOOP, switch_ivr_menu_bind_action, switch_ivr_menu_execute,
    switch_ivr_menu_init, switch_ivr_menu_str2action, switch_ivr_menu_t,
};

use crate::guard::{files, queued};
use crate::session::Session;
use crate::sync::pool::Pool;
use crate::text::pointer;
use crate::{Detached, Status};

/// What a menu sounds like and how long it waits.
pub struct Look<'a> {
    /// Its name, by which other menus go to it.
    pub name: &'a CStr,
    /// The sounds: greeting, short greeting, invalid answer, exit, transfer.
    pub sounds: [Option<&'a CStr>; 5],
    /// A phrase macro that repeats an answer, and the key that confirms it.
    pub confirm: [Option<&'a CStr>; 2],
    /// TTS engine and voice for sounds that are `say:`.
    pub tts: [Option<&'a CStr>; 2],
    /// Confirm attempts, milliseconds between digits, digits at most,
    /// milliseconds for the first digit, failures and timeouts at most.
    pub numbers: [c_int; 6],
}

/// Why a menu did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MenuError {
    /// The core keeps the digits of a call in the menu itself.
    #[error("the menu is in use by another call: create one for each call")]
    Busy,
    /// See [`Status`].
    #[error(transparent)]
    Core(#[from] Status),
}

/// A menu; the menus beneath it keep it.
pub struct Menu {
    menu: NonNull<switch_ivr_menu_t>,
    stack: Arc<Stack>,
}

/// Where a topmost menu and those beneath it lie, and what is freed at once.
struct Stack {
    pool: Pool,
    top: AtomicPtr<switch_ivr_menu_t>,
    busy: AtomicBool,
}

// SAFETY: the menu is memory of the stack's pool, used under its busy flag.
unsafe impl Send for Menu {}
// SAFETY: a thread that uses a shared menu takes the busy flag first, and leaves where it is
// taken.
unsafe impl Sync for Menu {}

/// What a key does, as the core can take it.
fn safe_argument<'a>(action: &CStr, argument: &'a CStr) -> Result<Cow<'a, CStr>, MenuError> {
    match action.to_bytes() {
        b"menu-play-sound" => Ok(files::safe(argument, None)),
        b"menu-exec-app" => queued::in_menu(argument).map_err(|why| {
            tracing::error!("menu-exec-app: {why}");
            MenuError::Core(Status(bindings::SWITCH_STATUS_GENERR))
        }),
        _ => Ok(Cow::Borrowed(argument)),
    }
}

/// Has the stack for itself until it goes.
struct Using<'s>(&'s Stack);

impl Stack {
    fn take(&self) -> Result<Using<'_>, MenuError> {
        if self.busy.swap(true, Ordering::Acquire) {
            Err(MenuError::Busy)
        } else {
            Ok(Using(self))
        }
    }
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

impl Menu {
    /// A new menu, at the top or beneath another (`switch_ivr_menu_init`).
    ///
    /// # Errors
    /// [`MenuError`]
    pub fn new(main: Option<&Self>, look: &Look<'_>) -> Result<Self, MenuError> {
        let mut menu = std::ptr::null_mut();
        let stack = match main {
            Some(main) => main.stack.clone(),
            None => Arc::new(Stack {
                pool: Pool::new()?,
                top: AtomicPtr::new(std::ptr::null_mut()),
                busy: AtomicBool::new(false),
            }),
        };
        let using = stack.take()?;
        let top = stack.top.load(Ordering::Relaxed);
        let sounds = look.sounds.map(files::safe_optional);
        let [greeting, short, invalid, exit, transfer] =
            sounds.each_ref().map(|sound| pointer(sound.as_deref()));
        let [confirm_macro, confirm_key] = look.confirm.map(pointer);
        let [engine, voice] = look.tts.map(pointer);
        let [attempts, between, digits, timeout, failures, timeouts] = look.numbers;
        // SAFETY: the core copies the strings into the pool, which lives as long as
        // the stack, and writes one pointer.
        Status::check(unsafe {
            switch_ivr_menu_init(
                &raw mut menu,
                top,
                look.name.as_ptr(),
                greeting,
                short,
                invalid,
                exit,
                transfer,
                confirm_macro,
                confirm_key,
                engine,
                voice,
                attempts,
                between,
                digits,
                timeout,
                failures,
                timeouts,
                stack.pool.as_ptr(),
            )
        })?;
        let menu = NonNull::new(menu).ok_or(Status(bindings::SWITCH_STATUS_MEMERR))?;
        if main.is_none() {
            stack.top.store(menu.as_ptr(), Ordering::Relaxed);
        }
        drop(using);
        Ok(Self { menu, stack })
    }

    /// Has a key do something (`switch_ivr_menu_bind_action`).
    ///
    /// # Errors
    /// [`MenuError`]: there is no such action, say.
    pub fn bind(&self, action: &CStr, argument: &CStr, keys: &CStr) -> Result<(), MenuError> {
        let mut kind = SWITCH_IVR_ACTION_NOOP;
        let _using = self.stack.take()?;
        // SAFETY: the menu lives, the core copies the strings and writes one number.
        unsafe {
            Status::check(switch_ivr_menu_str2action(action.as_ptr(), &raw mut kind))?;
            let menu = self.menu.as_ptr();
            let argument = safe_argument(action, argument)?;
            Ok(Status::check(switch_ivr_menu_bind_action(
                menu,
                kind,
                argument.as_ptr(),
                keys.as_ptr(),
            ))?)
        }
    }

    /// Leads a call through the menu with this name (`switch_ivr_menu_execute`).
    ///
    /// # Errors
    /// [`MenuError`]
    pub fn execute(
        &self,
        _: &Detached,
        session: Session<'_>,
        name: &CStr,
    ) -> Result<(), MenuError> {
        let _using = self.stack.take()?;
        // SAFETY: the session and the menu live; the core only reads the name,
        // whose parameter is no pointer to const.
        Ok(Status::check(unsafe {
            switch_ivr_menu_execute(
                session.as_ptr(),
                self.stack.top.load(Ordering::Relaxed),
                name.as_ptr().cast_mut(),
                std::ptr::null_mut(),
            )
        })?)
    }
}

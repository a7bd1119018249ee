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

/// What a menu sounds like, and how long it waits.
pub struct Settings<'a> {
    /// Its name, by which other menus go to it.
    pub name: &'a CStr,
    /// Played as it begins.
    pub greeting: Option<&'a CStr>,
    /// Played in place of the greeting when it is repeated.
    pub short_greeting: Option<&'a CStr>,
    /// Played after an answer that is none.
    pub invalid: Option<&'a CStr>,
    /// Played at its end.
    pub exit: Option<&'a CStr>,
    /// Played before the call leaves it for another extension.
    pub transfer: Option<&'a CStr>,
    /// A phrase macro that repeats an answer.
    pub confirm_macro: Option<&'a CStr>,
    /// The key that confirms an answer.
    pub confirm_key: Option<&'a CStr>,
    /// The TTS engine for sounds that are `say:`.
    pub tts_engine: Option<&'a CStr>,
    /// Its voice.
    pub tts_voice: Option<&'a CStr>,
    /// How often an answer is to be confirmed at most.
    pub confirm_attempts: c_int,
    /// How long it waits for one more digit, in milliseconds.
    pub inter_timeout: c_int,
    /// How many digits an answer has at most.
    pub digits: c_int,
    /// How long it waits for the first digit, in milliseconds.
    pub timeout: c_int,
    /// How many invalid answers it takes.
    pub max_failures: c_int,
    /// How often it may wait for an answer in vain.
    pub max_timeouts: c_int,
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
    pub fn new(main: Option<&Self>, settings: &Settings<'_>) -> Result<Self, MenuError> {
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
        let greeting = files::safe_optional(settings.greeting);
        let short_greeting = files::safe_optional(settings.short_greeting);
        let invalid = files::safe_optional(settings.invalid);
        let exit = files::safe_optional(settings.exit);
        let transfer = files::safe_optional(settings.transfer);
        // SAFETY: the core copies the strings into the pool, which lives as long as
        // the stack, and writes one pointer.
        Status::check(unsafe {
            switch_ivr_menu_init(
                &raw mut menu,
                top,
                settings.name.as_ptr(),
                pointer(greeting.as_deref()),
                pointer(short_greeting.as_deref()),
                pointer(invalid.as_deref()),
                pointer(exit.as_deref()),
                pointer(transfer.as_deref()),
                pointer(settings.confirm_macro),
                pointer(settings.confirm_key),
                pointer(settings.tts_engine),
                pointer(settings.tts_voice),
                settings.confirm_attempts,
                settings.inter_timeout,
                settings.digits,
                settings.timeout,
                settings.max_failures,
                settings.max_timeouts,
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

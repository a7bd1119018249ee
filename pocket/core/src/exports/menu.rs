//! IVR menus.

use std::ffi::{c_char, c_int, c_void};

use bindings::*;
use bstr::BStr;

use super::arguments::{session as session_of, text};
use crate::c::*;
use crate::edge::export;
use crate::ivr::menu::{self, Look, Menu};
use crate::pool::Pool;

/// What is not above 0 is left to the menu.
fn positive(number: c_int) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// # Safety
/// `menu` is NULL or a menu whose pool lives.
unsafe fn menu_of<'a>(menu: *mut switch_ivr_menu_t) -> Option<&'a Menu> {
    // SAFETY: the caller's.
    unsafe { menu.cast::<Menu>().as_ref() }
}

export! {
    fn switch_ivr_menu_init(
        new_menu: *mut *mut switch_ivr_menu_t,
        main: *mut switch_ivr_menu_t,
        name: *const c_char,
        greeting_sound: *const c_char,
        short_greeting_sound: *const c_char,
        invalid_sound: *const c_char,
        exit_sound: *const c_char,
        transfer_sound: *const c_char,
        confirm_macro: *const c_char,
        confirm_key: *const c_char,
        tts_engine: *const c_char,
        tts_voice: *const c_char,
        confirm_attempts: c_int,
        inter_timeout: c_int,
        digit_len: c_int,
        timeout: c_int,
        max_failures: c_int,
        max_timeouts: c_int,
        pool: *mut switch_memory_pool_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's texts, menu, pool and cell, which live.
        unsafe {
            let Some(new_menu) = new_menu.as_mut() else { return FAILURE };
            // Without a pool the core makes one that its stack_free destroys;
            // nobody here calls that, so it is kept.
            let pool = match Pool::from_ptr(pool) {
                Some(pool) => pool,
                None => &*Box::into_raw(Box::<Pool>::default()),
            };
            let own = |words: *const c_char| text(words).to_owned();
            let look = Look {
                name: own(name),
                greeting: own(greeting_sound),
                short_greeting: own(short_greeting_sound),
                invalid: own(invalid_sound),
                exit: own(exit_sound),
                transfer: own(transfer_sound),
                confirm_macro: own(confirm_macro),
                confirm_key: own(confirm_key),
                engine: own(tts_engine),
                voice: own(tts_voice),
                confirm_attempts: positive(confirm_attempts),
                // The core reads it as unsigned when it waits: no limit.
                between: inter_timeout.cast_unsigned(),
                timeout: positive(timeout),
                digits: positive(digit_len) as usize,
                failures: positive(max_failures),
                timeouts: positive(max_timeouts),
            };
            let made = pool.keep(Menu::new(look));
            if let Some(main) = menu_of(main) {
                main.adopt(made);
            }
            *new_menu = made.cast();
        }
        SUCCESS
    }

    fn switch_ivr_menu_bind_action(
        menu: *mut switch_ivr_menu_t,
        ivr_action: switch_ivr_action_t,
        arg: *const c_char,
        bind: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's menu and texts, which live.
        unsafe {
            let Some(menu) = menu_of(menu) else { return FAILURE };
            menu.bind(text(bind), ivr_action, text(arg));
        }
        SUCCESS
    }

    fn switch_ivr_menu_str2action(
        action_name: *const c_char,
        action: *mut switch_ivr_action_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's text and cell, which live.
        unsafe {
            match (menu::action(text(action_name)), action.as_mut()) {
                (Some(found), Some(cell)) => {
                    *cell = found;
                    SUCCESS
                }
                _ => FAILURE,
            }
        }
    }

    fn switch_ivr_menu_execute(
        session: *mut switch_core_session_t,
        stack: *mut switch_ivr_menu_t,
        name: *mut c_char,
        _obj: *mut c_void,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, menu and text, which live; the menus beneath
        // are of pools that live, as the core asks.
        unsafe {
            let (Some(session), Some(stack)) = (session_of(session), menu_of(stack)) else { return FAILURE };
            let name: &BStr = text(name);
            if name.is_empty() {
                return FAILURE;
            }
            stack.execute(&session, name)
        }
    }
}

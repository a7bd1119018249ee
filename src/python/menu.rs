//! `IVRMenu`: menus that the switch leads a caller through.

use std::ffi::c_int;

use freeswitch::media::menu::{Menu, Settings};
use freeswitch::session::handle::Gone;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::wait::wait;
use super::{invocation, session};
use crate::interp::convert::{limit, optional_text, text, wrong_type};

/// A menu; beneath another it is reached from that by "menu-sub".
#[pyclass(
    frozen,
    subclass,
    dict,
    weakref,
    module = "freeswitch",
    name = "IVRMenu"
)]
pub struct IvrMenu {
    menu: Menu,
}

/// The core keeps a caller's digits in so many bytes less one, and looks at no length.
const MOST_DIGITS: c_int = 1023;
/// More confirmations are not asked for: the core asks them all, though the call is over.
const MOST_ATTEMPTS: c_int = 100;

/// A number of the menu, at most `most`; a negative one is what the core reads as
/// no limit or as its default.
fn number(value: &Bound<'_, PyAny>, name: &str, most: c_int) -> PyResult<c_int> {
    match limit(value, name)?.map(c_int::try_from) {
        None => Ok(-1),
        Some(Ok(number)) if number <= most => Ok(number),
        Some(_) => Err(PyValueError::new_err(format!(
            "argument '{name}' must be at most {most}, not {value}"
        ))),
    }
}

#[pymethods]
impl IvrMenu {
    #[new]
    #[pyo3(signature = (
        main, name, greeting_sound, short_greeting_sound, invalid_sound, exit_sound, transfer_sound,
        confirm_macro, confirm_key, tts_engine, tts_voice, confirm_attempts, inter_timeout, digit_len,
        timeout, max_failures, max_timeouts,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the signature is mod_python's")]
    fn new(
        main: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
        greeting_sound: &Bound<'_, PyAny>,
        short_greeting_sound: &Bound<'_, PyAny>,
        invalid_sound: &Bound<'_, PyAny>,
        exit_sound: &Bound<'_, PyAny>,
        transfer_sound: &Bound<'_, PyAny>,
        confirm_macro: &Bound<'_, PyAny>,
        confirm_key: &Bound<'_, PyAny>,
        tts_engine: &Bound<'_, PyAny>,
        tts_voice: &Bound<'_, PyAny>,
        confirm_attempts: &Bound<'_, PyAny>,
        inter_timeout: &Bound<'_, PyAny>,
        digit_len: &Bound<'_, PyAny>,
        timeout: &Bound<'_, PyAny>,
        max_failures: &Bound<'_, PyAny>,
        max_timeouts: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        // In the order of the signature: the first that is wrong is what the error names.
        let name = optional_text(Some(name), "name")?;
        let greeting = optional_text(Some(greeting_sound), "greeting_sound")?;
        let short_greeting = optional_text(Some(short_greeting_sound), "short_greeting_sound")?;
        let invalid = optional_text(Some(invalid_sound), "invalid_sound")?;
        let exit = optional_text(Some(exit_sound), "exit_sound")?;
        let transfer = optional_text(Some(transfer_sound), "transfer_sound")?;
        let confirm_macro = optional_text(Some(confirm_macro), "confirm_macro")?;
        let confirm_key = optional_text(Some(confirm_key), "confirm_key")?;
        let tts_engine = optional_text(Some(tts_engine), "tts_engine")?;
        let tts_voice = optional_text(Some(tts_voice), "tts_voice")?;
        let main = if main.is_none() {
            None
        } else {
            let menu = main.cast::<Self>();
            Some(menu.map_err(|_| wrong_type("main", "IVRMenu", main))?)
        };
        let settings = Settings {
            name: name
                .as_deref()
                .filter(|n| !n.is_empty())
                .unwrap_or(c"no name"),
            greeting: greeting.as_deref(),
            short_greeting: short_greeting.as_deref(),
            invalid: invalid.as_deref(),
            exit: exit.as_deref(),
            transfer: transfer.as_deref(),
            confirm_macro: confirm_macro.as_deref(),
            confirm_key: confirm_key.as_deref(),
            tts_engine: tts_engine.as_deref(),
            tts_voice: tts_voice.as_deref(),
            // The core takes 0 alone for its default, and counts down from others.
            confirm_attempts: number(confirm_attempts, "confirm_attempts", MOST_ATTEMPTS)?.max(0),
            inter_timeout: number(inter_timeout, "inter_timeout", c_int::MAX)?,
            digits: match number(digit_len, "digit_len", MOST_DIGITS)? {
                digits if digits < 0 => MOST_DIGITS,
                digits => digits,
            },
            timeout: number(timeout, "timeout", c_int::MAX)?,
            max_failures: number(max_failures, "max_failures", c_int::MAX)?,
            max_timeouts: number(max_timeouts, "max_timeouts", c_int::MAX)?,
        };
        let menu = Menu::new(main.map(|m| &m.get().menu), &settings);
        Ok(Self {
            menu: menu.map_err(|error| PyRuntimeError::new_err(error.to_string()))?,
        })
    }

    /// Has a key, or a regular expression in slashes, do something: "menu-exit",
    /// "menu-sub", "menu-exec-app", "menu-play-sound", "menu-back", "menu-top".
    #[pyo3(name = "bindAction")]
    fn bind_action(
        &self,
        action: &Bound<'_, PyAny>,
        arg: &Bound<'_, PyAny>,
        bind: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let action = text(action, "action")?;
        let argument = optional_text(Some(arg), "arg")?.unwrap_or_default();
        let keys = text(bind, "bind")?;
        let is_pattern = keys.as_bytes().starts_with(b"/");
        if !is_pattern && keys.as_bytes().len() > MOST_DIGITS as usize {
            return Err(PyValueError::new_err(format!(
                "argument 'bind' has more than {MOST_DIGITS} keys"
            )));
        }
        if let Err(error) = self.menu.bind(&action, &argument, &keys) {
            tracing::error!("bindAction: '{}': {error}", action.to_string_lossy());
        }
        Ok(())
    }

    /// Leads a call through the menu with this name, until it is over.
    fn execute(
        slf: &Bound<'_, Self>,
        session: &Bound<'_, PyAny>,
        name: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        let leg = session::originated::leg_of(session, "session")?;
        let name = text(name, "name")?;
        invocation::check(py)?;
        let menu = &slf.get().menu;
        let outcome = wait(py, "IVRMenu.execute", Some(leg.breaker()), |held| {
            leg.with(|s| menu.execute(held, s, &name))
        });
        leg.clear_break();
        invocation::check(py)?;
        match outcome {
            Err(Gone) => Err(session::gone(py, &leg)),
            Ok(Err(error @ freeswitch::media::menu::MenuError::Busy)) => {
                Err(PyRuntimeError::new_err(error.to_string()))
            }
            // mod_python gives None whatever came of it; the core logs why.
            Ok(_) => Ok(()),
        }
    }
}

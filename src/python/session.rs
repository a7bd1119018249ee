//! `Session`: a call, as a script holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::convert::{count, count_or, flag, optional_text, str_of, text};
use super::listener::{Callable, Listener};
use super::wait::{present, wait};
use super::{SessionGone, invocation};
use crate::interp::errors::{self, Failure};
use crate::switch::Detached;
use crate::switch::cause::Cause;
use crate::switch::digits::{Prompt, Timeouts};
use crate::switch::handle::{Gone, Handle};
use crate::switch::input::Input;
use crate::switch::session::{self as switch, Locked};
use crate::switch::trace;

/// One call leg, with what a script has attached to it.
pub struct Leg {
    handle: Handle,
    script: Mutex<Script>,
    hook_set: AtomicBool,
    hook_ran: AtomicBool,
    /// It was being routed when the script came to it (an inline action): to be
    /// in that state is then no transfer.
    was_routing: bool,
}

#[derive(Default)]
struct Script {
    hook: Option<Callable>,
    callback: Option<Callable>,
}

impl Leg {
    /// A leg of a session that the core lends.
    #[must_use]
    pub fn new(session: switch::Session<'_>) -> Arc<Self> {
        Arc::new(Self {
            handle: Handle::new(session),
            script: Mutex::default(),
            hook_set: AtomicBool::new(false),
            hook_ran: AtomicBool::new(false),
            was_routing: session.channel().state().is_routing(),
        })
    }

    /// The session behind it.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How the script has lost the call, if it has.
    fn lost(&self) -> Option<&'static str> {
        match self.handle.with(|s| s.channel().state()) {
            Ok(state) if state.is_down() => Some("hangup"),
            Ok(state) if state.is_routing() && !self.was_routing => Some("transfer"),
            Ok(_) => None,
            Err(Gone) => Some("hangup"),
        }
    }

    /// Is there a hook that must run now?
    pub fn hook_is_due(&self) -> bool {
        self.hook_set.load(Ordering::Acquire)
            && !self.hook_ran.load(Ordering::Acquire)
            && self.lost().is_some()
    }
}

/// A call. The methods are those of mod_python, and return what they did there:
/// 1 for success and 0 for failure, where the documents say nothing else.
#[pyclass(frozen, subclass, dict, weakref, module = "freeswitch")]
pub struct Session {
    leg: Arc<Leg>,
}

/// The exception for a session that is no more.
pub fn gone(py: Python<'_>, session: Option<&Py<Session>>) -> PyErr {
    let uuid = session.map(|s| s.get().leg.handle.uuid().to_string_lossy().into_owned());
    let error = SessionGone::new_err(format!(
        "the call {} is gone",
        uuid.as_deref().unwrap_or_default()
    ));
    // Without the attribute the text still says it.
    let _ = error.value(py).setattr("uuid", uuid);
    error
}

impl Session {
    /// A session object for a leg.
    #[must_use]
    pub fn of(leg: Arc<Leg>) -> Self {
        Self { leg }
    }

    /// The leg behind it.
    #[must_use]
    pub fn leg(&self) -> &Arc<Leg> {
        &self.leg
    }

    fn uuid(&self) -> String {
        self.leg.handle.uuid().to_string_lossy().into_owned()
    }

    /// Lets go of the script's functions, which refer to the session in turn.
    pub fn forget_script(&self) {
        let script = std::mem::take(&mut *self.leg.script.lock());
        drop(script);
    }

    /// Reads or sets something that takes no time.
    fn quick<R>(slf: &Bound<'_, Self>, body: impl FnOnce(switch::Session<'_>) -> R) -> PyResult<R> {
        let py = slf.py();
        invocation::check_hooks(py)?;
        present(py);
        slf.get()
            .leg
            .handle
            .with(body)
            .map_err(|Gone| gone(py, Some(slf.as_unbound())))
    }

    /// Does something that can wait, while other scripts run.
    fn blocking<R: Send>(
        slf: &Bound<'_, Self>,
        body: impl FnOnce(switch::Session<'_>, &Detached) -> R + Send,
    ) -> PyResult<R> {
        let py = slf.py();
        invocation::check_hooks(py)?;
        let leg = &slf.get().leg;
        let result = wait(py, |held| leg.handle.with(|s| body(s, held)));
        invocation::check_hooks(py)?;
        result.map_err(|Gone| gone(py, Some(slf.as_unbound())))
    }

    /// As [`Self::blocking`], with the input callback listening, if one is set.
    fn listening<R: Send>(
        slf: &Bound<'_, Self>,
        body: impl FnOnce(switch::Session<'_>, &Detached, Option<&dyn Input>) -> R + Send,
    ) -> PyResult<R> {
        let py = slf.py();
        invocation::check_hooks(py)?;
        let this = slf.get();
        let callback = this
            .leg
            .script
            .lock()
            .callback
            .as_ref()
            .map(|c| c.clone_ref(py));
        let listener = callback.map(|c| Listener::new(slf.clone().unbind(), c));
        let leg = &this.leg;
        let (result, listener) = wait(py, move |held| {
            let input = listener.as_ref().map(|l| l as &dyn Input);
            (leg.handle.with(|s| body(s, held, input)), listener)
        });
        listener.map_or(Ok(()), Listener::finish)?;
        invocation::check_hooks(py)?;
        result.map_err(|Gone| gone(py, Some(slf.as_unbound())))
    }
}

impl Session {
    /// Runs the hangup hook: once, on the script's own thread.
    ///
    /// # Errors
    /// `SystemExit`, when the hook raised it.
    pub fn run_hook(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let leg = &slf.get().leg;
        let Some(what) = leg.lost() else {
            return Ok(());
        };
        if leg.hook_ran.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let hook = leg.script.lock().hook.as_ref().map(|h| h.clone_ref(py));
        let Some(hook) = hook else { return Ok(()) };
        let arguments = vec![slf.clone().into_any(), what.into_pyobject(py)?.into_any()];
        match hook.call(py, arguments) {
            Ok(_) => Ok(()),
            Err(error) if errors::is_exit(py, &error) => Err(error),
            Err(error) => {
                let target = hook.name(py);
                let failure = Failure {
                    way: "hangup hook",
                    target: &target,
                    outcome: "the script goes on",
                };
                errors::report(py, &error, &failure);
                Ok(())
            }
        }
    }
}

fn done<E>(result: Result<(), E>) -> u8 {
    u8::from(result.is_ok())
}

#[pymethods]
impl Session {
    /// Takes the live call with this UUID.
    #[new]
    #[pyo3(signature = (uuid))]
    fn new(py: Python<'_>, uuid: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = text(uuid, "uuid")?;
        let leg = wait(py, |_| {
            Locked::find(&name).map(|locked| Leg::new(locked.session()))
        });
        leg.map(Self::of)
            .ok_or_else(|| PyValueError::new_err(format!("no call has the UUID {uuid}")))
    }

    /// The call's UUID.
    #[getter(uuid)]
    fn uuid_attribute(&self) -> String {
        self.uuid()
    }

    /// As `uuid`.
    #[pyo3(name = "get_uuid")]
    fn uuid_method(&self) -> String {
        self.uuid()
    }

    /// Answers the call.
    fn answer(slf: &Bound<'_, Self>) -> PyResult<u8> {
        Self::blocking(slf, |s, held| done(s.channel().answer(held)))
    }

    /// Starts early media: the caller hears, but is not charged.
    #[pyo3(name = "preAnswer")]
    fn pre_answer(slf: &Bound<'_, Self>) -> PyResult<u8> {
        Self::blocking(slf, |s, held| done(s.channel().pre_answer(held)))
    }

    /// Hangs up, with a cause by name or number.
    #[pyo3(signature = (cause=None))]
    fn hangup(slf: &Bound<'_, Self>, cause: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let cause =
            optional_text(cause, "cause")?.map_or(Cause::NORMAL_CLEARING, |c| Cause::named(&c));
        Self::blocking(slf, |s, held| s.channel().hangup(held, cause))
    }

    /// May the script go on with the call? False once it is hung up, transferred
    /// or gone.
    fn ready(slf: &Bound<'_, Self>) -> PyResult<bool> {
        invocation::check_hooks(slf.py())?;
        present(slf.py());
        Ok(slf
            .get()
            .leg
            .handle
            .with(|s| s.channel().ready())
            .unwrap_or(false))
    }

    /// Runs an application of the dialplan. `${}` in the data is expanded.
    ///
    /// With an input callback set, `playback` is carried out by the module, so
    /// that the callback hears the digits.
    #[pyo3(signature = (app, data=None))]
    fn execute(
        slf: &Bound<'_, Self>,
        app: &Bound<'_, PyAny>,
        data: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let app = text(app, "app")?;
        if app.is_empty() {
            return Err(PyValueError::new_err("argument 'app' is empty"));
        }
        let data = optional_text(data, "data")?;
        Self::listening(slf, |s, held, input| match (input, &data) {
            (Some(input), Some(file)) if app.as_bytes().eq_ignore_ascii_case(b"playback") => {
                s.playback(held, file, input);
            }
            _ => {
                // mod_python gives None whatever came of it; the core logs why.
                let _ = s.execute(held, &app, data.as_deref());
            }
        })
    }

    /// Plays a file, tone or stream; 0 when it was stopped or is not there.
    #[pyo3(name = "streamFile", signature = (file, starting_sample_count=None))]
    fn stream_file(
        slf: &Bound<'_, Self>,
        file: &Bound<'_, PyAny>,
        starting_sample_count: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let file = text(file, "file")?;
        let start = count_or(starting_sample_count, "starting_sample_count", 0)?;
        Self::listening(slf, |s, held, input| {
            done(s.play(held, &file, start, input))
        })
    }

    /// Waits for so many milliseconds while media flows.
    #[pyo3(signature = (ms, sync=None))]
    fn sleep(
        slf: &Bound<'_, Self>,
        ms: &Bound<'_, PyAny>,
        sync: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let (ms, sync) = (count(ms, "ms")?, flag(sync, "sync")?);
        Self::listening(slf, |s, held, input| done(s.sleep(held, ms, sync, input)))
    }

    /// A variable of the call, a field of its caller profile, or a global
    /// variable; None where there is none.
    #[pyo3(name = "getVariable")]
    fn get_variable<'py>(
        slf: &Bound<'py, Self>,
        var: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = text(var, "var")?;
        let value = Self::quick(slf, |s| s.channel().variable(&name))?;
        Ok(value.map(|v| str_of(slf.py(), &v)))
    }

    /// Sets a variable of the call; None or "" unsets it.
    #[pyo3(name = "setVariable")]
    fn set_variable(
        slf: &Bound<'_, Self>,
        var: &Bound<'_, PyAny>,
        val: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let name = text(var, "var")?;
        if name.is_empty() {
            return Err(PyValueError::new_err("argument 'var' is empty"));
        }
        let value = optional_text(Some(val), "val")?;
        // The core refuses only an empty name.
        Self::quick(slf, |s| {
            let _ = s.channel().set_variable(&name, value.as_deref());
        })
    }

    /// Collects up to `maxdigits` digits, or until one of `terminators`, and
    /// gives them without it. Times are in milliseconds; 0 waits for ever.
    #[pyo3(name = "getDigits", signature = (maxdigits, terminators, timeout, interdigit=None, abstimeout=None))]
    fn get_digits<'py>(
        slf: &Bound<'py, Self>,
        maxdigits: &Bound<'py, PyAny>,
        terminators: &Bound<'py, PyAny>,
        timeout: &Bound<'py, PyAny>,
        interdigit: Option<&Bound<'py, PyAny>>,
        abstimeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let max = count(maxdigits, "maxdigits")? as usize;
        let terminators = optional_text(Some(terminators), "terminators")?.unwrap_or_default();
        let times = Timeouts {
            first: millis(count(timeout, "timeout")?),
            between: millis(count_or(interdigit, "interdigit", 0)?),
            total: millis(count_or(abstimeout, "abstimeout", 0)?),
        };
        let digits = Self::blocking(slf, |s, held| {
            s.collect_digits(held, max, terminators.as_bytes(), times)
        })?;
        Ok(str_of(slf.py(), &digits.text))
    }

    /// Plays a prompt and collects digits, again after an invalid answer; "" when
    /// all tries failed. Times are in milliseconds.
    #[pyo3(name = "playAndGetDigits", signature = (
        min_digits, max_digits, max_tries, timeout, terminators, audio_files, bad_input_audio_files,
        digits_regex, var_name=None, digit_timeout=None, transfer_on_failure=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the signature is mod_python's")]
    fn play_and_get_digits<'py>(
        slf: &Bound<'py, Self>,
        min_digits: &Bound<'py, PyAny>,
        max_digits: &Bound<'py, PyAny>,
        max_tries: &Bound<'py, PyAny>,
        timeout: &Bound<'py, PyAny>,
        terminators: &Bound<'py, PyAny>,
        audio_files: &Bound<'py, PyAny>,
        bad_input_audio_files: &Bound<'py, PyAny>,
        digits_regex: &Bound<'py, PyAny>,
        var_name: Option<&Bound<'py, PyAny>>,
        digit_timeout: Option<&Bound<'py, PyAny>>,
        transfer_on_failure: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let terminators = optional_text(Some(terminators), "terminators")?;
        let file = optional_text(Some(audio_files), "audio_files")?;
        let invalid_file = optional_text(Some(bad_input_audio_files), "bad_input_audio_files")?;
        let regex = optional_text(Some(digits_regex), "digits_regex")?;
        let variable = optional_text(var_name, "var_name")?;
        let target = optional_text(transfer_on_failure, "transfer_on_failure")?;
        let prompt = Prompt {
            min: count(min_digits, "min_digits")? as usize,
            max: count(max_digits, "max_digits")? as usize,
            tries: count(max_tries, "max_tries")?,
            timeout: millis(count(timeout, "timeout")?),
            between: millis(count_or(digit_timeout, "digit_timeout", 0)?),
            terminators: terminators.as_deref(),
            file: file.as_deref(),
            invalid_file: invalid_file.as_deref(),
            regex: regex.as_deref(),
            variable: variable.as_deref(),
            transfer_on_failure: target.as_deref(),
        };
        let digits = Self::blocking(slf, |s, held| s.play_and_get_digits(held, &prompt))?;
        Ok(str_of(slf.py(), &digits))
    }

    /// Has `pyfunc(session, what[, arg])` called when the call is hung up
    /// ("hangup") or transferred ("transfer"): once, on the script's own thread,
    /// as the hangup breaks what the script does.
    #[pyo3(name = "setHangupHook", signature = (pyfunc, arg=None))]
    fn set_hangup_hook(
        slf: &Bound<'_, Self>,
        pyfunc: &Bound<'_, PyAny>,
        arg: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let hook = Callable::new(pyfunc, arg, 3)?;
        let leg = &slf.get().leg;
        let old = leg.script.lock().hook.replace(hook);
        drop(old);
        leg.hook_ran.store(false, Ordering::Release);
        leg.hook_set.store(true, Ordering::Release);
        invocation::check_hooks(slf.py())
    }

    /// Has `cbfunc(session, what, obj[, arg])` called when a digit ("dtmf", a
    /// DTMF) or an event ("event", an Event) comes while the session plays or
    /// waits. None goes on; a string acts as the core reads it: "pause",
    /// "restart", "seek:+1000", "speed:1", "volume:-1"; others stop.
    #[pyo3(name = "setInputCallback", signature = (cbfunc, funcargs=None))]
    fn set_input_callback(
        slf: &Bound<'_, Self>,
        cbfunc: &Bound<'_, PyAny>,
        funcargs: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let callback = Callable::new(cbfunc, funcargs, 4)?;
        let old = slf.get().leg.script.lock().callback.replace(callback);
        drop(old);
        Ok(())
    }

    /// Takes the input callback away.
    #[pyo3(name = "unsetInputCallback")]
    fn unset_input_callback(&self) {
        let old = self.leg.script.lock().callback.take();
        drop(old);
    }

    /// Why the call was hung up, `NORMAL_CLEARING` say; `NONE` while it lives.
    #[pyo3(name = "hangupCause")]
    fn hangup_cause(slf: &Bound<'_, Self>) -> PyResult<String> {
        Self::quick(slf, |s| s.channel().cause().name())
    }

    /// The channel's state, `CS_EXECUTE` say.
    #[pyo3(name = "getState")]
    fn get_state(slf: &Bound<'_, Self>) -> PyResult<String> {
        Self::quick(slf, |s| s.channel().state().name())
    }

    /// Sends the call to another extension, once the script has returned.
    #[pyo3(signature = (extension, dialplan=None, context=None))]
    fn transfer(
        slf: &Bound<'_, Self>,
        extension: &Bound<'_, PyAny>,
        dialplan: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let extension = text(extension, "extension")?;
        let dialplan = optional_text(dialplan, "dialplan")?;
        let context = optional_text(context, "context")?;
        Self::blocking(slf, |s, held| {
            done(s.transfer(held, &extension, dialplan.as_deref(), context.as_deref()))
        })
    }

    /// Writes to the switch's log, as an entry of this call.
    #[pyo3(name = "consoleLog", signature = (level_str, msg))]
    fn console_log(
        slf: &Bound<'_, Self>,
        level_str: &Bound<'_, PyAny>,
        msg: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let this = slf.get();
        let level = slf
            .get()
            .leg
            .handle
            .with(|s| s.log_level())
            .unwrap_or_default();
        let _call = trace::of_call(this.leg.handle.uuid(), level);
        super::functions::console_log(slf.py(), level_str, msg)
    }

    fn __repr__(&self) -> String {
        format!("<freeswitch.Session {}>", self.uuid())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The collector stops all else; a lock that is held is a change under way,
        // which keeps the objects alive in its own way.
        if let Some(script) = self.leg.script.try_lock() {
            for callable in script.hook.iter().chain(&script.callback) {
                callable.traverse(&visit)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        self.forget_script();
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

//! What a script attaches to its call: hangup hook, input callback, private values.

use freeswitch::call_log;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::CoreSession;
use crate::interp::convert::text;
use crate::interp::errors;
use crate::interp::errors::Failure;
use crate::python::callable::Callable;
use crate::python::invocation;

impl CoreSession {
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
        if !leg.begin_hook() {
            return Ok(());
        }
        let hook = leg
            .attachments
            .lock()
            .hook
            .as_ref()
            .map(|h| h.clone_ref(py));
        let Some(hook) = hook else { return Ok(()) };
        let what = what.into_pyobject(py)?;
        let arguments = vec![slf.clone().into_any().unbind(), what.into_any().unbind()];
        match hook.call(py, arguments) {
            Ok(_) => Ok(()),
            Err(error) if errors::is_exit(py, &error) => Err(error),
            Err(error) => {
                let target = hook.name(py);
                let failure = Failure {
                    code: errors::FAILED,
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

#[pymethods]
impl CoreSession {
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
        let old = leg.attachments.lock().hook.replace(hook);
        drop(old);
        leg.arm_hook();
        Self::watch(slf);
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
        let old = slf.get().leg.attachments.lock().callback.replace(callback);
        drop(old);
        Self::watch(slf);
        Ok(())
    }

    /// The older name of `setInputCallback`.
    #[pyo3(name = "setDTMFCallback")]
    fn set_dtmf_callback(
        slf: &Bound<'_, Self>,
        cbfunc: &Bound<'_, PyAny>,
        funcargs: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        Self::set_input_callback(slf, cbfunc, Some(funcargs))
    }

    /// Takes the input callback away.
    #[pyo3(name = "unsetInputCallback")]
    fn unset_input_callback(&self) {
        let old = self.leg.attachments.lock().callback.take();
        drop(old);
    }

    /// The input callback that is set, or None.
    #[getter]
    fn cb_function(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.leg
            .attachments
            .lock()
            .callback
            .as_ref()
            .map(|c| c.function(py))
    }

    /// The extra argument of the input callback, or None.
    #[getter]
    fn cb_arg(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.leg
            .attachments
            .lock()
            .callback
            .as_ref()
            .map(|c| c.argument(py))
    }

    /// The hangup hook that is set, or None.
    #[getter]
    fn hangup_func(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.leg
            .attachments
            .lock()
            .hook
            .as_ref()
            .map(|c| c.function(py))
    }

    /// The extra argument of the hangup hook, or None.
    #[getter]
    fn hangup_func_arg(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.leg
            .attachments
            .lock()
            .hook
            .as_ref()
            .map(|c| c.argument(py))
    }

    /// Keeps a value by name for as long as the session object lives.
    #[pyo3(name = "setPrivate")]
    fn set_private(&self, var: &Bound<'_, PyAny>, val: Py<PyAny>) -> PyResult<()> {
        let name = text(var, "var")?.into_bytes();
        let old = self.leg.attachments.lock().privates.insert(name, val);
        drop(old);
        Ok(())
    }

    /// The value that was kept by this name, or None.
    #[pyo3(name = "getPrivate")]
    fn get_private(&self, py: Python<'_>, var: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        let name = text(var, "var")?;
        Ok(self
            .leg
            .attachments
            .lock()
            .privates
            .get(name.as_bytes())
            .map(|v| v.clone_ref(py)))
    }

    /// Writes to the switch's log, as an entry of this call.
    #[pyo3(name = "consoleLog", signature = (level_str, msg))]
    fn console_log(
        slf: &Bound<'_, Self>,
        level_str: &Bound<'_, PyAny>,
        msg: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _call = slf.get().of_call();
        crate::python::functions::console_log(slf.py(), level_str, msg)
    }

    /// As `consoleLog`, with file, function and line of one's own.
    #[pyo3(name = "consoleLog2", signature = (level_str, file, func, line, msg))]
    fn console_log2(
        slf: &Bound<'_, Self>,
        level_str: &Bound<'_, PyAny>,
        file: &Bound<'_, PyAny>,
        func: &Bound<'_, PyAny>,
        line: &Bound<'_, PyAny>,
        msg: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _call = slf.get().of_call();
        crate::python::functions::console_log2(slf.py(), level_str, file, func, line, msg)
    }

    /// Runs the hangup hook, if it is due. Scripts need not: every call does.
    #[pyo3(name = "check_hangup_hook")]
    fn check_hangup_hook(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().leg.hook_is_due() {
            Self::run_hook(slf)
        } else {
            Ok(())
        }
    }

    /// mod_python let other scripts run with it; here every call that waits does.
    #[pyo3(name = "begin_allow_threads", signature = (*_args))]
    fn begin_allow_threads(&self, _args: &Bound<'_, PyTuple>) -> bool {
        true
    }

    /// As `begin_allow_threads`.
    #[pyo3(name = "end_allow_threads", signature = (*_args))]
    fn end_allow_threads(&self, _args: &Bound<'_, PyTuple>) -> bool {
        true
    }
}

impl CoreSession {
    fn of_call(&self) -> Option<call_log::CallScope> {
        let level = self.leg.with(|s| s.log_level()).unwrap_or(-1);
        self.leg.uuid().map(|uuid| call_log::of_call(&uuid, level))
    }
}

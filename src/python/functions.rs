//! The functions of the `freeswitch` module.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use freeswitch::chat::{Mail, send_mail};
use freeswitch::log::Level;
use freeswitch::{call_log, core};
use pyo3::prelude::*;

use super::invocation;
use super::wait::{need_switch, wait};
use crate::interp::convert::{count, optional_text, str_of, text};
use crate::interp::detach::{detached, may_wait, present};
use crate::interp::frame;
use crate::script::runs::Breaker;

/// Writes to the switch's log. An unknown level is DEBUG, as in mod_python.
#[pyfunction]
#[pyo3(name = "consoleLog", signature = (level_str, msg))]
pub fn console_log(
    py: Python<'_>,
    level_str: &Bound<'_, PyAny>,
    msg: &Bound<'_, PyAny>,
) -> PyResult<()> {
    invocation::check_hooks(py)?;
    let level = optional_text(Some(level_str), "level_str")?;
    let level = level.and_then(|l| Level::named(&l)).unwrap_or(Level::Debug);
    let msg = optional_text(Some(msg), "msg")?.unwrap_or_default();
    log_from_here(py, level, &msg);
    Ok(())
}

/// Writes to the switch's log at DEBUG.
#[pyfunction]
#[pyo3(name = "consoleCleanLog", signature = (msg))]
pub fn console_clean_log(py: Python<'_>, msg: &Bound<'_, PyAny>) -> PyResult<()> {
    invocation::check_hooks(py)?;
    let msg = optional_text(Some(msg), "msg")?.unwrap_or_default();
    log_from_here(py, Level::Debug, &msg);
    Ok(())
}

/// As `consoleLog`, with file, function and line of one's own.
#[pyfunction]
#[pyo3(name = "consoleLog2", signature = (level_str, file, func, line, msg))]
pub fn console_log2(
    py: Python<'_>,
    level_str: &Bound<'_, PyAny>,
    file: &Bound<'_, PyAny>,
    func: &Bound<'_, PyAny>,
    line: &Bound<'_, PyAny>,
    msg: &Bound<'_, PyAny>,
) -> PyResult<()> {
    invocation::check_hooks(py)?;
    let level = optional_text(Some(level_str), "level_str")?;
    let level = level.and_then(|l| Level::named(&l)).unwrap_or(Level::Debug);
    let file = optional_text(Some(file), "file")?.unwrap_or_default();
    let function = optional_text(Some(func), "func")?.unwrap_or_default();
    let line = i32::try_from(count(line, "line")?).unwrap_or(i32::MAX);
    let msg = optional_text(Some(msg), "msg")?.unwrap_or_default();
    if call_log::wanted(level) {
        detached(py, |_| {
            call_log::write(
                level,
                &file,
                &function,
                line,
                call_log::uuid().as_deref(),
                msg.to_bytes(),
            );
        });
    }
    Ok(())
}

/// Sends a letter with the switch's mailer; False where that fails.
#[pyfunction]
#[expect(
    clippy::used_underscore_binding,
    reason = "a keyword of scripts, `from` in Python"
)]
#[pyo3(signature = (to, _from, headers=None, body=None, file=None, convert_cmd=None, convert_ext=None))]
#[expect(clippy::too_many_arguments, reason = "the signature is mod_python's")]
pub fn email(
    py: Python<'_>,
    to: &Bound<'_, PyAny>,
    _from: &Bound<'_, PyAny>,
    headers: Option<&Bound<'_, PyAny>>,
    body: Option<&Bound<'_, PyAny>>,
    file: Option<&Bound<'_, PyAny>>,
    convert_cmd: Option<&Bound<'_, PyAny>>,
    convert_ext: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let (to, from) = (text(to, "to")?, text(_from, "_from")?);
    let headers = optional_text(headers, "headers")?;
    let body = optional_text(body, "body")?;
    let file = optional_text(file, "file")?;
    let convert = optional_text(convert_cmd, "convert_cmd")?;
    let suffix = optional_text(convert_ext, "convert_ext")?;
    let mail = Mail {
        to: &to,
        from: &from,
        headers: headers.as_deref(),
        body: body.as_deref(),
        file: file.as_deref(),
        convert: convert.as_deref(),
        suffix: suffix.as_deref(),
    };
    invocation::check(py)?;
    Ok(wait(py, "email", None, |held| send_mail(held, &mail)))
}

/// Writes an entry with the place of the script's line and its call.
pub fn log_from_here(py: Python<'_>, level: Level, text: &CStr) {
    if !call_log::wanted(level) {
        return;
    }
    let place = frame::here(py);
    detached(py, |_| {
        let uuid = call_log::uuid();
        let (file, function, line) = match &place {
            Some((file, function, line)) => (file.as_c_str(), function.as_c_str(), *line),
            None => (c"python", c"python", 0),
        };
        call_log::write(
            level,
            file,
            function,
            line,
            uuid.as_deref(),
            text.to_bytes(),
        );
    });
}

/// A global variable, or None.
#[pyfunction]
#[pyo3(name = "getGlobalVariable", signature = (var_name))]
pub fn get_global_variable<'py>(
    py: Python<'py>,
    var_name: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let name = text(var_name, "var_name")?;
    need_switch("getGlobalVariable")?;
    present(py);
    Ok(core::global(&name).map(|v| str_of(py, &v)))
}

/// Sets a global variable; None or "" removes it.
#[pyfunction]
#[pyo3(name = "setGlobalVariable", signature = (var_name, var_val))]
pub fn set_global_variable(
    py: Python<'_>,
    var_name: &Bound<'_, PyAny>,
    var_val: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let name = text(var_name, "var_name")?;
    let value = optional_text(Some(var_val), "var_val")?;
    need_switch("setGlobalVariable")?;
    present(py);
    core::set_global(&name, value.as_deref());
    Ok(())
}

/// Waits for so many milliseconds; other scripts can run.
#[pyfunction]
#[pyo3(signature = (ms))]
pub fn msleep(py: Python<'_>, ms: &Bound<'_, PyAny>) -> PyResult<()> {
    invocation::check(py)?;
    let time = Duration::from_millis(u64::from(count(ms, "ms")?));
    let stop = Arc::new(AtomicBool::new(false));
    let breaker = stop.clone();
    let breaker: Breaker = Arc::new(move || breaker.store(true, Ordering::Release));
    may_wait("msleep")?;
    wait(py, "msleep", Some(breaker), |held| {
        core::sleep(held, time, &stop);
    });
    invocation::check(py)
}

/// Is the switch running?
#[pyfunction]
pub fn running() -> bool {
    !core::gone() && core::running()
}

//! `API`: the switch's own commands.

use std::ffi::{CStr, CString};
use std::sync::Arc;

use freeswitch::chat::BadJson;
use freeswitch::guard::command as guard;
use freeswitch::session::handle::Gone;
use freeswitch::text::c_string;
use freeswitch::{Detached, api, chat, core, session as switch};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyCFunction, PyDict, PyTuple};

use super::session::attached::ScriptLeg;
use super::wait::{need_switch, wait};
use super::{invocation, session};
use crate::interp::convert::{optional_text, str_of, text};

/// Calls API commands; with a session they are that call's.
#[pyclass(frozen, subclass, dict, weakref, module = "freeswitch", name = "API")]
pub struct Api {
    leg: Option<Arc<ScriptLeg>>,
}

/// What mod_python answers where no command is named.
const NOTHING: &str = "-ERR No application specified";

/// The answer to a script that would have the module that it runs in unloaded, on
/// the thread that must come back to it. In an XML lookup the core would wait for
/// itself.
const IN_USE: &str = "-ERR unloading module [Module in use.]\n";

/// A request that the core takes for no JSON.
const NO_JSON: &CStr = c"{";

/// A JSON object as the core sees it: names in any case, and of several with one
/// name the first.
fn lower_first(args: &Bound<'_, PyTuple>) -> PyResult<Py<PyDict>> {
    let found = PyDict::new(args.py());
    for pair in args.get_item(0)?.try_iter()? {
        let (name, value): (String, Bound<'_, PyAny>) = pair?.extract()?;
        let name = name.to_ascii_lowercase();
        if !found.contains(&name)? {
            found.set_item(name, value)?;
        }
    }
    Ok(found.unbind())
}

fn unloads_us(command: &CStr, data: Option<&CStr>) -> bool {
    let unloads = [&b"reload"[..], b"unload"]
        .iter()
        .any(|name| command.to_bytes().trim_ascii().eq_ignore_ascii_case(name));
    let mut words = data
        .into_iter()
        .flat_map(|d| d.to_bytes().split(|&b| b == b' '));
    unloads && words.any(|word| word == b"mod_rust")
}

impl Api {
    fn run<R: Send>(
        &self,
        py: Python<'_>,
        body: impl FnOnce(&Detached, Option<switch::Session<'_>>) -> R + Send,
    ) -> PyResult<R> {
        need_switch("API.execute")?;
        invocation::check(py)?;
        let leg = self.leg.clone();
        let reply = wait(py, "API.execute", None, |held| match &leg {
            None => Ok(body(held, None)),
            Some(leg) => leg.with(|s| body(held, Some(s))),
        });
        invocation::check(py)?;
        match (reply, &self.leg) {
            (Ok(reply), _) => Ok(reply),
            (Err(Gone), Some(leg)) => Err(session::gone(py, leg)),
            (Err(Gone), None) => Err(PyRuntimeError::new_err("the call is gone")),
        }
    }

    /// A JSON request for a command or an application as the core can take it; none
    /// where it is that already.
    fn json_checked(&self, py: Python<'_>, request: &CStr) -> PyResult<Option<CString>> {
        if !guard::json_runs(request.to_bytes()) {
            return Ok(None);
        }
        let json = py.import("json")?;
        let how = [("strict", false.into_pyobject(py)?.to_owned().into_any())].into_py_dict(py)?;
        let hook = PyCFunction::new_closure(py, None, None, |args, _| lower_first(args))?;
        how.set_item("object_pairs_hook", hook)?;
        let decoder = json.call_method("JSONDecoder", (), Some(&how))?;
        // The core skips more than Python does.
        let bytes = request.to_bytes();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let start = bytes.iter().position(|&b| b > b' ').unwrap_or(bytes.len());
        let text_of = str_of(py, &bytes[start..]);
        let Ok(parsed) = decoder.call_method1("raw_decode", (text_of,)) else {
            // The core may take it for JSON all the same, and nobody has looked at it.
            return Ok(Some(NO_JSON.to_owned()));
        };
        let parsed = parsed.get_item(0)?;
        let Ok(data) = parsed.get_item("data") else {
            return Ok(None);
        };
        let field = |name: &str| -> Option<CString> { text(&data.get_item(name).ok()?, name).ok() };
        let name = parsed.get_item("command").and_then(|c| text(&c, "command"));
        let name = name.unwrap_or_default().to_bytes().to_ascii_lowercase();
        let changed = match &name[..] {
            b"fsapi" => {
                let argument = field("arg").unwrap_or_default();
                let command = field("cmd").unwrap_or_default();
                guard::json_command(&command, &argument).map(|safe| safe.map(|s| ("arg", s)))
            }
            b"execute" => {
                let (app, argument) = (field("app").unwrap_or_default(), field("arg"));
                let uuid = field("uuid").unwrap_or_default();
                guard::json_execute(&uuid, &app, argument.as_deref())
            }
            _ => return Ok(None),
        };
        let changed = changed.map_err(|why| PyRuntimeError::new_err(why.to_string()))?;
        let Some((name, safe)) = changed else {
            return Ok(None);
        };
        data.set_item(name, str_of(py, safe.as_bytes()))?;
        text(&json.call_method1("dumps", (parsed,))?, "data").map(Some)
    }

    fn command<'py>(
        &self,
        py: Python<'py>,
        command: &CStr,
        data: Option<&CStr>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if command.is_empty() {
            return Ok(NOTHING.into_pyobject(py)?.into_any());
        }
        if unloads_us(command, data) {
            return Ok(IN_USE.into_pyobject(py)?.into_any());
        }
        let checked = match data {
            Some(data)
                if command
                    .to_bytes()
                    .trim_ascii()
                    .eq_ignore_ascii_case(b"json") =>
            {
                match self.json_checked(py, data) {
                    Ok(checked) => checked,
                    Err(why) => {
                        return Ok(format!("-ERR {}\n", why.value(py))
                            .into_pyobject(py)?
                            .into_any());
                    }
                }
            }
            _ => None,
        };
        let data = checked.as_deref().or(data);
        let reply = self.run(py, |held, session| {
            api::execute(held, command, data, session)
        })?;
        Ok(str_of(py, &reply))
    }
}

#[pymethods]
impl Api {
    /// With a session, commands are that call's.
    #[new]
    #[pyo3(signature = (s=None))]
    fn new(s: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let leg = s
            .filter(|s| !s.is_none())
            .map(|s| session::originated::leg_of(s, "s"))
            .transpose()?;
        Ok(Self { leg })
    }

    /// Calls a command and gives its reply. Other scripts can run.
    #[pyo3(signature = (command, data=None))]
    fn execute<'py>(
        &self,
        py: Python<'py>,
        command: &Bound<'py, PyAny>,
        data: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let command = optional_text(Some(command), "command")?.unwrap_or_default();
        let data = optional_text(data, "data")?;
        self.command(py, &command, data.as_deref())
    }

    /// As `execute`, with command and arguments in one string.
    #[pyo3(name = "executeString")]
    fn execute_string<'py>(
        &self,
        py: Python<'py>,
        command: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let line = optional_text(Some(command), "command")?.unwrap_or_default();
        let line = line.as_bytes().trim_ascii_start();
        let (command, data) = match line.iter().position(|&b| b == b' ') {
            Some(at) => (&line[..at], Some(&line[at + 1..])),
            None => (line, None),
        };
        // Parts of a string without NUL have none.
        let command = c_string(command).unwrap_or_default();
        let data = data.map(|d| c_string(d).unwrap_or_default());
        self.command(py, &command, data.as_deref())
    }

    /// `API()("status")`, as `executeString`.
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        command: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.execute_string(py, command)
    }

    /// Calls a JSON command, and gives its response: `json("status")`. Raises
    /// RuntimeError with the switch's message where it fails, ValueError where a
    /// string of the data has a NUL.
    #[pyo3(signature = (command, data=None))]
    fn json<'py>(
        &self,
        py: Python<'py>,
        command: &Bound<'py, PyAny>,
        data: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let json = py.import("json")?;
        let request = PyDict::new(py);
        request.set_item("command", command)?;
        // The core asks for it even where the command does not.
        request.set_item(
            "data",
            data.cloned().unwrap_or_else(|| PyDict::new(py).into_any()),
        )?;
        let request = text(&json.call_method1("dumps", (request,))?, "data")?;
        let request = self.json_checked(py, &request)?.unwrap_or(request);
        let reply = self.run(py, |held, session| {
            chat::json(held, request.as_bytes(), session)
        })?;
        let reply = reply.map_err(|why| match why {
            BadJson::Nul => PyValueError::new_err(format!("argument 'data': {why}")),
            BadJson::Unreadable => {
                PyRuntimeError::new_err(format!("invalid JSON in the request or its reply: {why}"))
            }
        })?;
        let reply = json.call_method1("loads", (str_of(py, &reply),))?;
        if reply.get_item("status")?.eq("success")? {
            return reply.get_item("response");
        }
        let message = reply.call_method1("get", ("message", "the command failed"))?;
        Err(PyRuntimeError::new_err(message.unbind()))
    }

    /// The switch's clock: milliseconds since 1970, as text, as in mod_python.
    #[pyo3(name = "getTime")]
    fn get_time(&self) -> String {
        (core::now_micros() / 1000).to_string()
    }
}

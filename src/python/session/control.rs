//! What a script does to its call: answer, hang up, transfer, run applications.

use freeswitch::session::cause::Cause;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::attached::shown;
use super::{CoreSession, done};
use crate::interp::convert::{count, count_or, flag, optional_text, str_of, text};
use crate::interp::detach::present;
use crate::python::event::Event;
use crate::python::invocation;

#[pymethods]
impl CoreSession {
    /// The call's UUID; "" where there never was a call.
    #[getter(uuid)]
    fn uuid_attribute(&self) -> String {
        self.leg.uuid().map(|u| shown(Some(&u))).unwrap_or_default()
    }

    /// As `uuid`.
    #[pyo3(name = "get_uuid")]
    fn uuid_method(&self) -> String {
        self.uuid_attribute()
    }

    /// Answers the call.
    fn answer(slf: &Bound<'_, Self>) -> PyResult<u8> {
        Self::blocking(slf, "answer", |s, held| done(s.channel().answer(held)))
    }

    /// Starts early media: the caller hears, but is not charged.
    #[pyo3(name = "preAnswer")]
    fn pre_answer(slf: &Bound<'_, Self>) -> PyResult<u8> {
        Self::blocking(slf, "preAnswer", |s, held| {
            done(s.channel().pre_answer(held))
        })
    }

    /// Hangs up, with a cause by name or number.
    #[pyo3(signature = (cause=None))]
    fn hangup(slf: &Bound<'_, Self>, cause: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let cause =
            optional_text(cause, "cause")?.map_or(Cause::NORMAL_CLEARING, |c| Cause::named(&c));
        Self::blocking(slf, "hangup", |s, held| s.channel().hangup(held, cause))
    }

    /// Runs what is due after a hangup (`on_hangup` handlers) now.
    #[pyo3(name = "hangupState")]
    fn hangup_state(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::blocking(slf, "hangupState", |s, held| {
            if s.channel().state().is_down() {
                s.hangup_state(held);
            }
        })
    }

    /// May the script go on with the call? False once it is hung up, transferred
    /// or gone.
    fn ready(slf: &Bound<'_, Self>) -> PyResult<bool> {
        invocation::check_hooks(slf.py())?;
        present(slf.py());
        Ok(slf.get().leg.with(|s| s.channel().ready()).unwrap_or(false))
    }

    /// As `ready`, and media flows.
    #[pyo3(name = "mediaReady")]
    fn media_ready(slf: &Bound<'_, Self>) -> PyResult<bool> {
        invocation::check_hooks(slf.py())?;
        present(slf.py());
        Ok(slf
            .get()
            .leg
            .with(|s| s.channel().media_ready())
            .unwrap_or(false))
    }

    /// Has the call been answered?
    fn answered(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::quick(slf, |s| s.channel().has(bindings::CF_ANSWERED))
    }

    /// Is the call up and joined to another?
    fn bridged(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::quick(slf, |s| {
            s.channel().is_up() && s.channel().has(bindings::CF_BRIDGED)
        })
    }

    /// Runs an application of the dialplan to its end.
    ///
    /// `${}` in the data is expanded, API calls in it included: with text from
    /// outside, a caller's name say, use `expand=False`. With an input callback
    /// set, `playback` is carried out by the module, so that the callback hears
    /// the digits.
    #[pyo3(signature = (app, data=None, *, expand=true))]
    fn execute(
        slf: &Bound<'_, Self>,
        app: &Bound<'_, PyAny>,
        data: Option<&Bound<'_, PyAny>>,
        expand: bool,
    ) -> PyResult<()> {
        let app = text(app, "app")?;
        if app.is_empty() {
            return Err(PyValueError::new_err("argument 'app' is empty"));
        }
        let data = optional_text(data, "data")?;
        Self::listening(slf, "execute", |s, held, input| match (input, &data) {
            (Some(input), Some(file)) if app.as_bytes().eq_ignore_ascii_case(b"playback") => {
                s.playback(held, file, expand, input);
            }
            _ => {
                // mod_python gives None whatever came of it; the core logs why.
                let _ = s.execute(held, &app, data.as_deref(), expand);
            }
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
        Self::listening(slf, "sleep", |s, held, input| {
            done(s.sleep(held, ms, sync, input))
        })
    }

    /// Why the call was hung up or did not come about, `NORMAL_CLEARING` say.
    /// While it lives, `SUCCESS` of one that the script has placed, and `NONE` of
    /// others.
    #[pyo3(name = "hangupCause")]
    fn hangup_cause(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        invocation::check(py)?;
        present(py);
        let leg = &slf.get().leg;
        let cause = leg.cause().ok_or_else(|| super::gone(py, leg))?;
        // The channel has no cause yet; that the call came about, originate has said.
        let placed = cause == Cause::NONE && leg.is_kept();
        Ok(if placed { Cause::SUCCESS } else { cause }.name())
    }

    /// The channel's state, `CS_EXECUTE` say; `ERROR` where there never was a call.
    #[pyo3(name = "getState")]
    fn get_state(slf: &Bound<'_, Self>) -> PyResult<String> {
        let leg = &slf.get().leg;
        if leg.uuid().is_none() {
            return Ok("ERROR".to_owned());
        }
        if leg.remains().is_some() {
            return Ok("CS_DESTROY".to_owned());
        }
        Self::quick(slf, |s| s.channel().state().name())
    }

    /// A variable of the call, a field of its caller profile, or a global
    /// variable; None if it is not set.
    #[pyo3(name = "getVariable")]
    fn get_variable<'py>(
        slf: &Bound<'py, Self>,
        var: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = text(var, "var")?;
        let value = match slf.get().leg.remains() {
            Some(remains) => remains.variables.get(name.as_bytes()).cloned(),
            None => Self::quick(slf, |s| s.channel().variable(&name))?,
        };
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
        Self::quick(slf, |s| {
            // The core refuses only an empty name.
            let _ = s.channel().set_variable(&name, value.as_deref());
        })
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
        let leg = slf.get().leg.clone();
        Self::blocking(slf, "transfer", |s, held| {
            // Before it is sent: the core's flag of a transfer goes as soon as the call is there, and the script can
            // end on another thread then.
            let ends = leg.auto_hangup();
            leg.set_auto_hangup(false);
            let sent = s.transfer(held, &extension, dialplan.as_deref(), context.as_deref());
            if sent.is_err() {
                leg.set_auto_hangup(ends);
            }
            done(sent)
        })
    }

    /// Waits until this call, placed for `calling_session` or for nobody, is answered.
    #[pyo3(name = "waitForAnswer")]
    fn wait_for_answer(slf: &Bound<'_, Self>, calling_session: &Bound<'_, PyAny>) -> PyResult<()> {
        let caller = super::originated::optional_leg(Some(calling_session), "calling_session")?;
        Self::blocking(slf, "waitForAnswer", |s, held| match caller {
            None => drop(s.wait_for_answer(held, None)),
            Some(caller) => drop(caller.with(|c| s.wait_for_answer(held, Some(c)))),
        })
    }

    /// Forgets digits that were pressed and not read. 0, as in mod_python.
    #[pyo3(name = "flushDigits")]
    fn flush_digits(slf: &Bound<'_, Self>) -> PyResult<u8> {
        Self::quick(slf, |s| s.channel().flush_digits())?;
        Ok(0)
    }

    /// Throws away events that wait for the session. 0, as in mod_python.
    #[pyo3(name = "flushEvents")]
    fn flush_events(slf: &Bound<'_, Self>) -> PyResult<u8> {
        Self::quick(slf, |s| s.flush_events())?;
        Ok(0)
    }

    /// Gives the session an event to work on when it next looks, as `sendmsg` does.
    #[pyo3(name = "sendEvent")]
    #[expect(non_snake_case, reason = "the keyword is mod_python's")]
    fn send_event(slf: &Bound<'_, Self>, sendME: &Bound<'_, PyAny>) -> PyResult<()> {
        let copy = Event::copy_of(sendME, "sendME")?;
        Self::blocking(slf, "sendEvent", |s, held| {
            // A session whose queue is full drops it, and the core says so.
            let _ = s.receive_event(held, copy);
        })
    }

    /// Adds the call's headers to an event.
    #[pyo3(name = "setEventData")]
    fn set_event_data(slf: &Bound<'_, Self>, e: &Bound<'_, PyAny>) -> PyResult<()> {
        let event = Event::inner_of(e, "e")?;
        Self::quick(slf, |s| event.with(|view| s.channel().describe_view(view)))?;
        Ok(())
    }

    /// The call's detail record as XML.
    #[pyo3(name = "getXMLCDR")]
    fn get_xml_cdr<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let text = Self::blocking(slf, "getXMLCDR", |s, held| s.xml_cdr(held))?;
        Ok(str_of(slf.py(), &text.unwrap_or_default()))
    }

    /// Sends text to the far end, where the call has a text channel.
    fn _print(slf: &Bound<'_, Self>, txt: &Bound<'_, PyAny>) -> PyResult<u8> {
        let txt = text(txt, "txt")?;
        Self::blocking(slf, "_print", |s, held| done(s.print(held, &txt)))
    }

    /// Puts one sound file into another, at a sample.
    #[pyo3(name = "insertFile")]
    fn insert_file(
        slf: &Bound<'_, Self>,
        file: &Bound<'_, PyAny>,
        insert_file: &Bound<'_, PyAny>,
        sample_point: &Bound<'_, PyAny>,
    ) -> PyResult<u8> {
        let (file, insert) = (text(file, "file")?, text(insert_file, "insert_file")?);
        let at = count_or(Some(sample_point), "sample_point", 0)? as usize;
        Self::blocking(slf, "insertFile", |s, held| {
            done(s.insert_file(held, &file, &insert, at))
        })
    }
}

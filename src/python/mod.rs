//! What a script sees: the classes and functions of the `freeswitch` module.

pub mod api;
pub mod callback;
pub mod consumer;
pub mod database;
pub mod dtmf;
pub mod event;
pub mod functions;
pub mod invocation;
pub mod menu;
pub mod session;
mod sql;
pub mod stream;
pub mod wait;

use pyo3::prelude::*;

pyo3::create_exception!(
    freeswitch,
    SessionGone,
    pyo3::exceptions::PyRuntimeError,
    "The call, event or stream that an object stood for is no more."
);
pyo3::create_exception!(
    freeswitch,
    ScriptKilled,
    pyo3::exceptions::PySystemExit,
    "The script is told to end, by pykill or by its deadline."
);
pyo3::create_exception!(
    freeswitch,
    OriginateError,
    pyo3::exceptions::PyRuntimeError,
    "A call was not placed; `cause` says why."
);
pyo3::create_exception!(
    freeswitch,
    DatabaseError,
    pyo3::exceptions::PyRuntimeError,
    "A database refused a connection or a statement."
);

/// The module that `freeswitch` is built on.
#[pymodule(name = "_freeswitch")]
pub mod _freeswitch {
    #[pymodule_export]
    use super::{DatabaseError, OriginateError, ScriptKilled, SessionGone};
    #[pymodule_export]
    use crate::aio::event_loop::{
        clock, descriptor, drain, drained, messages, new_descriptor, on_loop, post, wait, wake,
    };
    #[pymodule_export]
    use crate::aio::py_event_tap::{PyTap, count_dropped, count_refused, known_names};
    #[pymodule_export]
    use crate::aio::py_originate::{
        Placing, forget_placed, place, send_execute, sessions_per_second,
    };
    #[pymodule_export]
    use crate::aio::verbs::PyHands;
    #[pymodule_export]
    use crate::entry::async_call::{Run, Waiter, Work, work_of_app};
    #[pymodule_export]
    use crate::python::api::Api;
    #[pymodule_export]
    use crate::python::consumer::EventConsumer;
    #[pymodule_export]
    use crate::python::database::Dbh;
    #[pymodule_export]
    use crate::python::dtmf::Dtmf;
    #[pymodule_export]
    use crate::python::event::Event;
    #[pymodule_export]
    use crate::python::functions::{
        console_clean_log, console_log, console_log2, email, get_global_variable, msleep, running,
        set_global_variable,
    };
    #[pymodule_export]
    use crate::python::menu::IvrMenu;
    #[pymodule_export]
    use crate::python::session::{CoreSession, Session, bridge};
    #[pymodule_export]
    use crate::python::stream::Stream;
    #[pymodule_export]
    use crate::script::function::script_loaded;
}

/// Makes every type of ours now, so that none is made while an error is on its way.
pub fn force_types(py: Python<'_>) {
    let _ = py.get_type::<SessionGone>();
    let _ = py.get_type::<OriginateError>();
    let _ = py.get_type::<ScriptKilled>();
    let _ = py.get_type::<DatabaseError>();
    let _ = py.get_type::<api::Api>();
    let _ = py.get_type::<consumer::EventConsumer>();
    let _ = py.get_type::<database::Dbh>();
    let _ = py.get_type::<dtmf::Dtmf>();
    let _ = py.get_type::<event::Event>();
    let _ = py.get_type::<menu::IvrMenu>();
    let _ = py.get_type::<session::CoreSession>();
    let _ = py.get_type::<session::Session>();
    let _ = py.get_type::<stream::Stream>();
    let _ = py.get_type::<crate::aio::verbs::PyHands>();
    let _ = py.get_type::<crate::aio::py_event_tap::PyTap>();
    let _ = py.get_type::<crate::aio::py_originate::Placing>();
    let _ = py.get_type::<crate::entry::async_call::Run>();
    let _ = py.get_type::<crate::entry::async_call::Waiter>();
    let _ = py.get_type::<crate::entry::async_call::Work>();
    let _ = py.get_type::<crate::interp::stdio::LogStream>();
}

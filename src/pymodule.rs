//! `_freeswitch`, the module that the package `freeswitch` is built on: what every
//! layer below gives to Python, put together.

use pyo3::prelude::*;

use crate::interp::interpreter::{self, Extension};

/// What the interpreter needs to know of it.
pub const EXTENSION: Extension = Extension {
    register,
    force_types,
};

/// Joins the interpreter that has loaded pocket: see `interp::interpreter::join`.
///
/// # Errors
/// The module's own Python part failed.
pub fn join(py: Python<'_>) -> PyResult<()> {
    interpreter::join(py, EXTENSION)
}

fn register() {
    pyo3::append_to_inittab!(_freeswitch);
}

/// The module that `freeswitch` is built on.
#[pymodule(name = "_freeswitch")]
pub mod _freeswitch {
    #[pymodule_export]
    use crate::aio::app_task::{Work, work_of_app};
    #[cfg(feature = "nats")]
    #[pymodule_export]
    use crate::aio::bus::py_bus::{
        BusTap, BusWatch, Nodes, bus_delete, bus_get, bus_keys, bus_offer, bus_open, bus_publish,
        bus_put, bus_read, bus_record, bus_request, bus_state, bus_take,
    };
    #[pymodule_export]
    use crate::aio::event_loop::{
        descriptor, drain, drained, messages, new_descriptor, on_loop, post, wait, wake,
    };
    #[pymodule_export]
    use crate::aio::loop_clock::clock;
    #[pymodule_export]
    use crate::aio::py_event_tap::{PyTap, count_dropped, count_refused, known_names};
    #[pymodule_export]
    use crate::aio::py_originate::{
        Placing, forget_placed, place, send_execute, sessions_per_second,
    };
    #[pymodule_export]
    use crate::aio::socket::py_socket::{PySocketTap, Socket, leave_alone, read_event};
    #[pymodule_export]
    use crate::aio::verbs::{PySessionThread, new_ticket};
    #[pymodule_export]
    use crate::aio::wait_for::Waiter;
    #[pymodule_export]
    use crate::entry::async_call::{AsyncCall, accepts_traceparent};
    #[pymodule_export]
    use crate::entry::recording::records_calls;
    #[pymodule_export]
    use crate::interp::context::call_variable;
    #[pymodule_export]
    use crate::interp::errors::{Busy, Refused};
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
    use crate::python::session::attached::PyLeg;
    #[pymodule_export]
    use crate::python::session::originated::bridge;
    #[pymodule_export]
    use crate::python::session::{CoreSession, Session};
    #[pymodule_export]
    use crate::python::stream::Stream;
    #[pymodule_export]
    use crate::python::{DatabaseError, OriginateError, SessionGone};
    #[pymodule_export]
    use crate::script::function::script_loaded;
    #[pymodule_export]
    use crate::script::kill::ScriptKilled;

    /// The module's own version, which a `freeswitch-pocket` beside it may differ from.
    #[allow(non_upper_case_globals, reason = "Python's name for it")]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

/// Makes every type of ours now, so that none is made while an error is on its way.
fn force_types(py: Python<'_>) {
    let _ = py.get_type::<crate::python::SessionGone>();
    let _ = py.get_type::<crate::python::OriginateError>();
    let _ = py.get_type::<crate::script::kill::ScriptKilled>();
    let _ = py.get_type::<crate::python::DatabaseError>();
    let _ = py.get_type::<crate::python::api::Api>();
    let _ = py.get_type::<crate::python::consumer::EventConsumer>();
    let _ = py.get_type::<crate::python::database::Dbh>();
    let _ = py.get_type::<crate::python::dtmf::Dtmf>();
    let _ = py.get_type::<crate::python::event::Event>();
    let _ = py.get_type::<crate::python::menu::IvrMenu>();
    let _ = py.get_type::<crate::python::session::CoreSession>();
    let _ = py.get_type::<crate::python::session::Session>();
    let _ = py.get_type::<crate::python::stream::Stream>();
    let _ = py.get_type::<crate::python::session::attached::PyLeg>();
    let _ = py.get_type::<crate::interp::errors::Refused>();
    let _ = py.get_type::<crate::interp::errors::Busy>();
    let _ = py.get_type::<crate::aio::verbs::PySessionThread>();
    let _ = py.get_type::<crate::aio::py_event_tap::PyTap>();
    let _ = py.get_type::<crate::aio::socket::py_socket::PySocketTap>();
    let _ = py.get_type::<crate::aio::socket::py_socket::Socket>();
    #[cfg(feature = "nats")]
    {
        let _ = py.get_type::<crate::aio::bus::py_bus::Nodes>();
        let _ = py.get_type::<crate::aio::bus::py_bus::BusTap>();
        let _ = py.get_type::<crate::aio::bus::py_bus::BusWatch>();
    }
    let _ = py.get_type::<crate::aio::py_originate::Placing>();
    let _ = py.get_type::<crate::entry::async_call::AsyncCall>();
    let _ = py.get_type::<crate::aio::wait_for::Waiter>();
    let _ = py.get_type::<crate::aio::app_task::Work>();
    let _ = py.get_type::<crate::interp::stdio::LogStream>();
}

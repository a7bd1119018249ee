//! What a script sees: the classes and functions of the `freeswitch` module.

pub mod api;
pub mod callable;
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

pyo3::create_exception!(
    freeswitch,
    SessionGone,
    pyo3::exceptions::PyRuntimeError,
    "The call, event or stream that an object stood for is no more."
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

//! Python inside FreeSWITCH: a loadable module that takes the place of
//! mod_python3, and the code that `pocket`, the embedded switch, runs it with.
//!
//! Three crates, one direction: [`bindings`] declares the core's C API,
//! [`freeswitch`] makes it safe and knows no Python, the rest is Python.

#![allow(
    unreachable_pub,
    reason = "the modules are private: `pub` in them is for each other, and for pocket where it is named here"
)]

#[cfg(test)]
extern crate pocket_core as _;

// Private, so that rustc sees what nothing uses.
mod admin;
mod aio;
mod entry;
mod interp;
mod metrics;
mod module;
mod pymodule;
mod python;
mod script;

pub use interp::attach::enter;
pub use module::MODULE;
pub use pymodule::{_freeswitch, join as join_interpreter};

/// What FreeSWITCH's loader looks for in `mod_rust.so`.
#[cfg(feature = "module")]
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name is the loader's")]
pub static mod_rust_module_interface: bindings::switch_loadable_module_function_table_t = MODULE;

//! Switches that are elsewhere, by their event sockets: one thread reads all of
//! them, and Python is touched only for what somebody has asked for.
//!
//! `framing` finds the messages in what is read, `dialog` knows whose answer
//! each of them is, `connection` makes a connection and makes it again, `tap`
//! looks through events, `reader` is the thread, `link` is what it shares with
//! Python, and `py_socket` what Python holds.

mod connection;
mod dialog;
mod framing;
mod link;
pub mod py_socket;
mod reader;
pub mod tap;

pub use reader::end_all;

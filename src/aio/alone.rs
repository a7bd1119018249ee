//! The event loop of a program that has no switch in it, and works with others by
//! their event sockets: what the switch otherwise gives, Python gives.

use std::io;

use freeswitch::call_log;
use freeswitch::log::{self, Level};
use pyo3::prelude::*;

use crate::interp::aside::aside;
use crate::interp::attach::enter;
use crate::interp::gate;
use crate::interp::stack::SIZE;

/// Runs the loop on a thread of the program.
pub(super) fn begin(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    log::write_alone_by(write);
    call_log::install(env!("CARGO_CRATE_NAME"));
    gate::open();
    std::thread::Builder::new()
        .name("freeswitch loop".to_owned())
        .stack_size(SIZE)
        .spawn(run)
        .map(drop)
}

/// Nobody comes from a switch any more.
pub(super) fn end() {
    gate::close();
}

/// Gives a line to the `logging` package. Who logs may be the thread that reads the
/// sockets, and does not wait for Python.
fn write(level: Level, text: &[u8]) {
    let text = String::from_utf8_lossy(text.trim_ascii_end()).into_owned();
    let number = match level {
        Level::Console | Level::Alert | Level::Crit => 50,
        Level::Error => 40,
        Level::Warning => 30,
        Level::Notice | Level::Info => 20,
        Level::Debug => 10,
    };
    drop(aside("freeswitch log", move || {
        let told = enter(|py| -> PyResult<()> {
            let logger = py
                .import("logging")?
                .call_method1("getLogger", ("freeswitch",))?;
            logger.call_method1("log", (number, "%s", text)).map(drop)
        });
        // The program ends, and has nobody to tell.
        drop(told);
    }));
}

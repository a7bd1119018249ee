//! `pyrun`: a script's function in a thread of its own.

use std::thread;

use super::call::{Failed, Request, Way};
use crate::interp::stack::SIZE;
use crate::python::convert::str_of;
use crate::switch::trace;

const RUNTIME: Way = Way {
    name: "pyrun",
    function: "runtime",
    documented: 1,
    outcome: "its thread ends",
};
const BEFORE: Way = Way {
    outcome: "nothing was started",
    ..RUNTIME
};

/// Starts it. The script is loaded first, on this thread, so that whoever asked
/// learns what is wrong with it.
///
/// # Errors
/// [`Failed`], which is in the log already.
pub fn start(line: &[u8], folder: Option<Vec<u8>>) -> Result<(), Failed> {
    Request {
        way: &BEFORE,
        line,
        folder: folder.as_deref(),
    }
    .prepare()?;
    let line = line.to_vec();
    let uuid = trace::uuid();
    let begun = thread::Builder::new()
        .name("pyrun".to_owned())
        .stack_size(SIZE)
        .spawn(move || {
            let _call = uuid.map(|uuid| trace::of_call(&uuid, -1));
            let request = Request {
                way: &RUNTIME,
                line: &line,
                folder: folder.as_deref(),
            };
            // What went wrong is in the log; nobody waits for more.
            let _ = request.run(
                |py, arguments| Ok(vec![str_of(py, arguments).unbind()]),
                |_| Ok(()),
            );
        });
    begun
        .map(drop)
        .map_err(|error| Failed(format!("no thread: {error}")))
}

//! `pyrun` and startup scripts: a function in a thread of its own.

use std::thread;

use freeswitch::call_log;

use super::request::{Failed, Request};
use crate::interp::convert::str_of;
use crate::interp::scheduling;
use crate::interp::stack::SIZE;
use crate::script::entry_point::EntryPoint;
use crate::script::runs;

/// Starts it, and gives the number that it runs under. The script is loaded
/// first, on this thread, so that the command's reply says what is wrong with it.
///
/// # Errors
/// [`Failed`], which is in the log already.
pub fn start(
    way: &'static EntryPoint,
    line: &[u8],
    folder: Option<Vec<u8>>,
) -> Result<u64, Failed> {
    let request = Request {
        folder: folder.as_deref(),
        ..Request::new(way, line)
    };
    request.is_async()?;
    let (line, folder) = (line.to_vec(), folder.clone());
    let uuid = call_log::uuid();
    let id = runs::next_id();
    let begun = thread::Builder::new()
        .name(format!("pyrun {id}"))
        .stack_size(SIZE)
        .spawn(move || {
            scheduling::step_down();
            let _call = uuid.map(|uuid| call_log::of_call(&uuid, -1));
            let request = Request {
                folder: folder.as_deref(),
                id: Some(id),
                ..Request::new(way, &line)
            };
            // What went wrong is in the log; nobody waits for more.
            let _ = request.run(
                |py, arguments| Ok([str_of(py, arguments).unbind()]),
                |_| Ok(()),
            );
        });
    begun.map(|_| id).map_err(|error| {
        let failed = Failed(format!("no thread: {error}"));
        match request.target() {
            Ok(target) => request.refuse(&request.function(&target).name, failed),
            Err(failed) => failed,
        }
    })
}

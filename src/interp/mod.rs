//! The interpreter: its start and end, the threads and stacks that Python runs
//! on, and the way in.

pub mod aside;
pub mod attach;
mod builtin;
pub mod context;
pub mod convert;
pub mod detach;
pub(crate) mod embedded_sources;
pub mod embedding;
pub mod environment;
pub mod errors;
pub(crate) mod finalize;
pub mod frame;
pub mod gate;
pub mod interpreter;
pub(crate) mod process_exit;
pub mod reaper;
mod recursion;
pub mod scheduling;
mod script_thread;
pub mod stack;
pub mod stdio;
pub mod thread_state;

//! The interpreter: its start and end, the threads and stacks that Python runs
//! on, and the way in.

pub mod aside;
mod builtin;
mod carried;
pub mod context;
pub mod enter;
pub mod environment;
pub mod errors;
mod exit;
mod finish;
pub mod gate;
pub mod interpreter;
pub mod kill;
pub mod loaded;
mod loading;
pub mod output;
pub mod priority;
mod recursion;
pub mod running;
mod script_thread;
pub mod scripts;
pub mod signature;
pub mod stack;
mod stamp;
pub mod stats;
pub mod target;
pub mod thread;
pub mod wanted;
pub mod watchdog;

//! Threads, queues and waits of the switch.

pub(crate) mod pool;
pub mod queue;
pub mod thread;
pub mod wakeup;

//! Call applications: the event loop, the calls that it drives, and events.
//!
//! One asyncio loop serves all coroutines. A call's own thread carries out what
//! its coroutine asks for ([`session_thread`]), and never takes the interpreter lock; what
//! the loop is to know lies in the [`loop_queue`].

mod alone;
pub mod app_task;
pub mod bus;
pub mod event_loop;
pub mod event_tap;
pub mod loop_clock;
pub mod loop_queue;
pub mod nested;
pub mod originate;
pub mod outside;
pub mod py_event_tap;
pub mod py_originate;
pub mod py_tap;
pub mod session_thread;
pub mod socket;
pub mod tap_queue;
pub mod verbs;
pub mod wait_for;

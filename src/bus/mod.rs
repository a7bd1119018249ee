//! Call applications: the event loop, the calls that it drives, and events.
//!
//! One asyncio loop serves all coroutines. A call's own thread carries out what
//! its coroutine asks for ([`hands`]), and never takes the interpreter lock; what
//! the loop is to know lies in the [`inbox`].

pub mod hands;
pub mod head;
pub mod inbox;
pub mod originate;
pub mod taps;

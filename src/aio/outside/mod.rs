//! Calls that programs outside of the switch serve, by its event socket.
//!
//! A program says which names it serves ([`workers`]). A call is offered to all that serve its
//! name, and the first that accepts has it ([`calls`]); what it asks for comes as API commands
//! ([`command`]), and is carried out by the call's own thread, as for a coroutine in the switch.
//! What came of it goes out as events ([`message`]).

pub mod calls;
pub mod command;
pub mod message;
pub mod mirror;
pub mod placing;
pub mod workers;

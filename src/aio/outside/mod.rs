//! Calls that programs outside of the switch serve, by its event socket or by the bus.
//!
//! A program says which names it serves ([`workers`]). A call is offered to all that serve its
//! name, and the first that accepts has it ([`calls`]); what it asks for comes as API commands
//! ([`command`]), and is carried out by the call's own thread, as for a coroutine in the switch.
//! What came of it goes out as events, or as messages of the bus ([`message`]).
//!
//! On the bus a call is offered to one worker after the other, by their weights (`choice`), its verbs are numbered ([`turns`]),
//! and a call whose worker is no more is offered to another, under another epoch.

#![cfg_attr(
    not(feature = "nats"),
    allow(dead_code, reason = "nobody comes by the bus")
)]

pub mod calls;
mod choice;
pub mod command;
pub mod counters;
pub mod message;
pub mod mirror;
pub mod placing;
mod said;
pub mod turns;
pub mod workers;

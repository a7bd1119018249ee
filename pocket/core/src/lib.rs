//! The embedded switch.
//!
//! This crate defines the slice of FreeSWITCH's C API that mod_rust imports, and
//! behaves as FreeSWITCH does in what a script can see. There is no Python in
//! it: the extension around it has that.
//!
//! The functions that C sees are in `exports`, thin over types with no raw
//! pointers. Where the two meet, pointers are turned into those types at once.

mod apps;
mod attached;
mod builtin;
mod c;
mod call;
mod cause;
mod chat;
pub mod check;
mod clock;
mod command;
mod completion;
mod control;
mod database;
mod dialplan;
mod dirs;
mod edge;
mod endpoint;
mod event;
mod exports;
mod follow;
mod globals;
mod ivr;
mod json;
mod log;
mod module;
mod newest;
mod outbox;
mod pattern;
mod place;
mod pool;
mod presence;
mod pulse;
mod queue;
pub mod script;
mod session;
mod sound;
mod stream;
mod switch;
mod text;
mod timers;
mod transcript;
mod xml;
mod zone;

pub use call::{Call, CallOptions, Driver, FakeApi, FakeApplication, First, Seen};
pub use control::Control;
pub use control::fired::Fired;
pub use control::inbox::Item;
pub use control::leg::Leg;
pub use endpoint::cue::{Cue, Deed};
pub use endpoint::far_end::Script;
pub use event::names::every as event_names;
pub use log::LogLine;
pub use module::Table;
pub use outbox::Letter;
pub use switch::{OpenError, Options};
pub use transcript::{Entry, Kind, Transcript};

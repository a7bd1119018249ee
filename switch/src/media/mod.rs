//! Sound, digits and speech on a call.

pub mod digits;
pub mod input;
pub mod menu;
pub mod play;
pub mod playback_app;
pub mod record_path;
pub mod speech;

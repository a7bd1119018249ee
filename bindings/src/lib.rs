//! The slice of FreeSWITCH's C API that mod_rust uses, as Rust declarations.
//!
//! Types and `extern "C"` declarations only; nothing here is linked by itself.
//! The core that loads the module, or `pocket/core`, provides the functions.
//! What each function does is FreeSWITCH's to say: its headers are the reference.
#![no_std]
#![allow(missing_docs, reason = "FreeSWITCH's own headers document these names")]
#![allow(
    non_camel_case_types,
    non_upper_case_globals,
    reason = "the names are FreeSWITCH's"
)]
#![allow(clippy::all, reason = "made by bindgen")]

mod api;

pub use api::*;

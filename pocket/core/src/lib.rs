//! The embedded switch.

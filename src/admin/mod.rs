//! What an administrator does: configuration, commands, reload, shutdown.

pub mod commands;
pub mod completion;
pub mod config;
pub mod conflict;
pub mod pystat;
pub mod reload;
pub mod shutdown;

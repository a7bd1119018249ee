//! What an administrator does and sees: configuration, commands, completion, reload, metrics, shutdown.

mod bus_setting;
pub mod commands;
pub mod completion;
pub mod config;
pub mod conflict;
pub mod exposition;
pub mod figures;
pub mod http;
pub mod listener;
pub mod pystat;
pub mod reload;
pub mod shutdown;

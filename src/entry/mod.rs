//! How FreeSWITCH comes in: applications, API commands and XML lookups.

pub mod api;
pub mod app;
pub mod background;
pub mod call;
pub mod chat;
pub mod completion;
pub mod config;
pub mod coroutine;
pub mod dialplan;
pub mod ending;
pub mod hooks;
pub mod json;
pub mod manage;
pub mod neighbour;
pub mod reload;
pub mod report;
pub mod way;
pub mod xml;

//! How FreeSWITCH comes in: applications, commands, XML lookups, chat, dialplan, JSON and event hooks.

pub mod api;
pub mod application;
pub mod async_call;
pub mod chat;
pub mod dialplan;
pub mod event_hook;
pub mod json;
pub mod outside;
pub mod pyrun;
pub mod recording;
mod recovered;
pub mod remote;
pub mod request;
pub mod xml_fetch;

//! How FreeSWITCH comes in: applications, API commands and XML lookups.

pub mod api;
pub mod application;
pub mod async_call;
pub mod chat;
pub mod dialplan;
pub mod event_hook;
pub mod json;
pub mod pyrun;
pub mod request;
pub mod xml_fetch;

//! How FreeSWITCH comes in: applications, API commands and XML lookups.

pub mod api;
pub mod app;
pub mod background;
pub mod call;
pub mod config;
pub mod neighbour;
pub mod way;
pub mod xml;

//! What runs on a leg: playing, waiting, digits, bridges, originate.

pub(crate) mod answer;
pub(crate) mod bridge;
pub(crate) mod broadcast;
pub(crate) mod collect;
pub(crate) mod failure;
pub(crate) mod file;
pub(crate) mod input;
pub(crate) mod menu;
pub(crate) mod originate;
pub(crate) mod park;
pub(crate) mod play;
pub(crate) mod read;
pub(crate) mod recognise;
pub(crate) mod record;
pub(crate) mod record_session;
pub(crate) mod schedule;
pub(crate) mod sleep;
pub(crate) mod speak;
pub(crate) mod transfer;

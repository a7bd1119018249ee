//! XML as the switch has it: the tree, the configuration, who answers lookups.

pub(crate) mod build;
mod parse;
pub(crate) mod store;
pub(crate) mod tree;
pub(crate) mod write;

pub(crate) use parse::parse;
pub(crate) use tree::{Node, escape};

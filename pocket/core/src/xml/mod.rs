//! XML as the switch has it: the tree, the configuration, who answers lookups.

mod parse;
pub(crate) mod store;
pub(crate) mod tree;

pub(crate) use parse::parse;
pub(crate) use tree::Node;

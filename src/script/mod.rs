//! Scripts: which function is meant, its module, loading and reloading, and the runs that go on.

pub mod cache;
pub mod deadline;
pub mod entry_point;
pub(crate) mod file_stamp;
pub mod function;
pub mod key;
pub mod kill;
pub(crate) mod load_lock;
pub mod python_half;
pub mod runs;
pub mod signature;
pub mod target;

//! What is counted of the calls that workers on the bus serve, for `pystat` and `/metrics`.

use crate::metrics::Count;

/// Calls that were offered to a worker.
pub static OFFERS: Count = Count::new();
/// Offers that were accepted.
pub static ACCEPTS: Count = Count::new();
/// Offers that were not accepted in time.
pub static LATE: Count = Count::new();
/// Calls that no worker was found for.
pub static UNSERVED: Count = Count::new();
/// Calls that a worker which drains has given to another.
pub static MOVES: Count = Count::new();
/// Calls whose worker said nothing any more.
pub static ORPHANED: Count = Count::new();
/// What workers asked of calls that they do not have.
pub static REFUSED: Count = Count::new();

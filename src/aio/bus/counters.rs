//! What is counted of the bus, for `pystat` and `/metrics`.

use freeswitch::event::consumer::Depth;

use crate::metrics::Count;

/// Times that a server was connected to.
pub static CONNECTIONS: Count = Count::new();
/// What coroutines have asked the bus for.
pub static REQUESTS: Count = Count::new();
/// Those that had no answer, or were refused.
pub static FAILED: Count = Count::new();
/// Events that were given to the server.
pub static PUBLISHED: Count = Count::new();
/// Events of other nodes that came.
pub static RECEIVED: Count = Count::new();
/// Events that were not sent: the queue was full.
pub static DROPPED: Count = Count::new();
/// Messages to workers that were given to the server.
pub static MESSAGES: Count = Count::new();
/// Those that there was no room for, or no bus.
pub static LOST: Count = Count::new();
/// Messages that were none of ours.
pub static STRANGE: Count = Count::new();

/// Records that a server has acknowledged.
pub static RECORDS_SENT: Count = Count::new();
/// Records that could not be written.
pub static LOST_RECORDS: Count = Count::new();

/// Records that wait to be written to the disk.
pub static QUEUED_RECORDS: Depth = Depth::new();
/// Requests of coroutines that have not ended.
pub static QUEUED_REQUESTS: Depth = Depth::new();
/// Events that wait to be sent.
pub static QUEUED_EVENTS: Depth = Depth::new();

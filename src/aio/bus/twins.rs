//! Two switches of one name: each would answer what is asked of the other.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use serde_json::Value;

/// Tells this node from another that was given the same name.
pub(super) fn instance() -> &'static str {
    static INSTANCE: LazyLock<String> =
        LazyLock::new(|| format!("{:016x}", RandomState::new().hash_one(std::process::id())));
    &INSTANCE
}

/// The other switches of this one's name.
#[derive(Default)]
pub(super) struct Twins {
    /// The last that said that it is there.
    instance: Option<String>,
}

impl Twins {
    /// Looks at a heartbeat that came under this node's name, and logs MR0023 where another sent it.
    pub(super) fn look(&mut self, node: &str, beat: &[u8]) {
        let Ok(beat) = serde_json::from_slice::<Value>(beat) else {
            return;
        };
        let Some(theirs) = beat.get("instance").and_then(Value::as_str) else {
            return;
        };
        if theirs == instance() {
            return;
        }
        // The last word of a module that was loaded again here can come late: one is none.
        if self.instance.replace(theirs.to_owned()).as_deref() != Some(theirs) {
            return;
        }
        let pid = beat.get("pid").map(ToString::to_string).unwrap_or_default();
        freeswitch::once_a_second!(times => {
            tracing::error!("MR0023 another switch on the bus is called {node}, too (its process is {pid}): what is meant for one of them goes to the other; give each a bus-node of its own ({times} times since the last such line)");
        });
    }
}

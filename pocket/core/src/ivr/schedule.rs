//! What is done later: the core's scheduler.

use std::collections::BTreeMap;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use crate::switch::Core;
use crate::text::number;

/// What is to be done.
type Action = Arc<dyn Fn(&Arc<Core>) + Send + Sync>;

/// Tasks that have not been done, by number: their group.
#[derive(Default)]
struct Tasks {
    last: u32,
    waiting: BTreeMap<u32, BString>,
}

/// `+5` is in five seconds; a number without sign counts from 1970. Seconds from now,
/// of 0 or more.
pub(crate) fn in_seconds(core: &Core, when: &[u8]) -> i64 {
    match when.strip_prefix(b"+") {
        Some(seconds) => number(seconds),
        None => {
            number(when.strip_prefix(b"@").unwrap_or(when)) - core.clock.epoch_now() / 1_000_000
        }
    }
    .max(0)
}

/// Does something in so many seconds, and again each time after as many as `every` says;
/// returns the task's number.
pub(crate) fn add(
    core: &Arc<Core>,
    seconds: i64,
    every: Option<i64>,
    group: &BStr,
    action: impl Fn(&Arc<Core>) + Send + Sync + 'static,
) -> u32 {
    let id = {
        let mut tasks = core.attached.get::<Tasks>();
        tasks.last += 1;
        let id = tasks.last;
        tasks.waiting.insert(id, group.to_owned());
        id
    };
    wait(core, id, seconds, every, Arc::new(action));
    id
}

fn wait(core: &Arc<Core>, id: u32, seconds: i64, every: Option<i64>, action: Action) {
    let weak = Arc::downgrade(core);
    let at = core.clock.now() + seconds.saturating_mul(1_000_000);
    core.timers.at(at, move || {
        let Some(core) = weak.upgrade() else { return };
        let due = {
            let mut tasks = core.attached.get::<Tasks>();
            match every {
                Some(_) => tasks.waiting.contains_key(&id),
                None => tasks.waiting.remove(&id).is_some(),
            }
        };
        if !due {
            return;
        }
        let doing = Arc::clone(&action);
        // Without a thread it is not done, as without memory in the core.
        let _ = core.spawn("pocket task", move |core| doing(core));
        if let Some(every) = every {
            wait(&core, id, every, Some(every), action);
        }
    });
}

/// Takes a task back; whether it was waiting.
pub(crate) fn remove(core: &Core, id: u32) -> bool {
    core.attached.get::<Tasks>().waiting.remove(&id).is_some()
}

/// Takes all tasks of a group back; how many there were.
pub(crate) fn remove_group(core: &Core, group: &BStr) -> usize {
    let mut tasks = core.attached.get::<Tasks>();
    let before = tasks.waiting.len();
    tasks.waiting.retain(|_, known| known.as_bstr() != group);
    before - tasks.waiting.len()
}

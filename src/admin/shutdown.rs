//! The end of scripts, when the switch or the module ends.
//!
//! The core waits for the modules whose calls a script still has before it comes
//! to this one; so the end begins with its SHUTDOWN event.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{listener, reload};
use crate::interp::aside::aside;
use crate::interp::gate;
use crate::script::kill;
use crate::script::kill::Outcome;
use crate::script::runs;

/// What Python itself gets to end, after its scripts have.
pub const LAST: Duration = Duration::from_secs(2);

static ENDS: AtomicBool = AtomicBool::new(false);
/// Lets no more scripts in, and sees to the end of those that run. Runs on a
/// dispatch thread, which it must not keep.
pub fn begin() {
    gate::close();
    listener::ends();
    if ENDS.swap(true, Ordering::AcqRel) {
        return;
    }
    // Where there is no thread this one waits, as the core would for the scripts.
    drop(aside("mod_rust ending", end_all));
}

/// As [`begin`], and waits for it; what is over already is not begun again.
pub fn wait() {
    gate::close();
    listener::ends();
    if !runs::time_is_over() && !ENDS.swap(true, Ordering::AcqRel) {
        end_all();
    }
    let until = Instant::now() + Duration::from_secs(2) + patience();
    while ENDS.load(Ordering::Acquire) && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
}

fn patience() -> Duration {
    reload::current().map_or(Duration::ZERO, |config| config.ending)
}

fn end_all() {
    let until = Instant::now() + patience();
    // Calls have been told to hang up: most scripts end by themselves.
    while !runs::all().is_empty() && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
    let threads: Vec<_> = runs::all()
        .into_iter()
        .filter_map(|script| {
            let end = move || match kill::end(&script, "the switch ends") {
                Outcome::Ended => {}
                Outcome::Blocked(place) | Outcome::Refuses(place) => {
                    tracing::warn!(
                        "MR0008 script {} ({}) does not end, at {place}",
                        script.id,
                        script.function.name
                    );
                }
            };
            aside("mod_rust ending", end)
        })
        .collect();
    for thread in threads {
        // A panic in it was logged by its own hook.
        let _ = thread.join();
    }
    runs::set_time_over(true);
    ENDS.store(false, Ordering::Release);
}

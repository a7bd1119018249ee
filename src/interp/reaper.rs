//! The reaper: a thread that waits in the switch for those that must not, such as `Drop` of a Python
//! object, which the collector runs anywhere.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use freeswitch::Detached;
use freeswitch::edge::guard;
use parking_lot::{Condvar, Mutex};

use super::aside::Standing;
use super::stack::SIZE;

type Task = Box<dyn FnOnce(&Detached) + Send>;

static TASKS: Mutex<VecDeque<Task>> = Mutex::new(VecDeque::new());
static MORE: Condvar = Condvar::new();
static THREAD: Standing = Standing::new("mod_rust reaper");
/// What its tasks need.
const STACK: usize = SIZE / 8;

/// Starts the thread of [`later`]; as the module loads, when there are threads to
/// be had.
///
/// # Errors
/// The system's.
pub fn begin() -> std::io::Result<()> {
    THREAD.start(STACK, reap)
}

/// Does something that can wait on a thread of its own kind: for `Drop` of
/// Python objects, which the collector runs anywhere. Where that thread could not
/// be had, it is done with the next such thing.
pub fn later(task: Task) {
    TASKS.lock().push_back(task);
    THREAD.need(STACK, reap);
    MORE.notify_one();
}

/// How many such things may wait before a thread that makes more waits, too.
const BACKLOG: usize = 256;
/// And for how long at most.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Waits while more is left for that thread than it has come to: a script that makes
/// objects and drops them, one after the other, would fill the memory with them.
pub fn catch_up(_: &Detached) {
    let until = Instant::now() + CATCH_UP;
    while TASKS.lock().len() > BACKLOG && Instant::now() < until {
        thread::sleep(Duration::from_millis(1));
    }
}

fn reap() {
    // SAFETY: this thread never attaches.
    let held = unsafe { Detached::new() };
    loop {
        let mut tasks = TASKS.lock();
        let Some(task) = tasks.pop_front() else {
            MORE.wait(&mut tasks);
            continue;
        };
        drop(tasks);
        while freeswitch::core::gone() {
            thread::park();
        }
        guard(c"reaper", (), || task(&held));
    }
}

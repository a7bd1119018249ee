//! How a script's own threads are scheduled.
//!
//! FreeSWITCH gives all of its threads real-time priority, and a new thread
//! takes that of the one that starts it. Python that computes would then keep
//! whole processors from whatever the switch starts after it.

/// Gives the calling thread, and those that it starts, ordinary priority.
///
/// `pthread_setschedparam(3)`; where that is refused, nothing changes.
pub fn step_down() {
    let ordinary = libc::sched_param { sched_priority: 0 };
    // SAFETY: the calling thread lives, and the parameters are read only.
    unsafe {
        libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_OTHER, &raw const ordinary)
    };
}

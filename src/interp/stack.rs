//! The big stacks that Python runs on.
//!
//! FreeSWITCH's threads have 240 KB, which nested `sorted(key=...)` fills at a
//! depth of 47. Eight megabytes hold what Python's own recursion limit allows.

use std::io;
use std::num::NonZero;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use corosensei::stack::{Stack, StackPointer};
use parking_lot::Mutex;

/// What Python can use of a stack.
pub const SIZE: usize = 8 << 20;
/// What an ordinary call touches; what lies deeper is given back afterwards.
const KEPT: usize = 64 << 10;
const PAGE: usize = 4096;
/// Words in a cache line.
const LINE: usize = 8;

/// One mapping: a guard page below, then the stack.
pub struct BigStack {
    low: NonNull<u8>,
}

// SAFETY: the mapping is memory with no thread of its own; one thread uses it at a time.
unsafe impl Send for BigStack {}

/// Stacks of threads that have ended.
static SPARE: Mutex<Vec<BigStack>> = Mutex::new(Vec::new());
/// How many there are.
static MADE: AtomicU64 = AtomicU64::new(0);

impl BigStack {
    /// One that another thread has left, or a new one.
    ///
    /// # Errors
    /// No address space, or more mappings than `vm.max_map_count` allows.
    pub fn get() -> io::Result<Self> {
        if let Some(stack) = SPARE.lock().pop() {
            return Ok(stack);
        }
        // SAFETY: an anonymous mapping wherever the kernel likes.
        let low = unsafe {
            libc::mmap(
                ptr::null_mut(),
                SIZE + PAGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK,
                -1,
                0,
            )
        };
        if low == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        MADE.fetch_add(1, Ordering::Relaxed);
        let stack = Self {
            low: NonNull::new(low.cast()).ok_or_else(io::Error::last_os_error)?,
        };
        // A huge page would make every stack cost 2 MiB; it is only advice.
        // SAFETY: the range is the mapping just made.
        unsafe { libc::madvise(low, SIZE + PAGE, libc::MADV_NOHUGEPAGE) };
        // SAFETY: the lowest page is of the mapping just made, and nothing lies in it
        // yet.
        if unsafe { libc::mprotect(low, PAGE, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }

    /// Leaves it to the next thread.
    ///
    /// # Safety
    /// Nothing refers to what is on it: no frame, and no thread state that has it as
    /// its stack.
    pub unsafe fn put_back(self) {
        SPARE.lock().push(self);
    }

    /// The lowest address that may be used.
    #[must_use]
    pub fn usable_from(&self) -> usize {
        self.low.as_ptr() as usize + PAGE
    }

    fn top(&self) -> usize {
        self.usable_from() + SIZE
    }

    /// Gives the memory back that a deep recursion has used.
    ///
    /// # Safety
    /// No frame is on it: neither this thread nor another runs there.
    pub unsafe fn trim(&self) {
        let page = (self.top() - KEPT - PAGE) as *const [[u64; LINE]; PAGE / LINE / 8];
        // SAFETY: the page lies in the mapping, which is readable; words that
        // were never written are zero.
        let page = unsafe { &*page };
        // Frames leave return addresses and registers all over it: a look at some
        // of its cache lines is a look at the page, and costs a call little.
        let lines = page.iter().step_by(4);
        if lines.flatten().fold(0, |all, word| all | word) != 0 {
            let low = self.usable_from() as *mut libc::c_void;
            // SAFETY: the range lies in the mapping, and by the contract no frame is on it.
            unsafe { libc::madvise(low, SIZE - KEPT, libc::MADV_DONTNEED) };
        }
    }
}

/// How many stacks are in use, and how many wait for a thread.
#[must_use]
pub fn counts() -> (u64, u64) {
    let spare = SPARE.lock().len() as u64;
    (MADE.load(Ordering::Relaxed).saturating_sub(spare), spare)
}

impl Drop for BigStack {
    fn drop(&mut self) {
        MADE.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the mapping is ours, and nothing runs on it.
        unsafe { libc::munmap(self.low.as_ptr().cast(), SIZE + PAGE) };
    }
}

// SAFETY: base and limit are those of a mapping with a guard page at its limit,
// both aligned to pages, that lives as long as this.
unsafe impl Stack for BigStack {
    fn base(&self) -> StackPointer {
        NonZero::new(self.top()).unwrap_or(NonZero::<usize>::MAX)
    }

    fn limit(&self) -> StackPointer {
        NonZero::new(self.low.as_ptr() as usize).unwrap_or(NonZero::<usize>::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(n: u32) -> u64 {
        let room = std::hint::black_box([u64::from(n) + 1; 64]);
        if n == 0 {
            room[0]
        } else {
            depth(n - 1) + room[63]
        }
    }

    #[test]
    fn a_deep_recursion_fits_and_is_given_back() {
        let mut stack = BigStack::get().unwrap();
        let sum = corosensei::on_stack(&mut stack, || depth(5000));
        assert_eq!(sum, 1 + (2..=5001).sum::<u64>());
        // SAFETY: what ran on it has returned.
        unsafe { stack.trim() };
        let probe = (stack.top() - KEPT - PAGE) as *const u64;
        // SAFETY: readable memory of the mapping.
        assert_eq!(unsafe { probe.read() }, 0);
    }

    #[test]
    fn a_panic_comes_back_from_the_other_stack() {
        let mut stack = BigStack::get().unwrap();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            corosensei::on_stack(&mut stack, || panic!("on purpose"));
        }));
        assert!(caught.is_err());
        // SAFETY: what ran on it has unwound.
        unsafe { stack.put_back() };
    }
}

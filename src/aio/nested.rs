//! Coroutines that work with one call inside each other: a verb of one runs an application that calls the next.
//!
//! Each level lies on the stack of the call's own thread, of which the core gives 240 KB.

use std::cell::Cell;
use std::marker::PhantomData;

/// How many may lie in each other.
const MOST: u32 = 16;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// One of them is in a program outside.
    static IS_OUTSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Why there cannot be one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There are so many on this thread already.
    #[error("async functions of this call run each other more than {MOST} deep")]
    TooDeep,
    /// A call has one program outside at a time, which its UUID names.
    #[error("a program outside has this call already, and runs this in one of its verbs")]
    Outside,
}

/// One of them, until this goes; it stays on its thread.
#[derive(Debug)]
pub struct Nested {
    is_outside: bool,
    stays: PhantomData<*const ()>,
}

impl Nested {
    /// One in this process.
    ///
    /// # Errors
    /// [`Refused::TooDeep`]
    pub fn enter() -> Result<Self, Refused> {
        let depth = DEPTH.get();
        if depth >= MOST {
            return Err(Refused::TooDeep);
        }
        DEPTH.set(depth + 1);
        Ok(Self {
            is_outside: false,
            stays: PhantomData,
        })
    }

    /// One in a program outside.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn enter_outside() -> Result<Self, Refused> {
        if IS_OUTSIDE.get() {
            return Err(Refused::Outside);
        }
        let mut entered = Self::enter()?;
        IS_OUTSIDE.set(true);
        entered.is_outside = true;
        Ok(entered)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if self.is_outside {
            IS_OUTSIDE.set(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_lie_in_each_other() {
        let mut all: Vec<_> = (0..MOST).map(|_| Nested::enter().unwrap()).collect();
        assert_eq!(Nested::enter().unwrap_err(), Refused::TooDeep);
        all.pop();
        assert!(Nested::enter().is_ok());
        drop(all);
        assert_eq!(DEPTH.get(), 0);
    }

    #[test]
    fn only_one_of_them_is_outside() {
        let outside = Nested::enter_outside().unwrap();
        let here = Nested::enter().unwrap();
        assert_eq!(Nested::enter_outside().unwrap_err(), Refused::Outside);
        drop(here);
        assert_eq!(Nested::enter_outside().unwrap_err(), Refused::Outside);
        drop(outside);
        assert!(Nested::enter_outside().is_ok());
    }
}

//! What Python keeps for a thread of the switch: a thread state and a big stack.
//!
//! Making both for each call would cost twenty times what the call costs, so a
//! thread keeps them from its first entry to its end.

use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};

use freeswitch::edge::guard;
use parking_lot::Mutex;
use pyo3::ffi;
use pyo3::prelude::*;

use super::stack::{BigStack, SIZE};
use super::{gate, stdio};

/// How many entries may lie in each other on one thread: Python calls the
/// switch, which calls Python, and so on.
const MAX_NESTED: u32 = 16;
/// What an entry must find left of the stack.
const MIN_LEFT: usize = 1 << 20;

/// An entry that would lie too deep in others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Too many entries in each other, or too little stack left.
    #[error("Python and the switch call each other more than {MAX_NESTED} deep")]
    TooDeep,
    /// The thread is at its end, and its stack in use by what Python ends there.
    #[error("this thread is at its end")]
    Over,
    /// No stack could be made.
    #[error("no stack could be mapped: see vm.max_map_count and the address space")]
    NoStack,
}

struct Thread {
    stack: RefCell<Option<BigStack>>,
    /// The thread state that is kept, when it is ours to keep.
    state: Cell<Option<NonNull<ffi::PyThreadState>>>,
    /// The thread's own stack is as big: it needs no other.
    is_big: Cell<bool>,
    depth: Cell<u32>,
    /// The lowest address of the stack that the outermost entry runs on.
    bottom: Cell<usize>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            stack: RefCell::new(None),
            state: Cell::new(None),
            is_big: Cell::new(false),
            depth: Cell::new(0),
            bottom: Cell::new(0),
        }
    };
}

/// Counts an entry while it lives.
struct Depth<'t>(&'t Thread);

impl<'t> Depth<'t> {
    fn new(thread: &'t Thread) -> Self {
        thread.depth.set(thread.depth.get() + 1);
        Self(thread)
    }
}

impl Drop for Depth<'_> {
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() - 1);
    }
}

/// Runs an entry where Python has room: on this thread's big stack. `outermost`
/// says whether it lies in no other. Not attached yet.
///
/// # Errors
/// [`NoRoom`]
pub fn run<R>(body: impl FnOnce(bool) -> R) -> Result<R, NoRoom> {
    let outcome = THREAD.try_with(|thread| {
        if thread.depth.get() > 0 {
            let here = ptr::from_ref(&thread).addr();
            let left = here.saturating_sub(thread.bottom.get());
            if thread.depth.get() >= MAX_NESTED || left < MIN_LEFT {
                return Err(NoRoom::TooDeep);
            }
            let _depth = Depth::new(thread);
            return Ok(body(false));
        }
        if thread.state.get().is_none() && !pin(thread) {
            // Python made this thread, and gave it a stack as threading.stack_size
            // says; its state is Python's to end.
            thread.bottom.set(own_stack().0);
            let _depth = Depth::new(thread);
            return Ok(body(true));
        }
        if thread.is_big.get() {
            let _depth = Depth::new(thread);
            return Ok(body(true));
        }
        let mut slot = thread.stack.borrow_mut();
        let stack = match &mut *slot {
            Some(stack) => stack,
            empty => empty.insert(BigStack::get().map_err(|_| NoRoom::NoStack)?),
        };
        thread.bottom.set(stack.usable_from());
        let protected = thread
            .state
            .get()
            .map(|state| Protection::new(state, stack));
        let depth = Depth::new(thread);
        let result = corosensei::on_stack(&mut *stack, || body(true));
        drop(depth);
        drop(protected);
        // SAFETY: what ran on it has returned, and this thread is on its own again.
        unsafe { stack.trim() };
        Ok(result)
    });
    outcome.unwrap_or(Err(NoRoom::Over))
}

/// Keeps a thread state, unless the thread has one that is not ours.
fn pin(thread: &Thread) -> bool {
    // SAFETY: the interpreter is initialised (the gate is open); this asks only.
    if !unsafe { ffi::PyGILState_GetThisThreadState() }.is_null() {
        return false;
    }
    // SAFETY: the interpreter is initialised. Ensure makes the state, whose count of one is never
    // given back before the thread ends. PyO3 has not attached on this thread.
    let state = unsafe {
        ffi::PyGILState_Ensure();
        let_go()
    };
    thread.state.set(NonNull::new(state));
    stdio::outlive();
    // SAFETY: these take nothing and cannot fail.
    let main = unsafe { libc::getpid() == libc::gettid() };
    let (bottom, size) = own_stack();
    // The main thread's only grows so far if nothing else lies there.
    if !main && size >= SIZE {
        thread.is_big.set(true);
        thread.bottom.set(bottom);
    }
    true
}

/// Has what lies in `threading.local` of this thread end while Python is all
/// there for its finalizers: they are the script's, and print and call as it does.
/// From 3.13 on they run as the state ends, a moment later.
fn end_locals(py: Python<'_>) {
    stdio::begin_last(py);
    // SAFETY: attached; the dict is borrowed from the thread state, which stays.
    unsafe {
        let locals = ffi::PyThreadState_GetDict();
        if !locals.is_null() {
            ffi::PyDict_Clear(locals);
        }
    }
}

/// Detaches this thread from a state that is kept: the one place that does so by
/// hand, since PyO3's way back would end the state.
///
/// # Safety
/// The thread is attached, and not by PyO3, whose count of it would go wrong.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread is pinned, outside any attach"
)]
pub(super) unsafe fn let_go() -> *mut ffi::PyThreadState {
    // SAFETY: the caller vouches for it.
    unsafe { ffi::PyEval_SaveThread() }
}

/// Where this thread's own stack ends, and how big it is.
fn own_stack() -> (usize, usize) {
    let mut bottom = ptr::null_mut();
    let mut size = 0;
    // SAFETY: the attributes are initialised by the first call and destroyed
    // after use; the pointers are to locals.
    unsafe {
        let mut attributes = std::mem::MaybeUninit::uninit();
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return (0, 0);
        }
        libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut bottom, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    (bottom.addr(), size)
}

/// From CPython 3.14 on the interpreter checks the stack's real bounds, and must
/// be told when they are not those of the thread.
struct Protection(NonNull<ffi::PyThreadState>);

type Set = unsafe extern "C" fn(*mut ffi::PyThreadState, *mut libc::c_void, usize) -> libc::c_int;
type Reset = unsafe extern "C" fn(*mut ffi::PyThreadState);

fn protection() -> Option<(Set, Reset)> {
    use std::sync::LazyLock;
    static FUNCTIONS: LazyLock<Option<(Set, Reset)>> = LazyLock::new(|| {
        // SAFETY: the names end with NUL, and libpython is loaded.
        let find =
            |name: &std::ffi::CStr| unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        let set = find(c"PyUnstable_ThreadState_SetStackProtection");
        let reset = find(c"PyUnstable_ThreadState_ResetStackProtection");
        if set.is_null() || reset.is_null() {
            return None;
        }
        // SAFETY: CPython declares them so; PyO3 does not declare them.
        Some(unsafe {
            (
                std::mem::transmute::<*mut libc::c_void, Set>(set),
                std::mem::transmute::<*mut libc::c_void, Reset>(reset),
            )
        })
    });
    *FUNCTIONS
}

/// Can this interpreter be given the bounds of a stack, or does it not need them?
#[must_use]
pub fn stacks_can_be_announced() -> bool {
    protection().is_some() || !cfg!(Py_3_14)
}

impl Protection {
    fn new(state: NonNull<ffi::PyThreadState>, stack: &BigStack) -> Self {
        if let Some((set, _)) = protection() {
            // SAFETY: the state is this thread's, and the range is its stack.
            unsafe {
                set(
                    state.as_ptr(),
                    stack.usable_from() as *mut libc::c_void,
                    SIZE,
                )
            };
        }
        Self(state)
    }
}

impl Drop for Protection {
    fn drop(&mut self) {
        if let Some((_, reset)) = protection() {
            // SAFETY: the state is this thread's, and lives until the thread ends;
            // `reset` takes back what `new` set.
            unsafe { reset(self.0.as_ptr()) };
        }
    }
}

/// What a thread had that ended while nobody could enter Python.
struct Left {
    state: NonNull<ffi::PyThreadState>,
    stack: Option<BigStack>,
}

// SAFETY: its thread has ended, so that whoever has it is the only one who has.
unsafe impl Send for Left {}

static LEFT: Mutex<Vec<Left>> = Mutex::new(Vec::new());

/// Ends what threads have left that ended while the module was unloaded: each would
/// keep a mapping of 8 MiB. Inside an entry, and only once the gate is open again.
///
/// On a thread that has no state of its own: from 3.12 on, to delete a state that
/// was another thread's takes the calling thread's away.
pub fn end_left(py: Python<'_>) {
    if LEFT.lock().is_empty() {
        return;
    }
    py.detach(|| {
        let ended = std::thread::Builder::new()
            .name("mod_rust ends".into())
            .stack_size(SIZE)
            .spawn(|| {
                let all = std::mem::take(&mut *LEFT.lock());
                all.into_iter().for_each(end_state);
            });
        // Where there is no thread, the next load does it.
        if let Ok(ended) = ended {
            let _ = ended.join();
        }
    });
}

fn end_state(Left { state, stack }: Left) {
    // SAFETY: this thread has no state, and that one is of a thread that has ended:
    // it is current nowhere, and in nobody else's hands. Delete gives the lock back.
    unsafe {
        ffi::PyEval_RestoreThread(state.as_ptr());
        ffi::PyThreadState_Clear(state.as_ptr());
        ffi::PyThreadState_DeleteCurrent();
    }
    if let Some(stack) = stack {
        // SAFETY: the thread that ran on it has ended, and the state that had it as its
        // stack is deleted.
        unsafe {
            stack.trim();
            stack.put_back();
        }
    }
}

impl Drop for Thread {
    /// The thread ends: its state goes, which can run finalizers of
    /// `threading.local`, on the big stack and through the gate. While the gate is
    /// closed both are left to [`end_left`]; on the main thread, inside `exit`, for good.
    fn drop(&mut self) {
        let stack = self.stack.get_mut().take();
        let Some(state) = self.state.get() else {
            return;
        };
        if stack.is_none() && !self.is_big.get() {
            return;
        }
        // SAFETY: these take nothing and cannot fail.
        let main = unsafe { libc::getpid() == libc::gettid() };
        if main {
            std::mem::forget(stack);
            return;
        }
        let Some(_inside) = gate::enter() else {
            LEFT.lock().push(Left { state, stack });
            return;
        };
        let end = || {
            // SAFETY: the state is this thread's and not attached; Release gives
            // back the count that pin() took, which ends the state.
            unsafe {
                ffi::PyEval_RestoreThread(state.as_ptr());
                end_locals(Python::assume_attached());
                ffi::PyGILState_Release(ffi::PyGILState_STATE::PyGILState_UNLOCKED);
            }
            stdio::end_last();
        };
        let Some(mut stack) = stack else {
            guard(c"thread end", (), end);
            return;
        };
        let protected = Protection::new(state, &stack);
        guard(c"thread end", (), || {
            corosensei::on_stack(&mut stack, end);
        });
        // The state is gone: there is nothing left to reset.
        std::mem::forget(protected);
        // SAFETY: what ran on it has returned, and the state that had it as its stack is
        // deleted.
        unsafe {
            stack.trim();
            stack.put_back();
        }
    }
}

//! A file handle that C has made, and the commands that act on it.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering::Relaxed};

use bindings::{
    SWITCH_FILE_OPEN as OPEN, SWITCH_FILE_PAUSE as PAUSE, switch_file_handle_t, switch_status_t,
};
use bstr::{BStr, ByteSlice};

use crate::c::*;
use crate::sound::RATE;
use crate::text::number;

/// `SWITCH_FILE_DONE`, which only the core looks at.
const DONE: u32 = 1 << 14;

/// A tone, in which one place is like the other. The core has no such flag: its
/// format has no function that seeks.
const TONE: u32 = 1 << 30;
/// The player's own: but for `uuid_fileman`, which wakes the leg, nobody else looks at it or
/// changes it while it plays.
const OWN: u32 = 1 << 29;

/// The handle. A callback and `uuid_fileman` change it while a file plays, so it is
/// read and written member by member, through its address.
#[derive(Clone, Copy)]
pub(crate) struct Handle(NonNull<switch_file_handle_t>);

macro_rules! members {
    ($($get:ident, $set:ident, $member:ident: $type:ty as $atomic:ty;)+) => {
        $(
            pub(crate) fn $get(self) -> $type {
                // SAFETY: live by the contract of `new`, and aligned as a member.
                unsafe { <$atomic>::from_ptr(&raw mut (*self.0.as_ptr()).$member) }.load(Relaxed)
            }

            pub(crate) fn $set(self, value: $type) {
                // SAFETY: live by the contract of `new`, and aligned as a member; other
                // threads use the member as an atomic, too.
                unsafe { <$atomic>::from_ptr(&raw mut (*self.0.as_ptr()).$member) }.store(value, Relaxed);
            }
        )+
    };
}

impl Handle {
    /// # Safety
    /// `handle` is NULL or stays live while this is used.
    pub(crate) unsafe fn new(handle: *mut switch_file_handle_t) -> Option<Self> {
        NonNull::new(handle).map(Self)
    }

    members! {
        flags, set_flags, flags: u32 as AtomicU32;
        samples, set_samples, samples: u32 as AtomicU32;
        native_rate, set_native_rate, native_rate: u32 as AtomicU32;
        speed, set_speed, speed: i32 as AtomicI32;
        volume, set_volume, vol: i32 as AtomicI32;
        position, set_position, offset_pos: u32 as AtomicU32;
        samples_in, set_samples_in, samples_in: usize as AtomicUsize;
        length, set_length, sample_count: usize as AtomicUsize;
        written, set_written, samples_out: usize as AtomicUsize;
        threshold, set_threshold, thresh: u32 as AtomicU32;
        silence_hits, set_silence_hits, silence_hits: u32 as AtomicU32;
    }

    pub(crate) fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    pub(crate) fn is_open(self) -> bool {
        self.flags() & OPEN.0 != 0
    }

    pub(crate) fn is_paused(self) -> bool {
        self.flags() & PAUSE.0 != 0
    }

    /// A file of that many samples is open.
    pub(crate) fn open(self, length: Option<u64>) {
        self.set_flags((self.flags() & !(PAUSE.0 | DONE | TONE)) | OPEN.0);
        // SAFETY: live by the contract of `new`.
        unsafe {
            (&raw mut (*self.0.as_ptr()).samplerate).write(RATE);
            (&raw mut (*self.0.as_ptr()).channels).write(1);
        }
        self.set_native_rate(RATE);
        self.set_position(0);
        self.set_samples_in(0);
        self.set_length(
            length
                .and_then(|length| usize::try_from(length).ok())
                .unwrap_or(0),
        );
    }

    pub(crate) fn close(self) {
        self.set_flags(self.flags() & !OPEN.0);
    }

    pub(crate) fn is_own(self) {
        self.set_flags(self.flags() | OWN);
    }

    /// Whether how far a tone has come need be known at its end alone.
    pub(crate) fn plays_unseen(self) -> bool {
        self.flags() & (OWN | TONE) == OWN | TONE
    }

    /// What is open is a tone: it is played from its beginning to its end.
    pub(crate) fn is_of_a_tone(self) {
        self.set_flags(self.flags() | TONE);
    }

    /// Moves to a sample, at most to the end of a file that has one.
    pub(crate) fn seek(self, sample: i64) {
        if self.flags() & TONE != 0 {
            return;
        }
        let end = if self.length() > 0 {
            i64::try_from(self.length()).unwrap_or(i64::MAX)
        } else {
            i64::MAX
        };
        self.set_position(u32::try_from(sample.clamp(0, end)).unwrap_or(u32::MAX));
    }
}

/// `switch_ivr_process_fh`: what a callback's return string means.
pub(crate) fn process(command: &BStr, handle: Option<Handle>) -> switch_status_t {
    if command.is_empty() {
        return SUCCESS;
    }
    let begins = |word: &[u8]| {
        command
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if let Some(handle) = handle {
        if !handle.is_open() {
            return FAILURE;
        }
        let value = command.find_byte(b':').map(|at| &command[at + 1..]);
        if begins(b"speed") || begins(b"volume") {
            let (now, set): (i32, fn(Handle, i32)) = if begins(b"speed") {
                (handle.speed(), Handle::set_speed)
            } else {
                (handle.volume(), Handle::set_volume)
            };
            let Some(value) = value else { return FAILURE };
            let step = i32::try_from(number(value)).unwrap_or(0);
            match value.first() {
                Some(b'+' | b'-') => {
                    set(handle, now.saturating_add(if step == 0 { 1 } else { step }));
                }
                _ => set(handle, step),
            }
            return SUCCESS;
        }
        if command.eq_ignore_ascii_case(b"pause") {
            handle.set_flags(handle.flags() ^ PAUSE.0);
            return SUCCESS;
        }
        if command.eq_ignore_ascii_case(b"stop") {
            handle.set_flags(handle.flags() | DONE);
            return FAILURE;
        }
        if command.eq_ignore_ascii_case(b"restart") {
            handle.set_speed(0);
            handle.seek(0);
            return SUCCESS;
        }
        if begins(b"seek") {
            if let Some(value) = value {
                let per_ms = i64::from(handle.native_rate() / 1000);
                let target = match value.first() {
                    Some(b'+' | b'-') => {
                        let step = number(value);
                        let step = if step == 0 { 1000 } else { step };
                        i64::from(handle.position()) + step * per_ms
                    }
                    _ => number(value) * per_ms,
                };
                handle.seek(target);
            }
            return SUCCESS;
        }
    }
    if command == "true" || command == "undefined" {
        SUCCESS
    } else {
        FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_handle(test: impl FnOnce(Handle)) {
        // SAFETY: all zeroes is a handle that nothing is open on.
        let mut handle: Box<switch_file_handle_t> = Box::new(unsafe { std::mem::zeroed() });
        // SAFETY: the box outlives the test.
        test(unsafe { Handle::new(&raw mut *handle) }.expect("not NULL"));
    }

    #[test]
    fn commands_move_and_pause_and_the_rest_stops() {
        with_handle(|handle| {
            handle.open(Some(80_000));
            let run = |command: &str| process(command.into(), Some(handle));
            assert_eq!(run("seek:+2000"), SUCCESS);
            assert_eq!(handle.position(), 16_000);
            assert_eq!(run("seek:-99999"), SUCCESS);
            assert_eq!(handle.position(), 0);
            assert_eq!(run("speed:+1"), SUCCESS);
            assert_eq!(handle.speed(), 1);
            assert_eq!(run("pause"), SUCCESS);
            assert!(handle.is_paused());
            assert_eq!(run("restart"), SUCCESS);
            assert_eq!(handle.speed(), 0);
            for stops in ["stop", "break", "exit", "truncate", "volume"] {
                assert_eq!(run(stops), FAILURE, "{stops}");
            }
            for goes_on in ["", "true", "undefined"] {
                assert_eq!(run(goes_on), SUCCESS, "{goes_on}");
            }
        });
    }

    #[test]
    fn without_a_file_nearly_all_stops() {
        assert_eq!(process("pause".into(), None), FAILURE);
        assert_eq!(process("true".into(), None), SUCCESS);
        with_handle(|closed| assert_eq!(process("true".into(), Some(closed)), FAILURE));
    }
}

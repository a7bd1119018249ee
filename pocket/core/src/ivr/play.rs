//! Playing files.

use std::sync::Arc;

use bindings::{SWITCH_EVENT_PLAYBACK_START, SWITCH_EVENT_PLAYBACK_STOP, switch_file_handle_t};
use bstr::{BStr, BString, ByteSlice};

use super::file::Handle;
use super::input::Input;
use super::sleep::sleep;
use super::speak::in_place_of_file;
use crate::c::*;
use crate::clock::FRAME;
use crate::event::Event;
use crate::session::{Session, say};
use crate::sound::{self, RATE, Sound};
use crate::text::number;
use crate::transcript::Kind;

/// Samples that the core reads at a time, and how many are left when it does.
const BLOCK: u64 = 16_384;
const AHEAD: u64 = 160;

/// Why a file that was heard to its end is not played any more.
const HEARD: &str = "end of file";

/// Why a file is not played any more, and whether the rest of the list is.
struct End {
    status: Status,
    all: bool,
    why: &'static str,
}

impl End {
    fn new(status: Status, all: bool, why: &'static str) -> Self {
        Self { status, all, why }
    }
}

/// `switch_ivr_play_file`: plays a file, or several that `playback_delimiter`
/// separates. A leg that has no media yet gets early media for it.
pub(crate) fn play_file(
    session: &Arc<Session>,
    handle: Option<Handle>,
    file: &BStr,
    input: Option<&mut dyn Input>,
) -> Status {
    match handle {
        Some(handle) => play_files(session, handle, file, input),
        None => play_from(session, 0, file, input),
    }
}

/// As [`play_file`], with a handle of its own, from a sample of the first file on.
pub(crate) fn play_from(
    session: &Arc<Session>,
    start: u32,
    file: &BStr,
    input: Option<&mut dyn Input>,
) -> Status {
    // SAFETY: all zeroes is a handle that nothing is open on.
    let mut own: switch_file_handle_t = unsafe { std::mem::zeroed() };
    // SAFETY: `own` outlives the handle, which only this function uses.
    let Some(handle) = (unsafe { Handle::new(&raw mut own) }) else {
        return FAILURE;
    };
    handle.set_samples(start);
    handle.is_own();
    play_files(session, handle, file, input)
}

fn play_files(
    session: &Arc<Session>,
    handle: Handle,
    file: &BStr,
    mut input: Option<&mut dyn Input>,
) -> Status {
    if session.pre_answer() != SUCCESS || file.is_empty() || !session.media_ready() {
        return FAILURE;
    }
    let mut start = handle.samples();
    handle.set_samples(0);
    let delimiter = session
        .get("playback_delimiter")
        .and_then(|delimiter| delimiter.first().copied());
    let files = match delimiter {
        Some(delimiter) => crate::text::split(file, delimiter, 128),
        None => vec![file.to_owned()],
    };
    let pause = match delimiter {
        Some(_) => session
            .get("playback_sleep_val")
            .map_or(250, |value| number(&value)),
        None => 0,
    };
    let mut status = SUCCESS;
    for (at, file) in files.iter().enumerate() {
        if !session.ready() {
            break;
        }
        if at > 0 {
            start = 0;
            if pause > 0 {
                let milliseconds = u32::try_from(pause).unwrap_or(0);
                status = match &mut input {
                    Some(input) => sleep(session, milliseconds, Some(&mut **input)),
                    None => sleep(session, milliseconds, None),
                };
                if status != SUCCESS {
                    break;
                }
            }
        }
        let end = match &mut input {
            Some(input) => play_one(session, handle, file.as_bstr(), start, Some(&mut **input)),
            None => play_one(session, handle, file.as_bstr(), start, None),
        };
        status = end.status;
        if end.all {
            break;
        }
    }
    status
}

fn play_one(
    session: &Arc<Session>,
    handle: Handle,
    file: &BStr,
    start: u32,
    mut input: Option<&mut dyn Input>,
) -> End {
    let other = match &mut input {
        Some(input) => in_place_of_file(session, file, Some(&mut **input)),
        None => in_place_of_file(session, file, None),
    };
    if let Some(status) = other {
        return End::new(status, status != SUCCESS, "");
    }
    let prefix = session
        .get("sound_prefix")
        .unwrap_or_else(|| session.core.dirs.base.to_string_lossy().as_bytes().into());
    let (path, sound) = match sound::find(file, prefix.as_bstr()) {
        Ok(found) => found,
        Err(missing) if let Some(length) = session.core.sounds.of_missing(&missing) => {
            say!(
                session,
                WARNING,
                "{} pocket plays silence in its place, as missing_sounds says",
                missing.why
            );
            (missing.path, length)
        }
        Err(missing) => {
            say!(session, ERROR, "{}", missing.why);
            let data = vec![("why", "file not found".into())];
            session.note(Kind::Played, missing.path, data);
            return End::new(NOTFOUND, false, "file not found");
        }
    };
    let length = match sound {
        Sound::Samples(samples) => Some(samples),
        Sound::Endless => None,
    };
    handle.open(length);
    if path.starts_with(b"tone_stream") || path.starts_with(b"silence_stream") {
        handle.is_of_a_tone();
    }
    if start > 0 {
        handle.seek(i64::from(start));
    }
    session.set_private(b"__fh", handle.address());
    // The events have the file as it was completed, with its parameters in front,
    // and these as headers, too.
    let parameters = sound::parameters(file);
    let shown = BString::from([sound::in_front(file), &path].concat());
    let kind = ["local_stream", "tone_stream"]
        .into_iter()
        .find(|kind| shown.starts_with(kind.as_bytes()));
    let describe = |event: &mut Event| {
        if let Some(kind) = kind {
            event.add("Playback-File-Type", kind);
        }
        event.add("Playback-File-Path", &shown);
    };
    let add_parameters = |event: &mut Event| {
        for (name, value) in &parameters {
            event.add(name, value);
        }
    };
    session.fire(SWITCH_EVENT_PLAYBACK_START, |event| {
        describe(event);
        add_parameters(event);
    });
    let began = session.core.clock.now();
    session.begin_sound(Kind::Plays, path.as_bstr());
    let end = run(session, handle, length, input);
    let ended = session.core.clock.now();
    say!(session, DEBUG, "done playing file {path}");
    session.set("playback_last_offset_pos", handle.position().to_string());
    let samples = handle.samples_in();
    let rate = usize::try_from(RATE).unwrap_or(1);
    session.set("playback_seconds", (samples / rate).to_string());
    session.set("playback_ms", (samples / (rate / 1000)).to_string());
    session.set("playback_samples", samples.to_string());
    session.fire(SWITCH_EVENT_PLAYBACK_STOP, |event| {
        describe(event);
        event.add(
            "Playback-Status",
            if end.status == BREAK { "break" } else { "done" },
        );
        add_parameters(event);
    });
    let data = vec![
        ("start", BString::from(began.to_string())),
        ("end", ended.to_string().into()),
        ("why", end.why.into()),
    ];
    session.note(Kind::Played, path.clone(), data);
    if end.why == HEARD {
        session.end_sound(path.as_bstr());
    }
    // As the core: of a file around this one, that a callback has interrupted, nothing is left.
    session.set_private(b"__fh", 0);
    handle.close();
    end
}

fn run(
    session: &Arc<Session>,
    handle: Handle,
    length: Option<u64>,
    mut input: Option<&mut dyn Input>,
) -> End {
    let mut ahead = ReadAhead::new(handle);
    let unseen = handle.plays_unseen() && input.as_ref().is_none_or(|input| !input.takes_frames());
    loop {
        if !session.ready() {
            return End::new(
                FAILURE,
                false,
                if session.is_up() { "stopped" } else { "hangup" },
            );
        }
        if let Some(value) = session.take_break() {
            return End::new(BREAK, value == 2, "break");
        }
        session.parse_all_events();
        if let Some(input) = &mut input
            && let Some(end) = look(session, &mut **input)
        {
            return end;
        }
        if length.is_some_and(|length| u64::from(handle.position()) >= length) {
            return End::new(SUCCESS, false, HEARD);
        }
        // Digits and events are taken one a frame.
        if unseen && (input.is_none() || !session.has_digit() && !session.has_diverted_event()) {
            let pace = Pace::of(handle);
            let until = pace.end(handle, length);
            let Some(heard) = session.hear_until(until.map(|time| session.core.clock.now() + time))
            else {
                return End::new(SUCCESS, false, "hangup");
            };
            ahead.advance(handle, length, heard, pace);
            continue;
        }
        // Only what is heard moves the file: while a callback plays one of its own,
        // this one stands still.
        let Some(heard) = session.hear_frame() else {
            return End::new(SUCCESS, false, "hangup");
        };
        if let Some(input) = &mut input {
            let status = input.frame(session);
            if status != SUCCESS {
                return End::new(status, false, "stopped");
            }
        }
        ahead.advance(handle, length, heard.min(FRAME * 50), Pace::of(handle));
    }
}

/// How a file moves on.
#[derive(Clone, Copy)]
struct Pace {
    paused: bool,
    /// Samples that are heard in the time of one: more where the handle's speed is above 0.
    factor: f64,
}

impl Pace {
    fn of(handle: Handle) -> Self {
        let speed = f64::from(handle.speed().clamp(-2, 2));
        Self {
            paused: handle.is_paused(),
            factor: 1.0 / (1.0 - 0.25 * speed),
        }
    }

    /// After how many microseconds a file is at its end; `None` for never.
    fn end(self, handle: Handle, length: Option<u64>) -> Option<i64> {
        let left = length?.saturating_sub(u64::from(handle.position()));
        let micros = left as f64 * 1e6 / (f64::from(RATE) * self.factor);
        (!self.paused).then_some(micros.ceil() as i64)
    }
}

/// One digit and one event for the input callback.
fn look(session: &Arc<Session>, input: &mut dyn Input) -> Option<End> {
    let mut status = SUCCESS;
    let mut why = "digit";
    if session.has_digit() {
        let digit = session.take_digit()?;
        if !input.takes_digits() {
            return Some(End::new(BREAK, true, why));
        }
        status = input.digit(session, digit);
    }
    if input.takes_events()
        && let Some(event) = session.take_diverted()
    {
        let answer = input.event(session, &event);
        if answer != SUCCESS {
            status = answer;
            why = "event";
        }
    }
    (status != SUCCESS).then(|| End::new(status, true, why))
}

/// What was read of a file that is not heard yet: the core reads in blocks, and
/// counts what it has read. After a seek, it reads on from there.
struct ReadAhead {
    /// Where the next is read.
    end: u64,
    /// Where the file stands, unless somebody has moved it.
    position: u32,
}

impl ReadAhead {
    fn new(handle: Handle) -> Self {
        Self {
            end: u64::from(handle.position()),
            position: handle.position(),
        }
    }

    /// Moves on by what was heard in that time, in microseconds.
    fn advance(&mut self, handle: Handle, length: Option<u64>, elapsed: i64, pace: Pace) {
        if handle.position() != self.position {
            *self = Self::new(handle);
        }
        if pace.paused {
            return;
        }
        let samples = (elapsed as f64 * f64::from(RATE) / 1e6 * pace.factor).round();
        let left = length.map_or(u64::from(u32::MAX), |length| {
            length.saturating_sub(u64::from(handle.position()))
        });
        let moved = (samples as u64).min(left);
        let position = u64::from(handle.position()).saturating_add(moved);
        while self.end <= position + AHEAD {
            let block = length.map_or(BLOCK, |length| length.saturating_sub(self.end).min(BLOCK));
            if block == 0 {
                break;
            }
            self.end += block;
            let read = usize::try_from(block).unwrap_or(0);
            handle.set_samples_in(handle.samples_in().saturating_add(read));
        }
        self.position = u32::try_from(position).unwrap_or(u32::MAX);
        handle.set_position(self.position);
    }
}

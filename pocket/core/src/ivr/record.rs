//! Recording: a real file, as long as the recording was, with silence in it.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bindings::{SWITCH_EVENT_RECORD_START, SWITCH_EVENT_RECORD_STOP, switch_file_handle_t};
use bstr::{BStr, BString, ByteSlice};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::file::Handle;
use super::input::Input;
use super::sleep::look;
use crate::c::*;
use crate::cause;
use crate::clock::FRAME;
use crate::session::{Session, say};
use crate::sound::{RATE, length};
use crate::text::{is_number, number};
use crate::transcript::Kind;

const SPEC: WavSpec = WavSpec {
    channels: 1,
    sample_rate: RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// Frames of a second.
const FRAMES: u32 = 50;
/// Seconds of silence that end a recording when no number of them is given.
const SILENCE: u32 = 3;

type Writer = WavWriter<BufWriter<File>>;

/// Where `file` is recorded to, as the core completes it.
pub(super) fn complete(session: &Session, file: &BStr) -> PathBuf {
    if file.starts_with(b"/") {
        return file.to_path_lossy().into_owned();
    }
    let prefix = session.get("sound_prefix").map_or_else(
        || session.core.dirs.sounds(),
        |prefix| prefix.to_path_lossy().into_owned(),
    );
    prefix.join(&*file.to_path_lossy())
}

pub(super) fn create(session: &Session, path: &Path) -> Result<Writer, String> {
    let extension = path.extension().unwrap_or_default();
    if !length::is_known(extension.as_encoded_bytes()) {
        return Err(format!(
            "Invalid file format [{}] for [{}]!",
            extension.to_string_lossy(),
            path.display()
        ));
    }
    if !extension.eq_ignore_ascii_case("wav") {
        say!(
            session,
            WARNING,
            "pocket writes {} as WAV, whatever its extension",
            path.display()
        );
    }
    let made = if session.is_true("RECORD_APPEND") && path.exists() {
        WavWriter::append(path)
    } else {
        WavWriter::create(path, SPEC)
    };
    made.map_err(|error| format!("Error Opening File [{}] [{error}]", path.display()))
}

/// `switch_ivr_record_file`: until `limit` seconds are over, the far end was silent
/// for long enough, or the caller's callback has heard enough. A file that cannot
/// be written hangs the leg up.
pub(crate) fn record(
    session: &Arc<Session>,
    handle: Option<Handle>,
    file: &BStr,
    input: Option<&mut dyn Input>,
    limit: u32,
) -> Status {
    if session.pre_answer() != SUCCESS || file.is_empty() || !session.media_ready() {
        return FAILURE;
    }
    // SAFETY: all zeroes is a handle that nothing is open on.
    let mut own: switch_file_handle_t = unsafe { std::mem::zeroed() };
    // SAFETY: `own` outlives the handle, which only this function uses.
    let own = unsafe { Handle::new(&raw mut own) };
    let Some(handle) = handle.or(own) else {
        return FAILURE;
    };
    let path = complete(session, file);
    let shown = BString::from(path.as_os_str().as_encoded_bytes());
    let mut writer = match create(session, &path) {
        Ok(writer) => writer,
        Err(why) => {
            say!(session, ERROR, "{why}");
            session.hangup(cause::DESTINATION_OUT_OF_ORDER);
            return GENERR;
        }
    };
    let hits = if handle.threshold() > 0 {
        let seconds = match handle.silence_hits() {
            0 => SILENCE,
            seconds => seconds,
        };
        Some(seconds.saturating_mul(FRAMES))
    } else {
        None
    };
    handle.open(None);
    handle.set_written(0);
    session.set("silence_hits_exhausted", "false");
    session.fire(SWITCH_EVENT_RECORD_START, |event| {
        event.add("Record-File-Path", &shown);
    });
    let began = session.core.clock.now();
    let (status, why) = run(session, handle, &mut writer, input, limit, hits);
    let ended = session.core.clock.now();
    handle.close();
    if let Err(error) = writer.finalize() {
        say!(session, ERROR, "Error closing {shown}: {error}");
    }
    let samples = handle.written();
    session.set("record_seconds", (samples / 8000).to_string());
    session.set("record_ms", (samples / 8).to_string());
    session.set("record_samples", samples.to_string());
    session.note(
        Kind::Recorded,
        shown.clone(),
        vec![
            ("start", began.to_string().into()),
            ("end", ended.to_string().into()),
            ("why", why.into()),
        ],
    );
    session.fire(SWITCH_EVENT_RECORD_STOP, |event| {
        event.add("Record-File-Path", &shown);
    });
    status
}

/// Records until something ends it, and tells what that was.
fn run(
    session: &Arc<Session>,
    handle: Handle,
    writer: &mut Writer,
    mut input: Option<&mut dyn Input>,
    limit: u32,
    hits: Option<u32>,
) -> (Status, &'static str) {
    let clock = &session.core.clock;
    // The core counts whole seconds of the wall's clock.
    let second = || clock.epoch_now() / 1_000_000;
    let mut since = second();
    let restarts = session.is_true("record_restart_limit_on_dtmf");
    // How long it has been silent, in microseconds of what was heard: while a
    // callback plays a file, nothing is.
    let mut silent = 0;
    loop {
        if !session.ready() {
            // As in the core a hangup ends a recording well.
            return if session.is_up() {
                (FAILURE, "stopped")
            } else {
                (SUCCESS, "hangup")
            };
        }
        if session.take_break().is_some() {
            return (BREAK, "break");
        }
        session.parse_all_events();
        if limit > 0 && second() - since > i64::from(limit) {
            return (SUCCESS, "limit");
        }
        if let Some(input) = &mut input {
            let digit = session.has_digit();
            if digit && restarts {
                since = second();
            }
            let status = look(session, &mut **input);
            if status != SUCCESS {
                return (status, if digit { "digit" } else { "event" });
            }
            // The core reads the next frame before it looks again, and gets none.
            if !session.is_up() {
                return (FAILURE, "hangup");
            }
        }
        let Some(heard) = session.hear_frame() else {
            return (SUCCESS, "hangup");
        };
        if let Some(input) = &mut input {
            let status = input.frame(session);
            if status != SUCCESS {
                return (status, "stopped");
            }
        }
        let samples = usize::try_from(heard * i64::from(RATE) / 1_000_000).unwrap_or(0);
        if samples == 0 {
            continue;
        }
        if let Some(hits) = hits {
            silent = if session.is_silent() {
                silent + heard
            } else {
                0
            };
            if silent >= i64::from(hits) * FRAME {
                session.set("silence_hits_exhausted", "true");
                return (SUCCESS, "silence");
            }
        }
        if !handle.is_paused() {
            for _ in 0..samples {
                if writer.write_sample(0i16).is_err() {
                    return (SUCCESS, "file error");
                }
            }
            handle.set_written(handle.written() + samples);
        }
    }
}

/// `switch_ivr_insert_file`: puts one file into another, at a sample.
pub(crate) fn insert(session: &Session, file: &BStr, inserted: &BStr, at: usize) -> Status {
    let read = |path: &BStr| {
        let samples = WavReader::open(path.to_path_lossy())
            .and_then(|mut reader| reader.samples::<i16>().collect::<Result<Vec<_>, _>>());
        samples
            .inspect_err(|_| say!(session, ERROR, "Failed to open file {path}"))
            .ok()
    };
    let (Some(mut all), Some(new)) = (read(file), read(inserted)) else {
        return GENERR;
    };
    let at = at.min(all.len());
    all.splice(at..at, new);
    let written = WavWriter::create(file.to_path_lossy(), SPEC).and_then(|mut writer| {
        for sample in all {
            writer.write_sample(sample)?;
        }
        writer.finalize()
    });
    match written {
        Ok(()) => SUCCESS,
        Err(error) => {
            say!(session, ERROR, "Failed to write file {file}: {error}");
            GENERR
        }
    }
}

/// The arguments of `record`: path, seconds, threshold, silence.
pub(crate) fn application(session: &Arc<Session>, data: &BStr, input: &mut dyn Input) -> Status {
    let words = crate::text::split(data, b' ', 4);
    let Some(path) = words.first() else {
        say!(session, ERROR, "No file specified.");
        return FAILURE;
    };
    let numbered = |at: usize| {
        words
            .get(at)
            .filter(|word| is_number(word))
            .and_then(|word| u32::try_from(number(word)).ok())
            .unwrap_or(0)
    };
    // SAFETY: all zeroes is a handle that nothing is open on.
    let mut handle: switch_file_handle_t = unsafe { std::mem::zeroed() };
    // SAFETY: `handle` outlives its use below.
    let handle = unsafe { Handle::new(&raw mut handle) };
    if let Some(handle) = handle {
        handle.set_threshold(numbered(2));
        handle.set_silence_hits(numbered(3));
    }
    record(session, handle, path.as_bstr(), Some(input), numbered(1))
}

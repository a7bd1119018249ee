//! Recording a leg while it does something else: a file, as long as the recording was,
//! with silence in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

use bindings::{SWITCH_EVENT_RECORD_START, SWITCH_EVENT_RECORD_STOP};
use bstr::{BStr, BString, ByteSlice};
use hound::WavWriter;

use super::record::{complete, create};
use crate::c::*;
use crate::session::{Session, say};
use crate::sound::RATE;
use crate::text::number;
use crate::transcript::Kind;

struct Recording {
    path: PathBuf,
    writer: WavWriter<BufWriter<File>>,
    began: i64,
    /// What has been recorded before the last pause, and since when it goes on.
    recorded: i64,
    since: Option<i64>,
}

/// Recordings of a leg, by the name that they were started with.
#[derive(Default)]
struct Recordings(BTreeMap<BString, Recording>);

/// `switch_ivr_record_session`: for so many seconds, or until it is stopped.
pub(crate) fn start(session: &Arc<Session>, file: &BStr, limit: i64) -> Status {
    if session.pre_answer() != SUCCESS {
        return FAILURE;
    }
    if !session.media_ready() {
        say!(
            session,
            ERROR,
            "Can not record session.  Media not enabled on channel"
        );
        return FAILURE;
    }
    if session.attached.get::<Recordings>().0.contains_key(file) {
        if session.is_true("RECORD_TOGGLE_ON_REPEAT") {
            return stop(session, file, "stopped");
        }
        say!(session, WARNING, "Already recording [{file}]");
        return SUCCESS;
    }
    let path = complete(session, file);
    let writer = match create(session, &path) {
        Ok(writer) => writer,
        Err(why) => {
            say!(session, ERROR, "{why}");
            if session.is_true("RECORD_HANGUP_ON_ERROR") {
                session.hangup(crate::cause::DESTINATION_OUT_OF_ORDER);
            }
            return GENERR;
        }
    };
    let now = session.core.clock.now();
    let shown = BString::from(path.as_os_str().as_encoded_bytes());
    let recording = Recording {
        path,
        writer,
        began: now,
        recorded: 0,
        since: Some(now),
    };
    session
        .attached
        .get::<Recordings>()
        .0
        .insert(file.to_owned(), recording);
    session.fire(SWITCH_EVENT_RECORD_START, |event| {
        event.add("Record-File-Path", &shown);
    });
    if limit > 0 {
        let (weak, file) = (Arc::downgrade(session), file.to_owned());
        let at = now + limit * 1_000_000;
        session.core.timers.at(at, move || {
            if let Some(session) = weak.upgrade() {
                let same = {
                    let recordings = session.attached.get::<Recordings>();
                    let found = recordings.0.get(&file);
                    found.is_some_and(|recording| recording.began == now)
                };
                if same {
                    stop(&session, file.as_bstr(), "limit");
                }
            }
        });
    }
    SUCCESS
}

/// Ends one recording, or with `all` each of them.
pub(crate) fn stop(session: &Arc<Session>, file: &BStr, why: &str) -> Status {
    let ended: Vec<Recording> = {
        let mut recordings = session.attached.get::<Recordings>();
        if file.eq_ignore_ascii_case(b"all") {
            std::mem::take(&mut recordings.0).into_values().collect()
        } else {
            recordings.0.remove(file).into_iter().collect()
        }
    };
    if ended.is_empty() {
        return FAILURE;
    }
    for recording in ended {
        finish(session, recording, why);
    }
    SUCCESS
}

/// Whether it is paused from here on; what is masked is recorded, as silence.
pub(crate) fn pause(session: &Session, file: &BStr, paused: bool) -> Status {
    let now = session.core.clock.now();
    let mut recordings = session.attached.get::<Recordings>();
    let Some(recording) = recordings.0.get_mut(file) else {
        return FAILURE;
    };
    if let Some(since) = recording.since.take() {
        recording.recorded += now - since;
    }
    recording.since = (!paused).then_some(now);
    SUCCESS
}

/// Whether there is a recording of that name.
pub(crate) fn is_running(session: &Session, file: &BStr) -> bool {
    session.attached.get::<Recordings>().0.contains_key(file)
}

fn finish(session: &Arc<Session>, mut recording: Recording, why: &str) {
    let now = session.core.clock.now();
    let micros = recording.recorded + recording.since.map_or(0, |since| now - since);
    let samples = micros * i64::from(RATE) / 1_000_000;
    let written = (0..samples).try_for_each(|_| recording.writer.write_sample(0i16));
    let shown = BString::from(recording.path.as_os_str().as_encoded_bytes());
    if let Err(error) = written.and_then(|()| recording.writer.finalize()) {
        say!(session, ERROR, "Error closing {shown}: {error}");
    }
    let shortest = session
        .get("RECORD_MIN_SEC")
        .map_or(0, |value| number(&value) * i64::from(RATE));
    if samples < shortest.max(1) && !session.is_true("RECORD_APPEND") {
        let what = if samples == 0 { "empty" } else { "short" };
        say!(session, DEBUG, "Discarding {what} file {shown}");
        session.set("RECORD_DISCARDED", "true");
        // If it was moved away, it stays there.
        let _ = std::fs::remove_file(&recording.path);
    }
    session.set("record_seconds", (samples / i64::from(RATE)).to_string());
    session.set("record_ms", (samples * 1000 / i64::from(RATE)).to_string());
    session.set("record_samples", samples.to_string());
    let data = vec![
        ("start", recording.began.to_string().into()),
        ("end", now.to_string().into()),
        ("why", why.into()),
    ];
    session.note(Kind::Recorded, shown.clone(), data);
    session.fire(SWITCH_EVENT_RECORD_STOP, |event| {
        event.add("Record-File-Path", &shown);
    });
}

//! Records on the disk that no server has acknowledged yet.
//!
//! A folder of segments, `NUMBER.records`, one record a line; beside each `NUMBER.sent`
//! says up to which byte a server has them. One thread writes, one sends; a segment whose
//! records are all sent is deleted. A line that a crash has cut is left out.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// After how many bytes another segment is begun.
const SEGMENT: u64 = 4 << 20;
/// How many bytes and lines are read at once, to be sent; no line is longer.
const BATCH: usize = 1 << 20;
const LINES: usize = 1000;

/// A file of lines, and how far it was sent.
struct Segment {
    number: u64,
    size: u64,
    sent: u64,
}

#[derive(Default)]
struct State {
    segments: VecDeque<Segment>,
    /// The segment that is written to right now: it must not be deleted.
    written_to: Option<u64>,
}

/// The folder, locked against other processes for as long as this lives.
pub(super) struct Spool {
    folder: PathBuf,
    limit: AtomicU64,
    state: Mutex<State>,
    /// Something was written.
    pub(super) written: Notify,
    _lock: File,
}

/// Lines to send, the oldest first.
pub(super) struct Batch {
    number: u64,
    end: u64,
    /// Each without its end of line.
    pub(super) lines: Vec<Vec<u8>>,
}

/// What writes; there is one.
pub(super) struct Writer {
    file: Option<(u64, File)>,
}

impl Spool {
    /// Opens the folder, made where it is not there; it holds up to `limit` bytes.
    pub(super) fn open(folder: PathBuf, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                io::Error::other("another switch has its records in this folder")
            }
            fs::TryLockError::Error(error) => error,
        })?;
        let mut segments: Vec<_> = fs::read_dir(&folder)?
            .filter_map(|entry| number_of(&entry.ok()?.path()))
            .collect();
        segments.sort_unstable();
        let found: io::Result<VecDeque<_>> = segments
            .into_iter()
            .map(|number| found(&folder, number))
            .collect();
        let spool = Self {
            folder,
            limit: AtomicU64::new(limit),
            state: Mutex::new(State {
                segments: found?,
                written_to: None,
            }),
            written: Notify::new(),
            _lock: lock,
        };
        spool.drop_sent();
        Ok(spool)
    }

    /// Holds up to so many bytes from now on.
    pub(super) fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// How many bytes wait to be sent.
    pub(super) fn waiting(&self) -> u64 {
        let state = self.state.lock();
        state.segments.iter().map(|s| s.size - s.sent).sum()
    }

    /// Writes lines, each with its end; when this returns they are on the disk, all or none.
    pub(super) fn append(&self, writer: &mut Writer, lines: &[u8]) -> io::Result<()> {
        let limit = self.limit.load(Ordering::Relaxed);
        if self.waiting() + lines.len() as u64 > limit {
            return Err(io::Error::other(format!(
                "the records that wait for the bus have reached their limit of {} MB",
                limit >> 20
            )));
        }
        let (number, size) = self.begin_to_write(writer)?;
        let outcome = writer.write(number, lines);
        let mut state = self.state.lock();
        state.written_to = None;
        match &outcome {
            Ok(()) => {
                if let Some(segment) = state.segments.back_mut() {
                    segment.size += lines.len() as u64;
                }
            }
            // Half a line must not stand before the next one.
            Err(_) => writer.cut(size),
        }
        drop(state);
        self.written.notify_one();
        outcome
    }

    /// The segment to write to, and its size; it is kept until `append` is over.
    fn begin_to_write(&self, writer: &mut Writer) -> io::Result<(u64, u64)> {
        let mut state = self.state.lock();
        let last = state.segments.back().map(|s| (s.number, s.size));
        let open = writer.file.as_ref().map(|(number, _)| *number);
        let (number, size) = match last {
            Some((number, size)) if open == Some(number) && size < SEGMENT => (number, size),
            _ => {
                let number = last.map_or(0, |(number, _)| number).max(open.unwrap_or(0)) + 1;
                let path = self.path(number);
                let file = OpenOptions::new()
                    .append(true)
                    .create_new(true)
                    .open(path)?;
                // The folder's entry has to be on the disk, too.
                File::open(&self.folder)?.sync_all()?;
                writer.file = Some((number, file));
                state.segments.push_back(Segment {
                    number,
                    size: 0,
                    sent: 0,
                });
                (number, 0)
            }
        };
        state.written_to = Some(number);
        Ok((number, size))
    }

    /// The oldest lines that were not sent; nothing where all were.
    pub(super) fn next(&self) -> io::Result<Option<Batch>> {
        let oldest = {
            let state = self.state.lock();
            let unsent = state.segments.iter().find(|s| s.sent < s.size);
            unsent.map(|s| (s.number, s.sent, s.size))
        };
        let Some((number, sent, size)) = oldest else {
            return Ok(None);
        };
        let mut file = File::open(self.path(number))?;
        file.seek(SeekFrom::Start(sent))?;
        let most = usize::try_from(size - sent).map_or(BATCH, |left| left.min(BATCH));
        let mut bytes = vec![0; most];
        file.read_exact(&mut bytes)?;
        // The last may be cut where the batch ends; it comes with the next.
        let ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n');
        let whole = ends.take(LINES).last().map_or(most, |(at, _)| at + 1);
        bytes.truncate(whole);
        let lines = bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty());
        Ok(Some(Batch {
            number,
            end: sent + whole as u64,
            lines: lines.map(<[u8]>::to_vec).collect(),
        }))
    }

    /// These have been sent: they do not come again, nor after a restart.
    pub(super) fn sent(&self, batch: &Batch) -> io::Result<()> {
        let mut state = self.state.lock();
        if let Some(segment) = state.segments.iter_mut().find(|s| s.number == batch.number) {
            segment.sent = batch.end;
        }
        drop(state);
        self.drop_sent();
        if self.path(batch.number).exists() {
            fs::write(self.path_of_sent(batch.number), batch.end.to_string())?;
        }
        Ok(())
    }

    /// Puts a line aside that no server takes.
    pub(super) fn put_aside(&self, line: &[u8]) -> io::Result<PathBuf> {
        let path = self.folder.join("refused.jsonl");
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        file.write_all(&[line, b"\n"].concat())?;
        file.sync_data()?;
        Ok(path)
    }

    /// Deletes segments that have nothing more to send.
    fn drop_sent(&self) {
        let mut state = self.state.lock();
        let written_to = state.written_to;
        state.segments.retain(|segment| {
            let over = segment.sent == segment.size && written_to != Some(segment.number);
            if over {
                // One that stays is read again after a restart, and has nothing to send then.
                let _ = fs::remove_file(self.path(segment.number));
                let _ = fs::remove_file(self.path_of_sent(segment.number));
            }
            !over
        });
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:012}.records"))
    }

    fn path_of_sent(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:012}.sent"))
    }
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { file: None }
    }

    fn write(&mut self, number: u64, lines: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().filter(|(open, _)| *open == number);
        let (_, file) = file.ok_or_else(|| io::Error::other("no segment is open"))?;
        file.write_all(lines)?;
        file.sync_data()
    }

    fn cut(&mut self, size: u64) {
        if let Some((_, file)) = &self.file
            && file.set_len(size).is_err()
        {
            // Nothing more is written behind it.
            self.file = None;
        }
    }
}

fn number_of(path: &Path) -> Option<u64> {
    let is_segment = path.extension().is_some_and(|end| end == "records");
    path.file_stem()
        .filter(|_| is_segment)?
        .to_str()?
        .parse()
        .ok()
}

/// A segment that an earlier run has left.
fn found(folder: &Path, number: u64) -> io::Result<Segment> {
    let path = folder.join(format!("{number:012}.records"));
    let bytes = fs::read(&path)?;
    let size = bytes
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |at| at + 1);
    if size < bytes.len() {
        let lost = bytes.len() - size;
        tracing::warn!(
            "MR0024 {}: the last {lost} bytes are half a record that was being written when the switch died",
            path.display()
        );
        OpenOptions::new()
            .write(true)
            .open(&path)?
            .set_len(size as u64)?;
    }
    let sent = fs::read_to_string(folder.join(format!("{number:012}.sent"))).ok();
    let sent = sent.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    Ok(Segment {
        number,
        size: size as u64,
        sent: sent.min(size as u64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("spool-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn texts(batch: Option<Batch>) -> Vec<String> {
        let lines = batch.map(|batch| batch.lines).unwrap_or_default();
        lines
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    #[test]
    fn what_was_not_sent_comes_after_a_restart_and_what_was_does_not() {
        let folder = folder("restart");
        let spool = Spool::open(folder.clone(), 1 << 20).unwrap();
        let mut writer = Writer::new();
        spool.append(&mut writer, b"a\nb\n").unwrap();
        let first = spool.next().unwrap().unwrap();
        spool.append(&mut writer, b"c\n").unwrap();
        spool.sent(&first).unwrap();
        assert_eq!(spool.waiting(), 2);
        drop(spool);

        // A crash has cut the last line.
        let segment = folder.join("000000000001.records");
        let mut file = OpenOptions::new().append(true).open(segment).unwrap();
        file.write_all(b"half of a").unwrap();
        let spool = Spool::open(folder.clone(), 1 << 20).unwrap();
        let mut writer = Writer::new();
        spool.append(&mut writer, b"d\n").unwrap();
        let batch = spool.next().unwrap().unwrap();
        assert_eq!(batch.lines, [b"c".to_vec()]);
        spool.sent(&batch).unwrap();
        let batch = spool.next().unwrap().unwrap();
        assert_eq!(batch.lines, [b"d".to_vec()]);
        spool.sent(&batch).unwrap();
        assert_eq!(texts(spool.next().unwrap()), [""; 0]);
        // Nothing is left of what was sent, and a new segment is begun.
        let files = || fs::read_dir(&folder).unwrap().count();
        assert_eq!(files(), 1);
        spool.append(&mut writer, b"e\n").unwrap();
        assert_eq!(texts(spool.next().unwrap()), ["e"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_full_spool_refuses_and_one_folder_is_one_switchs() {
        let folder = folder("full");
        let spool = Spool::open(folder.clone(), 4).unwrap();
        let mut writer = Writer::new();
        spool.append(&mut writer, b"abc\n").unwrap();
        let refused = spool.append(&mut writer, b"d\n").unwrap_err();
        assert!(refused.to_string().contains("limit"), "{refused}");
        let other = Spool::open(folder.clone(), 4).err().unwrap();
        assert!(other.to_string().contains("another switch"), "{other}");
        let batch = spool.next().unwrap().unwrap();
        spool.sent(&batch).unwrap();
        spool.append(&mut writer, b"d\n").unwrap();
        assert_eq!(texts(spool.next().unwrap()), ["d"]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn many_segments_come_in_their_order() {
        let folder = folder("many");
        let spool = Spool::open(folder.clone(), 1 << 30).unwrap();
        let mut writer = Writer::new();
        let long = vec![b'x'; 700_000];
        for number in 0..14 {
            let mut line = format!("{number} ").into_bytes();
            line.extend_from_slice(&long);
            line.push(b'\n');
            spool.append(&mut writer, &line).unwrap();
        }
        assert!(fs::read_dir(&folder).unwrap().count() > 2);
        let mut seen = Vec::new();
        while let Some(batch) = spool.next().unwrap() {
            for line in &batch.lines {
                let text = String::from_utf8_lossy(line);
                seen.push(text.split(' ').next().unwrap().parse::<u32>().unwrap());
            }
            spool.sent(&batch).unwrap();
        }
        assert_eq!(seen, (0..14).collect::<Vec<_>>());
        fs::remove_dir_all(folder).unwrap();
    }
}

//! The switch's log: levels as the core has them, lines kept for tests.

use std::fmt::Arguments;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use bstr::{BStr, BString, ByteSlice};
use parking_lot::{Mutex, RwLock};

use crate::clock::Clock;
use crate::newest::Newest;
use crate::place::{Place, base_name};

/// Lines kept until they are taken; older ones go.
const KEPT: usize = 100_000;
/// Bytes of them.
const KEPT_BYTES: usize = 64 << 20;

pub(crate) const DISABLE: i32 = -1;
pub(crate) const CONSOLE: i32 = 0;
pub(crate) const ALERT: i32 = 1;
pub(crate) const CRIT: i32 = 2;
pub(crate) const ERROR: i32 = 3;
pub(crate) const WARNING: i32 = 4;
pub(crate) const NOTICE: i32 = 5;
pub(crate) const INFO: i32 = 6;
pub(crate) const DEBUG: i32 = 7;
/// What the core answers for a name that is no level.
pub(crate) const INVALID: i32 = 64;

const NAMES: [&str; 8] = [
    "CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG",
];

/// The level's name as the log shows it.
pub(crate) fn level_name(level: i32) -> &'static str {
    match usize::try_from(level) {
        Ok(level) => NAMES.get(level).copied().unwrap_or("DEBUG"),
        Err(_) => "DISABLE",
    }
}

/// The level of a name or a number; [`INVALID`] for anything else. As in the
/// core no text at all is a number, 0.
pub(crate) fn parse_level(text: &[u8]) -> i32 {
    if text.is_empty() || crate::text::is_number(text) || matches!(text, b"-" | b"+") {
        let number = crate::text::number(text).max(0);
        return i32::try_from(number).unwrap_or(i32::MAX).min(INVALID - 1);
    }
    let upper = text.to_ascii_uppercase();
    match upper.as_slice() {
        b"DISABLE" => DISABLE,
        name => NAMES
            .iter()
            .position(|known| known.as_bytes() == name)
            .and_then(|at| i32::try_from(at).ok())
            .unwrap_or(INVALID),
    }
}

/// One line of the log.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// Microseconds of the switch's clock.
    pub time: i64,
    /// The level: 0 console to 7 debug.
    pub level: i32,
    /// Source file, without folders.
    pub file: BString,
    /// Line in that file.
    pub line: i32,
    /// Function, or the module path of Rust code.
    pub function: BString,
    /// The call that it is about, empty when none.
    pub uuid: BString,
    /// The text, without its line end.
    pub text: BString,
}

impl LogLine {
    /// The level's name.
    #[must_use]
    pub fn level_name(&self) -> &'static str {
        level_name(self.level)
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        size_of::<Self>()
            + self.file.len()
            + self.function.len()
            + self.uuid.len()
            + self.text.len()
    }
}

/// Up to which level lines are given, and to whom.
type Feed = (i32, Box<dyn Fn(LogLine) + Send + Sync>);

/// The log of one switch.
pub(crate) struct Log {
    clock: Arc<Clock>,
    lines: Mutex<Newest<LogLine>>,
    level: AtomicI32,
    debug_level: AtomicI32,
    /// Up to which level lines also go to stderr.
    console: AtomicI32,
    /// Up to which level somebody outside of the switch gets lines, too.
    feed: RwLock<Option<Feed>>,
}

impl Log {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        Self {
            clock,
            lines: Mutex::new(Newest::new(KEPT, KEPT_BYTES)),
            level: AtomicI32::new(DEBUG),
            debug_level: AtomicI32::new(0),
            console: AtomicI32::new(DISABLE),
            feed: RwLock::default(),
        }
    }

    /// Sets who gets lines from here on, which must not log; `None` ends it.
    pub(crate) fn feed(&self, to: Option<Feed>) {
        *self.feed.write() = to;
    }

    pub(crate) fn level(&self) -> i32 {
        self.level.load(Ordering::Relaxed)
    }

    /// `SCSC_LOGLEVEL`: sets what is -1 or more, caps at DEBUG, tells what holds.
    pub(crate) fn control(&self, level: i32) -> i32 {
        if level >= DISABLE {
            self.level.store(level.min(DEBUG), Ordering::Relaxed);
        }
        self.level()
    }

    pub(crate) fn set_debug_level(&self, level: i32) -> i32 {
        if level >= 0 {
            self.debug_level.store(level.min(10), Ordering::Relaxed);
        }
        self.debug_level.load(Ordering::Relaxed)
    }

    pub(crate) fn console_level(&self) -> i32 {
        self.console.load(Ordering::Relaxed)
    }

    pub(crate) fn set_console_level(&self, level: i32) {
        self.console.store(level, Ordering::Relaxed);
    }

    /// Whether a line of `level` is kept; a session's own level can let more in.
    pub(crate) fn takes(&self, level: i32, session_level: Option<i32>) -> Option<i32> {
        let limit = self.level();
        if limit == DISABLE {
            return None;
        }
        if level > 100 {
            return (level - 100 <= self.debug_level.load(Ordering::Relaxed)).then_some(ALERT);
        }
        let limit = session_level.map_or(limit, |own| limit.max(own));
        (level <= limit).then_some(level)
    }

    /// Keeps the line when its level is taken.
    pub(crate) fn write(
        &self,
        level: i32,
        place: Place<'_>,
        uuid: &[u8],
        session_level: Option<i32>,
        text: &[u8],
    ) {
        let Some(level) = self.takes(level, session_level) else {
            return;
        };
        let line = LogLine {
            time: self.clock.now(),
            level,
            file: base_name(place.file).into(),
            line: place.line,
            function: place.function.to_owned(),
            uuid: uuid.into(),
            text: text.strip_suffix(b"\n").unwrap_or(text).into(),
        };
        if level <= self.console_level() {
            // An error of stderr must not affect the call.
            let _ = writeln!(std::io::stderr(), "{}", render(&line));
        }
        let mut kept = self.lines.lock();
        if let Some((limit, give)) = self.feed.read().as_ref()
            && level <= *limit
        {
            give(line.clone());
        }
        kept.push(line.size(), line);
    }

    pub(crate) fn format(
        &self,
        level: i32,
        place: Place<'_>,
        uuid: &[u8],
        session_level: Option<i32>,
        text: Arguments<'_>,
    ) {
        if self.takes(level, session_level).is_some() {
            self.write(
                level,
                place,
                uuid,
                session_level,
                text.to_string().as_bytes(),
            );
        }
    }

    /// The lines since they were last taken.
    pub(crate) fn take(&self) -> Vec<LogLine> {
        self.lines.lock().take()
    }
}

/// A line as a person reads it.
fn render(line: &LogLine) -> String {
    let seconds = line.time as f64 / 1e6;
    let uuid = if line.uuid.is_empty() {
        BStr::new("")
    } else {
        line.uuid.as_bstr()
    };
    format!(
        "{uuid} {seconds:.3} [{}] {}:{} {}",
        line.level_name(),
        line.file,
        line.line,
        line.text
    )
    .trim_ascii_start()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::here;

    fn log() -> Log {
        Log::new(Arc::new(Clock::new(false)))
    }

    #[test]
    fn levels_have_names_and_numbers() {
        assert_eq!(parse_level(b"err"), ERROR);
        assert_eq!(
            [b"4".as_slice(), b"+4", b"4.9"].map(parse_level),
            [WARNING; 3]
        );
        assert_eq!(
            [b"".as_slice(), b"-1", b"console"].map(parse_level),
            [CONSOLE; 3]
        );
        assert_eq!(
            [b"error".as_slice(), b"debug3", b"loud", b"1x"].map(parse_level),
            [INVALID; 4]
        );
        assert_eq!(parse_level(b"9"), 9);
        assert_eq!(level_name(ERROR), "ERR");
    }

    #[test]
    fn asking_with_minus_two_changes_nothing_and_minus_one_switches_off() {
        let log = log();
        assert_eq!(log.control(-2), DEBUG);
        assert_eq!(log.control(-1), DISABLE);
        log.write(CRIT, here!(), b"", None, b"unheard");
        assert!(log.take().is_empty());
    }

    #[test]
    fn lines_above_the_level_are_dropped_unless_the_session_wants_them() {
        let log = log();
        log.control(ERROR);
        log.write(INFO, here!(), b"", None, b"no");
        log.write(INFO, here!(), b"", Some(DEBUG), b"yes\n");
        log.write(101, here!(), b"", Some(DEBUG), b"no");
        let texts: Vec<_> = log.take().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["yes"]);
    }
}

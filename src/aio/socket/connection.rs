//! One link's connection: it is made, read from, and made again when it is lost.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::dialog::{Dialog, Failure, Heard};
use super::framing::Framer;
use super::link::{Answer, Shared};
use super::tap::{self, Want};
use freeswitch::event::Kind;

/// How long after a failure it is tried again: at first, and at most.
const SOON: Duration = Duration::from_millis(250);
const LATE: Duration = Duration::from_secs(15);
/// How long a switch may say nothing once it was asked whether it is there; and
/// while it carries out a command, for which it leaves all else.
const MUTE: Duration = Duration::from_secs(10);
const MUTE_AT_WORK: Duration = Duration::from_mins(2);
/// How much a switch may leave unread.
const UNREAD: usize = 16 << 20;
/// How often a socket is read from before others get their turn.
const READS: usize = 16;
const PING: &[u8] = b"api global_getvar core_uuid\n\n";

enum Stage {
    /// Its addresses are looked up.
    Resolving,
    Connecting(TcpStream),
    Talking(TcpStream),
    /// It is to be tried again.
    Waiting,
    Over,
}

/// Looks the addresses of a host up, for the link with this number.
pub(super) type LookUp = fn(usize, &str, u16);

pub(super) struct Connection {
    shared: Arc<Shared>,
    look_up: LookUp,
    token: Token,
    stage: Stage,
    /// When it is to be looked at without being asked.
    deadline: Option<Instant>,
    addresses: Vec<SocketAddr>,
    framer: Framer,
    dialog: Dialog<Answer>,
    /// Failures in a row.
    failures: u32,
    subscribed: BTreeSet<Want>,
    /// When it was last heard of, and whether it was asked since.
    heard: Instant,
    asked: bool,
    /// There may be more to read though nobody tells of it.
    more: bool,
    events: u64,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, token: Token, look_up: LookUp) -> Self {
        Self {
            dialog: Dialog::new(Vec::new()),
            shared,
            look_up,
            token,
            stage: Stage::Waiting,
            deadline: Some(Instant::now()),
            addresses: Vec::new(),
            framer: Framer::default(),
            failures: 0,
            subscribed: BTreeSet::new(),
            heard: Instant::now(),
            asked: false,
            more: false,
            events: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// When it wants to be looked at.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.more {
            return Some(Instant::now());
        }
        self.deadline
    }

    // Making it

    /// Something may be due.
    pub(super) fn look(&mut self, registry: &Registry) {
        if self.more {
            self.readable();
        }
        if self
            .deadline
            .is_none_or(|deadline| deadline > Instant::now())
        {
            return;
        }
        let patience = self.shared.settings.timeout;
        match &self.stage {
            Stage::Waiting => self.resolve(),
            Stage::Resolving => self.lose(Failure::Lost(format!(
                "its name was not found within {} s",
                patience.as_secs_f64()
            ))),
            Stage::Connecting(_) => {
                let why = format!("no connection within {} s", patience.as_secs_f64());
                self.try_next(registry, &why);
            }
            Stage::Talking(_) if !self.dialog.is_ready() => {
                let said = String::from_utf8_lossy(self.framer.rest());
                let said: String = said.chars().take(80).collect();
                self.lose(Failure::NoSwitch(format!(
                    "it did not ask for a password or take it within {} s{}",
                    patience.as_secs_f64(),
                    if said.is_empty() {
                        String::new()
                    } else {
                        format!(", and said '{said}'")
                    }
                )));
            }
            Stage::Talking(_) => self.mind_silence(),
            Stage::Over => self.deadline = None,
        }
    }

    fn resolve(&mut self) {
        self.stage = Stage::Resolving;
        self.deadline = Some(Instant::now() + self.shared.settings.timeout);
        let settings = &self.shared.settings;
        (self.look_up)(self.shared.id, &settings.host, settings.port);
    }

    /// Its addresses are known.
    pub(super) fn resolved(&mut self, registry: &Registry, found: io::Result<Vec<SocketAddr>>) {
        if !matches!(self.stage, Stage::Resolving) {
            return;
        }
        match found {
            Ok(addresses) => {
                self.addresses = addresses;
                // The first is taken from the end.
                self.addresses.reverse();
                self.try_next(registry, "its name has no address");
            }
            Err(error) => self.lose(Failure::Lost(format!("its name was not found: {error}"))),
        }
    }

    fn try_next(&mut self, registry: &Registry, why: &str) {
        let mut why = why.to_owned();
        while let Some(address) = self.addresses.pop() {
            let connected = TcpStream::connect(address).and_then(|mut stream| {
                registry.register(
                    &mut stream,
                    self.token,
                    Interest::READABLE | Interest::WRITABLE,
                )?;
                Ok(stream)
            });
            match connected {
                Ok(stream) => {
                    self.stage = Stage::Connecting(stream);
                    self.deadline = Some(Instant::now() + self.shared.settings.timeout);
                    return;
                }
                Err(error) => why = error.to_string(),
            }
        }
        self.lose(Failure::Lost(why));
    }

    // Reading and writing

    /// The socket has something to say.
    pub(super) fn ready(&mut self, registry: &Registry, event: &mio::event::Event) {
        if let Stage::Connecting(stream) = &self.stage {
            let error = match (stream.take_error(), stream.peer_addr()) {
                (Ok(Some(error)) | Err(error), _) => error,
                (Ok(None), Ok(_)) => {
                    self.talk();
                    self.readable();
                    self.write();
                    return;
                }
                // Not yet.
                (Ok(None), Err(error)) if error.kind() == ErrorKind::NotConnected => return,
                (Ok(None), Err(error)) => error,
            };
            self.try_next(registry, &error.to_string());
            return;
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.readable();
        }
        self.write();
    }

    fn talk(&mut self) {
        if let Stage::Connecting(stream) = std::mem::replace(&mut self.stage, Stage::Waiting) {
            // A command is a few bytes, and somebody waits for its answer.
            let _ = stream.set_nodelay(true);
            self.stage = Stage::Talking(stream);
            self.framer = Framer::default();
            self.dialog = Dialog::new(self.shared.settings.password.clone());
            self.subscribed.clear();
            (self.asked, self.heard) = (false, Instant::now());
        }
    }

    fn readable(&mut self) {
        self.more = false;
        for _ in 0..READS {
            let Stage::Talking(stream) = &mut self.stage else {
                return;
            };
            match stream.read(self.framer.room()) {
                Ok(0) => {
                    let partly = if self.framer.rest().is_empty() {
                        ""
                    } else {
                        " in the middle of a message"
                    };
                    return self.lose(Failure::Lost(format!(
                        "it has closed the connection{partly}"
                    )));
                }
                Ok(count) => {
                    self.framer.filled(count);
                    (self.asked, self.heard) = (false, Instant::now());
                    if let Err(failure) = self.take() {
                        return self.lose(failure);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.write(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.lose(Failure::Lost(error.to_string())),
            }
        }
        self.more = true;
        self.write();
    }

    /// Takes what was received.
    fn take(&mut self) -> Result<(), Failure> {
        while let Some(frame) = self.framer.next().map_err(|error| {
            if self.dialog.is_ready() {
                Failure::Lost(error.to_string())
            } else {
                Failure::NoSwitch(error.to_string())
            }
        })? {
            match self.dialog.hear(&frame)? {
                Heard::Nothing => {}
                Heard::Event(text) => {
                    self.events += 1;
                    self.shared.event(self.events, text);
                }
                Heard::Answer(who, text) => {
                    self.events += 1;
                    self.shared.answer(self.events, who, Ok(text));
                }
                Heard::Ready => {
                    self.failures = 0;
                    self.deadline = Some(Instant::now() + self.shared.settings.silence);
                    subscribe(&self.shared, &mut self.dialog, &mut self.subscribed);
                    self.events += 1;
                    self.shared.up(self.events);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self) {
        let Stage::Talking(stream) = &mut self.stage else {
            return;
        };
        let mut sent = 0;
        let out = &self.dialog.out;
        let failed = loop {
            if sent == out.len() {
                break None;
            }
            match stream.write(&out[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        self.dialog.out.drain(..sent);
        if let Some(error) = failed {
            self.lose(Failure::Lost(error.to_string()));
        }
    }

    fn mind_silence(&mut self) {
        let now = Instant::now();
        let silent = now.duration_since(self.heard);
        let quiet = self.shared.settings.silence;
        if self.asked {
            let busy = self.dialog.waiting() > 1;
            let mute = if busy { MUTE_AT_WORK } else { MUTE.min(quiet) };
            if silent >= quiet + mute {
                return self.lose(Failure::Lost(format!(
                    "it has said nothing for {} s",
                    silent.as_secs()
                )));
            }
        } else if silent >= quiet {
            self.asked = true;
            self.dialog.tell(PING);
            self.write();
        }
        // The next look is soon enough for each of the times.
        let step = if self.asked {
            MUTE.min(quiet) / 4
        } else {
            quiet.saturating_sub(silent)
        };
        self.deadline = Some(now + step.max(Duration::from_millis(10)));
    }

    // What is asked of it

    /// Sends a command.
    pub(super) fn send(&mut self, command: &[u8], who: Answer) {
        let why = match &self.stage {
            Stage::Talking(_) if self.dialog.is_ready() => {
                if self.dialog.out.len() + command.len() <= UNREAD {
                    self.dialog.ask(command, who);
                    return;
                }
                "it does not read what it is sent".to_owned()
            }
            _ => self.shared.why_down(),
        };
        self.events += 1;
        self.shared.answer(self.events, who, Err(&why));
    }

    /// Taps have come or gone, or want more.
    pub(super) fn subscribe(&mut self) {
        if matches!(self.stage, Stage::Talking(_)) && self.dialog.is_ready() {
            subscribe(&self.shared, &mut self.dialog, &mut self.subscribed);
        }
    }

    /// Sends what there is to send.
    pub(super) fn flush(&mut self) {
        if !self.dialog.out.is_empty() {
            self.write();
        }
    }

    /// Ends it.
    pub(super) fn close(&mut self, why: &str) {
        let was_ready = self.leave(why);
        self.stage = Stage::Over;
        self.deadline = None;
        self.events += 1;
        self.shared.closed(self.events, why, was_ready);
    }

    /// The connection has ended: what waits for an answer fails with the reason.
    fn leave(&mut self, why: &str) -> bool {
        let dialog = std::mem::replace(&mut self.dialog, Dialog::new(Vec::new()));
        let was_ready = matches!(self.stage, Stage::Talking(_)) && dialog.is_ready();
        // Dropped, the socket is no longer watched either.
        self.stage = Stage::Waiting;
        self.more = false;
        for who in dialog.left() {
            self.events += 1;
            self.shared.answer(self.events, who, Err(why));
        }
        was_ready
    }

    fn lose(&mut self, failure: Failure) {
        let why = failure.to_string();
        let was_ready = self.leave(&why);
        self.events += 1;
        if !self.shared.lost(self.events, failure.clone(), was_ready) {
            self.stage = Stage::Over;
            self.deadline = None;
            return;
        }
        let wait = match failure {
            // What stands in somebody's configuration does not change soon.
            Failure::Password(_) | Failure::NoSwitch(_) | Failure::Unwanted(_) => LATE,
            Failure::Lost(_) => SOON.saturating_mul(1 << self.failures.min(10)).min(LATE),
        };
        self.failures += 1;
        self.deadline = Some(Instant::now() + wait.mul_f64(0.5 + random() / 2.0));
    }
}

fn subscribe(shared: &Shared, dialog: &mut Dialog<Answer>, subscribed: &mut BTreeSet<Want>) {
    let wanted = shared.taps.wanted();
    for command in changes(subscribed, &wanted) {
        dialog.tell(&command);
    }
    *subscribed = wanted;
}

/// What is to be said for a switch to send what is wanted. At no time does it send
/// less than what was wanted before and is still.
fn changes(subscribed: &BTreeSet<Want>, wanted: &BTreeSet<Want>) -> Vec<Vec<u8>> {
    let all = |wants: &BTreeSet<Want>| wants.iter().any(|want| want.name == b"ALL");
    let more = tap::command("event", wanted.difference(subscribed));
    let less = match (all(subscribed), all(wanted)) {
        // Of a switch that sends all, `nixevent` takes away what is named, whoever wants it.
        (_, true) => None,
        (false, false) => tap::command("nixevent", subscribed.difference(wanted)),
        (true, false) => {
            let mut others: Vec<Want> = Kind::each()
                .filter_map(|kind| Want::named(kind.name().as_bytes()))
                .filter(|kind| !wanted.iter().any(|want| want.name == kind.name))
                .collect();
            // Words behind CUSTOM are its subclasses.
            others.sort_by_key(|want| want.name == b"CUSTOM");
            tap::command("nixevent", others.iter())
        }
    };
    more.into_iter().chain(less).collect()
}

/// Between 0 and 1: many who have lost a switch do not come back at once.
fn random() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(names: &[&str]) -> BTreeSet<Want> {
        let want = |name: &&str| Want::named(name.as_bytes()).unwrap();
        names.iter().map(want).collect()
    }

    fn said(before: &[&str], after: &[&str]) -> Vec<String> {
        let commands = changes(&wants(before), &wants(after));
        let text = |command| String::from_utf8(command).unwrap().trim_end().to_owned();
        commands.into_iter().map(text).collect()
    }

    #[test]
    fn more_and_less_are_asked_for() {
        assert_eq!(
            said(&["DTMF"], &["PARK", "CUSTOM a::b"]),
            ["event plain PARK CUSTOM a::b", "nixevent plain DTMF"]
        );
        assert!(said(&["DTMF"], &["DTMF"]).is_empty());
    }

    #[test]
    fn nothing_is_taken_away_from_a_switch_that_sends_all() {
        assert_eq!(said(&["DTMF"], &["ALL"]), ["event plain ALL"]);
        assert!(said(&["ALL"], &["ALL"]).is_empty());
    }
}

//! Which events of a connection are kept for Python: looked through on the
//! reader's thread, by name, subclass and headers.

use std::collections::BTreeSet;
use std::sync::Arc;

use freeswitch::event::shared::Event;
use freeswitch::event::wire::{WireEvent, decode, find};
use parking_lot::RwLock;

use crate::aio::tap_queue::{Policy, TapQueue};

/// One kind of event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want {
    /// Its name, in capitals.
    pub name: Vec<u8>,
    /// Of CUSTOM events, the subclass.
    pub subclass: Option<Vec<u8>>,
}

const ALL: &[u8] = b"ALL";
const CUSTOM: &[u8] = b"CUSTOM";
/// How the names of events begin that a link makes itself, of its connection.
const OURS: &[u8] = b"SERVER_";

impl Want {
    /// `NAME` or `CUSTOM subclass`; nothing where it cannot be a name.
    #[must_use]
    pub fn named(text: &[u8]) -> Option<Self> {
        let mut words = text.split(u8::is_ascii_whitespace);
        let name = words.next()?.to_ascii_uppercase();
        let subclass = words.next().map(<[u8]>::to_vec);
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let sound = !name.is_empty() && name.iter().all(is_name) && words.next().is_none();
        (sound && (subclass.is_none() || name == CUSTOM)).then_some(Self { name, subclass })
    }

    fn is_of(&self, name: &[u8], subclass: Option<&[u8]>) -> bool {
        if self.name == ALL {
            return !name.starts_with(OURS);
        }
        self.name == name && (self.subclass.is_none() || self.subclass.as_deref() == subclass)
    }
}

/// Events of some kinds, with these headers.
pub struct SocketTap {
    /// Those that were let through.
    pub queue: TapQueue,
    wants: RwLock<Vec<Want>>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl SocketTap {
    /// Lets nothing through before it is among the taps of a link.
    #[must_use]
    pub fn new(
        wants: Vec<Want>,
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        limit: usize,
        policy: Policy,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue: TapQueue::new(limit, policy),
            wants: RwLock::new(wants),
            headers,
        })
    }

    /// Lets more kinds through.
    pub fn extend(&self, wants: Vec<Want>) {
        let mut known = self.wants.write();
        for want in wants {
            if !known.contains(&want) {
                known.push(want);
            }
        }
    }

    fn lets_through(&self, head: &[u8], name: &[u8], subclass: Option<&[u8]>) -> bool {
        let wanted = self
            .wants
            .read()
            .iter()
            .any(|want| want.is_of(name, subclass));
        wanted
            && self.headers.iter().all(|(name, value)| {
                find(head, name).is_some_and(|sent| decode(sent) == &value[..])
            })
    }
}

/// Names of events, and the headers that they must have.
#[cfg(feature = "nats")]
pub type Ask = (Vec<String>, Vec<(String, String)>);

/// The taps of one link.
#[derive(Default)]
pub struct Taps(RwLock<Vec<Arc<SocketTap>>>);

impl Taps {
    /// Adds one.
    pub fn add(&self, tap: Arc<SocketTap>) {
        self.0.write().push(tap);
    }

    /// Takes one out.
    pub fn remove(&self, tap: &Arc<SocketTap>) {
        self.0.write().retain(|other| !Arc::ptr_eq(other, tap));
    }

    /// Gives an event to the taps that want it; whether there are any. `text` is
    /// what was sent, and `sequence` counts the events of the link.
    pub fn offer(&self, sequence: u64, text: &[u8]) -> bool {
        let end = memchr::memmem::find(text, b"\n\n").unwrap_or(text.len());
        let head = &text[..end];
        let name = find(head, b"Event-Name").unwrap_or_default();
        let subclass = (name == CUSTOM)
            .then(|| find(head, b"Event-Subclass").map(decode))
            .flatten();
        // One copy for all, made when the first wants it.
        let mut copy = None;
        for tap in &*self.0.read() {
            if tap.lets_through(head, name, subclass.as_deref()) {
                if copy.is_none() {
                    copy = WireEvent::new(text.to_vec()).map(Event::wire);
                }
                if let Some(event) = &copy {
                    tap.queue.push(sequence, event.clone());
                }
            }
        }
        copy.is_some()
    }

    /// What each tap wants, and with which headers, but for events of the connection.
    #[cfg(feature = "nats")]
    #[must_use]
    pub fn asked(&self) -> Vec<Ask> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = |want: &Want| match &want.subclass {
            Some(subclass) => format!("{} {}", text(&want.name), text(subclass)),
            None => text(&want.name),
        };
        let taps = self.0.read();
        let asked = taps.iter().map(|tap| {
            let wants = tap.wants.read();
            let names = wants.iter().filter(|want| !want.name.starts_with(OURS));
            let headers = tap
                .headers
                .iter()
                .map(|(name, value)| (text(name), text(value)));
            (names.map(name).collect::<Vec<_>>(), headers.collect())
        });
        asked.filter(|(names, _)| !names.is_empty()).collect()
    }

    /// What the switch is to send.
    pub(super) fn wanted(&self) -> BTreeSet<Want> {
        let taps = self.0.read();
        let wants = taps.iter().flat_map(|tap| tap.wants.read().clone());
        let mut wanted: BTreeSet<_> = wants.filter(|want| !want.name.starts_with(OURS)).collect();
        // A switch sends custom events by subclass, or all.
        let every =
            |want: &Want| want.name == ALL || (want.name == CUSTOM && want.subclass.is_none());
        if wanted.iter().any(every) {
            wanted.clear();
            wanted.insert(Want {
                name: ALL.to_vec(),
                subclass: None,
            });
        }
        wanted
    }
}

/// `event plain` or `nixevent plain` for these; nothing where there are none.
pub(super) fn command<'a>(
    verb: &str,
    wants: impl Iterator<Item = &'a Want> + Clone,
) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    for want in wants.clone().filter(|want| want.subclass.is_none()) {
        line.push(b' ');
        line.extend_from_slice(&want.name);
    }
    let mut customs = wants.filter_map(|want| want.subclass.as_ref()).peekable();
    if customs.peek().is_some() {
        // What comes after it are subclasses.
        line.extend_from_slice(b" CUSTOM");
    }
    for subclass in customs {
        line.push(b' ');
        line.extend_from_slice(subclass);
    }
    (!line.is_empty()).then(|| [verb.as_bytes(), b" plain", &line, b"\n\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(names: &[&str], headers: &[(&str, &str)]) -> Arc<SocketTap> {
        let wants = names
            .iter()
            .map(|name| Want::named(name.as_bytes()).unwrap());
        let bytes = |text: &str| text.as_bytes().to_vec();
        let headers = headers
            .iter()
            .map(|(name, value)| (bytes(name), bytes(value)));
        SocketTap::new(wants.collect(), headers.collect(), 10, Policy::DropOldest)
    }

    #[test]
    fn events_go_to_those_who_want_them() {
        let taps = Taps::default();
        let answers = tap(&["channel_answer"], &[]);
        let mine = tap(&["ALL"], &[("Unique-ID", "a b")]);
        let custom = tap(&["CUSTOM my::event"], &[]);
        for tap in [&answers, &mine, &custom] {
            taps.add(tap.clone());
        }
        let offer = |number, text: &str| taps.offer(number, text.as_bytes());
        assert!(offer(1, "Event-Name: CHANNEL_ANSWER\nUnique-ID: x\n\n"));
        assert!(offer(2, "Event-Name: CHANNEL_ANSWER\nUnique-ID: a%20b\n\n"));
        assert!(!offer(3, "Event-Name: DTMF\nUnique-ID: x\n\n"));
        assert!(offer(
            4,
            "Event-Subclass: my%3A%3Aevent\nEvent-Name: CUSTOM\n\n"
        ));
        assert!(!offer(
            5,
            "Event-Name: CUSTOM\nEvent-Subclass: my%3A%3Aother\n\n"
        ));
        assert!(!offer(6, "No-Name: 1\n\n"));
        assert!(!offer(
            7,
            "Event-Name: SERVER_CONNECTED\nUnique-ID: a%20b\n\n"
        ));
        let count = |tap: &SocketTap| tap.queue.take(10).len();
        assert_eq!([count(&answers), count(&mine), count(&custom)], [2, 1, 1]);
        taps.remove(&answers);
        assert!(!offer(8, "Event-Name: CHANNEL_ANSWER\nUnique-ID: x\n\n"));
    }

    #[test]
    fn the_switch_is_asked_for_what_is_wanted() {
        let taps = Taps::default();
        taps.add(tap(&["DTMF", "CUSTOM b::c", "SERVER_CONNECTED"], &[]));
        taps.add(tap(&["CUSTOM a::b", "DTMF", "CHANNEL_ANSWER"], &[]));
        let wanted = taps.wanted();
        let line = command("event", wanted.iter()).unwrap();
        assert_eq!(
            line,
            b"event plain CHANNEL_ANSWER DTMF CUSTOM a::b b::c\n\n"
        );
        taps.add(tap(&["CUSTOM"], &[]));
        let line = command("event", taps.wanted().iter()).unwrap();
        assert_eq!(line, b"event plain ALL\n\n");
        assert_eq!(command("event", [].iter()), None);
    }

    #[test]
    fn a_name_is_one_word() {
        for wrong in [
            "",
            " ",
            "A B",
            "CUSTOM a b",
            "CUSTOM a\nexit",
            "DTMF\n",
            "x-y",
        ] {
            assert_eq!(Want::named(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}

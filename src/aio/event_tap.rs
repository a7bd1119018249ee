//! Events for the event loop: bound once, looked through on the dispatch threads,
//! and kept in a bounded queue until the loop comes for them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ffi::CString;
use std::sync::Arc;

use freeswitch::event::shared::Event;
use freeswitch::event::snapshot::Snapshot;
use freeswitch::event::subscription::Subscription;
use freeswitch::event::{Kind, View};
use freeswitch::text::c_string;
use freeswitch::{Detached, Status};
use parking_lot::{Mutex, RwLock};

use super::tap_queue::{Policy, TapQueue};

const UUID: &std::ffi::CStr = c"Unique-ID";
const SEQUENCE: &std::ffi::CStr = c"Event-Sequence";

/// Which events a tap lets through.
#[derive(Debug, Clone)]
pub struct Want {
    /// The kind.
    pub kind: Kind,
    /// Of CUSTOM events, the subclass.
    pub subclass: Option<CString>,
}

impl Want {
    /// `NAME` or `CUSTOM subclass`; nothing where there is no such event.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        let end = memchr::memchr(b' ', name).unwrap_or(name.len());
        let (kind, subclass) = (&name[..end], name[end..].trim_ascii());
        let kind = Kind::named(&c_string(kind).ok()?)?;
        if subclass.is_empty() {
            let subclass = None;
            return Some(Self { kind, subclass });
        }
        let subclass = Some(c_string(subclass).ok()?);
        (kind == Kind::CUSTOM).then_some(Self { kind, subclass })
    }
}

/// Events of some kinds, with these headers.
pub struct Tap {
    queue: TapQueue,
    wants: RwLock<Vec<Want>>,
    headers: Vec<(CString, Vec<u8>)>,
    /// The call that they are of: such taps are found by it.
    uuid: Option<Vec<u8>>,
}

/// The taps of one kind of event.
#[derive(Default)]
struct Taps {
    of_calls: HashMap<Vec<u8>, Vec<Arc<Tap>>>,
    of_all: Vec<Arc<Tap>>,
}

/// By the core's number of the kind.
static TAPS: RwLock<BTreeMap<u32, Taps>> = RwLock::new(BTreeMap::new());
/// Kinds that are bound; they stay so until the module ends.
static BOUND: Mutex<BTreeMap<u32, Subscription>> = Mutex::new(BTreeMap::new());

impl Tap {
    /// Lets events through from now on.
    ///
    /// # Errors
    /// The core's status.
    pub fn open(
        held: &Detached,
        wants: Vec<Want>,
        mut headers: Vec<(CString, Vec<u8>)>,
        limit: usize,
        policy: Policy,
    ) -> Result<Arc<Self>, Status> {
        let call = headers
            .iter()
            .position(|(name, _)| name.to_bytes().eq_ignore_ascii_case(UUID.to_bytes()));
        let uuid = call.map(|at| headers.remove(at).1);
        let tap = Arc::new(Self {
            queue: TapQueue::new(limit, policy),
            wants: RwLock::default(),
            headers,
            uuid,
        });
        tap.extend(held, wants)?;
        Ok(tap)
    }

    /// Lets more kinds of events through.
    ///
    /// # Errors
    /// The core's status.
    pub fn extend(self: &Arc<Self>, held: &Detached, wants: Vec<Want>) -> Result<(), Status> {
        for want in wants {
            let kind = want.kind;
            let known = self.kinds().contains(&kind.number());
            self.wants.write().push(want);
            if !known {
                let mut taps = TAPS.write();
                let of_kind = taps.entry(kind.number()).or_default();
                match &self.uuid {
                    Some(uuid) => of_kind
                        .of_calls
                        .entry(uuid.clone())
                        .or_default()
                        .push(self.clone()),
                    None => of_kind.of_all.push(self.clone()),
                }
            }
            bind(held, kind)?;
        }
        Ok(())
    }

    fn kinds(&self) -> Vec<u32> {
        let mut kinds: Vec<_> = self.wants.read().iter().map(|w| w.kind.number()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Lets no more through, and forgets what is in its queue.
    pub fn close(self: &Arc<Self>) {
        let mut taps = TAPS.write();
        for kind in self.kinds() {
            let Some(of_kind) = taps.get_mut(&kind) else {
                continue;
            };
            match &self.uuid {
                Some(uuid) => {
                    if let Some(of_call) = of_kind.of_calls.get_mut(uuid) {
                        of_call.retain(|tap| tap.id() != self.id());
                        if of_call.is_empty() {
                            of_kind.of_calls.remove(uuid);
                        }
                    }
                }
                None => of_kind.of_all.retain(|tap| tap.id() != self.id()),
            }
        }
        drop(taps);
        self.queue.clear();
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.queue.id()
    }

    /// How many events it had no room for.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// A tap that wants every kind, and one besides, gets an event once.
    fn is_told_of(&self, kind: Kind) -> bool {
        let all = Kind::all();
        kind == all || !self.wants.read().iter().any(|want| want.kind == all)
    }

    fn lets_through(&self, event: View<'_>) -> bool {
        let subclass = self.wants.read().iter().any(|want| {
            (want.kind == event.kind() || want.kind == Kind::all())
                && want
                    .subclass
                    .as_ref()
                    .is_none_or(|subclass| event.subclass_is(subclass))
        });
        subclass
            && self
                .headers
                .iter()
                .all(|(name, value)| event.header_is(name, value))
    }

    /// Are there events to be taken? See [`TapQueue::has_more`].
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.queue.has_more()
    }

    /// Takes up to `most` events; see [`TapQueue::take`].
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Arc<Event>> {
        self.queue.take(most)
    }
}

fn bind(held: &Detached, kind: Kind) -> Result<(), Status> {
    let mut bound = BOUND.lock();
    if let Entry::Vacant(free) = bound.entry(kind.number()) {
        free.insert(Subscription::new(held, kind, None, move |event| {
            on_event(kind, event);
        })?);
    }
    Ok(())
}

/// Unbinds everything; the module ends.
pub fn end(held: &Detached) {
    let bound = std::mem::take(&mut *BOUND.lock());
    for subscription in bound.into_values() {
        subscription.end(held);
    }
    let taps = std::mem::take(&mut *TAPS.write());
    drop(taps);
}

/// Runs on dispatch threads, for each subscription that an event is of: its own
/// kind's, and that of all kinds.
fn on_event(kind: Kind, event: View<'_>) {
    let taps = TAPS.read();
    let Some(of_kind) = taps.get(&kind.number()) else {
        return;
    };
    // One copy for all, made when the first wants it.
    let mut copy = None;
    let mut offer = |tap: &Arc<Tap>| {
        if tap.is_told_of(kind) && tap.lets_through(event) {
            if copy.is_none() {
                copy = copied(event);
            }
            if let Some((sequence, event)) = &copy {
                tap.queue.push(*sequence, event.clone());
            }
        }
    };
    if !of_kind.of_calls.is_empty()
        && let Some(uuid) = event.header(UUID, None)
        && let Some(of_call) = of_kind.of_calls.get(&uuid)
    {
        of_call.iter().for_each(&mut offer);
    }
    of_kind.of_all.iter().for_each(&mut offer);
}

/// With its number in the order that events are fired.
fn copied(event: View<'_>) -> Option<(u64, Arc<Event>)> {
    let copy = Snapshot::of(event)?;
    let sequence = copy
        .header(SEQUENCE)
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    Some((sequence.unwrap_or_default(), Event::flat(copy)))
}

//! Who gets which event. The thread that fires an event hands it out, after all that were fired
//! before it; one thread at a time does so. A thread for this alone would be woken for each event.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bindings::{switch_event, switch_event_types_t};
use bstr::{BString, ByteSlice};
use chrono::{Local, TimeZone, Utc};
use parking_lot::{Mutex, RwLock};

use super::{Event, names};
use crate::clock::{Clock, Signal, Wait};
use crate::newest::Newest;
use crate::place::{Place, base_name};

/// The core's own length; a thread that fires into a full queue waits until it has room.
const QUEUE: usize = 100_000;
/// Bytes of events kept for the switch's owner until it asks.
const TAP_BYTES: usize = 256 << 20;

/// What a module asked to be called for an event.
type Callback = unsafe extern "C" fn(*mut switch_event);

/// One subscription. Its address is what the module holds as its node.
pub(crate) struct Node {
    event: switch_event_types_t,
    subclass: Option<BString>,
    callback: Callback,
    user_data: *mut c_void,
}

// SAFETY: user_data is the module's, which promises with the subscription that
// its callback may run on any thread that fires an event.
unsafe impl Send for Node {}
// SAFETY: a node is never changed; user_data is only handed to the callback, on one thread
// at a time.
unsafe impl Sync for Node {}

/// What the switch's owner asked to see.
struct Tap {
    kinds: Vec<switch_event_types_t>,
    kept: Newest<Event>,
}

/// Kinds of which somebody outside of the switch gets a copy of each event.
pub(crate) struct Feed {
    pub(crate) kinds: Vec<switch_event_types_t>,
    pub(crate) give: Box<dyn Fn(Event) + Send + Sync>,
}

/// A second as events write it: many are of the same one.
#[derive(Default)]
struct Dates {
    second: i64,
    local: String,
    gmt: String,
}

impl Dates {
    fn of(&mut self, second: i64) -> &Self {
        if self.second != second || self.gmt.is_empty() {
            let when = Utc.timestamp_opt(second, 0).single().unwrap_or_default();
            let local = when.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S");
            *self = Self {
                second,
                local: local.to_string(),
                gmt: when.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            };
        }
        self
    }
}

/// The events of one switch.
pub(crate) struct Bus {
    clock: Arc<Clock>,
    core_uuid: String,
    host: String,
    #[allow(clippy::vec_box, reason = "modules hold the nodes' addresses")]
    nodes: RwLock<Vec<Box<Node>>>,
    /// The kinds that nodes are for. Beside them, because a subscriber that is
    /// handed an event, and so holds the nodes, may fire another.
    bound: Mutex<Vec<switch_event_types_t>>,
    queue: Mutex<VecDeque<Event>>,
    /// Who holds it hands out what is in the queue.
    turn: Mutex<()>,
    taken: Signal,
    sequence: AtomicU64,
    dates: Mutex<Dates>,
    closed: AtomicBool,
    tap: Mutex<Option<Tap>>,
    feed: RwLock<Option<Feed>>,
}

impl Bus {
    pub(crate) fn new(clock: Arc<Clock>, core_uuid: String) -> Self {
        Self {
            clock,
            core_uuid,
            host: "pocket".to_owned(),
            nodes: RwLock::default(),
            bound: Mutex::default(),
            queue: Mutex::default(),
            turn: Mutex::default(),
            taken: Signal::new(),
            sequence: AtomicU64::new(0),
            dates: Mutex::default(),
            closed: AtomicBool::new(false),
            tap: Mutex::default(),
            feed: RwLock::default(),
        }
    }

    /// A new event with the headers that every event has.
    pub(crate) fn create(
        &self,
        kind: switch_event_types_t,
        subclass: Option<&[u8]>,
        place: Place<'_>,
    ) -> Event {
        let mut event = Event::plain(kind);
        self.stamp(&mut event, place);
        if let Some(subclass) = subclass {
            event.set_subclass(subclass);
        }
        event
    }

    /// As [`Bus::create`], for an event that is fired as soon as it has its headers.
    pub(crate) fn create_to_tell(&self, kind: switch_event_types_t, place: Place<'_>) -> Event {
        let mut event = Event::to_tell(kind);
        self.stamp(&mut event, place);
        event
    }

    /// Adds the headers that every event has.
    pub(crate) fn stamp(&self, event: &mut Event, place: Place<'_>) {
        let micros = self.clock.epoch_now();
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        event.add("Event-Name", event.name().to_bytes());
        event.add("Core-UUID", &self.core_uuid);
        event.add("FreeSWITCH-Hostname", &self.host);
        event.add("FreeSWITCH-Switchname", &self.host);
        event.add("FreeSWITCH-IPv4", "127.0.0.1");
        event.add("FreeSWITCH-IPv6", "::1");
        {
            let mut dates = self.dates.lock();
            let dates = dates.of(micros.div_euclid(1_000_000));
            event.add("Event-Date-Local", &dates.local);
            event.add("Event-Date-GMT", &dates.gmt);
        }
        event.add("Event-Date-Timestamp", micros.to_string());
        event.add("Event-Calling-File", base_name(place.file));
        event.add("Event-Calling-Function", place.function);
        event.add("Event-Calling-Line-Number", place.line.to_string());
        event.add("Event-Sequence", sequence.to_string());
    }

    /// Whether anybody would get an event of that kind. When not, it counts in
    /// the sequence and is not made.
    pub(crate) fn wanted(&self, kind: switch_event_types_t) -> bool {
        let wanted = self.would_get(kind);
        if !wanted {
            self.sequence.fetch_add(1, Ordering::Relaxed);
        }
        wanted
    }

    fn would_get(&self, kind: switch_event_types_t) -> bool {
        self.tap.lock().is_some() || self.is_fed(kind) || {
            let bound = self.bound.lock();
            bound.contains(&kind) || bound.contains(&names::ALL)
        }
    }

    /// As [`Bus::fire`], for an event that was made for something else, too.
    pub(crate) fn fire_if_wanted(&self, event: Event) {
        if self.would_get(event.kind()) {
            self.fire(event);
        }
    }

    /// Queues the event, and hands out what is queued. Where another thread does that now, or
    /// this one in a callback, the event is handed out there.
    pub(crate) fn fire(&self, event: Event) {
        let mut event = Some(event);
        while !self.closed.load(Ordering::SeqCst) {
            let generation = self.taken.generation();
            {
                let mut queue = self.queue.lock();
                if queue.len() < QUEUE {
                    queue.extend(event.take());
                }
            }
            if event.is_none() {
                self.hand_out();
                return;
            }
            self.clock.wait(Wait::on(&self.taken, generation, None));
        }
    }

    fn hand_out(&self) {
        // Look again after the turn: a thread that fired during it has left its event here.
        while !self.queue.lock().is_empty() {
            let Some(_turn) = self.turn.try_lock() else {
                return;
            };
            while let Some(event) = self.next() {
                self.deliver(event);
            }
        }
    }

    fn next(&self) -> Option<Event> {
        let (next, was_full) = {
            let mut queue = self.queue.lock();
            let was_full = queue.len() >= QUEUE;
            (queue.pop_front(), was_full)
        };
        if was_full {
            self.clock.raise(&self.taken);
        }
        next
    }

    /// No event is taken in any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.clock.raise(&self.taken);
    }

    fn deliver(&self, event: Event) {
        {
            // Held over the callbacks, as the core holds it: a callback that binds or
            // unbinds deadlocks, there and here.
            let nodes = self.nodes.read();
            for kind in [event.kind(), names::ALL] {
                for node in nodes
                    .iter()
                    .rev()
                    .filter(|node| node.event == kind && node.takes(&event))
                {
                    // SAFETY: the event is live and ours; the module vouched for
                    // its callback when it subscribed, and cannot have left: its
                    // unbind waits for this lock.
                    unsafe {
                        (*event.as_ptr()).bind_user_data = node.user_data;
                        (node.callback)(event.as_ptr());
                    }
                }
            }
        }
        if let Some(feed) = self.feed.read().as_ref()
            && feed.kinds.contains(&event.kind())
        {
            (feed.give)(event.duplicate());
        }
        let mut tap = self.tap.lock();
        if let Some(tap) = tap.as_mut()
            && (tap.kinds.is_empty() || tap.kinds.contains(&event.kind()))
        {
            tap.kept.push(event.size(), event);
        }
    }

    /// Subscribes; the node returned is for [`Bus::unbind`].
    pub(crate) fn bind(
        &self,
        event: switch_event_types_t,
        subclass: Option<BString>,
        callback: Callback,
        user_data: *mut c_void,
    ) -> *mut Node {
        let node = Box::new(Node {
            event,
            subclass,
            callback,
            user_data,
        });
        let address = std::ptr::from_ref(&*node).cast_mut();
        let mut nodes = self.nodes.write();
        nodes.push(node);
        self.bound.lock().push(event);
        address
    }

    /// Ends a subscription; false if no subscription has that address.
    pub(crate) fn unbind(&self, node: *const Node) -> bool {
        let mut nodes = self.nodes.write();
        let before = nodes.len();
        nodes.retain(|known| !std::ptr::eq(&raw const **known, node));
        *self.bound.lock() = nodes.iter().map(|node| node.event).collect();
        nodes.len() < before
    }

    fn is_fed(&self, kind: switch_event_types_t) -> bool {
        let feed = self.feed.read();
        feed.as_ref().is_some_and(|feed| feed.kinds.contains(&kind))
    }

    /// Sets who gets copies of events, and of which kinds; `None` ends it.
    pub(crate) fn feed(&self, feed: Option<Feed>) {
        *self.feed.write() = feed;
    }

    /// Keeps the last `limit` events of these kinds, all kinds when none is
    /// named; a limit of 0 ends it.
    pub(crate) fn tap(&self, kinds: Vec<switch_event_types_t>, limit: usize) {
        *self.tap.lock() = (limit > 0).then(|| Tap {
            kinds,
            kept: Newest::new(limit, TAP_BYTES),
        });
    }

    /// What the tap has kept since it was last asked.
    pub(crate) fn tapped(&self) -> Vec<Event> {
        self.tap
            .lock()
            .as_mut()
            .map(|tap| tap.kept.take())
            .unwrap_or_default()
    }
}

impl Node {
    fn takes(&self, event: &Event) -> bool {
        match (&self.subclass, event.subclass()) {
            (None, _) => true,
            (Some(wanted), Some(subclass)) => subclass.contains_str(wanted),
            (Some(_), None) => false,
        }
    }
}

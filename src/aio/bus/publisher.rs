//! The events of this switch for other nodes: each that somebody has asked for, and
//! no other one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, HeaderMap, Message};
use freeswitch::event::snapshot::Snapshot;
use freeswitch::event::subscription::Subscription;
use freeswitch::event::wire;
use freeswitch::event::{Kind, View};
use freeswitch::text::c_string;
use freeswitch::{Detached, core};
use futures_util::StreamExt;
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval};

use super::counters::{DROPPED, PUBLISHED, QUEUED_EVENTS, STRANGE};
use super::long;
use super::shared::{self, Shared, connected};
use super::subjects::{self, HELLO, UNWANT, WANT};
use super::twins;
use crate::aio::event_tap::Want;
use crate::script::runs;

/// For how long a wish holds that is not said again.
const LEASE: Duration = Duration::from_secs(10);
/// How many wishes are taken.
const MOST: usize = 1000;
/// How often a node says that it is there.
const BEAT: Duration = Duration::from_secs(1);

/// Events that somebody wants, with these headers.
struct Wish {
    wants: Vec<Want>,
    headers: Vec<(std::ffi::CString, Vec<u8>)>,
}

/// What one node wants, until it no longer says so.
struct Asked {
    wanted: Vec<Wish>,
    version: u64,
    until: Instant,
}

/// What is heeded, by the names of who asks.
static WISHES: RwLock<BTreeMap<String, Asked>> = RwLock::new(BTreeMap::new());

static BOUND: Mutex<BTreeMap<u32, Subscription>> = Mutex::new(BTreeMap::new());
/// Events of all kinds come by one subscription.
static ALL_BOUND: AtomicBool = AtomicBool::new(false);

/// Takes what is wanted, from each node that says so, until it no longer does.
pub(super) async fn heed(shared: &Arc<Shared>, client: watch::Receiver<Option<Client>>) {
    let found = connected(client).await;
    let Some(client) = found.filter(|_| shared.has_switch) else {
        return std::future::pending().await;
    };
    let (Ok(mut wants), Ok(mut unwants)) =
        (client.subscribe(WANT).await, client.subscribe(UNWANT).await)
    else {
        return std::future::pending().await;
    };
    let _ = client
        .publish(HELLO, shared.setting.node.clone().into())
        .await;
    WISHES.write().clear();
    let mut look = interval(BEAT);
    loop {
        tokio::select! {
            Some(message) = wants.next() => {
                let Some((id, version, wanted)) = read(&message, &shared.setting.node) else {
                    strange(&message);
                    continue;
                };
                // Before it is heeded, and with no lock held: dispatch threads, which the core has wait for this, take it.
                for want in wanted.iter().flat_map(|wish| &wish.wants) {
                    bind(want.kind);
                }
                let mut wishes = WISHES.write();
                if wanted.is_empty() {
                    wishes.remove(&id);
                } else if wishes.len() < MOST || wishes.contains_key(&id) {
                    let until = Instant::now() + LEASE;
                    wishes.insert(id, Asked { wanted, version, until });
                }
            }
            Some(message) = unwants.next() => {
                WISHES.write().remove(&*String::from_utf8_lossy(&message.payload));
            }
            _ = look.tick() => {
                let now = Instant::now();
                WISHES.write().retain(|_, asked| asked.until > now);
            }
        }
    }
}

/// Is what somebody asked for sent by now? `text` is the wish's name and version.
pub(super) fn heeds(text: &str) -> bool {
    let Some((id, version)) = text.rsplit_once(' ') else {
        return false;
    };
    let wishes = WISHES.read();
    wishes.get(id).is_some_and(|known| {
        version
            .parse()
            .is_ok_and(|version: u64| known.version >= version)
    })
}

/// Counts a message that is none of ours, and says so.
pub(super) fn strange(message: &Message) {
    STRANGE.add();
    freeswitch::once_a_second!(times => {
        let subject = message.subject.as_str();
        tracing::warn!("MR0023 an unknown message to {subject} is ignored, which another program has published ({times} times since the last such line)");
    });
}

/// Who asks, the version of that, and for what; nothing where it is no such message.
fn read(message: &Message, node: &str) -> Option<(String, u64, Vec<Wish>)> {
    let value: Value = serde_json::from_slice(&message.payload).ok()?;
    let id = value.get("id")?.as_str()?.to_owned();
    let version = value.get("version").and_then(Value::as_u64).unwrap_or(0);
    let nodes = value.get("nodes")?.as_array()?;
    if !nodes
        .iter()
        .any(|name| matches!(name.as_str(), Some(name) if name == "*" || name == node))
    {
        return Some((id, version, Vec::new()));
    }
    let asked = value.get("asks")?.as_array()?.iter().map(|ask| {
        let wants = ask.get("events")?.as_array()?.iter();
        let headers = ask.get("headers")?.as_array()?.iter().map(|pair| {
            let name = c_string(pair.get(0)?.as_str()?.as_bytes()).ok()?;
            Some((name, pair.get(1)?.as_str()?.as_bytes().to_vec()))
        });
        let wish = Wish {
            // A kind that this switch does not have never comes.
            wants: wants
                .filter_map(|name| Want::named(name.as_str()?.as_bytes()))
                .collect(),
            headers: headers.collect::<Option<_>>()?,
        };
        Some(wish)
    });
    Some((id, version, asked.collect::<Option<_>>()?))
}

fn bind(kind: Kind) {
    let mut bound = BOUND.lock();
    if bound.contains_key(&kind.number()) {
        return;
    }
    let Some(_inside) = core::inside() else {
        return;
    };
    // SAFETY: this thread is ours, and never attaches to Python.
    let held = unsafe { Detached::new() };
    match Subscription::new(&held, kind, None, move |event| on_event(kind, event)) {
        Ok(subscription) => {
            bound.insert(kind.number(), subscription);
            if kind == Kind::all() {
                ALL_BOUND.store(true, Ordering::Release);
            }
        }
        Err(status) => freeswitch::once_a_second!(times => {
            tracing::warn!("MR0023 events for the bus are not bound: {status} ({times} times since the last such line)");
        }),
    }
}

/// Unbinds all; the link has ended.
pub(super) fn end(held: &Detached) {
    WISHES.write().clear();
    let bound = std::mem::take(&mut *BOUND.lock());
    for subscription in bound.into_values() {
        subscription.end(held);
    }
    ALL_BOUND.store(false, Ordering::Release);
}

/// Runs on dispatch threads: looks, copies, leaves.
fn on_event(by: Kind, event: View<'_>) {
    if by != Kind::all() && ALL_BOUND.load(Ordering::Acquire) {
        // It comes by the other subscription, too.
        return;
    }
    let wishes = WISHES.read();
    let mut all = wishes.values().flat_map(|asked| &asked.wanted);
    let is_wanted = all.any(|wish| wish.is_for(event));
    drop(wishes);
    if is_wanted
        && let Some(shared) = shared::current()
        && let Some(copy) = Snapshot::of(event)
    {
        shared.publish(copy);
    }
}

impl Wish {
    fn is_for(&self, event: View<'_>) -> bool {
        let is_of = |want: &Want| {
            (want.kind == Kind::all() || want.kind == event.kind())
                && want
                    .subclass
                    .as_ref()
                    .is_none_or(|subclass| event.subclass_is(subclass))
        };
        self.wants.iter().any(is_of)
            && self
                .headers
                .iter()
                .all(|(name, value)| event.header_is(name, value))
    }
}

/// Sends what was left; while the server is away it waits, and what comes is dropped.
pub(super) async fn send(
    shared: &Arc<Shared>,
    client: watch::Receiver<Option<Client>>,
    mut events: mpsc::Receiver<Snapshot>,
) {
    let found = connected(client).await;
    let Some(client) = found else {
        return std::future::pending().await;
    };
    let node = &shared.setting.node;
    while let Some(event) = events.recv().await {
        let uuid = event.header(c"Unique-ID").unwrap_or_default();
        let subject = subjects::event(node, &event.kind().name(), &subjects::word(uuid));
        let text = wire::text_of(&event, &[("Bus-Node", node.as_bytes())]);
        let mut headers = HeaderMap::new();
        let sent = match long::first(node, text, &mut headers) {
            Some(text) => long::publish(&client, subject, headers, text).await.is_ok(),
            None => false,
        };
        if sent {
            PUBLISHED.add();
        } else {
            DROPPED.add();
        }
        QUEUED_EVENTS.add(-1);
    }
}

/// Says that this switch is there.
pub(super) async fn beat(shared: &Arc<Shared>, client: watch::Receiver<Option<Client>>) {
    let found = connected(client).await;
    // A worker's loop says so itself: one that is stuck must not look alive.
    let Some(client) = found.filter(|_| shared.has_switch) else {
        return std::future::pending().await;
    };
    let version = {
        let _inside = core::inside();
        core::version()
    };
    let begun = std::time::Instant::now();
    let mut turn = interval(BEAT);
    loop {
        turn.tick().await;
        let beat = json!({
            "node": shared.setting.node,
            "kind": "switch",
            "version": env!("CARGO_PKG_VERSION"),
            "runs_in": version,
            "running": runs::all().len(),
            "pid": std::process::id(),
            "instance": twins::instance(),
            "up": begun.elapsed().as_secs(),
        });
        // What waits while the server is away says nothing that is true later.
        if client.connection_state() == async_nats::connection::State::Connected {
            let _ = client
                .publish(
                    subjects::beat(&shared.setting.node),
                    beat.to_string().into(),
                )
                .await;
        }
    }
}

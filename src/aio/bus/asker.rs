//! The events of other nodes: asked for again and again, taken as they come.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::interval;

use super::asked::{Asked, asked};
use super::counters::RECEIVED;
use super::long;
use super::shared::{Shared, connected};

use super::subjects::{self, HELLO, UNWANT, WANT};

/// How often it is said again what is wanted.
const AGAIN: Duration = Duration::from_secs(2);

/// The subscriptions of those who ask, by their number.
type Open = HashMap<u64, HashMap<String, AbortHandle>>;

/// Has other nodes send what is asked for here.
pub(super) async fn ask(shared: &Arc<Shared>, client: watch::Receiver<Option<Client>>) {
    let found = connected(client).await;
    let Some(client) = found else {
        return std::future::pending().await;
    };
    let Ok(mut hello) = client.subscribe(HELLO).await else {
        return std::future::pending().await;
    };
    let mut open = Open::new();
    let mut again = interval(AGAIN);
    loop {
        tokio::select! {
            _ = again.tick() => {}
            () = shared.changed.notified() => {}
            Some(_) = hello.next() => {}
        }
        let all = asked();
        for one in &all {
            refresh(&client, shared, one, &mut open).await;
        }
        let gone: Vec<_> = open
            .keys()
            .filter(|id| all.iter().all(|one| one.id != **id))
            .copied()
            .collect();
        for id in gone {
            open.remove(&id)
                .into_iter()
                .flatten()
                .for_each(|(_, task)| task.abort());
            let _ = client.publish(UNWANT, name(shared, id).into()).await;
        }
    }
}

/// Whose wish it is, over all nodes.
pub(super) fn name(shared: &Shared, id: u64) -> String {
    format!("{}/{}/{id}", shared.setting.node, std::process::id())
}

async fn refresh(client: &Client, shared: &Shared, one: &Arc<Asked>, open: &mut Open) {
    let version = one.version.load(Ordering::Acquire);
    let asks = one.taps.asked();
    let names: BTreeSet<_> = asks.iter().flat_map(|(events, _)| events).collect();
    let is_all = names.iter().any(|name| *name == "ALL");
    let kinds: BTreeSet<_> = if is_all {
        ["*"].into()
    } else {
        // CUSTOM and its subclasses go by one subject.
        names
            .iter()
            .filter_map(|name| name.split(' ').next())
            .collect()
    };
    let subjects: BTreeSet<_> = one
        .nodes
        .iter()
        .flat_map(|node| kinds.iter().map(|kind| subjects::event(node, kind, "*")))
        .collect();
    let mine = open.entry(one.id).or_default();
    mine.retain(|subject, task| {
        let stays = subjects.contains(subject);
        if !stays {
            task.abort();
        }
        stays
    });
    for subject in subjects {
        if mine.contains_key(&subject) {
            continue;
        }
        if let Ok(mut events) = client.subscribe(subject.clone()).await {
            let (one, client) = (one.clone(), client.clone());
            let task = tokio::spawn(async move {
                while let Some(message) = events.next().await {
                    match long::whole(&client, &message).await {
                        Ok(event) => {
                            RECEIVED.add();
                            one.offer(&event);
                        }
                        Err(why) => long::missed(&message, &why),
                    }
                }
            });
            mine.insert(subject, task.abort_handle());
        }
    }
    let asks: Vec<_> = asks
        .iter()
        .map(|(events, headers)| json!({"events": events, "headers": headers}))
        .collect();
    let wish =
        json!({"id": name(shared, one.id), "version": version, "nodes": one.nodes, "asks": asks});
    let _ = client.publish(WANT, wish.to_string().into()).await;
}

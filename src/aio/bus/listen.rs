//! Listening for keys and messages, as long as somebody does.

use std::sync::Arc;

use async_nats::Client;
use freeswitch::event::shared::Event;
use freeswitch::event::wire::{WireEvent, encode};
use futures_util::StreamExt;
use tokio::sync::watch;

use super::asked::{WATCHES, Watch, What};
use super::shared::{Shared, connected};
use super::{kv, long};

/// Listens for what is watched, and for what comes to be.
pub(super) async fn listen(shared: &Arc<Shared>, client: watch::Receiver<Option<Client>>) {
    let mut open: Vec<(u64, tokio::task::AbortHandle)> = Vec::new();
    loop {
        let all = WATCHES.lock().clone();
        open.retain(|(id, task)| {
            let stays = all.iter().any(|watch| watch.id == *id);
            if !stays {
                task.abort();
            }
            stays
        });
        for watch in all {
            if open.iter().any(|(id, _)| *id == watch.id) {
                continue;
            }
            let (id, shared, client) = (watch.id, shared.clone(), client.clone());
            let task = tokio::spawn(async move {
                match &watch.what {
                    What::Keys => kv::watch(client, &shared, &watch).await,
                    What::Messages(group) => messages(client, &watch, group.clone()).await,
                }
            });
            open.push((id, task.abort_handle()));
        }
        shared.watched.notified().await;
    }
}

async fn messages(client: watch::Receiver<Option<Client>>, watch: &Watch, group: Option<String>) {
    let found = connected(client).await;
    let Some(client) = found else { return };
    let subject = watch.pattern.clone();
    let subscribed = match group {
        Some(group) => client.queue_subscribe(subject, group).await,
        None => client.subscribe(subject).await,
    };
    let Ok(mut messages) = subscribed else { return };
    while let Some(message) = messages.next().await {
        let payload = match long::whole(&client, &message).await {
            Ok(payload) => payload,
            Err(why) => {
                long::missed(&message, &why);
                continue;
            }
        };
        let reply = message.reply.as_ref().map_or("", |reply| reply.as_str());
        let head = format!(
            "Event-Name: MESSAGE\nSubject: {}\nReply: {}\nContent-Length: {}\n\n",
            encode(message.subject.as_bytes()),
            encode(reply.as_bytes()),
            payload.len(),
        );
        if let Some(event) = WireEvent::new([head.as_bytes(), &payload].concat()) {
            watch.queue.append(Event::wire(event));
        }
    }
}

//! The store of keys and values, by the server's own: bucket `freeswitch`.

use std::time::Duration;

use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_TTL};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{Context, GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::kv::{Config, Entry, Operation, Store};
use async_nats::{Client, HeaderMap, HeaderValue, jetstream};
use freeswitch::event::shared::Event;
use freeswitch::event::wire::{WireEvent, encode};
use futures_util::StreamExt;
use tokio::sync::watch;

use super::asked::Watch;
use super::shared::{Shared, connected};
use super::task::{On, Outcome};

const BUCKET: &str = "freeswitch";
/// How long the server keeps that a key has gone, for those who watch.
const MARKS: Duration = Duration::from_mins(1);

fn failed(error: &impl std::fmt::Display) -> Outcome {
    Outcome::Failed(error.to_string())
}

/// A context whose requests end before who asked has gone.
pub(super) fn context(client: &Client) -> Context {
    jetstream::new(client.clone())
}

async fn store(client: &Client, shared: &Shared) -> Result<Store, Outcome> {
    if let Some(store) = shared.store.lock().clone() {
        return Ok(store);
    }
    let context = context(client);
    let found = match context.get_key_value(BUCKET).await {
        Ok(store) => store,
        Err(_) => made(&context, shared).await?,
    };
    *shared.store.lock() = Some(found.clone());
    Ok(found)
}

async fn made(context: &Context, shared: &Shared) -> Result<Store, Outcome> {
    let config = Config {
        bucket: BUCKET.to_owned(),
        description: "freeswitch.kv of mod_rust".to_owned(),
        history: 1,
        num_replicas: shared.setting.replicas.max(1),
        limit_markers: Some(MARKS),
        ..Config::default()
    };
    let Err(error) = context.create_key_value(config.clone()).await else {
        return context.get_key_value(BUCKET).await.map_err(|e| failed(&e));
    };
    // Before 2.11 a server has no time to live for one key.
    let plain = Config {
        limit_markers: None,
        ..config
    };
    match context.create_key_value(plain).await {
        Ok(_) => context.get_key_value(BUCKET).await.map_err(|e| failed(&e)),
        // Somebody else may have made it in the same moment.
        Err(_) => context.get_key_value(BUCKET).await.map_err(|_| {
            Outcome::Failed(format!(
                "the server keeps no keys (is JetStream on?): {error}"
            ))
        }),
    }
}

fn is_gone(entry: &Entry) -> bool {
    entry.operation != Operation::Put
}

/// Is there nothing kept yet, and nowhere to keep it? Who only looks does not make the bucket: it
/// is made with the number of servers that the first who keeps something was told.
async fn is_empty(client: &Client, shared: &Shared) -> bool {
    if shared.store.lock().is_some() {
        return false;
    }
    let found = context(client).get_stream(format!("KV_{BUCKET}")).await;
    found.is_err_and(|error| match error.kind() {
        GetStreamErrorKind::JetStream(why) => why.error_code() == ErrorCode::STREAM_NOT_FOUND,
        _ => false,
    })
}

pub(super) async fn get(client: &Client, shared: &Shared, key: &str) -> Outcome {
    if is_empty(client, shared).await {
        return Outcome::Nothing;
    }
    let store = match store(client, shared).await {
        Ok(store) => store,
        Err(outcome) => return outcome,
    };
    match store.entry(key).await {
        Ok(Some(entry)) if !is_gone(&entry) => Outcome::Found {
            data: entry.value.to_vec(),
            number: entry.revision,
            reply: String::new(),
        },
        Ok(_) => Outcome::Nothing,
        Err(error) => failed(&error),
    }
}

pub(super) async fn put(
    client: &Client,
    shared: &Shared,
    key: &str,
    value: Vec<u8>,
    ttl: Option<u64>,
    on: On,
) -> Outcome {
    let store = match store(client, shared).await {
        Ok(store) => store,
        Err(outcome) => return outcome,
    };
    if ttl.is_some() && !store.stream.cached_info().config.allow_message_ttl {
        return Outcome::Failed(
            "the server has no time to live for single keys: that needs NATS 2.11 or later, and a \
             bucket 'freeswitch' that was made there"
                .to_owned(),
        );
    }
    let revision = match on {
        On::Anything => None,
        On::Absent => Some(0),
        On::Revision(revision) => Some(revision),
    };
    let outcome = publish(client, key, value.clone(), ttl, revision).await;
    if on != On::Absent || !matches!(outcome, Outcome::Conflict(_)) {
        return outcome;
    }
    // What was deleted has a revision, too.
    match store.entry(key).await {
        Ok(Some(entry)) if is_gone(&entry) => {
            publish(client, key, value, ttl, Some(entry.revision)).await
        }
        Ok(_) => outcome,
        Err(error) => failed(&error),
    }
}

async fn publish(
    client: &Client,
    key: &str,
    value: Vec<u8>,
    ttl: Option<u64>,
    revision: Option<u64>,
) -> Outcome {
    let mut headers = HeaderMap::new();
    if let Some(revision) = revision {
        headers.insert(
            NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
            HeaderValue::from(revision),
        );
    }
    if let Some(ttl) = ttl {
        headers.insert(NATS_MESSAGE_TTL, HeaderValue::from(ttl));
    }
    stored(client, format!("$KV.{BUCKET}.{key}"), headers, value).await
}

/// Publishes into a stream, and waits until it is kept.
pub(super) async fn stored(
    client: &Client,
    subject: String,
    headers: HeaderMap,
    value: Vec<u8>,
) -> Outcome {
    let sent = context(client)
        .publish_with_headers(subject, headers, value.into())
        .await;
    match sent {
        Ok(waits) => match waits.await {
            Ok(ack) => Outcome::Done(ack.sequence),
            Err(error) => not_stored(&error),
        },
        Err(error) => not_stored(&error),
    }
}

/// What a publish into a stream that failed comes to.
pub(super) fn not_stored(error: &PublishError) -> Outcome {
    match error.kind() {
        PublishErrorKind::WrongLastSequence => Outcome::Conflict(String::new()),
        PublishErrorKind::TimedOut => {
            Outcome::Late("the server has not acknowledged it".to_owned())
        }
        // A server that begins has not found its streams; a connection that was lost has taken it along.
        PublishErrorKind::StreamNotFound | PublishErrorKind::BrokenPipe => {
            Outcome::Late(error.to_string())
        }
        PublishErrorKind::MaxPayloadExceeded => {
            Outcome::Failed("the value is larger than the server takes (max_payload)".to_owned())
        }
        _ => Outcome::Failed(error.to_string()),
    }
}

pub(super) async fn delete(
    client: &Client,
    shared: &Shared,
    key: &str,
    revision: Option<u64>,
) -> Outcome {
    if let Err(outcome) = store(client, shared).await {
        return outcome;
    }
    let mut headers = HeaderMap::new();
    headers.insert("KV-Operation", "DEL");
    if let Some(revision) = revision {
        headers.insert(
            NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
            HeaderValue::from(revision),
        );
    }
    stored(client, format!("$KV.{BUCKET}.{key}"), headers, Vec::new()).await
}

/// The keys that a pattern matches, a line each.
pub(super) async fn keys(client: &Client, shared: &Shared, pattern: &str) -> Outcome {
    let store = match store(client, shared).await {
        Ok(store) => store,
        Err(outcome) => return outcome,
    };
    let mut keys = match store.keys().await {
        Ok(keys) => keys,
        Err(error) => return failed(&error),
    };
    let mut found = Vec::new();
    while let Some(key) = keys.next().await {
        match key {
            Ok(key) if matches(pattern, &key) => found.push(key),
            Ok(_) => {}
            Err(error) => return failed(&error),
        }
    }
    found.sort();
    Outcome::Found {
        data: found.join("\n").into_bytes(),
        number: found.len() as u64,
        reply: String::new(),
    }
}

/// Does a pattern match, as the server has it? `*` is one word, `>` all that follow.
pub(super) fn matches(pattern: &str, key: &str) -> bool {
    let (mut words, mut parts) = (key.split('.'), pattern.split('.'));
    loop {
        match (parts.next(), words.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(part), Some(word)) if part == word => {}
            _ => return false,
        }
    }
}

/// Gives what a pattern's keys are and become to the loop, until nobody watches.
pub(super) async fn watch(client: watch::Receiver<Option<Client>>, shared: &Shared, watch: &Watch) {
    const AGAIN: Duration = Duration::from_secs(1);
    loop {
        let Some(client) = connected(client.clone()).await else {
            return;
        };
        let outcome = match store(&client, shared).await {
            Ok(store) => store
                .watch_with_history(&watch.pattern)
                .await
                .map_err(|e| e.to_string()),
            Err(Outcome::Failed(why) | Outcome::Late(why)) => Err(why),
            Err(_) => Err("the server keeps no keys".to_owned()),
        };
        match outcome {
            Ok(mut entries) => {
                while let Some(entry) = entries.next().await {
                    let Ok(entry) = entry else { break };
                    if let Some(event) = shown(&entry) {
                        watch.queue.append(event);
                    }
                }
            }
            Err(why) => freeswitch::once_a_second!(times => {
                tracing::warn!("MR0023 keys are not watched: {why} ({times} times since the last such line); it is tried again");
            }),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What the loop takes for an entry.
fn shown(entry: &Entry) -> Option<std::sync::Arc<Event>> {
    let operation = match entry.operation {
        Operation::Put => "put",
        Operation::Delete => "delete",
        Operation::Purge => "expire",
    };
    let head = format!(
        "Event-Name: KV\nKey: {}\nOperation: {operation}\nRevision: {}\nContent-Length: {}\n\n",
        encode(entry.key.as_bytes()),
        entry.revision,
        entry.value.len(),
    );
    WireEvent::new([head.as_bytes(), &entry.value].concat()).map(Event::wire)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_the_servers() {
        for (pattern, key, is) in [
            (">", "a.b", true),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("a.>", "a", false),
            ("a.>", "a.b.c", true),
            ("a", "a", true),
            ("a", "b", false),
            ("*.b", "a.b", true),
        ] {
            assert_eq!(matches(pattern, key), is, "{pattern} {key}");
        }
    }
}

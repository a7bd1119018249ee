//! Work that is shared, and records that are read: streams from which each piece is given
//! to one, and again to another where it is not said to be done in time.

use std::future::IntoFuture;
use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use async_nats::{Client, HeaderMap};
use futures_util::StreamExt;
use futures_util::future::join_all;

use super::kv::{context, not_stored, stored};
use super::shared::Shared;
use super::task::{Outcome, Piece};

/// A stream of the server's, with one subject for each name.
struct Stream {
    name: &'static str,
    description: &'static str,
    /// What stands before a name.
    subject: &'static str,
    retention: RetentionPolicy,
    /// How long the server remembers ids, to take none twice.
    remembered: Duration,
}

/// Each piece is one taker's.
const QUEUE: Stream = Stream {
    name: "freeswitch-queue",
    description: "freeswitch.queue of mod_rust",
    subject: "fs.q",
    retention: RetentionPolicy::WorkQueue,
    remembered: Duration::from_mins(2),
};

/// Each reader gets all. A switch that was away may send again what had arrived.
const RECORDS: Stream = Stream {
    name: "freeswitch-records",
    description: "freeswitch.records of mod_rust",
    subject: "fs.rec",
    retention: RetentionPolicy::Limits,
    remembered: Duration::from_mins(30),
};

fn failed(error: &impl std::fmt::Display) -> Outcome {
    Outcome::Failed(format!(
        "the server keeps nothing (is JetStream on?): {error}"
    ))
}

impl Stream {
    async fn made(&self, client: &Client, shared: &Shared) -> Result<(), Outcome> {
        if shared.streams.lock().contains(&self.name) {
            return Ok(());
        }
        let config = Config {
            name: self.name.to_owned(),
            description: Some(self.description.to_owned()),
            subjects: vec![format!("{}.*", self.subject)],
            retention: self.retention,
            duplicate_window: self.remembered,
            num_replicas: shared.setting.replicas.max(1),
            ..Config::default()
        };
        context(client)
            .get_or_create_stream(config)
            .await
            .map_err(|error| failed(&error))?;
        shared.streams.lock().push(self.name);
        Ok(())
    }

    /// Leaves a piece; when this returns, the server has it on its disk.
    async fn put(
        &self,
        client: &Client,
        shared: &Shared,
        name: &str,
        data: Vec<u8>,
        id: Option<&str>,
    ) -> Outcome {
        if let Err(outcome) = self.made(client, shared).await {
            return outcome;
        }
        let outcome = stored(client, self.subject_of(name), headers_of(name, id), data).await;
        self.check(shared, &outcome);
        outcome
    }

    /// Leaves pieces in their order; when this returns, the server has all of them.
    async fn put_all(&self, client: &Client, shared: &Shared, pieces: Vec<Piece>) -> Outcome {
        if let Err(outcome) = self.made(client, shared).await {
            return outcome;
        }
        let context = context(client);
        let count = pieces.len() as u64;
        let mut waits = Vec::with_capacity(pieces.len());
        let mut outcome = Outcome::Done(count);
        for Piece { name, id, data } in pieces {
            let headers = headers_of(&name, Some(&id));
            let sent = context
                .publish_with_headers(self.subject_of(&name), headers, data.into())
                .await;
            match sent {
                Ok(ack) => waits.push(ack.into_future()),
                Err(error) => {
                    outcome = not_stored(&error);
                    break;
                }
            }
        }
        for acknowledged in join_all(waits).await {
            if let Err(error) = acknowledged {
                outcome = not_stored(&error);
            }
        }
        self.check(shared, &outcome);
        outcome
    }

    /// Somebody may have deleted the stream: then it is made again.
    fn check(&self, shared: &Shared, outcome: &Outcome) {
        if matches!(outcome, Outcome::Failed(_)) {
            shared.streams.lock().retain(|stream| *stream != self.name);
        }
    }

    fn subject_of(&self, name: &str) -> String {
        format!("{}.{name}", self.subject)
    }

    /// The next piece, waited for; it is another's when the lease is over.
    async fn take(
        &self,
        client: &Client,
        shared: &Shared,
        name: &str,
        taker: String,
        lease: Duration,
        patience: Duration,
    ) -> Outcome {
        if let Err(outcome) = self.made(client, shared).await {
            return outcome;
        }
        let config = pull::Config {
            durable_name: Some(taker),
            filter_subject: self.subject_of(name),
            ack_policy: AckPolicy::Explicit,
            ack_wait: lease,
            ..pull::Config::default()
        };
        let made = context(client)
            .create_consumer_on_stream(config, self.name)
            .await;
        let consumer: PullConsumer = match made {
            Ok(consumer) => consumer,
            Err(error) => return failed(&error),
        };
        next(&consumer, patience).await
    }
}

fn headers_of(name: &str, id: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(id) = id {
        headers.insert(NATS_MESSAGE_ID, format!("{name}/{id}"));
    }
    headers
}

async fn next(consumer: &PullConsumer, patience: Duration) -> Outcome {
    // The server ends the wait a little before who waits does: a piece that came in
    // between would be nobody's until its lease is over.
    let expires = patience.mul_f64(0.9).min(Duration::from_secs(30));
    let mut batch = match consumer
        .fetch()
        .max_messages(1)
        .expires(expires)
        .messages()
        .await
    {
        Ok(batch) => batch,
        Err(error) => return failed(&error),
    };
    match batch.next().await {
        Some(Ok(message)) => Outcome::Found {
            number: message
                .info()
                .map_or(1, |info| info.delivered.unsigned_abs()),
            reply: message
                .reply
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            data: message.payload.to_vec(),
        },
        Some(Err(error)) => Outcome::Failed(error.to_string()),
        None => Outcome::Nothing,
    }
}

/// Leaves work in a queue.
pub(super) async fn offer(
    client: &Client,
    shared: &Shared,
    queue: &str,
    data: Vec<u8>,
    id: Option<String>,
) -> Outcome {
    QUEUE.put(client, shared, queue, data, id.as_deref()).await
}

/// The next piece of work in a queue.
pub(super) async fn take(
    client: &Client,
    shared: &Shared,
    queue: &str,
    lease: Duration,
    patience: Duration,
) -> Outcome {
    let taker = format!("queue-{queue}");
    QUEUE
        .take(client, shared, queue, taker, lease, patience)
        .await
}

/// Leaves records, in their order.
pub(super) async fn record(client: &Client, shared: &Shared, records: Vec<Piece>) -> Outcome {
    RECORDS.put_all(client, shared, records).await
}

/// The next record for a reader.
pub(super) async fn read(
    client: &Client,
    shared: &Shared,
    name: &str,
    reader: &str,
    lease: Duration,
    patience: Duration,
) -> Outcome {
    let taker = format!("reader-{name}-{reader}");
    RECORDS
        .take(client, shared, name, taker, lease, patience)
        .await
}

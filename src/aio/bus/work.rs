//! Work that is shared: a stream `freeswitch-queue`, from which each piece is given
//! to one, and again to another where it is not said to be done in time.

use std::time::Duration;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use async_nats::{Client, HeaderMap};
use futures_util::StreamExt;

use super::kv::{context, stored};
use super::shared::Shared;
use super::task::Outcome;

const STREAM: &str = "freeswitch-queue";
/// How long the server remembers the names of pieces, to take none twice.
const REMEMBERED: Duration = Duration::from_mins(2);

fn failed(error: &impl std::fmt::Display) -> Outcome {
    Outcome::Failed(format!(
        "the server keeps no work (is JetStream on?): {error}"
    ))
}

async fn made(client: &Client, shared: &Shared) -> Result<(), Outcome> {
    if *shared.has_stream.lock() {
        return Ok(());
    }
    let config = Config {
        name: STREAM.to_owned(),
        description: Some("freeswitch.queue of mod_rust".to_owned()),
        subjects: vec!["fs.q.*".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        duplicate_window: REMEMBERED,
        num_replicas: shared.setting.replicas.max(1),
        ..Config::default()
    };
    context(client)
        .get_or_create_stream(config)
        .await
        .map_err(|error| failed(&error))?;
    *shared.has_stream.lock() = true;
    Ok(())
}

pub(super) async fn offer(
    client: &Client,
    shared: &Shared,
    queue: &str,
    data: Vec<u8>,
    id: Option<String>,
) -> Outcome {
    if let Err(outcome) = made(client, shared).await {
        return outcome;
    }
    let mut headers = HeaderMap::new();
    if let Some(id) = id {
        headers.insert(NATS_MESSAGE_ID, format!("{queue}/{id}"));
    }
    stored(client, format!("fs.q.{queue}"), headers, data).await
}

/// The next piece, waited for; it is another's when the lease is over.
pub(super) async fn take(
    client: &Client,
    shared: &Shared,
    queue: &str,
    lease: Duration,
    patience: Duration,
) -> Outcome {
    if let Err(outcome) = made(client, shared).await {
        return outcome;
    }
    let config = pull::Config {
        durable_name: Some(format!("queue-{queue}")),
        filter_subject: format!("fs.q.{queue}"),
        ack_policy: AckPolicy::Explicit,
        ack_wait: lease,
        ..pull::Config::default()
    };
    let made = context(client)
        .create_consumer_on_stream(config, STREAM)
        .await;
    let consumer: PullConsumer = match made {
        Ok(consumer) => consumer,
        Err(error) => return failed(&error),
    };
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

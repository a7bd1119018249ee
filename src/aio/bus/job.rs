//! Doing what coroutines ask for.

use std::time::Duration;

use async_nats::Client;
use tokio::sync::watch;
use tokio::time::timeout_at;

use super::shared::{Shared, connected};
use super::task::{Job, Outcome, Task};
use super::{kv, long, work};

/// Does it, as soon as there is a connection.
pub(super) async fn run(job: Job, client: watch::Receiver<Option<Client>>, shared: &Shared) {
    let Job {
        task,
        ticket,
        until,
        patience,
    } = job;
    let work = async {
        match connected(client).await {
            Some(client) => perform(task, &client, shared, patience).await,
            None => Outcome::Failed("the bus was closed".to_owned()),
        }
    };
    let outcome = timeout_at(until, work).await;
    ticket.settle(outcome.unwrap_or_else(|_| Outcome::Late(shared.why_late(patience))));
}

async fn perform(task: Task, client: &Client, shared: &Shared, patience: Duration) -> Outcome {
    match task {
        Task::Get { key } => kv::get(client, shared, &key).await,
        Task::Put {
            key,
            value,
            ttl,
            on,
        } => kv::put(client, shared, &key, value, ttl, on).await,
        Task::Delete { key, revision } => kv::delete(client, shared, &key, revision).await,
        Task::Keys { pattern } => kv::keys(client, shared, &pattern).await,
        Task::Publish { subject, data } => match client.publish(subject, data.into()).await {
            Ok(()) => Outcome::Done(0),
            Err(error) => Outcome::Failed(error.to_string()),
        },
        Task::Request { subject, data } => request(client, subject, data, patience).await,
        Task::Offer { queue, data, id } => work::offer(client, shared, &queue, data, id).await,
        Task::Take { queue, lease } => work::take(client, shared, &queue, lease, patience).await,
        Task::Record(piece) => work::record(client, shared, vec![piece]).await,
        Task::Read {
            name,
            reader,
            lease,
        } => work::read(client, shared, &name, &reader, lease, patience).await,
    }
}

async fn request(client: &Client, subject: String, data: Vec<u8>, patience: Duration) -> Outcome {
    use async_nats::RequestErrorKind;
    let request = async_nats::Request::new()
        .payload(data.into())
        .timeout(Some(patience));
    match client.send_request(subject, request).await {
        Ok(message) => match long::whole(client, &message).await {
            Ok(data) => Outcome::Found {
                data: data.into_owned(),
                number: 0,
                reply: String::new(),
            },
            Err(why) => Outcome::Late(format!("parts of the answer were lost: {why}")),
        },
        Err(error) => match error.kind() {
            RequestErrorKind::NoResponders => Outcome::Nobody,
            RequestErrorKind::TimedOut => Outcome::Late("no answer".to_owned()),
            _ => Outcome::Failed(error.to_string()),
        },
    }
}

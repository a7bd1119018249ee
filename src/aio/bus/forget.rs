//! Taking away what workers have kept of calls that are over.
//!
//! The bus may be away when a call ends, and be back when the UUID has come again: what is taken
//! away is what a holder of the call's own epochs has put, at the revision that was looked at.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep};

use super::counters::LOST;
use super::kv;
use super::shared::{Shared, connected};
use super::task::{Forgotten, Outcome};

/// How many are under way.
const AT_ONCE: usize = 64;
/// For how long one is tried, and how often; after that its time to live ends it.
const PATIENCE: Duration = Duration::from_mins(10);
const AGAIN: Duration = Duration::from_secs(1);

/// Takes away what was left to be; while the server is away it waits.
pub(super) async fn forget_all(
    shared: &Arc<Shared>,
    client: watch::Receiver<Option<Client>>,
    mut keys: mpsc::Receiver<Forgotten>,
) {
    let Some(client) = connected(client).await else {
        return std::future::pending().await;
    };
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(forgotten) = keys.recv().await {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let (client, shared) = (client.clone(), shared.clone());
        tokio::spawn(async move {
            forget(&client, &shared, &forgotten).await;
            drop(slot);
        });
    }
}

async fn forget(client: &Client, shared: &Shared, forgotten: &Forgotten) {
    let until = Instant::now() + PATIENCE;
    loop {
        match attempt(client, shared, forgotten).await {
            // It has another revision since it was looked at.
            Outcome::Conflict(_) => {}
            Outcome::Failed(_) | Outcome::Late(_) if Instant::now() < until => sleep(AGAIN).await,
            Outcome::Failed(_) | Outcome::Late(_) => return LOST.add(),
            _ => return,
        }
    }
}

async fn attempt(client: &Client, shared: &Shared, forgotten: &Forgotten) -> Outcome {
    let Forgotten { key, epochs } = forgotten;
    match kv::get(client, shared, key).await {
        Outcome::Found { data, number, .. }
            if epoch_of(&data).is_some_and(|e| epochs.contains(&e)) =>
        {
            kv::delete(client, shared, key, Some(number)).await
        }
        // Another call's, and none of ours to take away.
        Outcome::Found { .. } => Outcome::Nothing,
        outcome => outcome,
    }
}

fn epoch_of(data: &[u8]) -> Option<u64> {
    let kept: Value = serde_json::from_slice(data).ok()?;
    kept.get("epoch")?.as_u64()
}

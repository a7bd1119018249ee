//! Records: written to the disk by one thread, sent to the stream `freeswitch-records`
//! by the bus's, and forgotten when the server has acknowledged them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_nats::Client;
use freeswitch::{core, edge};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::counters::{LOST_RECORDS, QUEUED_RECORDS, RECORDS_SENT};
use super::setting::{NO_BUS, Setting};
use super::shared::{Shared, connected, without_signals};
use super::spool::{Batch, Spool, Writer};
use super::task::{Outcome, Piece, Ticket};
use super::work;

/// How many records wait to be written, and how many are written at once.
const QUEUE: usize = 16_384;
const AT_ONCE: usize = 1024;
/// How large a record may be, in bytes.
pub(super) const LARGEST: usize = 512 << 10;
/// For how long a server that takes none is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// How long what is on the disk gets to leave, at the end.
const LAST: Duration = Duration::from_millis(500);

/// A record, and who waits until it is on the disk.
struct Write {
    line: Vec<u8>,
    ticket: Option<Ticket>,
}

/// What keeps the records of this switch.
struct Keeper {
    spool: Arc<Spool>,
    queue: SyncSender<Write>,
    thread: JoinHandle<()>,
}

/// What keeps them, or why a switch that has a bus cannot.
static KEEPER: Mutex<Option<Result<Keeper, String>>> = Mutex::new(None);

fn folder() -> PathBuf {
    let folder = core::global(c"db_dir").unwrap_or_default();
    PathBuf::from(String::from_utf8_lossy(&folder).into_owned()).join("mod_rust_records")
}

/// Begins to keep records, for a switch with a bus.
pub(super) fn begin(setting: &Setting) {
    let mut keeper = KEEPER.lock();
    if let Some(Ok(keeper)) = &*keeper {
        keeper.spool.set_limit(setting.records_limit);
        return;
    }
    let opened = open(setting.records_limit);
    if let Err(why) = &opened {
        tracing::error!("MR0024 records are not kept: {why}");
    }
    *keeper = Some(opened);
}

fn open(limit: u64) -> Result<Keeper, String> {
    let folder = folder();
    let shown = folder.display().to_string();
    let spool = Spool::open(folder, limit).map_err(|error| format!("{shown}: {error}"))?;
    let spool = Arc::new(spool);
    let (queue, writes) = sync_channel(QUEUE);
    let theirs = spool.clone();
    let thread = without_signals(|| {
        let thread = thread::Builder::new().name("mod_rust records".to_owned());
        thread.spawn(move || {
            edge::guard(c"records", (), || write(&theirs, &writes));
        })
    });
    let thread = thread.map_err(|error| format!("no thread can be started for them: {error}"))?;
    Ok(Keeper {
        spool,
        queue,
        thread,
    })
}

/// Ends it: what was put is on the disk, and has a moment to leave where a server is
/// there. The rest leaves after the next start.
pub(super) fn end(is_up: bool) {
    let keeper = KEEPER.lock().take();
    if let Some(Ok(keeper)) = keeper {
        drop(keeper.queue);
        let _ = keeper.thread.join();
        let until = Instant::now() + LAST;
        while is_up && keeper.spool.waiting() > 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn spool() -> Option<Arc<Spool>> {
    match &*KEEPER.lock() {
        Some(Ok(keeper)) => Some(keeper.spool.clone()),
        _ => None,
    }
}

/// How many bytes of records wait for the server.
pub fn waiting() -> u64 {
    spool().map_or(0, |spool| spool.waiting())
}

/// One line of the spool. The value is JSON already.
pub(super) fn line(name: &str, id: &str, value: &str) -> Vec<u8> {
    let (name, id) = (json!(name), json!(id));
    format!("{{\"name\":{name},\"id\":{id},\"value\":{value}}}\n").into_bytes()
}

/// Leaves a record to be written, for who waits or for nobody; why not, where it is
/// refused. Waits for nothing.
pub(super) fn put(line: Vec<u8>, ticket: Option<u64>) -> Result<(), String> {
    if edge::is_forked() {
        return Err(
            "this is a child that a script has forked: records are its parent's".to_owned(),
        );
    }
    let keeper = KEEPER.lock();
    let queue = match &*keeper {
        Some(Ok(keeper)) => &keeper.queue,
        Some(Err(why)) => return Err(format!("records are not kept: {why}")),
        None => return Err(NO_BUS.to_owned()),
    };
    let ticket = ticket.map(Ticket::new);
    QUEUED_RECORDS.add(1);
    queue.try_send(Write { line, ticket }).map_err(|refused| {
        QUEUED_RECORDS.add(-1);
        let (TrySendError::Full(write) | TrySendError::Disconnected(write)) = refused;
        if let Some(ticket) = write.ticket {
            ticket.refuse();
        }
        format!("{QUEUE} records wait to be written: the disk is too slow")
    })
}

/// Is there a spool, or should there be one?
pub(super) fn is_kept() -> bool {
    KEEPER.lock().is_some()
}

/// A record that was lost, and why.
pub(super) fn lost(why: &str) {
    LOST_RECORDS.add();
    freeswitch::once_a_second!(times => {
        tracing::error!("MR0024 {times} records were lost since the last such line, {} in all: {why}", LOST_RECORDS.get());
    });
}

/// The thread that writes.
fn write(spool: &Spool, writes: &Receiver<Write>) {
    let mut writer = Writer::new();
    while let Ok(first) = writes.recv() {
        let mut some = vec![first];
        some.extend(writes.try_iter().take(AT_ONCE - 1));
        let lines: Vec<u8> = some.iter().flat_map(|w| w.line.iter().copied()).collect();
        let outcome = spool.append(&mut writer, &lines);
        QUEUED_RECORDS.add(-i64::try_from(some.len()).unwrap_or(i64::MAX));
        for Write { ticket, .. } in some {
            match (ticket, &outcome) {
                (Some(ticket), Ok(())) => ticket.settle(Outcome::Done(0)),
                (Some(ticket), Err(error)) => ticket.settle(Outcome::Failed(error.to_string())),
                (None, Ok(())) => {}
                (None, Err(error)) => lost(&error.to_string()),
            }
        }
    }
}

/// Sends what is on the disk, and what comes to be there.
pub(super) async fn send(shared: &Arc<Shared>, client: watch::Receiver<Option<Client>>) {
    // A program with no switch sends its records itself.
    let (Some(spool), Some(client)) = (spool(), connected(client).await) else {
        return std::future::pending().await;
    };
    loop {
        match spool.next() {
            Ok(Some(batch)) => {
                if !deliver(shared, &client, &spool, &batch).await {
                    sleep(PAUSE).await;
                }
            }
            Ok(None) => spool.written.notified().await,
            Err(error) => {
                freeswitch::once_a_second!(_times => {
                    tracing::error!("MR0024 records cannot be read from the disk, and are tried again: {error}");
                });
                sleep(PAUSE).await;
            }
        }
    }
}

/// Sends a batch; false where it is to be tried again.
async fn deliver(shared: &Shared, client: &Client, spool: &Spool, batch: &Batch) -> bool {
    let most = client.server_info().max_payload;
    let (mut pieces, mut refused) = (Vec::with_capacity(batch.lines.len()), Vec::new());
    for line in &batch.lines {
        let piece = piece(line, &shared.setting.node).filter(|piece| piece.data.len() <= most);
        match piece {
            Some(piece) => pieces.push(piece),
            None => refused.push(line),
        }
    }
    match work::record(client, shared, pieces).await {
        Outcome::Done(count) => RECORDS_SENT.add_many(count),
        outcome => {
            freeswitch::once_a_second!(_times => {
                tracing::warn!("MR0024 records wait on the disk, and are tried again: {}", why(&outcome));
            });
            return false;
        }
    }
    for line in refused {
        aside(spool, line);
    }
    if let Err(error) = spool.sent(batch) {
        freeswitch::once_a_second!(_times => {
            tracing::error!("MR0024 records were sent and may be sent again after a restart: {error}");
        });
    }
    true
}

fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(why) | Outcome::Late(why) | Outcome::Conflict(why) => why,
        _ => "the server has not acknowledged them",
    }
}

/// A line that no server takes must not keep those behind it.
fn aside(spool: &Spool, line: &[u8]) {
    match spool.put_aside(line) {
        Ok(path) => freeswitch::once_a_second!(times => {
            tracing::error!("MR0024 {times} records that the server does not take were put into {}", path.display());
        }),
        Err(error) => lost(&format!(
            "one that the server does not take, which cannot be put aside: {error}"
        )),
    }
}

/// What the server gets of a line: JSON, with the id and the node beside the value.
pub(super) fn piece(line: &[u8], node: &str) -> Option<Piece> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let text = |key| value.get(key)?.as_str();
    let (name, id) = (text("name")?, text("id")?);
    let message = json!({"id": id, "node": node, "value": value.get("value")?});
    Some(Piece {
        name: name.to_owned(),
        id: id.to_owned(),
        data: message.to_string().into_bytes(),
    })
}

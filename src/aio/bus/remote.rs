//! What workers on the bus say: that they are there, what they ask of their calls, and API commands.
//!
//! What they ask of calls is carried out by one thread, in the order that it comes; it ends with
//! the link. API commands, which may take long, have a thread of the switch's each.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use async_nats::{Client, Message};
use freeswitch::sync::thread as of_switch;
use freeswitch::{Detached, api, core, edge};
use futures_util::StreamExt;
use tokio::sync::watch;

use super::publisher::{self, strange};
use super::shared::{Shared, connected};
use super::twins::{self, Twins};
use super::{long, outgoing, pulse, subjects};
use crate::aio::outside::{command, workers};

/// The thread's stack, in bytes.
const STACK: usize = 8 << 20;
/// How much of what is asked of calls waits.
const QUEUE: usize = 8192;
/// How many API commands run at once.
const COMMANDS: usize = 64;

/// API commands that run.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// What is asked, and where the answer goes.
type Line = (Vec<u8>, String);

/// Takes what workers say, where there is a switch.
pub(super) async fn hear(shared: &Arc<Shared>, client: watch::Receiver<Option<Client>>) {
    let found = connected(client).await;
    let Some(client) = found.filter(|_| shared.has_switch) else {
        return std::future::pending().await;
    };
    let node = &shared.setting.node;
    let echo = subjects::echo(node, twins::instance());
    let (Ok(mut beats), Ok(mut echoes), Ok(mut rests), Ok(mut calls), Ok(mut commands)) = (
        client.subscribe(subjects::BEATS).await,
        client.subscribe(echo).await,
        client.subscribe(subjects::rest(node)).await,
        client.subscribe(subjects::calls(node)).await,
        client.subscribe(subjects::commands(node)).await,
    ) else {
        return std::future::pending().await;
    };
    let Some(requests) = RequestThread::begin() else {
        return std::future::pending().await;
    };
    workers::listens(shared.setting.worker_patience);
    let mut twins = Twins::default();
    let own = subjects::beat(node);
    loop {
        tokio::select! {
            // A beat that came before an echo is heard before it.
            biased;
            Some(message) = beats.next() => {
                if message.subject.as_str() == own {
                    twins.look(node, &message.payload);
                }
                if !workers::heard(&message.payload) {
                    strange(&message);
                }
            }
            Some(message) = echoes.next() => pulse::hear(shared, &message.payload),
            Some(message) = rests.next() => if let Some((asked, reply)) = line(&message) {
                outgoing::send(reply, long::part(&asked));
            },
            Some(message) = calls.next() => requests.give(&message),
            Some(message) = commands.next() => run_command(&message),
            else => return std::future::pending().await,
        }
    }
}

fn line(message: &Message) -> Option<Line> {
    let reply = message.reply.as_ref();
    if reply.is_none() {
        strange(message);
    }
    Some((message.payload.to_vec(), reply?.to_string()))
}

/// The thread that does what workers ask of their calls.
struct RequestThread {
    lines: Option<SyncSender<Line>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RequestThread {
    fn begin() -> Option<Self> {
        let (lines, queued) = sync_channel(QUEUE);
        let ends = Arc::new(AtomicBool::new(false));
        let theirs = ends.clone();
        // This thread gets no signals, nor does one that it begins.
        let thread = thread::Builder::new()
            .name("mod_rust workers".to_owned())
            .stack_size(STACK)
            .spawn(move || work(&queued, &theirs));
        match thread {
            Ok(thread) => Some(Self {
                lines: Some(lines),
                ends,
                thread: Some(thread),
            }),
            Err(error) => {
                tracing::error!("MR0023 there is no thread for the workers of the bus: {error}");
                None
            }
        }
    }

    fn give(&self, message: &Message) {
        let Some(line) = line(message) else { return };
        let is_taken = self
            .lines
            .as_ref()
            .is_some_and(|lines| lines.try_send(line).is_ok());
        if !is_taken && let Some(reply) = &message.reply {
            // Who asks does so again.
            outgoing::send(reply.to_string(), command::BUSY.into());
        }
    }
}

impl Drop for RequestThread {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        drop(self.lines.take());
        // A panic in it was logged by its guard.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn work(lines: &Receiver<Line>, ends: &AtomicBool) {
    while let Ok((line, reply)) = lines.recv() {
        if ends.load(Ordering::Acquire) {
            return;
        }
        edge::guard(c"workers", (), || {
            let Some(_inside) = core::inside() else {
                return;
            };
            // SAFETY: this thread is ours, and never attaches to Python.
            let held = unsafe { Detached::new() };
            let line = String::from_utf8_lossy(&line);
            let answer = match line.strip_prefix("wished ") {
                Some(wish) if publisher::heeds(wish) => "+OK".to_owned(),
                Some(_) => command::BUSY.to_owned(),
                None => command::by_bus(&held, &line),
            };
            outgoing::send(reply, answer.into_bytes());
        });
    }
}

/// One of the API commands that run, until this goes.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let place = Self;
        (RUNNING.fetch_add(1, Ordering::AcqRel) < COMMANDS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::AcqRel);
    }
}

fn run_command(message: &Message) {
    let Some((line, reply)) = line(message) else {
        return;
    };
    // Who asks hears of it in any case: it waits for as long as a command may take.
    let refuse = |why: String| outgoing::send(reply.clone(), format!("-ERR {why}").into_bytes());
    let Some(place) = Place::take() else {
        return refuse(format!("{COMMANDS} commands of workers run already"));
    };
    let Some(_inside) = core::inside() else {
        return refuse("the switch ends".to_owned());
    };
    let to = reply.clone();
    let run = move |held: &Detached| {
        let answer = execute(held, line);
        drop(place);
        if !core::gone() {
            outgoing::send(to, answer);
        }
    };
    if let Err(status) = of_switch::start(run) {
        freeswitch::once_a_second!(times => {
            tracing::error!("MR0017 a command of a worker has no thread: {status} ({times} times since the last such line)");
        });
        refuse(format!("there is no thread for it: {status}"));
    }
}

fn execute(held: &Detached, line: Vec<u8>) -> Vec<u8> {
    let Ok(line) = CString::new(line) else {
        return b"-ERR a command has no NUL".to_vec();
    };
    let line = line.to_bytes();
    let end = line.iter().position(|&b| b == b' ').unwrap_or(line.len());
    // Parts of a string without NUL have none.
    let part = |bytes: &[u8]| CString::new(bytes).unwrap_or_default();
    let argument = line.get(end + 1..).map(part);
    let answer = api::execute(held, &part(&line[..end]), argument.as_deref(), None);
    if answer.len() > long::MOST {
        let (size, most) = (answer.len(), long::MOST);
        return format!("-ERR the answer is {size} bytes, and {most} is the most on the bus")
            .into_bytes();
    }
    answer
}

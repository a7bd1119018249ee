//! What is counted and shown, whatever form it is shown in.

use std::sync::atomic::Ordering;

use freeswitch::event::consumer;
use freeswitch::event::consumer::DROPPED_EVENTS;

#[cfg(feature = "nats")]
use crate::aio::bus::{self, counters};
#[cfg(feature = "nats")]
use crate::aio::outside::counters as remote;
use crate::aio::{loop_queue, tap_queue};
use crate::entry::event_hook;
use crate::interp::stack;
use crate::metrics;
use crate::metrics::Reading;
use crate::script::entry_point;
use crate::script::runs;

/// A JSON string.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON object of values that are JSON already.
#[must_use]
pub fn object(members: &[(&str, String)]) -> String {
    let members = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", quoted(name)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// What is counted, and of what: ways in, modules, functions.
pub(super) type Tables = [(&'static str, Vec<(String, Reading)>); 3];

/// What is counted, now.
pub(super) fn tables() -> Tables {
    let ways: Vec<_> = entry_point::ALL
        .iter()
        .map(|way| (way.name.to_owned(), way.counters.read()))
        .collect();
    let functions = metrics::functions();
    [
        ("way", ways),
        ("module", metrics::modules(&functions)),
        ("function", functions),
    ]
}

/// A number that stands for the module as a whole.
pub(super) struct Number {
    pub name: &'static str,
    pub value: u64,
    /// It only grows.
    pub grows: bool,
    pub help: &'static str,
}

/// What goes up and down.
fn gauge(name: &'static str, value: u64, help: &'static str) -> Number {
    Number {
        name,
        value,
        grows: false,
        help,
    }
}

/// What only grows.
fn counter(name: &'static str, value: u64, help: &'static str) -> Number {
    Number {
        name,
        value,
        grows: true,
        help,
    }
}

/// Those of the bus.
#[cfg(feature = "nats")]
fn of_bus() -> [Number; 16] {
    let connected = u64::from(bus::state() == bus::State::Up);
    [
        gauge(
            "bus_connected",
            connected,
            "Whether a server of the bus answers",
        ),
        counter(
            "bus_connections",
            counters::CONNECTIONS.get(),
            "Times that a server of the bus was connected to",
        ),
        gauge(
            "queued_bus_requests",
            counters::QUEUED_REQUESTS.get(),
            "Requests to the bus that have not ended",
        ),
        counter(
            "bus_requests",
            counters::REQUESTS.get(),
            "Requests to the bus",
        ),
        counter(
            "failed_bus_requests",
            counters::FAILED.get(),
            "Requests to the bus that had no answer",
        ),
        gauge(
            "queued_bus_events",
            counters::QUEUED_EVENTS.get(),
            "Events that wait to be sent to other nodes",
        ),
        counter(
            "bus_events_sent",
            counters::PUBLISHED.get(),
            "Events that were sent to other nodes",
        ),
        counter(
            "bus_events_received",
            counters::RECEIVED.get(),
            "Events of other nodes that came",
        ),
        counter(
            "dropped_bus_events",
            counters::DROPPED.get(),
            "Events for other nodes that the queue had no room for (MR0012)",
        ),
        counter(
            "strange_bus_messages",
            counters::STRANGE.get(),
            "Unknown messages on the bus, which were ignored (MR0023)",
        ),
        gauge(
            "queued_records",
            counters::QUEUED_RECORDS.get(),
            "Records that wait to be written to the disk",
        ),
        gauge(
            "queued_record_bytes",
            bus::records::waiting(),
            "Bytes of records on the disk that wait for a server of the bus",
        ),
        counter(
            "records_sent",
            counters::RECORDS_SENT.get(),
            "Records that a server of the bus has acknowledged",
        ),
        counter(
            "lost_records",
            counters::LOST_RECORDS.get(),
            "Records that could not be written to the disk (MR0024)",
        ),
        counter(
            "bus_messages_sent",
            counters::MESSAGES.get(),
            "Messages to workers",
        ),
        counter(
            "lost_bus_messages",
            counters::LOST.get(),
            "Messages to workers that were not sent (MR0023)",
        ),
    ]
}

/// Those of the calls that workers on the bus serve.
#[cfg(feature = "nats")]
fn of_workers() -> [Number; 7] {
    [
        counter(
            "remote_offers",
            remote::OFFERS.get(),
            "Offers of calls to workers",
        ),
        counter(
            "remote_accepts",
            remote::ACCEPTS.get(),
            "Offers that a worker has accepted",
        ),
        counter(
            "remote_late_offers",
            remote::LATE.get(),
            "Offers that were not accepted in time",
        ),
        counter(
            "remote_unserved_calls",
            remote::UNSERVED.get(),
            "Calls that no worker has taken (MR0025)",
        ),
        counter(
            "remote_moves",
            remote::MOVES.get(),
            "Calls that a worker which ends has left to another",
        ),
        counter(
            "remote_orphaned_calls",
            remote::ORPHANED.get(),
            "Calls whose worker said nothing any more (MR0025)",
        ),
        counter(
            "remote_refusals",
            remote::REFUSED.get(),
            "What workers asked of calls that they do not have (MR0025)",
        ),
    ]
}

/// The numbers that stand for the module as a whole.
pub(super) fn numbers() -> Vec<Number> {
    let (used, spare) = stack::counts();
    let lock = metrics::LOCK.read();
    #[cfg_attr(
        not(feature = "nats"),
        allow(unused_mut, reason = "the bus has some more")
    )]
    let mut numbers = vec![
        gauge(
            "running",
            runs::all().len() as u64,
            "Functions that run now",
        ),
        counter(
            "reloads",
            metrics::RELOADS.get(),
            "Scripts that were reloaded",
        ),
        counter(
            "failed_reloads",
            metrics::FAILED_RELOADS.get(),
            "New versions of scripts that did not load (MR0005)",
        ),
        counter(
            "dropped_events",
            DROPPED_EVENTS.load(Ordering::Relaxed),
            "Events that queues had no room for (MR0012)",
        ),
        counter(
            "refused_commands",
            metrics::REFUSED.get(),
            "Commands of apps that the switch refused (MR0015)",
        ),
        gauge(
            "queued_consumer_events",
            consumer::QUEUED.get(),
            "Events that wait in EventConsumers",
        ),
        gauge(
            "queued_hook_events",
            event_hook::QUEUED.get(),
            "Events that wait for hooks",
        ),
        gauge(
            "queued_coroutine_events",
            tap_queue::QUEUED.get(),
            "Events that wait for coroutines and apps",
        ),
        gauge(
            "queued_loop_messages",
            loop_queue::len() as u64,
            "Messages that wait for the event loop",
        ),
        counter(
            "lock_waits",
            lock.calls,
            "Times that a thread waited for Python's lock",
        ),
        gauge(
            "lock_wait_p99_us",
            lock.quantile(0.99),
            "Microseconds that 99 of 100 waits for Python's lock did not exceed",
        ),
        gauge("stacks_in_use", used, "Stacks of calls' threads in use"),
        gauge(
            "stacks_spare",
            spare,
            "Stacks of calls' threads that are kept for later",
        ),
    ];
    #[cfg(feature = "nats")]
    numbers.extend(of_bus());
    #[cfg(feature = "nats")]
    numbers.extend(of_workers());
    numbers
}

/// How many run now, by way in.
pub(super) fn running_by_way() -> Vec<(&'static str, String)> {
    let running = runs::all();
    let mine = |way: &str| running.iter().filter(|script| script.way == way).count();
    let counts = entry_point::ALL.iter();
    counts
        .map(|way| (way.name, mine(way.name).to_string()))
        .collect()
}

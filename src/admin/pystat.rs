//! What `pystat` shows: the counters, as text, JSON, or for Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use freeswitch::event::consumer;
use freeswitch::event::consumer::DROPPED_EVENTS;

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
type Tables = [(&'static str, Vec<(String, Reading)>); 3];

const SHARES: [(&str, f64); 3] = [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99)];

/// `pystat [json|prometheus]`
pub(crate) fn statistics(argument: &str) -> Result<String, String> {
    let ways: Vec<_> = entry_point::ALL
        .iter()
        .map(|way| (way.name.to_owned(), way.counters.read()))
        .collect();
    let functions = metrics::functions();
    let tables = [
        ("way", ways),
        ("module", metrics::modules(&functions)),
        ("function", functions),
    ];
    match argument {
        "" => Ok(text(&tables)),
        "json" => Ok(json(&tables)),
        "prometheus" => Ok(prometheus(&tables)),
        _ => Err("pystat [json|prometheus]".to_owned()),
    }
}

/// The numbers that stand for the module as a whole: name, value, and whether it
/// only grows.
fn numbers() -> Vec<(&'static str, u64, bool)> {
    let (used, spare) = stack::counts();
    vec![
        ("running", runs::all().len() as u64, false),
        ("reloads", metrics::RELOADS.get(), true),
        ("failed_reloads", metrics::FAILED_RELOADS.get(), true),
        (
            "dropped_events",
            DROPPED_EVENTS.load(Ordering::Relaxed),
            true,
        ),
        ("refused_commands", metrics::REFUSED.get(), true),
        ("queued_consumer_events", consumer::QUEUED.get(), false),
        ("queued_hook_events", event_hook::QUEUED.get(), false),
        ("queued_coroutine_events", tap_queue::QUEUED.get(), false),
        ("queued_loop_messages", loop_queue::len() as u64, false),
        ("lock_waits", metrics::LOCK.read().calls, true),
        (
            "lock_wait_p99_us",
            metrics::LOCK.read().quantile(0.99),
            false,
        ),
        ("stacks_in_use", used, false),
        ("stacks_spare", spare, false),
    ]
}

/// How many run now, by way in.
fn running_by_way() -> Vec<(&'static str, String)> {
    let running = runs::all();
    let mine = |way: &str| running.iter().filter(|script| script.way == way).count();
    let counts = entry_point::ALL.iter();
    counts
        .map(|way| (way.name, mine(way.name).to_string()))
        .collect()
}

fn text(tables: &Tables) -> String {
    let mut out = String::new();
    for (name, value, _) in numbers() {
        let _ = writeln!(out, "{name:<24}{value}");
    }
    for (title, readings) in tables {
        let _ = writeln!(
            out,
            "\n{title:<40}{:>10}{:>8}{:>8}{:>10}{:>10}{:>10}",
            "calls", "errors", "ended", "p50 us", "p90 us", "p99 us"
        );
        for (name, r) in readings.iter().filter(|(_, r)| r.calls > 0) {
            let [a, b, c] = SHARES.map(|(_, share)| r.quantile(share));
            let _ = writeln!(
                out,
                "{name:<40}{:>10}{:>8}{:>8}{a:>10}{b:>10}{c:>10}",
                r.calls, r.errors, r.killed
            );
        }
    }
    out
}

fn json(tables: &Tables) -> String {
    let table = |readings: &[(String, Reading)]| {
        let rows = readings.iter().map(|(name, r)| {
            let [a, b, c] = SHARES.map(|(_, share)| r.quantile(share).to_string());
            let row = object(&[
                ("calls", r.calls.to_string()),
                ("errors", r.errors.to_string()),
                ("ended", r.killed.to_string()),
                ("total_us", r.micros.to_string()),
                ("p50_us", a),
                ("p90_us", b),
                ("p99_us", c),
            ]);
            format!("{}:{row}", quoted(name))
        });
        format!("{{{}}}", rows.collect::<Vec<_>>().join(","))
    };
    let mut members: Vec<_> = numbers()
        .into_iter()
        .map(|(name, value, _)| (name, value.to_string()))
        .collect();
    members.push(("running_by_way", object(&running_by_way())));
    let names = ["ways", "modules", "functions"];
    members.extend(
        names
            .into_iter()
            .zip(tables)
            .map(|(name, (_, readings))| (name, table(readings))),
    );
    object(&members) + "\n"
}

fn prometheus(tables: &Tables) -> String {
    let mut out = String::new();
    for (name, value, grows) in numbers() {
        let (suffix, kind) = if grows {
            ("_total", "counter")
        } else {
            ("", "gauge")
        };
        let _ = writeln!(
            out,
            "# TYPE mod_rust_{name}{suffix} {kind}\nmod_rust_{name}{suffix} {value}"
        );
    }
    let _ = writeln!(out, "# TYPE mod_rust_way_running gauge");
    for (way, count) in running_by_way() {
        let _ = writeln!(out, "mod_rust_way_running{{way={}}} {count}", quoted(way));
    }
    for (label, readings) in tables {
        for (what, get) in [
            ("calls", (|r| r.calls) as fn(&Reading) -> u64),
            ("errors", |r| r.errors),
            ("ended", |r| r.killed),
        ] {
            let _ = writeln!(out, "# TYPE mod_rust_{label}_{what}_total counter");
            for (name, r) in readings {
                let _ = writeln!(
                    out,
                    "mod_rust_{label}_{what}_total{{{label}={}}} {}",
                    quoted(name),
                    get(r)
                );
            }
        }
        let _ = writeln!(out, "# TYPE mod_rust_{label}_seconds summary");
        for (name, r) in readings {
            let name = quoted(name);
            for (title, share) in SHARES {
                let _ = writeln!(
                    out,
                    "mod_rust_{label}_seconds{{{label}={name},quantile=\"{title}\"}} {}",
                    seconds(r.quantile(share))
                );
            }
            let _ = writeln!(
                out,
                "mod_rust_{label}_seconds_sum{{{label}={name}}} {}",
                seconds(r.micros)
            );
            let _ = writeln!(
                out,
                "mod_rust_{label}_seconds_count{{{label}={name}}} {}",
                r.calls
            );
        }
    }
    out
}

/// Microseconds as seconds, to the last digit.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_are_quoted() {
        assert_eq!(quoted("a\"b\\c\n\u{e9}"), "\"a\\\"b\\\\c\\n\u{e9}\"");
    }

    #[test]
    fn prometheus_knows_seconds() {
        assert_eq!(seconds(1_500_001), "1.500001");
    }
}

//! The counters as Prometheus reads them: its own text form, and `OpenMetrics`.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>, and
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>.
//! The `freeswitch_` names are those of `freeswitch_exporter`, whose dashboards they fill.

use std::fmt::{Display, Write as _};

use freeswitch::{Detached, api, causes};
use serde_json::Value;

use super::figures::{numbers, quoted, running_by_way, tables};
use crate::aio::loop_queue;
use crate::metrics;
use crate::metrics::Reading;

/// Which of the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus's own, 0.0.4.
    Plain,
    /// `OpenMetrics` 1.0.0.
    Open,
}

impl Format {
    /// What HTTP calls it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::Open => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Upper bounds of a histogram's buckets, as powers of two of a microsecond: 64 us to 67 s.
const BOUNDS: [u32; 11] = [6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26];

/// The module's own counters.
#[must_use]
pub fn of_module(format: Format) -> String {
    let mut page = Page::new(format);
    page.module();
    page.end()
}

/// The module's own counters, and the switch's: `status` is asked of it, as JSON
/// (`mod_commands`); what it does not answer is left out.
#[must_use]
pub fn of_switch(held: &Detached, format: Format) -> String {
    let mut page = Page::new(format);
    page.switch(&status(held));
    page.calls(held);
    page.hangups();
    page.module();
    page.end()
}

fn status(held: &Detached) -> Value {
    let request = cr#"{"command":"status","data":{}}"#;
    let reply = api::execute(held, c"json", Some(request), None);
    serde_json::from_slice(&reply).unwrap_or_default()
}

struct Page {
    out: String,
    format: Format,
}

impl Page {
    const fn new(format: Format) -> Self {
        Self {
            out: String::new(),
            format,
        }
    }

    fn end(mut self) -> String {
        if self.format == Format::Open {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    /// Begins a family; gives the name of its samples.
    fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) -> String {
        let sample = match kind {
            "counter" => format!("{name}_total"),
            _ => name.to_owned(),
        };
        // In the plain form a family is named as its samples are.
        let title = match self.format {
            Format::Plain => &sample,
            Format::Open => name,
        };
        let _ = writeln!(self.out, "# HELP {title} {help}");
        let _ = writeln!(self.out, "# TYPE {title} {kind}");
        if !unit.is_empty() && self.format == Format::Open {
            let _ = writeln!(self.out, "# UNIT {title} {unit}");
        }
        sample
    }

    fn one(&mut self, name: &str, kind: &str, unit: &str, help: &str, value: impl Display) {
        let sample = self.family(name, kind, unit, help);
        let _ = writeln!(self.out, "{sample} {value}");
    }

    fn switch(&mut self, status: &Value) {
        let status = &status["response"];
        for (name, kind, help, path) in SWITCH {
            let value = path.iter().fold(status, |value, member| &value[*member]);
            if value.is_number() {
                self.one(name, kind, "", help, value);
            }
        }
        if let Some(seconds) = uptime(&status["uptime"]) {
            let (name, help) = ("freeswitch_uptime_seconds", "Uptime in seconds");
            self.one(name, "gauge", "seconds", help, seconds);
        }
        let is_up = i32::from(status["systemStatus"] == "ready");
        let help = "Is FreeSWITCH ready for calls";
        self.one("freeswitch_up", "gauge", "", help, is_up);
    }

    fn calls(&mut self, held: &Detached) {
        let reply = api::execute(held, c"show", Some(c"calls count as json"), None);
        let reply: Value = serde_json::from_slice(&reply).unwrap_or_default();
        if let Some(count) = reply["row_count"].as_u64() {
            let help = "Number of calls active";
            self.one("freeswitch_current_calls", "gauge", "", help, count);
        }
    }

    fn hangups(&mut self) {
        let help = "Legs that have ended since the listener was opened, by hangup cause";
        let sample = self.family("mod_rust_hangups", "counter", "", help);
        for (cause, count) in causes::counted() {
            let _ = writeln!(self.out, "{sample}{{cause={}}} {count}", quoted(&cause));
        }
    }

    fn module(&mut self) {
        for number in numbers() {
            let kind = if number.grows { "counter" } else { "gauge" };
            let name = format!("mod_rust_{}", number.name);
            self.one(&name, kind, "", number.help, number.value);
        }
        let help = "How long the oldest message for the event loop has waited";
        let lag = loop_queue::waits_since().map_or(0, |time| {
            u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
        });
        let name = "mod_rust_loop_lag_seconds";
        self.one(name, "gauge", "seconds", help, seconds(lag));
        let sample = self.family(
            "mod_rust_way_running",
            "gauge",
            "",
            "Functions that run now",
        );
        for (way, count) in running_by_way() {
            let _ = writeln!(self.out, "{sample}{{way={}}} {count}", quoted(way));
        }
        for (label, readings) in tables() {
            self.counts(label, &readings);
            self.times(label, &readings);
        }
        let help = "How long threads waited for Python's lock, in seconds";
        self.family("mod_rust_lock_wait_seconds", "histogram", "seconds", help);
        self.histogram("mod_rust_lock_wait_seconds", "", &metrics::LOCK.read());
    }

    fn counts(&mut self, label: &str, readings: &[(String, Reading)]) {
        for (what, help, get) in [
            (
                "calls",
                "Runs that have ended",
                (|r| r.calls) as fn(&Reading) -> u64,
            ),
            ("errors", "Runs that have raised", |r| r.errors),
            (
                "ended",
                "Runs that were ended by pykill or a time-out",
                |r| r.killed,
            ),
        ] {
            let name = format!("mod_rust_{label}_{what}");
            let sample = self.family(&name, "counter", "", help);
            for (name, reading) in readings {
                let (name, count) = (quoted(name), get(reading));
                let _ = writeln!(self.out, "{sample}{{{label}={name}}} {count}");
            }
        }
    }

    fn times(&mut self, label: &str, readings: &[(String, Reading)]) {
        let name = format!("mod_rust_{label}_seconds");
        self.family(&name, "histogram", "seconds", "How long runs took");
        for (of, reading) in readings {
            self.histogram(&name, &format!("{label}={}", quoted(of)), reading);
        }
    }

    fn histogram(&mut self, name: &str, label: &str, reading: &Reading) {
        let comma = if label.is_empty() { "" } else { "," };
        for bound in BOUNDS {
            let (le, count) = (seconds(1 << bound), reading.below(bound));
            let _ = writeln!(
                self.out,
                "{name}_bucket{{{label}{comma}le=\"{le}\"}} {count}"
            );
        }
        let labels = if label.is_empty() {
            String::new()
        } else {
            format!("{{{label}}}")
        };
        // Counted one after the other while runs go on: the sum of the buckets is the count.
        let all = reading.below(u32::MAX);
        let _ = writeln!(self.out, "{name}_bucket{{{label}{comma}le=\"+Inf\"}} {all}");
        let _ = writeln!(self.out, "{name}_sum{labels} {}", seconds(reading.micros));
        let _ = writeln!(self.out, "{name}_count{labels} {all}");
    }
}

/// Name, kind, help, and where it stands in the answer to `status`.
type OfSwitch = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const SWITCH: [OfSwitch; 11] = [
    (
        "freeswitch_sessions",
        "counter",
        "Number of sessions since startup",
        &["sessions", "count", "total"],
    ),
    (
        "freeswitch_current_sessions",
        "gauge",
        "Number of sessions active",
        &["sessions", "count", "active"],
    ),
    (
        "freeswitch_current_sessions_peak",
        "gauge",
        "Peak sessions since startup",
        &["sessions", "count", "peak"],
    ),
    (
        "freeswitch_current_sessions_peak_last_5min",
        "gauge",
        "Peak sessions for the last 5 minutes",
        &["sessions", "count", "peak5Min"],
    ),
    (
        "freeswitch_max_sessions",
        "gauge",
        "Max sessions allowed",
        &["sessions", "count", "limit"],
    ),
    (
        "freeswitch_current_sps",
        "gauge",
        "Number of sessions per second",
        &["sessions", "rate", "current"],
    ),
    (
        "freeswitch_max_sps",
        "gauge",
        "Max sessions per second allowed",
        &["sessions", "rate", "max"],
    ),
    (
        "freeswitch_current_sps_peak",
        "gauge",
        "Peak sessions per second since startup",
        &["sessions", "rate", "peak"],
    ),
    (
        "freeswitch_current_sps_peak_last_5min",
        "gauge",
        "Peak sessions per second for the last 5 minutes",
        &["sessions", "rate", "peak5Min"],
    ),
    // The core's `status` calls the limit "used", and what is idle "allowed".
    (
        "freeswitch_current_idle_cpu",
        "gauge",
        "CPU idle, in percent",
        &["idleCPU", "allowed"],
    ),
    (
        "freeswitch_min_idle_cpu",
        "gauge",
        "Least idle CPU at which calls are taken, in percent",
        &["idleCPU", "used"],
    ),
];

/// Seconds, of years, days and so on; a year has 365 days, as in the core's
/// `switch_core_measure_time`.
fn uptime(parts: &Value) -> Option<u64> {
    let units = [
        ("years", 31_536_000),
        ("days", 86_400),
        ("hours", 3600),
        ("minutes", 60),
        ("seconds", 1),
    ];
    units.iter().try_fold(0, |sum, (name, unit)| {
        Some(sum + parts[*name].as_u64()? * unit)
    })
}

/// Microseconds as seconds, to the last digit.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{Counters, Ending};

    #[test]
    fn microseconds_are_seconds() {
        assert_eq!(seconds(1_500_001), "1.500001");
    }

    #[test]
    fn a_histogram_counts_what_is_below_each_bound() {
        let counters = Counters::new();
        for micros in [1, 63, 64, 1_000_000, 3_600_000_000] {
            counters.count(Duration::from_micros(micros), Ending::Done);
        }
        let mut page = Page::new(Format::Plain);
        page.histogram("t", "", &counters.read());
        let text = page.end();
        for line in [
            "t_bucket{le=\"0.000064\"} 2",
            "t_bucket{le=\"0.000256\"} 3",
            "t_bucket{le=\"1.048576\"} 4",
            "t_bucket{le=\"+Inf\"} 5",
            "t_count 5",
            "t_sum 3601.000128",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_family_is_named_as_its_form_asks() {
        for (format, line) in [
            (Format::Plain, "# TYPE t_total counter"),
            (Format::Open, "# TYPE t counter"),
        ] {
            let mut page = Page::new(format);
            page.one("t", "counter", "", "help", 1);
            let text = page.end();
            assert!(
                text.contains(line) && text.contains("\nt_total 1\n"),
                "{text}"
            );
            assert_eq!(text.ends_with("# EOF\n"), format == Format::Open);
        }
    }

    #[test]
    fn an_answer_without_numbers_gives_none() {
        let mut page = Page::new(Format::Plain);
        page.switch(&Value::Null);
        assert_eq!(page.out.lines().last(), Some("freeswitch_up 0"));
    }
}

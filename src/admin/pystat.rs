//! What `pystat` shows: the figures, as text or JSON, or as [`exposition`] writes them for Prometheus.

use std::fmt::Write as _;

use super::exposition;
use super::exposition::Format;
use super::figures::{Number, Tables, numbers, object, quoted, running_by_way, tables};
use crate::metrics::Reading;

const SHARES: [(&str, f64); 3] = [("0.5", 0.5), ("0.9", 0.9), ("0.99", 0.99)];

/// `pystat [json|prometheus]`
pub(crate) fn statistics(argument: &str) -> Result<String, String> {
    match argument {
        "" => Ok(text(&tables())),
        "json" => Ok(json(&tables())),
        "prometheus" => Ok(exposition::of_module(Format::Plain)),
        _ => Err("usage: pystat [json|prometheus]".to_owned()),
    }
}

fn text(tables: &Tables) -> String {
    let mut out = String::new();
    for Number { name, value, .. } in numbers() {
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
        .map(|number| (number.name, number.value.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_are_quoted() {
        assert_eq!(quoted("a\"b\\c\n\u{e9}"), "\"a\\\"b\\\\c\\n\u{e9}\"");
    }
}

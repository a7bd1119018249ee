//! What a call leaves in its variables when it ends: times and their lengths.

use bstr::{BString, ByteSlice};
use chrono::{Local, TimeZone, Utc};

use super::Session;

/// Seconds, milliseconds and microseconds between two times, each counted from
/// its own whole units, as the core does.
fn between(from: i64, to: i64) -> [i64; 3] {
    if from == 0 {
        return [0; 3];
    }
    [1_000_000, 1000, 1].map(|unit| to / unit - from / unit)
}

fn stamp(micros: i64) -> String {
    let when = Utc.timestamp_micros(micros).single().unwrap_or_default();
    when.with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

impl Session {
    pub(super) fn set_time_variables(&self) {
        let profile = self.profile();
        let times = profile.times;
        let stamps = [
            ("start", times.created, true),
            ("profile_start", times.profile_created, true),
            ("answer", times.answered, true),
            ("bridge", times.bridged, true),
            ("last_hold", 0, false),
            ("resurrect", 0, true),
            ("progress", times.progress, true),
            ("progress_media", times.progress_media, true),
            ("end", times.hungup, true),
        ];
        for (name, micros, stamped) in stamps {
            if stamped && micros > 0 {
                self.set(format!("{name}_stamp"), stamp(micros));
            }
            self.set(format!("{name}_epoch"), (micros / 1_000_000).to_string());
            self.set(format!("{name}_uepoch"), micros.to_string());
        }
        for unit in ["seconds", "usec", "ms"] {
            self.set(format!("hold_accum_{unit}"), "0");
        }
        let [seconds, milliseconds, microseconds] = between(times.created, times.hungup);
        self.set("duration", seconds.to_string());
        self.set("mduration", milliseconds.to_string());
        self.set("uduration", microseconds.to_string());
        let reached = |time: i64| {
            if time > 0 {
                between(times.created, time)
            } else {
                [0; 3]
            }
        };
        let flow = if times.answered > 0 {
            between(times.created, times.hungup)
        } else {
            [0; 3]
        };
        let lengths = [
            ("bill", between(times.answered, times.hungup)),
            ("flow_bill", flow),
            ("progress", reached(times.progress)),
            ("progress_media", reached(times.progress_media)),
            ("answer", reached(times.answered)),
            ("wait", reached(times.bridged)),
        ];
        for (name, length) in lengths {
            for (unit, length) in ["sec", "msec", "usec"].into_iter().zip(length) {
                self.set(format!("{name}{unit}"), length.to_string());
            }
        }
        self.set_names(&profile);
    }

    fn set_names(&self, profile: &super::Profile) {
        let name = profile.caller_id_name.as_bytes().as_bstr();
        let number = profile.caller_id_number.as_bytes().as_bstr();
        let caller_id = if name.is_empty() {
            number.to_string()
        } else {
            format!("\"{name}\" <{number}>")
        };
        self.set_checked(b"caller_id", caller_id.as_bytes(), false);
        if let Some((application, data)) = self.record.last_application.lock().take() {
            self.set_checked(b"last_app", &application, false);
            self.set_checked(b"last_arg", &data, false);
        }
        let digits: BString = std::mem::take(&mut *self.digits.dialed.lock()).into();
        self.set(
            "digits_dialed",
            if digits.is_empty() {
                b"none".as_bstr()
            } else {
                digits.as_bstr()
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn lengths_count_whole_units() {
        assert_eq!(between(1_900_000, 2_100_000), [1, 200, 200_000]);
        assert_eq!(between(0, 2_100_000), [0; 3]);
    }
}

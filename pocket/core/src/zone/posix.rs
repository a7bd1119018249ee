//! Rules of a time zone as POSIX writes them: `EST5EDT,M3.2.0,M11.1.0`.

use super::moment::Moment;

const DAY: i64 = 86_400;

/// A day of the year on which the clock is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// Month, week (5 for the last), day of the week from Sunday, 0.
    Month(i64, i64, i64),
    /// 1 to 365, without a leap day.
    Julian(i64),
    /// 0 to 365, with the leap day.
    Count(i64),
}

/// When the clock is changed, and by which time of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    day: Day,
    seconds: i64,
}

/// A zone's offset, and that of its summer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Seconds east of Greenwich.
    east: i64,
    summer: Option<Summer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Summer {
    east: i64,
    begin: Change,
    end: Change,
}

impl Rules {
    pub(crate) fn utc() -> Self {
        Self {
            east: 0,
            summer: None,
        }
    }

    /// `None` for what are no rules.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut rest = Rest(text);
        rest.name()?;
        let east = if rest.0.is_empty() { 0 } else { -rest.clock()? };
        if rest.0.is_empty() {
            return Some(Self { east, summer: None });
        }
        rest.name()?;
        let in_summer = match rest.0.first() {
            None | Some(b',') => east + 3600,
            Some(_) => -rest.clock()?,
        };
        // Without a rule it is that of the United States.
        let mut dates = if rest.0.is_empty() {
            Rest(b",M3.2.0,M11.1.0")
        } else {
            rest
        };
        let begin = dates.change()?;
        let end = dates.change()?;
        dates.0.is_empty().then_some(Self {
            east,
            summer: Some(Summer {
                east: in_summer,
                begin,
                end,
            }),
        })
    }

    /// What clocks of the zone show then.
    pub(crate) fn at(&self, seconds: i64) -> Moment {
        let Some(summer) = self.summer else {
            return Moment::at_offset(seconds, self.east, false);
        };
        let year = Moment::at_offset(seconds, self.east, false).year();
        // Each change is given in the time that holds before it.
        let begin = summer.begin.seconds_of(year) - self.east;
        let end = summer.end.seconds_of(year) - summer.east;
        let is_summer = if begin <= end {
            (begin..end).contains(&seconds)
        } else {
            !(end..begin).contains(&seconds)
        };
        let east = if is_summer { summer.east } else { self.east };
        Moment::at_offset(seconds, east, is_summer)
    }
}

impl Change {
    /// Seconds from 1970 to the change, as if the zone were Greenwich's.
    fn seconds_of(self, year: i64) -> i64 {
        let day = match self.day {
            Day::Month(month, week, weekday) => {
                let first = days_before(year, month);
                // 1970 began with a Thursday.
                let ahead = (weekday - (first + 4)).rem_euclid(7);
                let days = first + ahead + (week - 1) * 7;
                let next_month = days_before(year, month + 1);
                if days < next_month { days } else { days - 7 }
            }
            Day::Julian(day) => {
                let leap_day_before = is_leap(year) && day >= 60;
                days_before(year, 1) + day - 1 + i64::from(leap_day_before)
            }
            Day::Count(day) => days_before(year, 1) + day,
        };
        day * DAY + self.seconds
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

/// Days from 1970 to the first of a month, of which 13 is the next year's first.
fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let past = year - 1;
    let years = past * 365 + past / 4 - past / 100 + past / 400 - 719_162;
    let index = usize::try_from(month - 1).unwrap_or(0).min(12);
    years + BEFORE[index] + i64::from(month > 2 && is_leap(year))
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take(&mut self, wanted: u8) -> bool {
        let found = self.0.first() == Some(&wanted);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Three letters or more, or anything in angle brackets.
    fn name(&mut self) -> Option<()> {
        let length = if self.take(b'<') {
            let end = self.0.iter().position(|byte| *byte == b'>')?;
            self.0 = &self.0[end + 1..];
            return Some(());
        } else {
            self.0
                .iter()
                .take_while(|byte| byte.is_ascii_alphabetic())
                .count()
        };
        self.0 = &self.0[length..];
        (length >= 3).then_some(())
    }

    fn number(&mut self) -> Option<i64> {
        let length = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let number = std::str::from_utf8(&self.0[..length]).ok()?.parse().ok()?;
        self.0 = &self.0[length..];
        Some(number)
    }

    /// `[+-]hours[:minutes[:seconds]]` in seconds.
    fn clock(&mut self) -> Option<i64> {
        let negative = self.take(b'-');
        if !negative {
            self.take(b'+');
        }
        let mut seconds = self.number()?.checked_mul(3600)?;
        for unit in [60, 1] {
            if !self.take(b':') {
                break;
            }
            seconds += self.number()?.checked_mul(unit)?;
        }
        Some(if negative { -seconds } else { seconds })
    }

    /// `,M3.2.0/2`
    fn change(&mut self) -> Option<Change> {
        if !self.take(b',') {
            return None;
        }
        let day = if self.take(b'M') {
            let month = self.number()?;
            let week = self.take(b'.').then(|| self.number())??;
            let weekday = self.take(b'.').then(|| self.number())??;
            let fits = (1..=12).contains(&month) && (1..=5).contains(&week) && weekday <= 6;
            fits.then_some(Day::Month(month, week, weekday))?
        } else if self.take(b'J') {
            Day::Julian(self.number().filter(|day| (1..=365).contains(day))?)
        } else {
            Day::Count(self.number().filter(|day| *day <= 365)?)
        };
        let seconds = if self.take(b'/') {
            self.clock()?
        } else {
            2 * 3600
        };
        Some(Change { day, seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(rules: &str, seconds: i64) -> (i64, i64, bool) {
        let moment = Rules::parse(rules.as_bytes()).expect("rules").at(seconds);
        (moment.day(), moment.hour(), moment.is_summer())
    }

    #[test]
    fn summer_begins_and_ends_when_its_rules_say() {
        let york = "EST5EDT,M3.2.0,M11.1.0";
        // 2024-03-10 07:00 and 2024-11-03 06:00 UTC.
        assert_eq!(hour(york, 1_710_054_000 - 1), (10, 1, false));
        assert_eq!(hour(york, 1_710_054_000), (10, 3, true));
        assert_eq!(hour(york, 1_730_613_600 - 1), (3, 1, true));
        assert_eq!(hour(york, 1_730_613_600), (3, 1, false));
    }

    #[test]
    fn the_south_has_its_summer_over_the_new_year() {
        let sydney = "AEST-10AEDT,M10.1.0,M4.1.0/3";
        // 2024-01-01 and 2024-07-01, 00:00 UTC.
        assert_eq!(hour(sydney, 1_704_067_200), (1, 11, true));
        assert_eq!(hour(sydney, 1_719_792_000), (1, 10, false));
    }

    #[test]
    fn offsets_have_minutes_and_names_signs() {
        assert_eq!(hour("<+0530>-5:30", 1_704_067_200), (1, 5, false));
        assert_eq!(hour("CET-1CEST,J60/0,J300/0", 1_704_067_200), (1, 1, false));
        assert_eq!(hour("CET-1CEST,59/0,299/0", 1_719_792_000), (1, 2, true));
        assert_eq!(Rules::parse(b"UTC"), Some(Rules::utc()));
    }

    #[test]
    fn what_are_no_rules_is_refused() {
        for text in [
            "",
            "E5",
            "EST5EDT,M13.1.0,M11.1.0",
            "EST5EDT,M3.2.0",
            "EST5EDT,M3.2.0,M11.1.0,",
            "<EST5",
        ] {
            assert_eq!(Rules::parse(text.as_bytes()), None, "{text}");
        }
    }
}

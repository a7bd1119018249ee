//! A moment on a calendar and a clock.

use std::ffi::CString;
use std::mem::MaybeUninit;

use bstr::BString;

/// A moment on a calendar and a clock, in the members of C.
#[derive(Clone, Copy)]
pub(crate) struct Moment(libc::tm);

impl Moment {
    /// The machine's own time.
    pub(crate) fn local(seconds: i64) -> Self {
        let mut moment = MaybeUninit::zeroed();
        // SAFETY: the C library fills in the structure that it is given; all
        // zeroes are one, so that it is also good when the year is too large.
        unsafe {
            libc::localtime_r(&raw const seconds, moment.as_mut_ptr());
            Self(moment.assume_init())
        }
    }

    /// The time so many seconds east of Greenwich.
    pub(crate) fn at_offset(seconds: i64, east: i64, summer: bool) -> Self {
        let shifted = seconds.saturating_add(east);
        let mut moment = MaybeUninit::zeroed();
        // SAFETY: gmtime_r fills in the structure that it is given, or leaves all
        // zeroes, which are one.
        let mut moment = unsafe {
            libc::gmtime_r(&raw const shifted, moment.as_mut_ptr());
            moment.assume_init()
        };
        moment.tm_gmtoff = east;
        moment.tm_isdst = i32::from(summer);
        Self(moment)
    }

    pub(crate) fn year(&self) -> i64 {
        i64::from(self.0.tm_year) + 1900
    }

    /// 1 to 12.
    pub(crate) fn month(&self) -> i64 {
        i64::from(self.0.tm_mon) + 1
    }

    /// 1 to 31.
    pub(crate) fn day(&self) -> i64 {
        i64::from(self.0.tm_mday)
    }

    /// 1 to 366.
    pub(crate) fn day_of_year(&self) -> i64 {
        i64::from(self.0.tm_yday) + 1
    }

    /// 1 for Sunday to 7.
    pub(crate) fn day_of_week(&self) -> i64 {
        i64::from(self.0.tm_wday) + 1
    }

    pub(crate) fn hour(&self) -> i64 {
        i64::from(self.0.tm_hour)
    }

    pub(crate) fn minute(&self) -> i64 {
        i64::from(self.0.tm_min)
    }

    pub(crate) fn second_of_day(&self) -> i64 {
        (self.hour() * 60 + self.minute()) * 60 + i64::from(self.0.tm_sec)
    }

    /// Whole hours east of Greenwich.
    pub(crate) fn hours_east(&self) -> i64 {
        self.0.tm_gmtoff / 3600
    }

    pub(crate) fn is_summer(&self) -> bool {
        self.0.tm_isdst > 0
    }

    /// Written as `strftime` writes it, at most `limit` bytes; nothing when it
    /// would be longer.
    pub(crate) fn format(&self, format: &[u8], limit: usize) -> BString {
        let format: CString = crate::text::c_string(format);
        let mut text = vec![0u8; limit];
        // SAFETY: the buffer has `limit` bytes, and what was written is counted.
        let length = unsafe {
            libc::strftime(
                text.as_mut_ptr().cast(),
                text.len(),
                format.as_ptr(),
                &raw const self.0,
            )
        };
        text.truncate(length);
        text.into()
    }
}

/// Seconds since 1970 of a date and a time of the machine's own.
pub(crate) fn of_local(date: [i64; 3], time: [i64; 3]) -> i64 {
    let [year, month, day] = date.map(narrow);
    let [hour, minute, second] = time.map(narrow);
    // SAFETY: all zeroes is a time.
    let mut moment: libc::tm = unsafe { std::mem::zeroed() };
    moment.tm_year = year.saturating_sub(1900);
    moment.tm_mon = month.saturating_sub(1);
    moment.tm_mday = day;
    moment.tm_hour = hour;
    moment.tm_min = minute;
    moment.tm_sec = second;
    moment.tm_isdst = -1;
    // SAFETY: the C library reads and normalises the structure.
    unsafe { libc::mktime(&raw mut moment) }
}

fn narrow(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

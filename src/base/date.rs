//! The day and the second that a clock shows, as log lines write them. Pure: who reads the clock says what it shows.

use std::time::Duration;

/// A moment of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Date {
    pub year: u64,
    /// From 1.
    pub month: u64,
    /// From 1.
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
}

impl Date {
    /// The date so long after 1970 began. Howard Hinnant's `civil_from_days`: years that begin with March have their odd
    /// day at the end, so that months follow a straight line.
    pub fn of(since_1970: Duration) -> Date {
        let seconds = since_1970.as_secs();
        let (days, within) = (seconds / 86_400 + 719_468, seconds % 86_400); // from the first of March of the year 0
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let march = (5 * of_year + 2) / 153;
        let month = if march < 10 { march + 3 } else { march - 9 };
        Date {
            year: year + era * 400 + u64::from(month <= 2),
            month,
            day: of_year - (153 * march + 2) / 5 + 1,
            hour: within / 3600,
            minute: within / 60 % 60,
            second: within % 60,
        }
    }

    /// The month as logs since NCSA have it.
    pub fn month_name(self) -> &'static str {
        const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        usize::try_from(self.month - 1).ok().and_then(|at| NAMES.get(at)).unwrap_or(&"???")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other_as_in_the_calendar() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for number in 0..60_000 {
            let date = Date::of(Duration::from_secs(number * 86_400 + 86_399));
            assert_eq!((date.year, date.month, date.day), (year, month, day));
            assert_eq!((date.hour, date.minute, date.second), (23, 59, 59));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (day, month, year) = match (day < length, month) {
                (true, _) => (day + 1, month, year),
                (false, 12) => (1, 1, year + 1),
                (false, _) => (1, month + 1, year),
            };
        }
    }

    #[test]
    fn a_known_moment_is_itself() {
        let date = Date::of(Duration::from_secs(951_827_696));
        assert_eq!((date.day, date.month_name(), date.year), (29, "Feb", 2000));
        assert_eq!((date.hour, date.minute, date.second), (12, 34, 56));
    }
}

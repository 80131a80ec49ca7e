//! Days as moments.

use std::time::Duration;

/// When a day such as `2027-01-31` begins, in UTC and since the epoch; none before 1970 or for a text of another form.
pub(super) fn midnight(day: &str) -> Option<Duration> {
    let mut parts = day.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // Years that begin in March: the leap day is the last one. Days of 400 years, of a year and of its months until then.
    let (year, month) = if month <= 2 { (year.checked_sub(1)?, month + 9) } else { (year, month - 3) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = 365 * year + leap_days + (153 * month + 2) / 5 + day.checked_sub(1)?;
    days.checked_sub(719_468).map(|days| Duration::from_secs(days * 86_400))
}

#[cfg(test)]
mod tests {
    use super::midnight;

    #[test]
    fn days_begin_when_they_do() {
        for (day, seconds) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400),
            ("2000-03-01", 951_868_800),
            ("2027-01-15", 1_799_971_200),
            ("2100-03-01", 4_107_542_400),
        ] {
            assert_eq!(midnight(day).map(|begin| begin.as_secs()), Some(seconds), "{day}");
        }
        assert_eq!(midnight("1969-12-31"), None);
        assert_eq!(midnight("soon"), None);
    }
}

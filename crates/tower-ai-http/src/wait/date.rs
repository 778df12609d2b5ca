//! Dates of RFC 3339, as Anthropic writes its resets.

use std::time::Duration;

use crate::WallTime;

/// Reads `2026-11-22T10:00:00Z`, with fractions and offsets.
pub(super) fn parse(text: &str) -> Option<WallTime> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let days = days(date)?;
    let (time, offset) = split_offset(time)?;
    let seconds = days * 86_400 + clock(time)? - offset;
    let seconds = u64::try_from(seconds).ok()?;
    Some(WallTime::since_epoch(Duration::from_secs(seconds)))
}

fn days(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let is_date =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| days_from_civil(year, month, day))
}

/// Days since 1970, by Hinnant's algorithm: years begin in March, so that the leap day is the last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Seconds since midnight. A fraction counts as a whole second: rather late than early.
fn clock(time: &str) -> Option<i64> {
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_later = digits(fraction)? > 0;
    let mut parts = whole.splitn(3, ':').map(digits);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    is_time.then(|| hour * 3600 + minute * 60 + second + i64::from(is_later))
}

/// Splits `10:00:00+01:00` into the time and the offset in seconds.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let (time, offset) = time.split_at(at);
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    (hours < 24 && minutes < 60).then(|| (time, sign * (hours * 3600 + minutes * 60)))
}

fn digits(text: &str) -> Option<i64> {
    let is_short = (1..=9).contains(&text.len());
    (is_short && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        parse(text).map(|time| time.elapsed().as_secs())
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(seconds("2026-11-22T10:00:00Z"), Some(1_795_341_600));
        assert_eq!(seconds("2026-11-22T11:00:00+01:00"), Some(1_795_341_600));
        assert_eq!(seconds("2026-11-22T10:00:00.25Z"), Some(1_795_341_601));
    }

    #[test]
    fn garbage_is_no_date() {
        for text in [
            "",
            "2026-11-22",
            "2026-13-01T00:00:00Z",
            "2026-11-22T10:00:00",
            "2026-11-22T25:00:00Z",
            "20x6-11-22T10:00:00Z",
            "-2026-11-22T10:00:00Z",
            "99999-11-22T10:00:00Z",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }
}

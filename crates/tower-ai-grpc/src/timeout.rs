//! The wire form of `grpc-timeout`.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The units, the finest first, with their nanoseconds.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// A value has at most eight digits.
const LARGEST: u128 = 99_999_999;

/// Writes a timeout in the finest unit in which it has at most eight digits, rounded down.
pub(crate) fn encode(timeout: Duration) -> HeaderValue {
    let nanos = timeout.as_nanos();
    let fitting = UNITS.iter().find(|(_, unit)| nanos / unit <= LARGEST);
    let (letter, value) = match fitting {
        Some((letter, unit)) => (*letter, nanos / unit),
        None => (b'H', LARGEST),
    };
    let text = format!("{value}{}", char::from(letter));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("0n"))
}

/// Reads the timeout that a request has; `None` if it has none, or one that is against the rules.
pub(crate) fn read(headers: &HeaderMap) -> Option<Duration> {
    let (letter, digits) = headers.get(TIMEOUT)?.as_bytes().split_last()?;
    let (_, unit) = UNITS.iter().find(|(known, _)| known == letter)?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let nanos = u128::from(value) * unit;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    let rest = u32::try_from(nanos % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(value: HeaderValue) -> HeaderMap {
        HeaderMap::from_iter([(TIMEOUT, value)])
    }

    #[test]
    fn the_finest_unit_that_fits_is_taken() {
        assert_eq!(encode(Duration::from_millis(99)), "99000000n");
        assert_eq!(encode(Duration::from_millis(100)), "100000u");
        assert_eq!(encode(Duration::from_secs(30)), "30000000u");
        assert_eq!(encode(Duration::from_secs(3600)), "3600000m");
        assert_eq!(encode(Duration::from_secs(86_400 * 365)), "31536000S");
        assert_eq!(encode(Duration::MAX), "99999999H");
    }

    #[test]
    fn what_is_against_the_rules_is_no_timeout() {
        for text in ["", "S", "1", "1s", "123456789S", "-1S", "1.5S", "+1S"] {
            assert_eq!(read(&headers(text.parse().unwrap())), None, "{text}");
        }
        assert_eq!(
            read(&headers("7S".parse().unwrap())),
            Some(Duration::from_secs(7))
        );
    }

    proptest! {
        #[test]
        fn a_timeout_comes_back_never_longer_and_hardly_shorter(nanos in 0..u64::MAX) {
            let timeout = Duration::from_nanos(nanos);
            let back = read(&headers(encode(timeout))).unwrap();
            prop_assert!(back <= timeout);
            let lost = timeout - back;
            prop_assert!(lost.as_nanos() <= timeout.as_nanos() / 100_000, "lost {lost:?}");
        }
    }
}

//! Durations as providers write them: `6m0s`, `120ms`, `34.07s`, `20 seconds`.

use std::time::Duration;

use super::clamped;

/// Reads a plain number, without exponent, infinity or NaN.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let has_digit = digits.bytes().any(|b| b.is_ascii_digit());
    (is_plain && has_digit).then(|| text.parse().ok()).flatten()
}

/// Reads a duration that is all of the text. A bare number is not one.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (seconds, rest) = prefix(text.trim())?;
    rest.is_empty().then(|| clamped(seconds))
}

/// Finds the duration in "please try again in 5.289s".
pub(crate) fn said_in(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    ["try again in ", "retry in ", "retry after "]
        .into_iter()
        .filter_map(|lead| text.split_once(lead))
        .find_map(|(_, rest)| prefix(rest))
        .map(|(seconds, _)| clamped(seconds))
}

/// Reads as many `number unit` pairs as there are, and returns the seconds and what stands behind them.
fn prefix(text: &str) -> Option<(f64, &str)> {
    let mut rest = text;
    let mut total = None;
    while let Some((seconds, behind)) = pair(rest) {
        total = Some(total.unwrap_or(0.0) + seconds);
        rest = behind;
    }
    total.map(|seconds| (seconds, rest))
}

fn pair(text: &str) -> Option<(f64, &str)> {
    let end = end_of_number(text);
    let (value, behind) = (number(text.get(..end)?)?, text.get(end..)?);
    let behind = behind.strip_prefix(' ').unwrap_or(behind);
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == 'µ';
    let end = behind.find(|c| !is_letter(c)).unwrap_or(behind.len());
    let (unit, rest) = behind.split_at(end);
    Some((value * seconds_in(unit)?, rest))
}

/// A point ends a sentence unless a digit follows.
fn end_of_number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    (0..bytes.len())
        .find(|&i| !(is_digit(i) || bytes[i] == b'.' && is_digit(i + 1)))
        .unwrap_or(bytes.len())
}

fn seconds_in(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> Option<u128> {
        parse(text).map(|wait| wait.as_millis())
    }

    #[test]
    fn durations_of_all_providers_are_read() {
        assert_eq!(millis("1s"), Some(1000));
        assert_eq!(millis("6m0s"), Some(360_000));
        assert_eq!(millis("120ms"), Some(120));
        assert_eq!(millis("34.07s"), Some(34_070));
        assert_eq!(millis("1h2m3.5s"), Some(3_723_500));
        assert_eq!(millis(" 2d "), Some(86_400_000), "clamped to a day");
    }

    #[test]
    fn garbage_is_no_duration() {
        for text in [
            "", "s", "5", "5x", "5 s!", "-5s", "1e3s", "nan", "5.s", "٣s",
        ] {
            assert_eq!(millis(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_duration_is_found_in_a_sentence() {
        let said = |text: &str| said_in(text).map(|wait| wait.as_millis());
        assert_eq!(said("Please try again in 5.289s. Visit …"), Some(5289));
        assert_eq!(said("Please Try Again In 350ms."), Some(350));
        assert_eq!(said("try again in 6m0s."), Some(360_000));
        assert_eq!(said("Please retry in 34.074824224s."), Some(34_074));
        assert_eq!(said("Please retry after 20 seconds."), Some(20_000));
        assert_eq!(said("please try again later"), None);
        assert_eq!(said("try again in a moment"), None);
    }
}

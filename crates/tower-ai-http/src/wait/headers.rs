//! The headers that speak of waiting.

use std::time::Duration;

use http::HeaderMap;

use super::duration::{number, parse as parse_duration};
use super::{clamped, date, limits};
use crate::WallTime;

/// Headers of milliseconds, in their order.
const MILLIS: [&str; 2] = ["retry-after-ms", "x-ms-retry-after-ms"];

/// Numbers above are moments, not spans: 30 days.
const LARGEST_SPAN: f64 = 30.0 * 86_400.0;
/// Moments above are in milliseconds: the year 5138 in seconds.
const LARGEST_SECONDS: f64 = 1e11;

/// Whether the server says not to try again here.
pub(crate) fn forbids_retry(headers: &HeaderMap) -> bool {
    text(headers, "x-should-retry").is_some_and(|value| value.eq_ignore_ascii_case("false"))
}

/// What the server asks for outright.
pub(crate) fn asked(headers: &HeaderMap, now: WallTime) -> Option<Duration> {
    MILLIS
        .into_iter()
        .filter_map(|name| number(text(headers, name)?))
        .map(|millis| clamped(millis / 1000.0))
        .next()
        .or_else(|| retry_after(text(headers, "retry-after")?, now))
}

fn retry_after(value: &str, now: WallTime) -> Option<Duration> {
    if let Some(seconds) = number(value) {
        return Some(clamped(seconds));
    }
    let date = WallTime::parse_http(value)?;
    Some(clamped(date.after(now).as_secs_f64()))
}

/// When the exhausted dimension is filled again; if none is known to be, the latest of all.
pub(crate) fn reset(headers: &HeaderMap, now: WallTime) -> Option<Duration> {
    let known = limits::all().filter_map(|limit| {
        let wait = moment(text(headers, limit.reset)?, now)?;
        let left = text(headers, limit.remaining).and_then(number);
        Some((left.is_some_and(|left| left <= 0.0), wait))
    });
    let (_, wait) = known.max()?;
    Some(wait)
}

/// A span as a duration or in seconds, or a moment as a date or in seconds or milliseconds since 1970.
pub(super) fn moment(value: &str, now: WallTime) -> Option<Duration> {
    let Some(number) = number(value) else {
        let until = || Some(clamped(date::parse(value)?.after(now).as_secs_f64()));
        return parse_duration(value).or_else(until);
    };
    if number <= LARGEST_SPAN {
        return Some(clamped(number));
    }
    let seconds = if number > LARGEST_SECONDS {
        number / 1000.0
    } else {
        number
    };
    Some(clamped(seconds - now.elapsed().as_secs_f64()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim_ascii())
}

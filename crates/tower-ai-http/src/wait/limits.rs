//! The headers that speak of rate limits: how much, how much of it remains, and when it is whole again.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;
use tower_ai_core::{Headroom, Room};

use super::duration::number;
use super::headers::moment;
use crate::{Dialect, WallTime};

/// One limit, and its headers.
pub(super) struct Limit {
    counts: Counts,
    limit: &'static str,
    pub(super) remaining: &'static str,
    pub(super) reset: &'static str,
}

#[derive(Clone, Copy)]
enum Counts {
    Requests,
    Tokens,
}

const fn limit(
    counts: Counts,
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
) -> Limit {
    Limit {
        counts,
        limit,
        remaining,
        reset,
    }
}

/// How the names of a provider's headers begin, and its limits.
struct Limits(&'static str, &'static [Limit]);

/// OpenAI's, which Azure, Groq and many others took over.
#[rustfmt::skip]
const OPENAI: Limits = Limits("x-ratelimit-", &[
    limit(Counts::Requests, "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    limit(Counts::Tokens,   "x-ratelimit-limit-tokens",   "x-ratelimit-remaining-tokens",   "x-ratelimit-reset-tokens"),
]);

#[rustfmt::skip]
const ANTHROPIC: Limits = Limits("anthropic-ratelimit-", &[
    limit(Counts::Requests, "anthropic-ratelimit-requests-limit",      "anthropic-ratelimit-requests-remaining",      "anthropic-ratelimit-requests-reset"),
    limit(Counts::Tokens,   "anthropic-ratelimit-tokens-limit",        "anthropic-ratelimit-tokens-remaining",        "anthropic-ratelimit-tokens-reset"),
    limit(Counts::Tokens,   "anthropic-ratelimit-input-tokens-limit",  "anthropic-ratelimit-input-tokens-remaining",  "anthropic-ratelimit-input-tokens-reset"),
    limit(Counts::Tokens,   "anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
]);

/// `OpenRouter`'s and other gateways'.
#[rustfmt::skip]
const PLAIN: Limits = Limits("x-ratelimit-", &[
    limit(Counts::Requests, "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
]);

/// Those of a draft of the IETF.
#[rustfmt::skip]
const DRAFT: Limits = Limits("ratelimit-", &[
    limit(Counts::Requests, "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
]);

const NONE: Limits = Limits("", &[]);

/// As many as any provider has.
const MOST: usize = ANTHROPIC.1.len();

/// What remains is believed for this long where no reset is named, as at Azure, which counts in windows of ten
/// seconds.
const UNNAMED: Duration = Duration::from_secs(10);

/// All that any provider has.
pub(super) fn all() -> impl Iterator<Item = &'static Limit> {
    let all = [OPENAI, ANTHROPIC, PLAIN, DRAFT];
    all.into_iter().flat_map(|Limits(_, limits)| limits)
}

/// Those that this provider has on good answers; none where none are known.
const fn of(dialect: Dialect) -> Limits {
    match dialect {
        Dialect::Anthropic => ANTHROPIC,
        Dialect::Azure | Dialect::Groq | Dialect::OpenAi | Dialect::Unknown => OPENAI,
        Dialect::OpenRouter => PLAIN,
        _ => NONE,
    }
}

/// What stands in the headers of one limit.
#[derive(Clone, Copy, Default)]
struct Told<'a> {
    limit: Option<&'a HeaderValue>,
    remaining: Option<&'a HeaderValue>,
    reset: Option<&'a HeaderValue>,
}

/// What the headers of a good answer say is left. Reads the clocks only if they say something.
pub(crate) fn headroom(
    dialect: Dialect,
    headers: &HeaderMap,
    clocks: impl FnOnce() -> (Instant, WallTime),
) -> Option<(Instant, Headroom)> {
    let Limits(beginning, limits) = of(dialect);
    if limits.is_empty() {
        return None;
    }
    let told = told(headers, beginning, limits);
    let mut left = limits.iter().zip(&told).filter_map(|(limit, told)| {
        let left = count(told.remaining?)?;
        Some((limit.counts, left, told))
    });
    let first = left.next()?;
    let (now, wall) = clocks();
    let mut headroom = Headroom::new();
    for (counts, left, told) in std::iter::once(first).chain(left) {
        let room = room(left, told, now, wall);
        headroom = match counts {
            Counts::Requests => headroom.with_requests(room),
            Counts::Tokens => headroom.with_tokens(room),
        };
    }
    Some((now, headroom))
}

/// Finds the headers of all limits on one way through the map, which is faster than to look each up.
fn told<'a>(headers: &'a HeaderMap, beginning: &str, limits: &[Limit]) -> [Told<'a>; MOST] {
    let mut all = [Told::default(); MOST];
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with(beginning) {
            continue;
        }
        for (limit, told) in limits.iter().zip(&mut all) {
            if name == limit.remaining {
                told.remaining.get_or_insert(value);
            } else if name == limit.limit {
                told.limit.get_or_insert(value);
            } else if name == limit.reset {
                told.reset.get_or_insert(value);
            }
        }
    }
    all
}

fn room(left: u64, told: &Told<'_>, now: Instant, wall: WallTime) -> Room {
    let of = told.limit.and_then(count).unwrap_or(0);
    let reset = told.reset.and_then(text);
    let reset = reset.and_then(|value| moment(value, wall));
    Room::new(left, of, now + reset.unwrap_or(UNNAMED))
}

/// A number of requests or tokens. Less than nothing is nothing.
fn count(value: &HeaderValue) -> Option<u64> {
    let bytes = value.as_bytes();
    // Nearly always a few digits, and this is the way of every good answer.
    if (1..=18).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        let digits = bytes.iter().map(|byte| u64::from(byte - b'0'));
        return Some(digits.fold(0, |all, digit| all * 10 + digit));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates at both ends"
    )]
    Some(number(text(value)?)? as u64)
}

fn text(value: &HeaderValue) -> Option<&str> {
    Some(value.to_str().ok()?.trim_ascii())
}

//! The headers that speak of rate limits: how much, how much of it remains, and when it is whole again.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use tokio::time::Instant;
use tower_ai_core::{Headroom, Room};

use super::duration::number;
use super::headers::{moment, text};
use crate::{Dialect, WallTime};

/// One limit, and its headers.
pub(super) struct Limit {
    counts: Counts,
    limit: HeaderName,
    pub(super) remaining: HeaderName,
    pub(super) reset: HeaderName,
}

#[derive(Clone, Copy)]
enum Counts {
    Requests,
    Tokens,
}

/// OpenAI's, which Azure, Groq and many others took over.
static OPENAI: [Limit; 2] = [
    Limit {
        counts: Counts::Requests,
        limit: HeaderName::from_static("x-ratelimit-limit-requests"),
        remaining: HeaderName::from_static("x-ratelimit-remaining-requests"),
        reset: HeaderName::from_static("x-ratelimit-reset-requests"),
    },
    Limit {
        counts: Counts::Tokens,
        limit: HeaderName::from_static("x-ratelimit-limit-tokens"),
        remaining: HeaderName::from_static("x-ratelimit-remaining-tokens"),
        reset: HeaderName::from_static("x-ratelimit-reset-tokens"),
    },
];

static ANTHROPIC: [Limit; 4] = [
    Limit {
        counts: Counts::Requests,
        limit: HeaderName::from_static("anthropic-ratelimit-requests-limit"),
        remaining: HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
        reset: HeaderName::from_static("anthropic-ratelimit-requests-reset"),
    },
    Limit {
        counts: Counts::Tokens,
        limit: HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
        remaining: HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
        reset: HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
    },
    Limit {
        counts: Counts::Tokens,
        limit: HeaderName::from_static("anthropic-ratelimit-input-tokens-limit"),
        remaining: HeaderName::from_static("anthropic-ratelimit-input-tokens-remaining"),
        reset: HeaderName::from_static("anthropic-ratelimit-input-tokens-reset"),
    },
    Limit {
        counts: Counts::Tokens,
        limit: HeaderName::from_static("anthropic-ratelimit-output-tokens-limit"),
        remaining: HeaderName::from_static("anthropic-ratelimit-output-tokens-remaining"),
        reset: HeaderName::from_static("anthropic-ratelimit-output-tokens-reset"),
    },
];

/// `OpenRouter`'s and other gateways'.
static PLAIN: [Limit; 1] = [Limit {
    counts: Counts::Requests,
    limit: HeaderName::from_static("x-ratelimit-limit"),
    remaining: HeaderName::from_static("x-ratelimit-remaining"),
    reset: HeaderName::from_static("x-ratelimit-reset"),
}];

/// Those of a draft of the IETF.
static DRAFT: [Limit; 1] = [Limit {
    counts: Counts::Requests,
    limit: HeaderName::from_static("ratelimit-limit"),
    remaining: HeaderName::from_static("ratelimit-remaining"),
    reset: HeaderName::from_static("ratelimit-reset"),
}];

/// What remains is believed for this long where no reset is named, as at Azure, which counts in windows of ten
/// seconds.
const UNNAMED: Duration = Duration::from_secs(10);

/// All that any provider has.
pub(super) fn all() -> impl Iterator<Item = &'static Limit> {
    [&OPENAI[..], &ANTHROPIC, &PLAIN, &DRAFT]
        .into_iter()
        .flatten()
}

/// Those that this provider has on good answers; none where none are known.
fn of(dialect: Dialect) -> &'static [Limit] {
    match dialect {
        Dialect::Anthropic => &ANTHROPIC,
        Dialect::Azure | Dialect::Groq | Dialect::OpenAi | Dialect::Unknown => &OPENAI,
        Dialect::OpenRouter => &PLAIN,
        _ => &[],
    }
}

/// What the headers of a good answer say is left. Reads the clocks only if they say something.
pub(crate) fn headroom(
    dialect: Dialect,
    headers: &HeaderMap,
    clocks: impl FnOnce() -> (Instant, WallTime),
) -> Option<(Instant, Headroom)> {
    let limits = of(dialect);
    limits
        .iter()
        .find(|limit| headers.contains_key(&limit.remaining))?;
    let (now, wall) = clocks();
    let mut headroom = Headroom::new();
    for limit in limits {
        if let Some(room) = room(limit, headers, now, wall) {
            headroom = match limit.counts {
                Counts::Requests => headroom.with_requests(room),
                Counts::Tokens => headroom.with_tokens(room),
            };
        }
    }
    (!headroom.is_unknown()).then_some((now, headroom))
}

fn room(limit: &Limit, headers: &HeaderMap, now: Instant, wall: WallTime) -> Option<Room> {
    let left = count(headers, &limit.remaining)?;
    let of = count(headers, &limit.limit).unwrap_or(0);
    let reset = text(headers, &limit.reset).and_then(|value| moment(value, wall));
    Some(Room::new(left, of, now + reset.unwrap_or(UNNAMED)))
}

/// A number of requests or tokens. Less than nothing is nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates at both ends"
)]
fn count(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    Some(number(text(headers, name)?)? as u64)
}

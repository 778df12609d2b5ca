//! What an attempt told us about its target.

use std::fmt;
use std::time::Duration;

/// What one attempt told us about the target that it was sent to.
///
/// This is the one vocabulary of retry, breaker, failover, cache and impact log. Protocol
/// knowledge (a status code, a JSON error body, a gRPC trailer) is turned into an `Outcome` once, at
/// the target; no layer above it looks at a status again. What each outcome means for each layer
/// stands in one table: [`Outcome::advice`].
///
/// Several outcomes carry the *wait*: how long the server asked us to stay away, if it said so.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_core::Outcome;
///
/// let limited = Outcome::RateLimited { wait: Some(Duration::from_secs(2)) };
/// assert_eq!(limited.wait(), Some(Duration::from_secs(2)));
/// assert!(!limited.is_failure());
/// assert!(Outcome::Fault.is_failure());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// A whole, good answer; or a good beginning of one that is still being followed.
    Success,
    /// The target failed and said so quickly: 5xx, a reset, a truncated or garbled answer.
    Fault,
    /// The target failed by silence: no first byte, no first content, a stall. It took our time.
    TimedOut,
    /// The target has no capacity left: 503, 529, a 429 for capacity. A failure; others go first.
    Overloaded {
        /// How long the server asked us to stay away.
        wait: Option<Duration>,
    },
    /// Our share of the target is used up. No failure: the target is gated until the wait is over.
    RateLimited {
        /// How long the server asked us to stay away.
        wait: Option<Duration>,
    },
    /// The target is loading a model. No failure; it answers soon.
    Warming {
        /// How long the server asked us to stay away.
        wait: Option<Duration>,
    },
    /// Money or a long quota is used up: no retry helps, on any target with the same key.
    Exhausted {
        /// How long until the quota is filled again.
        wait: Option<Duration>,
    },
    /// The credentials were refused, on every target that uses the key.
    Unauthorized,
    /// The key of this attempt is limited, used up or refused, and the target has another that is open: tried again
    /// at once with that one. Says nothing of the target. See [`KeyRing`](crate::KeyRing).
    KeySpent,
    /// There is no such model or deployment at this target.
    Missing,
    /// A conflict that a second try solves: 409, gRPC `ABORTED`. Says nothing about health.
    Conflict,
    /// The prompt does not fit this model; a larger window may take it.
    TooLong,
    /// Refused by a safety policy; tried elsewhere only where the application allows it.
    Refused,
    /// The caller's mistake: never retried, never counted.
    Invalid,
    /// We did not send it: the breaker is open or had no permit. Costs no attempt and no budget.
    Shed {
        /// When the target may take calls again, as far as the breaker knows.
        wait: Option<Duration>,
    },
    /// The caller went away before the outcome was known.
    Cancelled,
}

impl Outcome {
    /// Every outcome once, without a wait: for tables and tests that must miss none.
    pub const ALL: [Self; 16] = [
        Self::Success,
        Self::Fault,
        Self::TimedOut,
        Self::Overloaded { wait: None },
        Self::RateLimited { wait: None },
        Self::Warming { wait: None },
        Self::Exhausted { wait: None },
        Self::Unauthorized,
        Self::KeySpent,
        Self::Missing,
        Self::Conflict,
        Self::TooLong,
        Self::Refused,
        Self::Invalid,
        Self::Shed { wait: None },
        Self::Cancelled,
    ];

    /// Returns how long the server (or our own breaker) asked us to stay away.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { wait }
            | Self::RateLimited { wait }
            | Self::Warming { wait }
            | Self::Exhausted { wait }
            | Self::Shed { wait } => *wait,
            _ => None,
        }
    }

    /// Returns the same outcome with another wait, where the outcome carries one.
    #[must_use]
    pub const fn with_wait(self, wait: Option<Duration>) -> Self {
        match self {
            Self::Overloaded { .. } => Self::Overloaded { wait },
            Self::RateLimited { .. } => Self::RateLimited { wait },
            Self::Warming { .. } => Self::Warming { wait },
            Self::Exhausted { .. } => Self::Exhausted { wait },
            Self::Shed { .. } => Self::Shed { wait },
            other => other,
        }
    }

    /// Whether the attempt was a good one.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Success)
    }

    /// Whether the attempt counts against the health of its target.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Fault | Self::TimedOut | Self::Overloaded { .. })
    }

    /// Whether the request reached the wire: everything but [`Outcome::Shed`].
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        !matches!(self, Self::Shed { .. })
    }

    /// The outcome's name in lower case, as it stands in logs, metrics and reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Fault => "fault",
            Self::TimedOut => "timed_out",
            Self::Overloaded { .. } => "overloaded",
            Self::RateLimited { .. } => "rate_limited",
            Self::Warming { .. } => "warming",
            Self::Exhausted { .. } => "exhausted",
            Self::Unauthorized => "unauthorized",
            Self::KeySpent => "key_spent",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::TooLong => "too_long",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
            Self::Shed { .. } => "shed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.wait() {
            Some(wait) => write!(f, " (wait {wait:?})"),
            None => Ok(()),
        }
    }
}

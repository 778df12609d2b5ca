//! Errors of the breaker's configuration.
//!
//! The error of a call that was not sent is [`Shed`](tower_ai_core::error::Shed), of `tower-ai-core`.

use std::error::Error;
use std::fmt;

/// A breaker that cannot be: which rule it broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidBreaker {
    /// The number of consecutive failures is not from 1 to 1,000,000.
    ConsecutiveFailures,
    /// The share of failures is not above 0 and at most 1.
    FailureRate,
    /// The false trips per day are not a number from 0.000001 to 1000.
    FalseTripsPerDay,
    /// The number of circuits of a keyed breaker is not from 1 to 1,000,000.
    KeyLimit,
    /// The longest open period is not from 1 ms to 24 h.
    LongestOpen,
    /// The minimum number of calls is not from 1 to 65,536.
    MinimumCalls,
    /// The number of calls permitted while half-open is not from 1 to 65,536.
    PermittedHalfOpen,
    /// The sliding window is not of 1 to 65,536 calls, or of 1 ms to 24 h.
    SlidingWindow,
    /// The age from which a call is slow is not from 1 ms to 24 h.
    SlowCallDuration,
    /// The share of slow calls is not above 0 and at most 1.
    SlowCallRate,
    /// The wait while open is not from 1 ms to 24 h.
    WaitWhileOpen,
}

impl fmt::Display for InvalidBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConsecutiveFailures => {
                "a breaker's consecutive failures must be from 1 to 1,000,000"
            }
            Self::FalseTripsPerDay => {
                "a breaker's false trips per day must be a number from 0.000001 to 1000"
            }
            Self::FailureRate => "a breaker's failure rate must be a share above 0 and at most 1",
            Self::MinimumCalls => "a breaker's minimum number of calls must be from 1 to 65,536",
            Self::PermittedHalfOpen => {
                "a breaker's calls permitted while half-open must be from 1 to 65,536"
            }
            Self::SlidingWindow => {
                "a breaker's sliding window must be of 1 to 65,536 calls, or of 1 ms to 24 h"
            }
            Self::SlowCallDuration => "a breaker's slow call duration must be from 1 ms to 24 h",
            Self::SlowCallRate => {
                "a breaker's slow call rate must be a share above 0 and at most 1"
            }
            Self::WaitWhileOpen => "a breaker's wait while open must be from 1 ms to 24 h",
            Self::KeyLimit => "a keyed breaker must hold from 1 to 1,000,000 circuits",
            Self::LongestOpen => "a breaker's longest open period must be from 1 ms to 24 h",
        })
    }
}

impl Error for InvalidBreaker {}

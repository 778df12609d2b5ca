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
    /// The false trips per day are not a number from 0.000001 to 1000.
    FalseTripsPerDay,
    /// The longest open period is not from 1 ms to 24 h.
    LongestOpen,
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
            Self::LongestOpen => "a breaker's longest open period must be from 1 ms to 24 h",
        })
    }
}

impl Error for InvalidBreaker {}

//! How answers end.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tower_ai_core::error::{Elapsed, Failed};
use tower_ai_core::{BoxError, Outcome};

use crate::Lapse;

/// How an answer ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// Whole.
    Good,
    /// Its bytes ended without an end mark.
    Truncated,
    /// A clock ran out.
    TimedOut(Lapse),
    /// It held an error, with what that says about the target.
    Reported(Outcome),
    /// One of its events could not be read.
    Garbled,
    /// Its connection failed.
    Reset,
    /// The caller went away.
    Cancelled,
}

impl Ending {
    /// What the ending says about the target.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Good => Outcome::Success,
            Self::Truncated | Self::Garbled | Self::Reset => Outcome::Fault,
            Self::TimedOut(_) => Outcome::TimedOut,
            Self::Reported(outcome) => *outcome,
            Self::Cancelled => Outcome::Cancelled,
        }
    }

    /// The ending's name in lower case, as it stands in logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Truncated => "truncated",
            Self::TimedOut(_) => "timed_out",
            Self::Reported(_) => "reported",
            Self::Garbled => "garbled",
            Self::Reset => "reset",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The answer broke: the error of a guarded body, and of the call where nothing was passed on yet.
///
/// [`outcome_of`](tower_ai_core::error::outcome_of) knows what it stands for. It holds categories only, never a
/// provider's text; the error of a failed connection is its [`source`](Error::source).
///
/// # Examples
///
/// ```
/// use tower_ai_core::error::{cause_ref, outcome_of};
/// use tower_ai_core::{BoxError, Outcome};
/// use tower_ai_stream::{Broken, Ending};
///
/// let error: BoxError = Broken::new(Ending::Truncated).into();
/// assert_eq!(cause_ref::<Broken>(&*error).map(Broken::ending), Some(Ending::Truncated));
/// assert_eq!(outcome_of(&*error), Outcome::Fault);
/// assert_eq!(error.to_string(), "the answer broke off: it ended without an end mark");
/// ```
#[derive(Debug)]
pub struct Broken {
    ending: Ending,
    source: Option<BoxError>,
}

impl Broken {
    /// Makes the error of an ending.
    #[must_use]
    pub fn new(ending: Ending) -> Self {
        let source = match ending {
            Ending::Good | Ending::Truncated | Ending::Garbled | Ending::Reset => None,
            Ending::TimedOut(_) | Ending::Reported(_) | Ending::Cancelled => {
                let why: BoxError = "said within the answer".into();
                Some(Failed::new(ending.outcome(), why).into())
            }
        };
        Self { ending, source }
    }

    pub(crate) fn timed_out(lapse: Lapse, limit: Duration) -> Self {
        Self {
            ending: Ending::TimedOut(lapse),
            source: Some(Elapsed::new(lapse.waited_for(), limit).into()),
        }
    }

    pub(crate) fn reset(source: BoxError) -> Self {
        Self {
            ending: Ending::Reset,
            source: Some(source),
        }
    }

    /// How the answer ended.
    #[must_use]
    pub const fn ending(&self) -> Ending {
        self.ending
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer broke off: ")?;
        match self.ending {
            Ending::Good => f.write_str("it was whole"),
            Ending::Truncated => f.write_str("it ended without an end mark"),
            Ending::TimedOut(lapse) => write!(f, "{} did not come in time", lapse.waited_for()),
            Ending::Reported(outcome) => write!(f, "it held an error ({})", outcome.name()),
            Ending::Garbled => f.write_str("an event could not be read"),
            Ending::Reset => f.write_str("its connection failed"),
            Ending::Cancelled => f.write_str("the caller went away"),
        }
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| &**error as _)
    }
}

/// A setting that cannot be: which rule it broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidGuard {
    /// A time limit of zero.
    ZeroTimeout,
    /// A pace of no contents, or over no time.
    ZeroPace,
    /// A factor of a time scale that is not a number from 0.0001 to 10,000.
    Scale,
}

impl fmt::Display for InvalidGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroTimeout => "a time limit must be above zero",
            Self::ZeroPace => "a pace must ask for some contents over some time",
            Self::Scale => "the factor of a time scale must be a number from 0.0001 to 10000",
        })
    }
}

impl Error for InvalidGuard {}

#[cfg(test)]
mod tests {
    use tower_ai_core::error::outcome_of;

    use super::*;

    #[test]
    fn every_ending_is_known_by_its_outcome() {
        let limited = Outcome::RateLimited { wait: None };
        for ending in [
            Ending::Truncated,
            Ending::TimedOut(Lapse::Stall),
            Ending::Reported(limited),
            Ending::Garbled,
            Ending::Reset,
            Ending::Cancelled,
        ] {
            assert_eq!(outcome_of(&Broken::new(ending)), ending.outcome());
        }
        let stalled = Broken::timed_out(Lapse::Stall, Duration::from_secs(1));
        assert_eq!(outcome_of(&stalled), Outcome::TimedOut);
    }
}

//! How long a server asks us to stay away.
//!
//! Pure functions over headers and text, with the wall clock as an argument. The sources in their order; the
//! first that can be read wins:
//!
//! 1. `retry-after-ms`, `x-ms-retry-after-ms`: milliseconds, with fractions;
//! 2. `Retry-After`: seconds, with fractions, or a date in any of HTTP's three forms;
//! 3. for a rate limit, the reset of the dimension (requests, tokens, …) of which nothing remains; if none says
//!    so, the latest reset of all;
//! 4. the error body: Gemini's `RetryInfo`, or "try again in 5.289s".
//!
//! Zero, a negative number and a past date mean *now*; garbage means nothing. No wait is longer than 24 hours.

mod date;
mod duration;
mod headers;
mod limits;

use std::time::Duration;

pub(crate) use self::duration::{parse as parse_duration, said_in};
pub(crate) use self::headers::{asked, forbids_retry, reset};
pub(crate) use self::limits::headroom;

/// No server can ask for more.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Turns seconds of any size and sign into a wait.
fn clamped(seconds: f64) -> Duration {
    if seconds >= LONGEST.as_secs_f64() {
        return LONGEST;
    }
    // Fails for negative numbers only: the others are in range here.
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_neither_negative_nor_longer_than_a_day() {
        assert_eq!(clamped(-3.0), Duration::ZERO);
        assert_eq!(clamped(1.5), Duration::from_millis(1500));
        assert_eq!(clamped(f64::INFINITY), LONGEST);
    }
}

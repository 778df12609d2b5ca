//! Wall-clock time, for the dates in answers.

use std::time::{Duration, UNIX_EPOCH};

/// A moment of wall-clock time, as the time since 1970.
///
/// Only dates in answers need one; it is always an argument, so that tests choose it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_http::WallTime;
///
/// let now = WallTime::since_epoch(Duration::from_secs(1_790_000_000));
/// assert!(now < WallTime::since_epoch(Duration::from_secs(1_790_000_001)));
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct WallTime(Duration);

impl WallTime {
    /// Reads the clock. The only place of the crate that does.
    #[must_use]
    #[expect(
        clippy::disallowed_types,
        reason = "answers hold dates, and only the wall clock knows how far off they are"
    )]
    pub fn now() -> Self {
        Self::of(std::time::SystemTime::now())
    }

    /// The moment so long after the beginning of 1970.
    #[must_use]
    pub const fn since_epoch(time: Duration) -> Self {
        Self(time)
    }

    /// Reads a date of HTTP, in any of its three forms.
    pub(crate) fn parse_http(text: &str) -> Option<Self> {
        Some(Self::of(httpdate::parse_http_date(text).ok()?))
    }

    /// The time from `now` until then; zero if it is past.
    pub(crate) const fn after(self, now: Self) -> Duration {
        self.0.saturating_sub(now.0)
    }

    /// The time since 1970.
    pub(crate) const fn elapsed(self) -> Duration {
        self.0
    }

    #[expect(clippy::disallowed_types, reason = "see `now`")]
    fn of(time: std::time::SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

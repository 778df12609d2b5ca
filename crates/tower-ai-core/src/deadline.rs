//! The end of a call's time.

use std::time::Duration;

use tokio::time::Instant;

/// The moment by which a call must have begun to answer.
///
/// One call has one deadline: it bounds the time to the *commit point* (the first content of a
/// stream, the head of a plain answer), over all attempts, waits and targets. After that point only
/// the stream's own clocks apply; a healthy stream of 60 s is not cut by a deadline of 30 s.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_core::Deadline;
///
/// let now = Instant::now();
/// let deadline = Deadline::after(now, Duration::from_secs(30));
/// assert_eq!(deadline.remaining(now), Duration::from_secs(30));
/// assert!(deadline.allows(now, Duration::from_secs(29)));
/// assert!(!deadline.allows(now, Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline at this moment.
    #[must_use]
    pub const fn at(end: Instant) -> Self {
        Self(end)
    }

    /// The deadline `limit` after `now`. A limit beyond what the clock can tell ends in about 30 years.
    #[must_use]
    pub fn after(now: Instant, limit: Duration) -> Self {
        const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);
        Self(now.checked_add(limit).unwrap_or_else(|| now + FAR))
    }

    /// When it ends.
    #[must_use]
    pub const fn instant(&self) -> Instant {
        self.0
    }

    /// The time left; zero once it is over.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Whether no time is left.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.0
    }

    /// Whether there is time left after a wait: a call never sleeps into its deadline.
    #[must_use]
    pub fn allows(&self, now: Instant, wait: Duration) -> bool {
        wait < self.remaining(now)
    }

    /// The earlier of two deadlines.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}

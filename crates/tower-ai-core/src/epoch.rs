//! Moments as numbers, for atomics.

use std::time::Duration;

use tokio::time::Instant;

/// Turns moments into milliseconds and back, so that an atomic can hold one.
///
/// Every object with such atomics has its own epoch, taken when it was made; moments before it read as 0.
#[derive(Clone, Copy, Debug)]
pub struct Epoch(Instant);

impl Epoch {
    /// An epoch that begins now.
    #[must_use]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// An epoch that begins at `start`.
    #[must_use]
    pub const fn at(start: Instant) -> Self {
        Self(start)
    }

    /// The whole milliseconds from the epoch to `moment`.
    #[must_use]
    pub fn millis(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.0);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment that [`millis`](Self::millis) was made of, rounded down.
    #[must_use]
    pub fn instant(&self, millis: u64) -> Instant {
        self.0
            .checked_add(Duration::from_millis(millis))
            .unwrap_or(self.0)
    }
}

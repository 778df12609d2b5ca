//! Moments as numbers: the pure code counts nanoseconds from the circuit's epoch.

use std::time::Duration;

use tokio::time::Instant;

/// Nanoseconds since the circuit's epoch; also lengths of time. Enough for 584 years.
pub(crate) type Nanos = u64;

/// The length of a duration.
#[inline]
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A length in seconds.
pub(crate) fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

/// `e^(-elapsed / tau)`: what is left of a weight.
pub(crate) fn fade(elapsed: Nanos, tau: Nanos) -> f64 {
    (-(elapsed as f64) / (tau.max(1) as f64)).exp()
}

/// When a circuit began: the zero of its moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) const fn starting(now: Instant) -> Self {
        Self(now)
    }

    /// The moment as a number; one before the epoch reads as 0.
    #[inline]
    pub(crate) fn at(self, moment: Instant) -> Nanos {
        nanos(moment.saturating_duration_since(self.0))
    }

    /// The number as a moment; `None` beyond what the system's clock can tell.
    pub(crate) fn instant(self, at: Nanos) -> Option<Instant> {
        self.0.checked_add(Duration::from_nanos(at))
    }
}

//! The one factor between an outage's time and the wall's.

use std::time::Duration;

use tokio::time::Instant;

use crate::Invalid;

/// How many seconds of outage pass in one second on the wall.
///
/// Scripts, paces and deadlines are written in outage time. A provider divides every duration by
/// this one factor, so that twelve minutes of outage can be had in seventy-two seconds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_drill::Scale;
///
/// let scale = Scale::new(10.0)?;
/// assert_eq!(scale.to_wall(Duration::from_secs(30)), Duration::from_secs(3));
/// assert_eq!(scale.to_outage(Duration::from_secs(3)), Duration::from_secs(30));
/// # Ok::<(), tower_ai_drill::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale(f64);

impl Scale {
    /// One second of outage per second.
    pub const ONE: Self = Self(1.0);

    /// Creates a scale of `factor` outage seconds per second.
    ///
    /// # Errors
    ///
    /// [`Invalid::Scale`] unless `factor` lies within a thousandth and a million.
    pub fn new(factor: f64) -> Result<Self, Invalid> {
        // A NaN is in no range.
        if (1e-3..=1e6).contains(&factor) {
            Ok(Self(factor))
        } else {
            Err(Invalid::Scale)
        }
    }

    /// The factor.
    pub const fn factor(self) -> f64 {
        self.0
    }

    /// Turns a duration of the outage into one on the wall.
    pub fn to_wall(self, outage: Duration) -> Duration {
        times(outage, 1.0 / self.0)
    }

    /// Turns a duration on the wall into one of the outage.
    pub fn to_outage(self, wall: Duration) -> Duration {
        times(wall, self.0)
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self::ONE
    }
}

/// The moment so long after another; if that is beyond the clock, one that nobody lives to see.
pub(crate) fn later(at: Instant, duration: Duration) -> Instant {
    const DECADE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    at + duration.min(DECADE)
}

/// Multiplies without the panic of `Duration::mul_f64` on overflow.
pub(crate) fn times(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

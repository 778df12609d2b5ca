//! A second attempt for calls that take unusually long.

use std::time::Duration;

use crate::InvalidFailover;
use crate::latency::Latencies;

/// When a call that is not answered yet is sent to a second target as well: the first good answer wins.
///
/// Off unless set by [`Failover::hedge`](crate::Failover::hedge). It takes off the tail of the latency at the price of
/// extra attempts:
///
/// - one hedge for a call at most, at another target that is well, of another failure domain if there is one;
/// - paid for from the budget, which must cover it: a provider that is slow as a whole does not double the load;
/// - never for a request that cannot be sent twice, or that the [`Policy`](crate::Policy::may_hedge) says no to;
/// - the attempt that comes second is dropped. **The provider may bill it all the same**: most do not stop
///   generating because nobody listens.
///
/// The time counts to the head of the answer, which is the first content where a stream guard is below.
///
/// # Default
///
/// After the 95th percentile.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_core::Target;
/// use tower_ai_failover::{Failover, Hedge};
///
/// # let answer = tower::service_fn(|_: &'static str| async { Ok::<_, std::io::Error>(()) });
/// # let targets = || ["main", "backup"].map(|name| (Target::new(name).expect("a name"), answer));
/// let by_experience = Failover::new(targets())?.hedge(Hedge::default());
/// let by_the_clock = Failover::new(targets())?.hedge(Hedge::after(Duration::from_secs(3))?);
/// # let _ = (by_experience, by_the_clock);
/// # Ok::<(), tower_ai_failover::InvalidFailover>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedge {
    after: After,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum After {
    Percentile(f64),
    Time(Duration),
}

impl Hedge {
    /// Hedges a call that takes longer than this share of the calls took at the same target, streamed and plain ones
    /// apart. 0.95 hedges about one call in twenty.
    ///
    /// Nothing is hedged until so many answers were seen that one of them was slower than that, and at least 20. The
    /// last thousand or so count; times are known to within a fifth, rounded up.
    ///
    /// # Errors
    ///
    /// Fails unless the share is a number from 0.5 to 0.999.
    pub fn at_percentile(share: f64) -> Result<Self, InvalidFailover> {
        if !(0.5..=0.999).contains(&share) {
            return Err(InvalidFailover::Percentile);
        }
        Ok(Self {
            after: After::Percentile(share),
        })
    }

    /// Hedges a call after this time.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub const fn after(time: Duration) -> Result<Self, InvalidFailover> {
        if time.is_zero() {
            return Err(InvalidFailover::ZeroTimeout);
        }
        Ok(Self {
            after: After::Time(time),
        })
    }
}

impl Default for Hedge {
    fn default() -> Self {
        Self {
            after: After::Percentile(0.95),
        }
    }
}

/// A hedge, with what it goes by.
#[derive(Debug)]
pub(crate) struct Hedging {
    hedge: Hedge,
    latencies: Box<[Latencies]>,
}

impl Hedging {
    pub(crate) fn new(hedge: Hedge, targets: usize) -> Self {
        Self {
            hedge,
            latencies: (0..targets).map(|_| Latencies::new()).collect(),
        }
    }

    /// How long to wait for a target's answer alone; `None` while that is not known.
    pub(crate) fn delay(&self, number: u8, streamed: bool) -> Option<Duration> {
        match self.hedge.after {
            After::Time(time) => Some(time),
            After::Percentile(share) => {
                self.latencies[usize::from(number)].quantile(streamed, share)
            }
        }
    }

    /// Learns how long a target took, or (if it was not waited for any longer) has taken at least.
    pub(crate) fn learn(&self, number: u8, streamed: bool, took: Duration) {
        self.latencies[usize::from(number)].learn(streamed, took);
    }
}

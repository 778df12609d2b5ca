//! The plain rule that most breakers have, under the names of resilience4j.

use std::time::Duration;

use crate::error::InvalidBreaker;
use crate::window::Tally;

/// The calls that a sliding window may hold, and that may be asked for.
const MOST_CALLS: u32 = 65_536;

const DAY: Duration = Duration::from_secs(86_400);

/// Opens when too large a share of the last calls failed, or was slow.
///
/// The rule of resilience4j, with its names and defaults; for those who know it, have tuned it, or must explain it.
/// It needs many calls to see an outage: [`adaptive`](crate::BreakerLayer::adaptive) sees more, and sooner, wherever
/// calls are rare. A call is counted when it settles, if it says something of health (see the
/// [crate docs](crate#what-is-not-health)); a cancelled one is not.
///
/// Coming back is by its rule too: after [`wait_while_open`](Self::wait_while_open) the circuit is half-open
/// ([`Mode::Ramping`](tower_ai_core::Mode::Ramping)), lets
/// [`permitted_half_open`](Self::permitted_half_open) calls through, and closes or opens again by their shares
/// once all of them have settled. A permit from which nothing was heard for `ramp_lease` of the
/// [`Tuning`](tower_ai_core::Tuning) is given to another call, so that no lost call keeps it half-open for ever.
///
/// # Default
///
/// | here | resilience4j | default |
/// |---|---|---|
/// | [`new`](Self::new) | `failureRateThreshold` | 0.5 (50 %) |
/// | [`window_calls`](Self::window_calls), [`window_time`](Self::window_time) | `slidingWindowType`, `slidingWindowSize` | the last 100 calls |
/// | [`minimum_calls`](Self::minimum_calls) | `minimumNumberOfCalls` | 100 |
/// | [`slow_calls`](Self::slow_calls) | `slowCallRateThreshold`, `slowCallDurationThreshold` | 1 (100 %) over 60 s |
/// | [`wait_while_open`](Self::wait_while_open) | `waitDurationInOpenState` | 60 s |
/// | [`permitted_half_open`](Self::permitted_half_open) | `permittedNumberOfCallsInHalfOpenState` | 10 |
///
/// # Where it differs
///
/// - What a call says counts only in the state that admitted it: a late answer never decides a half-open circuit.
/// - A call's duration is the time to its first content, so that a long stream is not slow. For a plain answer, and
///   for a call that fails before any content, it is the time to its end.
/// - Open periods are drawn from 75 % to 125 % of the wait, so that many clients do not come back at once. With
///   [`longest_open`](crate::BreakerLayer::longest_open) they double each time up to that, else they stay the same.
///   A server's own wait is kept to if it is longer, within the same limit.
/// - Rate limits, shut keys and callers' mistakes are not failures.
/// - The durations are as given: [`Tuning`](tower_ai_core::Tuning) does not scale them.
///
/// Memory: two bits for each call of a window of calls, 720 bytes for one of time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_breaker::{BreakerLayer, FailureRate, InvalidBreaker};
///
/// # fn main() -> Result<(), InvalidBreaker> {
/// let rule = FailureRate::new(0.5)?
///     .window_time(Duration::from_secs(60))?
///     .minimum_calls(10)?
///     .slow_calls(0.8, Duration::from_secs(5))?
///     .wait_while_open(Duration::from_secs(20))?
///     .permitted_half_open(3)?;
/// let layer = BreakerLayer::failure_rate(rule);
/// assert_eq!(layer.handle().state().tally.map(|tally| tally.calls), Some(0));
///
/// assert_eq!(FailureRate::new(50.0), Err(InvalidBreaker::FailureRate), "a share, not percent");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a rule does nothing until a layer is made of it"]
pub struct FailureRate {
    failures: f64,
    pub(crate) span: Span,
    minimum: u32,
    slow: f64,
    pub(crate) slow_after: Duration,
    pub(crate) wait: Duration,
    pub(crate) permitted: u32,
}

/// What a sliding window holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Span {
    Calls(u32),
    Time(Duration),
}

impl FailureRate {
    /// A rule that opens when this share of the calls in the window failed; the default share is 0.5.
    ///
    /// # Errors
    ///
    /// Fails unless the share is above 0 and at most 1.
    pub fn new(share: f64) -> Result<Self, InvalidBreaker> {
        Ok(Self {
            failures: is_share(share, InvalidBreaker::FailureRate)?,
            ..Self::default()
        })
    }

    /// Looks at the last so many calls. Defaults to 100.
    ///
    /// # Errors
    ///
    /// Fails unless `calls` is from 1 to 65,536.
    pub fn window_calls(self, calls: u32) -> Result<Self, InvalidBreaker> {
        within_calls(calls, InvalidBreaker::SlidingWindow)?;
        let span = Span::Calls(calls);
        Ok(Self { span, ..self })
    }

    /// Looks at the calls that settled in the last so much time, instead of a number of calls.
    ///
    /// The time is kept in 60 buckets, each forgotten as a whole: a call counts for the time given, less up to one
    /// 60th of it.
    ///
    /// # Errors
    ///
    /// Fails unless `time` is from 1 ms to 24 h.
    pub fn window_time(self, time: Duration) -> Result<Self, InvalidBreaker> {
        within_day(time, InvalidBreaker::SlidingWindow)?;
        let span = Span::Time(time);
        Ok(Self { span, ..self })
    }

    /// Judges nothing before so many calls are in the window. Defaults to 100; of a window of calls, at most its
    /// size.
    ///
    /// # Errors
    ///
    /// Fails unless `calls` is from 1 to 65,536.
    pub fn minimum_calls(self, calls: u32) -> Result<Self, InvalidBreaker> {
        within_calls(calls, InvalidBreaker::MinimumCalls)?;
        Ok(Self {
            minimum: calls,
            ..self
        })
    }

    /// Opens as well when this share of the calls took longer than `after`. Defaults to 1 and 60 s.
    ///
    /// # Errors
    ///
    /// Fails unless the share is above 0 and at most 1, and `after` from 1 ms to 24 h.
    pub fn slow_calls(self, share: f64, after: Duration) -> Result<Self, InvalidBreaker> {
        Ok(Self {
            slow: is_share(share, InvalidBreaker::SlowCallRate)?,
            slow_after: within_day(after, InvalidBreaker::SlowCallDuration)?,
            ..self
        })
    }

    /// Stays open so long before it lets calls through again. Defaults to 60 s.
    ///
    /// # Errors
    ///
    /// Fails unless `wait` is from 1 ms to 24 h.
    pub fn wait_while_open(self, wait: Duration) -> Result<Self, InvalidBreaker> {
        Ok(Self {
            wait: within_day(wait, InvalidBreaker::WaitWhileOpen)?,
            ..self
        })
    }

    /// Lets so many calls through when it is half-open, and decides by them. Defaults to 10.
    ///
    /// # Errors
    ///
    /// Fails unless `calls` is from 1 to 65,536.
    pub fn permitted_half_open(self, calls: u32) -> Result<Self, InvalidBreaker> {
        within_calls(calls, InvalidBreaker::PermittedHalfOpen)?;
        Ok(Self {
            permitted: calls,
            ..self
        })
    }

    /// Whether the calls of the window are enough to be judged, and too bad.
    pub(crate) fn trips(&self, tally: Tally) -> bool {
        let minimum = match self.span {
            Span::Calls(size) => self.minimum.min(size),
            Span::Time(_) => self.minimum,
        };
        tally.calls >= minimum && self.is_bad(tally)
    }

    /// Whether too large a share of the calls failed or was slow.
    pub(crate) fn is_bad(&self, tally: Tally) -> bool {
        tally.failure_rate() >= self.failures || tally.slow_call_rate() >= self.slow
    }
}

/// The defaults of resilience4j: see the type's docs.
impl Default for FailureRate {
    fn default() -> Self {
        Self {
            failures: 0.5,
            span: Span::Calls(100),
            minimum: 100,
            slow: 1.0,
            slow_after: Duration::from_secs(60),
            wait: Duration::from_secs(60),
            permitted: 10,
        }
    }
}

fn is_share(share: f64, rule: InvalidBreaker) -> Result<f64, InvalidBreaker> {
    let is_one = share > 0.0 && share <= 1.0;
    is_one.then_some(share).ok_or(rule)
}

fn within_calls(calls: u32, rule: InvalidBreaker) -> Result<u32, InvalidBreaker> {
    let is_within = (1..=MOST_CALLS).contains(&calls);
    is_within.then_some(calls).ok_or(rule)
}

fn within_day(time: Duration, rule: InvalidBreaker) -> Result<Duration, InvalidBreaker> {
    let is_within = (Duration::from_millis(1)..=DAY).contains(&time);
    is_within.then_some(time).ok_or(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_with_the_rule() {
        use InvalidBreaker as Invalid;
        let rule = FailureRate::default();
        for share in [0.0, -0.1, 1.1, 50.0, f64::NAN, f64::INFINITY] {
            assert_eq!(FailureRate::new(share), Err(Invalid::FailureRate));
            let slow = rule.slow_calls(share, DAY);
            assert_eq!(slow, Err(Invalid::SlowCallRate));
        }
        for calls in [0, MOST_CALLS + 1] {
            assert_eq!(rule.window_calls(calls), Err(Invalid::SlidingWindow));
            assert_eq!(rule.minimum_calls(calls), Err(Invalid::MinimumCalls));
            let permitted = rule.permitted_half_open(calls);
            assert_eq!(permitted, Err(Invalid::PermittedHalfOpen));
        }
        for time in [Duration::ZERO, DAY + Duration::from_nanos(1)] {
            assert_eq!(rule.window_time(time), Err(Invalid::SlidingWindow));
            assert_eq!(rule.wait_while_open(time), Err(Invalid::WaitWhileOpen));
            let slow = rule.slow_calls(0.5, time);
            assert_eq!(slow, Err(Invalid::SlowCallDuration));
        }
    }

    #[test]
    fn a_window_of_calls_never_waits_for_more_than_it_holds() {
        let failing = |calls| Tally {
            calls,
            failed: calls,
            slow: 0,
        };
        let rule = FailureRate::default().window_calls(5).unwrap();
        assert!(!rule.trips(failing(4)) && rule.trips(failing(5)));
        let rule = rule.window_time(DAY).unwrap();
        assert!(!rule.trips(failing(99)) && rule.trips(failing(100)));
    }
}

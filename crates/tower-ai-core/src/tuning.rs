//! Every duration of the layers, in one place.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Every duration of retry, failover, stream guard and breaker, with defaults for calls to hosted models.
///
/// One factor scales them all ([`scaled`](Self::scaled)): a rehearsal that plays an hour's outage in a minute divides
/// the time of its fake providers and of the layers by the same number, and sees the same decisions.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_core::Tuning;
///
/// let rehearsal = Tuning::default().scaled(0.1)?;
/// assert_eq!(rehearsal.attempt_timeout, Tuning::default().attempt_timeout / 10);
/// # Ok::<(), tower_ai_core::InvalidTuning>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tuning {
    /// Retry: the first delay between attempts. Defaults to 250 ms.
    pub backoff_first: Duration,
    /// Retry: the longest delay of our own choice. Defaults to 8 s.
    pub backoff_longest: Duration,
    /// Retry: the longest wait asked for by a server that is slept through. Defaults to 60 s.
    pub wait_longest: Duration,
    /// Retry: the longest wait slept through while another target is left. Defaults to 2.5 s.
    pub patience: Duration,

    /// Failover: the time one target has for the head of its answer. Defaults to 30 s.
    ///
    /// The head of an answer that is not streamed comes when the whole text is written: give long ones more.
    pub attempt_timeout: Duration,
    /// Failover: the time one target's service has to become ready. Defaults to 1 s.
    pub ready_timeout: Duration,
    /// Failover: the decay time of the latency estimate. Defaults to 10 s.
    pub latency_decay: Duration,

    /// Stream: from the head of a streamed answer to its first content. Defaults to 10 s.
    pub first_content: Duration,
    /// Stream: from one content of an answer to the next. Defaults to 10 s.
    pub stall: Duration,
    /// Stream: how long an answer that is over is held open for what may follow it. Defaults to 1 s.
    pub linger: Duration,

    /// Breaker: the age at which a call that has not failed counts as a good one. Defaults to 500 ms.
    pub survival_age: Duration,
    /// Breaker: no call is slow before this age. Defaults to 250 ms.
    pub slow_floor: Duration,
    /// Breaker: every call without content is slow from this age on. Defaults to 60 s.
    pub slow_ceiling: Duration,
    /// Breaker: how long latencies are collected before slowness is judged. Defaults to 120 s.
    pub slow_arming: Duration,
    /// Breaker: the time constant by which the latency baseline is learnt. Defaults to 300 s.
    pub baseline_decay: Duration,
    /// Breaker: the time constant by which evidence of failure fades. Defaults to 600 s.
    pub evidence_decay: Duration,
    /// Breaker: the first open period. Defaults to 1 s.
    pub open_first: Duration,
    /// Breaker: the longest open period of a young outage. Defaults to 15 s.
    pub open_longest: Duration,
    /// Breaker: the longest open period of an old outage. Defaults to 60 s.
    pub open_longest_old: Duration,
    /// Breaker: while shedding, one call is let through at least this often. Defaults to 15 s.
    pub pass_every: Duration,
    /// Breaker: how long a coming-back target must not be at its limit before it is closed. Defaults to 1 s.
    pub ramp_quiet: Duration,
    /// Breaker: the age at which a permit of the ramp lapses. Defaults to 60 s.
    pub ramp_lease: Duration,
    /// Breaker: how long a key or target that is of no use stays shut at first. Defaults to 5 min.
    pub shut_first: Duration,
    /// Breaker: and at most. Defaults to 30 min.
    pub shut_longest: Duration,
    /// Breaker: a key that worked this recently and is refused is an outage of sign-in. Defaults to 10 min.
    pub key_memory: Duration,
    /// Breaker: the age without content past which a cancelled call counts as slow. Defaults to 10 s.
    pub cancelled_slow: Duration,
    /// Breaker: the longest wait asked for by a server that a gate honours. Defaults to 1 h.
    pub gate_longest: Duration,
    /// Breaker: the gate after a rate limit that names no wait. Defaults to 1 s.
    pub gate_unnamed: Duration,
    /// Breaker: how long a circuit of a keyed breaker that takes no call is kept. Defaults to 10 min.
    pub keys_idle: Duration,
    /// Breaker: the day of "false trips per day", so that a rehearsal has days of its own. Defaults to 24 h.
    pub day: Duration,
}

impl Tuning {
    /// The defaults, for calls to hosted models.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            backoff_first: Duration::from_millis(250),
            backoff_longest: Duration::from_secs(8),
            wait_longest: Duration::from_secs(60),
            patience: Duration::from_millis(2500),
            attempt_timeout: Duration::from_secs(30),
            ready_timeout: Duration::from_secs(1),
            latency_decay: Duration::from_secs(10),
            first_content: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            linger: Duration::from_secs(1),
            survival_age: Duration::from_millis(500),
            slow_floor: Duration::from_millis(250),
            slow_ceiling: Duration::from_secs(60),
            slow_arming: Duration::from_secs(120),
            baseline_decay: Duration::from_secs(300),
            evidence_decay: Duration::from_secs(600),
            open_first: Duration::from_secs(1),
            open_longest: Duration::from_secs(15),
            open_longest_old: Duration::from_secs(60),
            pass_every: Duration::from_secs(15),
            ramp_quiet: Duration::from_secs(1),
            ramp_lease: Duration::from_secs(60),
            shut_first: Duration::from_secs(300),
            shut_longest: Duration::from_secs(1800),
            key_memory: Duration::from_secs(600),
            cancelled_slow: Duration::from_secs(10),
            gate_longest: Duration::from_secs(3600),
            gate_unnamed: Duration::from_secs(1),
            keys_idle: Duration::from_secs(600),
            day: Duration::from_secs(86_400),
        }
    }

    /// Multiplies every duration by `factor`.
    ///
    /// # Errors
    ///
    /// Fails unless the factor is a number from 0.0001 to 10,000.
    pub fn scaled(mut self, factor: f64) -> Result<Self, InvalidTuning> {
        if !(1e-4..=1e4).contains(&factor) {
            return Err(InvalidTuning(()));
        }
        for duration in self.durations_mut() {
            *duration = Duration::from_secs_f64(duration.as_secs_f64() * factor);
        }
        Ok(self)
    }

    /// Every field: destructured, so that a new one cannot be forgotten.
    fn durations_mut(&mut self) -> [&mut Duration; 30] {
        let Self {
            backoff_first,
            backoff_longest,
            wait_longest,
            patience,
            attempt_timeout,
            ready_timeout,
            latency_decay,
            first_content,
            stall,
            linger,
            survival_age,
            slow_floor,
            slow_ceiling,
            slow_arming,
            baseline_decay,
            evidence_decay,
            open_first,
            open_longest,
            open_longest_old,
            pass_every,
            ramp_quiet,
            ramp_lease,
            shut_first,
            shut_longest,
            key_memory,
            cancelled_slow,
            gate_longest,
            gate_unnamed,
            keys_idle,
            day,
        } = self;
        [
            backoff_first,
            backoff_longest,
            wait_longest,
            patience,
            attempt_timeout,
            ready_timeout,
            latency_decay,
            first_content,
            stall,
            linger,
            survival_age,
            slow_floor,
            slow_ceiling,
            slow_arming,
            baseline_decay,
            evidence_decay,
            open_first,
            open_longest,
            open_longest_old,
            pass_every,
            ramp_quiet,
            ramp_lease,
            shut_first,
            shut_longest,
            key_memory,
            cancelled_slow,
            gate_longest,
            gate_unnamed,
            keys_idle,
            day,
        ]
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self::new()
    }
}

/// A factor that is not a number from 0.0001 to 10,000.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidTuning(());

impl fmt::Display for InvalidTuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the factor of a time scale must be a number from 0.0001 to 10000")
    }
}

impl Error for InvalidTuning {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_scaled() {
        let mut half = Tuning::new().scaled(0.5).unwrap();
        let mut full = Tuning::new();
        for (half, full) in half.durations_mut().into_iter().zip(full.durations_mut()) {
            assert_eq!(*half * 2, *full);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for factor in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert!(Tuning::new().scaled(factor).is_err());
        }
    }
}

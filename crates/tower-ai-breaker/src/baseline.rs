//! What is normal for a target: its share of errors, its rate of calls, its time to first content.

use crate::time::{Nanos, fade, seconds};

/// The calls over which a share is learnt.
const MEMORY: f64 = 2000.0;

/// What is believed before the first call: 3 bad ones in 100.
const PRIOR: (f64, f64) = (3.0, 100.0);

/// A learnt share of bad calls: the mean of what was seen at first, then an average over 2000 calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    mean: f64,
    seen: f64,
}

impl Share {
    pub(crate) const fn new() -> Self {
        Self {
            mean: PRIOR.0 / PRIOR.1,
            seen: PRIOR.1,
        }
    }

    pub(crate) fn learn(&mut self, bad: u32, good: u32) {
        let (bad, all) = (f64::from(bad), f64::from(bad) + f64::from(good));
        if all > 0.0 {
            self.seen = (self.seen + all).min(MEMORY.max(all));
            self.mean += (bad - all * self.mean) / self.seen;
        }
    }

    /// The share that charts start from: never below 1 %, so that one error is no alarm, and never above 8 %, so
    /// that a target cannot make its failures look normal.
    pub(crate) fn p0(&self) -> f64 {
        self.mean.clamp(0.01, 0.08)
    }
}

/// A rate of events, averaged over a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    tau: Nanos,
    count: f64,
    time: f64,
}

impl Rate {
    pub(crate) const fn over(tau: Nanos) -> Self {
        Self {
            tau,
            count: 0.0,
            time: 0.0,
        }
    }

    pub(crate) fn learn(&mut self, count: u32, elapsed: Nanos) {
        if elapsed > 0 {
            let keep = fade(elapsed, self.tau);
            self.count *= keep;
            self.time = self.time * keep + seconds(elapsed);
        }
        self.count += f64::from(count);
    }

    /// Events per second, once the average is over a third of its time.
    pub(crate) fn settled(&self) -> Option<f64> {
        (self.time * 3.0 >= seconds(self.tau)).then(|| self.per_second())
    }

    /// Events per second; 0 before any time has passed.
    pub(crate) fn per_second(&self) -> f64 {
        if self.time > 0.0 {
            self.count / self.time
        } else {
            0.0
        }
    }
}

/// Learns the time to first content, whose logarithm is nearly normal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    tau: Nanos,
    mean: f64,
    variance: f64,
    weight: f64,
    samples: u32,
    last: Nanos,
}

/// Samples before slowness is judged, and the least that the average is taken over, however rare calls are.
const SAMPLES: u32 = 60;

/// No spread below this: a target that answers like clockwork is not slow at once if it takes a third more.
const LEAST_SIGMA: f64 = 0.3;

/// How far from the mean a call is slow, in standard deviations.
const SLOW_SIGMAS: f64 = 2.2;

/// A sample further away counts as if it were this far: one stall of 100 s must not move the baseline.
const CLIP_SIGMAS: f64 = 3.0;

impl Latency {
    pub(crate) const fn learning_over(tau: Nanos) -> Self {
        Self {
            tau,
            mean: 0.0,
            variance: 0.0,
            weight: 0.0,
            samples: 0,
            last: 0,
        }
    }

    /// Learns from one call. `speed` below 1 learns more slowly: for calls that are under suspicion.
    pub(crate) fn learn(&mut self, now: Nanos, took: Nanos, speed: f64) {
        let x = seconds(took).max(1e-6).ln();
        let keep = fade(now.saturating_sub(self.last), self.tau);
        let least = f64::from(SAMPLES.min(self.samples));
        self.weight = (self.weight * keep).max(least.min(self.weight)) + 1.0;
        self.last = now;
        self.samples = self.samples.saturating_add(1);
        let part = speed / self.weight;
        let mut apart = x - self.mean;
        if self.samples > SAMPLES / 2 {
            let limit = CLIP_SIGMAS * self.sigma();
            apart = apart.clamp(-limit, limit);
        }
        self.mean += part * apart;
        self.variance = (1.0 - part) * (self.variance + part * apart * apart);
    }

    fn sigma(&self) -> f64 {
        self.variance.max(0.0).sqrt().max(LEAST_SIGMA)
    }

    /// Whether enough was seen to call a call slow.
    pub(crate) fn is_known(&self) -> bool {
        self.samples >= SAMPLES
    }

    /// The age from which a call without content is slow, in nanoseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts saturate"
    )]
    pub(crate) fn slow_after(&self) -> Nanos {
        ((self.mean + SLOW_SIGMAS * self.sigma()).exp() * 1e9) as Nanos
    }

    /// The usual time to first content, once one is known.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts saturate"
    )]
    pub(crate) fn usual(&self) -> Option<Nanos> {
        (self.samples > 0).then(|| (self.mean.exp() * 1e9) as Nanos)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn a_share_is_learnt_and_kept_within_bounds() {
        let mut share = Share::new();
        (0..10_000).for_each(|_| share.learn(1, 19));
        assert!((share.p0() - 0.05).abs() < 1e-3, "{}", share.p0());
        (0..10_000).for_each(|_| share.learn(1, 0));
        assert!((share.p0() - 0.08).abs() < 1e-9);
        (0..100_000).for_each(|_| share.learn(0, 1));
        assert!((share.p0() - 0.01).abs() < 1e-9);
    }

    #[test]
    fn a_rate_is_right_from_the_start() {
        let mut rate = Rate::over(300 * SECOND);
        for _ in 0..20 {
            rate.learn(1, SECOND / 2);
        }
        assert!((rate.per_second() - 2.0).abs() < 1e-6);
    }

    #[test]
    fn ten_times_the_usual_time_is_slow() {
        let mut latency = Latency::learning_over(300 * SECOND);
        for i in 0..600 {
            // A spread of 0.3 to 1.2 s.
            let took = SECOND * 3 / 10 * (1 + i % 4);
            latency.learn(i * SECOND, took, 1.0);
        }
        assert!(latency.is_known());
        let slow = latency.slow_after();
        assert!((2 * SECOND..6 * SECOND).contains(&slow), "{slow}");
    }

    #[test]
    fn one_stall_does_not_move_the_baseline() {
        let mut latency = Latency::learning_over(300 * SECOND);
        for i in 0..300 {
            latency.learn(i * SECOND, SECOND / 2 + i * SECOND / 1000, 1.0);
        }
        let before = latency.slow_after();
        latency.learn(301 * SECOND, 100 * SECOND, 1.0);
        assert!(latency.slow_after() < before * 11 / 10);
    }

    #[test]
    fn a_lasting_change_becomes_the_new_normal() {
        let mut latency = Latency::learning_over(300 * SECOND);
        for i in 0..300 {
            latency.learn(i * SECOND, SECOND / 2, 1.0);
        }
        for i in 300..3600 {
            latency.learn(i * SECOND, 5 * SECOND, 1.0);
        }
        assert!(latency.slow_after() > 5 * SECOND, "no lasting verdict");
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(samples in proptest::collection::vec((0..u64::MAX >> 8, 0..u64::MAX), 0..300)) {
            let mut latency = Latency::learning_over(300 * SECOND);
            let mut now = 0_u64;
            for (gap, took) in samples {
                now = now.saturating_add(gap);
                latency.learn(now, took, 1.0);
                prop_assert!(latency.mean.is_finite() && latency.variance.is_finite());
            }
        }
    }
}

//! How long to wait between attempts.

use std::time::Duration;

use tower_ai_core::Chance;

/// Exponential backoff with full jitter and a cap.
///
/// The n-th delay is drawn evenly from zero to `min(longest, first x 2^n)`: clients that failed
/// together come back spread out (Brooker, *Exponential Backoff And Jitter*, 2015, "full jitter").
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Backoff {
    /// The most that the n-th delay (from 0) may be.
    pub(crate) fn ceiling(&self, n: u32) -> Duration {
        let factor = 2_u32.saturating_pow(n);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// Draws the n-th delay.
    pub(crate) fn delay(&self, n: u32, chance: &Chance) -> Duration {
        self.ceiling(n).mul_f64(chance.unit())
    }

    /// Adds jitter to a wait that the server named: upwards only, by a tenth or the first ceiling.
    pub(crate) fn after_wait(&self, wait: Duration, chance: &Chance) -> Duration {
        let spread = (wait / 10).min(self.first);
        wait.saturating_add(spread.mul_f64(chance.unit()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
        range.prop_map(Duration::from_millis)
    }

    proptest! {
        #[test]
        fn no_delay_is_above_the_cap(first in millis(1..10_000), more in millis(0..100_000), n: u32, seed: u64) {
            let backoff = Backoff { first, longest: first + more };
            prop_assert!(backoff.delay(n, &Chance::seeded(seed)) <= backoff.longest);
        }

        #[test]
        fn ceilings_never_shrink(first in millis(1..10_000), more in millis(0..100_000), n in 0..100_u32) {
            let backoff = Backoff { first, longest: first + more };
            prop_assert!(backoff.ceiling(n) <= backoff.ceiling(n + 1));
        }

        #[test]
        fn a_named_wait_is_never_slept_short(wait in millis(0..100_000_000), seed: u64) {
            let backoff = Backoff { first: Duration::from_millis(250), longest: Duration::from_secs(8) };
            let delay = backoff.after_wait(wait, &Chance::seeded(seed));
            prop_assert!(delay >= wait);
            prop_assert!(delay <= wait + backoff.first);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_delays() {
        let backoff = Backoff {
            first: Duration::from_millis(250),
            longest: Duration::from_secs(8),
        };
        let (a, b) = (Chance::seeded(3), Chance::seeded(3));
        for n in 0..20 {
            assert_eq!(backoff.delay(n, &a), backoff.delay(n, &b));
        }
    }
}

//! Randomness that a seed can repeat.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// A shared source of random numbers for jitter, probes and choices; the same seed draws the same numbers.
///
/// `SplitMix64` (Steele, Lea and Flood, 2014) on one atomic counter: no lock, no state that is not
/// shared, good enough to spread retries, and never to be used for secrets.
///
/// # Examples
///
/// ```
/// use tower_ai_core::Chance;
///
/// let (a, b) = (Chance::seeded(7), Chance::seeded(7));
/// assert_eq!(a.unit(), b.unit());
/// assert!((0.0..1.0).contains(&a.unit()));
/// ```
#[derive(Debug)]
pub struct Chance(AtomicU64);

impl Chance {
    /// A source that no other process repeats.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(RandomState::new().hash_one(0))
    }

    /// A source that the same seed repeats.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number from 0 up to, but not including, 1.
    pub fn unit(&self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number below `end`; 0 if `end` is 0.
    pub fn below(&self, end: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "less than `end`")]
        let number = ((u128::from(self.draw()) * end as u128) >> 64) as usize;
        number
    }

    /// Any number of 64 bits.
    pub fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fill_their_range_evenly() {
        let chance = Chance::seeded(1);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[chance.below(10)] += 1;
        }
        assert!(
            counts.iter().all(|n| (9_500..10_500).contains(n)),
            "{counts:?}"
        );
        assert_eq!(chance.below(0), 0);
    }
}

//! Failures in a row, for the plain rule: what succeeds need only look.

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// `generation << 32 | failures`: a failure or success of an older generation changes nothing.
#[derive(Debug)]
pub(crate) struct Streak {
    word: AtomicU64,
    /// Whether a call has succeeded since somebody asked: a success leaves its mark without a clock.
    worked: AtomicBool,
}

impl Streak {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            worked: AtomicBool::new(false),
        }
    }

    /// Whether a call has succeeded since this was asked last.
    pub(crate) fn has_worked(&self) -> bool {
        self.worked.load(Ordering::Relaxed) && self.worked.swap(false, Ordering::Relaxed)
    }

    /// A success: ends the streak of this generation.
    #[inline]
    pub(crate) fn end(&self, generation: u32) {
        if !self.worked.load(Ordering::Relaxed) {
            self.worked.store(true, Ordering::Relaxed);
        }
        let word = self.word.load(Ordering::Relaxed);
        if word & u64::from(u32::MAX) != 0 && word >> 32 == u64::from(generation) {
            // Where a failure came in between, the order of the two is anyone's guess; it stands.
            let _lost = self.word.compare_exchange(
                word,
                u64::from(generation) << 32,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    /// Counts a failure of the present generation, and returns how many there are in a row.
    pub(crate) fn count(&self, generation: u32) -> u32 {
        let generation = u64::from(generation) << 32;
        let next = |word: u64| {
            let same = word & !u64::from(u32::MAX) == generation;
            if same {
                word.saturating_add(1)
            } else {
                generation | 1
            }
        };
        let before = self
            .word
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                Some(next(word))
            });
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let count = next(before.unwrap_or(0)) as u32;
        count
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_this_generations_calls_count() {
        let streak = Streak::new();
        assert_eq!((streak.count(1), streak.count(1)), (1, 2));
        assert_eq!(streak.count(2), 1, "a new generation begins anew");
        streak.end(1);
        assert_eq!(streak.count(2), 2, "a success of the old one ends nothing");
        streak.end(2);
        assert_eq!(streak.count(2), 1);
    }
}

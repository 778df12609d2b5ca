//! The admission word: all that a call needs to know of a closed circuit, in one atomic.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

use tower_ai_core::Mode;

use crate::time::Nanos;

const MODE: u64 = 0b11;
const ASK: u64 = 0b100;
const GENERATION_SHIFT: u32 = 3;
const GENERATION_BITS: u32 = 21;
const UNTIL_SHIFT: u32 = GENERATION_SHIFT + GENERATION_BITS;
const UNTIL_MAX: u64 = (1 << (64 - UNTIL_SHIFT)) - 1;
const MILLI: u64 = 1_000_000;

/// Generations count transitions; they wrap, and only equality is asked of them.
pub(crate) const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

/// What the word says: `until (40 bits, ms) | generation (21) | ask (1) | mode (2)`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Verdict(u64);

impl Verdict {
    /// `ask`: the mode alone does not tell. `until` says when an open circuit is due for a probe, `None` that it
    /// never is; ignored for other modes.
    pub(crate) fn new(mode: Mode, generation: u32, ask: bool, until: Option<Nanos>) -> Self {
        let bits = match mode {
            Mode::Closed => 0,
            Mode::Shedding => 1,
            Mode::Open => 2,
            _ => 3,
        };
        // Rounded up: who finds the word due finds the machine due.
        let until = match (mode, until) {
            (Mode::Open, Some(until)) => until.div_ceil(MILLI).min(UNTIL_MAX - 1),
            (Mode::Open, None) => UNTIL_MAX,
            _ => 0,
        };
        let generation = u64::from(generation & GENERATION_MASK) << GENERATION_SHIFT;
        let ask = if ask { ASK } else { 0 };
        Self(until << UNTIL_SHIFT | generation | ask | bits)
    }

    /// Closed, and nothing to ask: the call may go.
    #[inline]
    pub(crate) const fn is_free(self) -> bool {
        self.0 & (MODE | ASK) == 0
    }

    pub(crate) const fn mode(self) -> Mode {
        match self.0 & MODE {
            0 => Mode::Closed,
            1 => Mode::Shedding,
            2 => Mode::Open,
            _ => Mode::Ramping,
        }
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32 & GENERATION_MASK
    }

    /// Whether the circuit is surely open at `now`, and how long still, if that is known.
    pub(crate) fn away(self, now: Nanos) -> Option<Option<Nanos>> {
        if self.0 & (MODE | ASK) != 2 {
            return None;
        }
        match self.0 >> UNTIL_SHIFT {
            UNTIL_MAX => Some(None),
            until => (until * MILLI > now).then(|| Some(until * MILLI - now)),
        }
    }
}

/// The word itself. Written only under the circuit's lock, read without it.
#[derive(Debug)]
pub(crate) struct Word(AtomicU64);

impl Word {
    pub(crate) fn new(verdict: Verdict) -> Self {
        Self(AtomicU64::new(verdict.0))
    }

    #[inline]
    pub(crate) fn load(&self) -> Verdict {
        Verdict(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn store(&self, verdict: Verdict) {
        self.0.store(verdict.0, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODES: [Mode; 4] = [Mode::Closed, Mode::Shedding, Mode::Open, Mode::Ramping];

    proptest! {
        #[test]
        fn what_goes_in_comes_out(mode in 0..4_usize, generation in 0..=GENERATION_MASK, ask: bool, until in 0..1_u64 << 59) {
            let mode = MODES[mode];
            let word = Word::new(Verdict::new(mode, generation, ask, Some(until)));
            let verdict = word.load();
            prop_assert_eq!(verdict.mode(), mode);
            prop_assert_eq!(verdict.generation(), generation);
            prop_assert_eq!(verdict.is_free(), mode == Mode::Closed && !ask);
            if mode == Mode::Open && !ask {
                prop_assert_eq!(verdict.away(until + MILLI), None, "over");
                if until > 0 {
                    let left = verdict.away(until - 1).flatten().unwrap();
                    prop_assert!(until - 1 + left >= until, "a call that waits as told finds the machine due");
                }
            } else {
                prop_assert_eq!(verdict.away(0), None);
            }
        }
    }

    #[test]
    fn open_without_an_end_never_ends() {
        let verdict = Verdict::new(Mode::Open, 1, false, None);
        assert_eq!(verdict.away(u64::MAX), Some(None));
    }
}

//! A sliding window of outcomes: the last so many calls, or the calls of the last so much time.
//!
//! Each outcome costs the same, however large the window: sums are kept, and what leaves is taken off them.

use crate::failure_rate::Span;
use crate::time::{Nanos, nanos};

/// How many calls a rule that counts has seen, and how many of them were bad.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tally {
    /// All that are counted.
    pub calls: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that were slow, failed or not.
    pub slow: u32,
}

impl Tally {
    /// The share of calls that failed; 0 if there were none.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        share(self.failed, self.calls)
    }

    /// The share of calls that were slow; 0 if there were none.
    #[must_use]
    pub fn slow_call_rate(&self) -> f64 {
        share(self.slow, self.calls)
    }

    pub(crate) fn add(&mut self, failed: bool, slow: bool) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(failed));
        self.slow = self.slow.saturating_add(u32::from(slow));
    }

    fn take(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failed = self.failed.saturating_sub(other.failed);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}

fn share(part: u32, all: u32) -> f64 {
    f64::from(part) / f64::from(all.max(1))
}

/// The window.
#[derive(Debug)]
pub(crate) struct Window {
    sum: Tally,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Two bits for each call: failed, slow.
    Calls {
        bits: Box<[u64]>,
        size: u32,
        next: u32,
    },
    /// Sums of stretches of time; `last` is the newest.
    Time {
        buckets: Box<[Tally; BUCKETS as usize]>,
        width: Nanos,
        last: u64,
    },
}

const BUCKETS: u64 = 60;
const CALLS_PER_WORD: u32 = 32;

impl Window {
    pub(crate) fn of(span: Span) -> Self {
        let kind = match span {
            Span::Calls(size) => Kind::Calls {
                bits: vec![0; size.div_ceil(CALLS_PER_WORD) as usize].into_boxed_slice(),
                size,
                next: 0,
            },
            Span::Time(time) => Kind::Time {
                buckets: Box::new([Tally::default(); BUCKETS as usize]),
                width: (nanos(time) / BUCKETS).max(1),
                last: 0,
            },
        };
        let sum = Tally::default();
        Self { sum, kind }
    }

    /// Forgets all calls.
    pub(crate) fn clear(&mut self) {
        self.sum = Tally::default();
        match &mut self.kind {
            Kind::Calls { next, .. } => *next = 0,
            Kind::Time { buckets, .. } => buckets.fill(Tally::default()),
        }
    }

    /// Counts a call that settled `now`.
    pub(crate) fn record(&mut self, now: Nanos, failed: bool, slow: bool) {
        self.forget(now);
        match &mut self.kind {
            Kind::Calls { bits, size, next } => {
                let (word, shift) = (*next / CALLS_PER_WORD, *next % CALLS_PER_WORD * 2);
                let word = &mut bits[word as usize];
                if self.sum.calls == *size {
                    let old = *word >> shift;
                    self.sum.take(Tally {
                        calls: 1,
                        failed: u32::from(old & 1 != 0),
                        slow: u32::from(old & 2 != 0),
                    });
                }
                *word &= !(3 << shift);
                *word |= (u64::from(failed) | u64::from(slow) << 1) << shift;
                *next = (*next + 1) % *size;
            }
            Kind::Time { buckets, last, .. } => {
                buckets[(*last % BUCKETS) as usize].add(failed, slow);
            }
        }
        self.sum.add(failed, slow);
    }

    /// The calls that are in the window `now`.
    pub(crate) fn tally(&mut self, now: Nanos) -> Tally {
        self.forget(now);
        self.sum
    }

    /// Lets go of what is too old.
    fn forget(&mut self, now: Nanos) {
        let Kind::Time {
            buckets,
            width,
            last,
        } = &mut self.kind
        else {
            return;
        };
        let newest = now / *width;
        let gone = newest.saturating_sub(*last).min(BUCKETS);
        for bucket in newest.saturating_sub(gone)..newest {
            let old = std::mem::take(&mut buckets[((bucket + 1) % BUCKETS) as usize]);
            self.sum.take(old);
        }
        *last = newest.max(*last);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    type Call = (Nanos, bool, bool);

    fn tally<'a>(calls: impl Iterator<Item = &'a Call>) -> Tally {
        let mut tally = Tally::default();
        calls.for_each(|(_, failed, slow)| tally.add(*failed, *slow));
        tally
    }

    fn steps() -> impl Strategy<Value = Vec<(Nanos, bool, bool, bool)>> {
        let step = (
            0..1500_u64,
            any::<bool>(),
            any::<bool>(),
            prop::bool::weighted(0.02),
        );
        prop::collection::vec(step, 0..300)
    }

    proptest! {
        #[test]
        fn a_window_of_calls_holds_the_last_ones(size in 1..130_u32, steps in steps()) {
            let (mut window, mut seen) = (Window::of(Span::Calls(size)), Vec::new());
            for (gap, failed, slow, clear) in steps {
                if clear {
                    window.clear();
                    seen.clear();
                }
                window.record(gap, failed, slow);
                seen.push((gap, failed, slow));
                prop_assert_eq!(window.tally(gap), tally(seen.iter().rev().take(size as usize)));
            }
        }

        #[test]
        fn a_window_of_time_holds_the_latest_ones(steps in steps()) {
            // 60 buckets of 100.
            let mut window = Window::of(Span::Time(Duration::from_nanos(6000)));
            let (mut seen, mut now) = (Vec::<Call>::new(), 0);
            for (gap, failed, slow, clear) in steps {
                now += gap;
                if clear {
                    window.clear();
                    seen.clear();
                }
                window.record(now, failed, slow);
                seen.push((now, failed, slow));
                let later = now + gap / 2;
                let young = seen.iter().filter(|(at, ..)| at / 100 + 60 > later / 100);
                prop_assert_eq!(window.tally(later), tally(young));
                now = later;
            }
        }
    }
}

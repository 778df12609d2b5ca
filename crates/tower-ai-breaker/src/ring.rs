//! Start times of calls, in a ring of buckets: who has survived to an age, and who is overdue.
//!
//! The ring answers two questions about calls that have said nothing yet, without a timer per call and without
//! remembering the calls: how many of those that started then are still well at this age, and how many still
//! have no content. One slot is one atomic word, `tag (28 bits) | started (12) | out (12) | timely (12)`; the
//! tag tells lap and generation, so that a recycled slot is never counted for another time or another epoch.
//!
//! Calls for a stream and plain calls are counted apart, in two *lanes*: their first contents come at other ages.
//!
//! Memory: 1024 slots of 8 bytes, however many calls are under way. A bucket that has seen 4095 starts counts no
//! more: beyond some 30,000 calls a second (with the default durations) the ring is a sample.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::Nanos;

/// The slots of a circuit's ring, in each lane.
pub(crate) const SLOTS: u64 = 512;

/// Which calls are counted, and judged for slowness, together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lane {
    /// Their first content is their end, or nobody said otherwise.
    Plain,
    /// Asked for as a stream: their first content comes long before their end.
    Streamed,
}

impl Lane {
    pub(crate) const ALL: [Self; 2] = [Self::Plain, Self::Streamed];

    pub(crate) const fn of(streamed: bool) -> Self {
        if streamed {
            Self::Streamed
        } else {
            Self::Plain
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// The buckets that may be waited for: the rest is room for calls that start meanwhile.
const USED: u64 = 448;

const COUNT_BITS: u32 = 12;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const TIMELY: u64 = 1;
const OUT: u64 = 1 << COUNT_BITS;
const STARTED: u64 = 1 << (2 * COUNT_BITS);
const TAG_SHIFT: u32 = 3 * COUNT_BITS;
const GENERATION_BITS: u32 = 10;
const GENERATION_MASK: u64 = (1 << GENERATION_BITS) - 1;
const LAP_MASK: u64 = (1 << (64 - TAG_SHIFT - GENERATION_BITS)) - 1;

/// What became of the calls that started in one bucket.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// All of them.
    pub(crate) started: u32,
    /// Those that ended without content, by failure or otherwise.
    pub(crate) out: u32,
    /// Those whose first content came in time.
    pub(crate) timely: u32,
}

impl Counts {
    const fn of(word: u64) -> Self {
        Self {
            started: ((word / STARTED) & COUNT_MAX) as u32,
            out: ((word / OUT) & COUNT_MAX) as u32,
            timely: (word & COUNT_MAX) as u32,
        }
    }

    /// Those that have not ended badly.
    pub(crate) const fn alive(self) -> u32 {
        self.started.saturating_sub(self.out)
    }

    /// Those from which nothing has come yet.
    pub(crate) const fn silent(self) -> u32 {
        self.alive().saturating_sub(self.timely)
    }
}

/// The ring. All of its methods take `&self`: the fast path shares it.
#[derive(Debug)]
pub(crate) struct Ring {
    slots: Box<[AtomicU64]>,
    /// A bucket is `2^shift` nanoseconds wide.
    shift: u32,
}

impl Ring {
    /// A ring that holds calls of at least this age.
    pub(crate) fn covering(age: Nanos) -> Self {
        Self::of(SLOTS, age / USED)
    }

    /// A small ring for a plain rule, which counts calls only while it ramps, for their leases.
    pub(crate) fn coarse(age: Nanos) -> Self {
        Self::of(SLOTS / 4, age / (USED / 4))
    }

    fn of(slots: u64, width: Nanos) -> Self {
        let width = width.max(1 << 10).next_power_of_two();
        Self::with(slots, width.trailing_zeros())
    }

    fn with(slots: u64, shift: u32) -> Self {
        Self {
            slots: (0..2 * slots).map(|_| AtomicU64::new(0)).collect(),
            shift,
        }
    }

    /// A ring that a model checker can exhaust.
    #[cfg(all(test, loom))]
    pub(crate) fn small(slots: u64, shift: u32) -> Self {
        Self::with(slots, shift)
    }

    #[inline]
    pub(crate) fn bucket(&self, at: Nanos) -> u64 {
        at >> self.shift
    }

    /// When a bucket begins.
    pub(crate) fn begin(&self, bucket: u64) -> Nanos {
        bucket.saturating_mul(1 << self.shift)
    }

    /// The number of slots, and of buckets that can be told apart.
    pub(crate) fn len(&self) -> u64 {
        self.slots.len() as u64 / 2
    }

    /// Counts a call as started. `false`: it is not counted, because the bucket is full or already belongs to a
    /// newer generation; then nothing else must be reported of it.
    #[inline]
    pub(crate) fn start(&self, bucket: u64, lane: Lane, generation: u32) -> bool {
        let tag = self.tag(bucket, generation);
        self.update(bucket, lane, |word| {
            let counts = Counts::of(word);
            if word >> TAG_SHIFT == tag {
                return (u64::from(counts.started) < COUNT_MAX).then(|| word + STARTED);
            }
            let stale = counts.started == 0 || is_older(word >> TAG_SHIFT, tag);
            stale.then_some(tag << TAG_SHIFT | STARTED)
        })
    }

    /// Notes that the first content of a counted call came in time.
    #[inline]
    pub(crate) fn timely(&self, bucket: u64, lane: Lane, generation: u32) {
        self.add(bucket, lane, generation, TIMELY);
    }

    /// Notes that a counted call ended without content.
    pub(crate) fn out(&self, bucket: u64, lane: Lane, generation: u32) {
        self.add(bucket, lane, generation, OUT);
    }

    /// What became of the calls of this bucket and generation, in both lanes.
    pub(crate) fn read(&self, bucket: u64, generation: u32) -> Counts {
        let [plain, streamed] = Lane::ALL.map(|lane| self.read_lane(bucket, lane, generation));
        Counts {
            started: plain.started + streamed.started,
            out: plain.out + streamed.out,
            timely: plain.timely + streamed.timely,
        }
    }

    /// What became of the calls of this bucket, lane and generation; nothing if the slot was recycled.
    pub(crate) fn read_lane(&self, bucket: u64, lane: Lane, generation: u32) -> Counts {
        let word = self.slot(bucket, lane).load(Ordering::Acquire);
        if word >> TAG_SHIFT == self.tag(bucket, generation) {
            Counts::of(word)
        } else {
            Counts::default()
        }
    }

    #[inline]
    fn add(&self, bucket: u64, lane: Lane, generation: u32, what: u64) {
        let tag = self.tag(bucket, generation);
        self.update(bucket, lane, |word| {
            let counts = Counts::of(word);
            let open = word >> TAG_SHIFT == tag && counts.silent() > 0;
            open.then(|| word + what)
        });
    }

    #[inline]
    fn update(&self, bucket: u64, lane: Lane, change: impl Fn(u64) -> Option<u64>) -> bool {
        self.slot(bucket, lane)
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, change)
            .is_ok()
    }

    #[expect(clippy::cast_possible_truncation, reason = "less than `len`")]
    #[inline]
    fn slot(&self, bucket: u64, lane: Lane) -> &AtomicU64 {
        &self.slots[2 * (bucket % self.len()) as usize + lane.index()]
    }

    #[inline]
    fn tag(&self, bucket: u64, generation: u32) -> u64 {
        let lap = (bucket / self.len()) & LAP_MASK;
        lap << GENERATION_BITS | u64::from(generation) & GENERATION_MASK
    }
}

/// Whether `tag` belongs to an earlier lap, or to an earlier generation of the same lap, than `than`.
fn is_older(tag: u64, than: u64) -> bool {
    let behind = |a: u64, b: u64, mask: u64| (b.wrapping_sub(a) & mask) <= mask / 2 && a != b;
    let (lap, than_lap) = (tag >> GENERATION_BITS, than >> GENERATION_BITS);
    if lap == than_lap {
        behind(
            tag & GENERATION_MASK,
            than & GENERATION_MASK,
            GENERATION_MASK,
        )
    } else {
        behind(lap, than_lap, LAP_MASK)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_covers_the_age_that_it_was_made_for() {
        for age in [1, 1_000_000, 60_000_000_000, 3_600_000_000_000] {
            let ring = Ring::covering(age);
            assert!(ring.begin(USED) >= age, "{age}");
        }
    }

    #[test]
    fn a_call_of_an_older_generation_cannot_take_a_slot_back() {
        let ring = Ring::with(8, 0);
        assert!(ring.start(3, Lane::Plain, 1));
        assert!(
            ring.start(3, Lane::Plain, 2),
            "the newer generation takes it over"
        );
        assert!(!ring.start(3, Lane::Plain, 1));
        ring.out(3, Lane::Plain, 1);
        assert_eq!(
            ring.read(3, 2),
            Counts {
                started: 1,
                ..Counts::default()
            }
        );
        assert_eq!(ring.read(3, 1), Counts::default());
    }

    #[test]
    fn a_full_bucket_counts_no_more() {
        let ring = Ring::with(8, 0);
        let counted = (0..10_000)
            .filter(|_| ring.start(0, Lane::Plain, 0))
            .count();
        assert_eq!(counted as u64, COUNT_MAX);
        for _ in 0..10_000 {
            ring.timely(0, Lane::Plain, 0);
        }
        assert_eq!(ring.read(0, 0).silent(), 0);
    }

    #[test]
    fn lanes_are_counted_apart_and_read_together() {
        let ring = Ring::with(8, 0);
        assert!(ring.start(3, Lane::Plain, 1) && ring.start(3, Lane::Streamed, 1));
        ring.timely(3, Lane::Streamed, 1);
        assert_eq!(ring.read_lane(3, Lane::Plain, 1).silent(), 1);
        assert_eq!(ring.read_lane(3, Lane::Streamed, 1).silent(), 0);
        assert_eq!(ring.read(3, 1).started, 2);
    }

    proptest! {
        /// Against a plain map: whatever the ring reports for a bucket is what happened in it, or nothing.
        #[test]
        fn recycled_slots_are_never_miscounted(steps in proptest::collection::vec((0..40_u64, 0..4_u32, 0..3_u8), 0..400)) {
            let ring = Ring::with(8, 0);
            let mut model: HashMap<(u64, u32), Counts> = HashMap::new();
            let (mut time, mut epoch) = (0, 0);
            for (step, bump, what) in steps {
                time += step / 13;
                epoch += u32::from(bump == 3);
                let counts = model.entry((time, epoch)).or_default();
                match what {
                    0 => counts.started += u32::from(ring.start(time, Lane::Plain, epoch)),
                    1 if counts.silent() > 0 => { ring.out(time, Lane::Plain, epoch); counts.out += 1; }
                    2 if counts.silent() > 0 => { ring.timely(time, Lane::Plain, epoch); counts.timely += 1; }
                    _ => {}
                }
                prop_assert_eq!(ring.read(time, epoch), *counts);
                for (&(bucket, generation), &counts) in &model {
                    let read = ring.read(bucket, generation);
                    prop_assert!(read == counts || read == Counts::default());
                }
            }
        }
    }
}

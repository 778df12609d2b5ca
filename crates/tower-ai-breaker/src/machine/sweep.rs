//! What time alone tells: who has survived, who is overdue, whose place has lapsed.

use crate::ring::{Lane, Ring};
use crate::time::Nanos;

use super::{Machine, Phase};

/// The first buckets that have not been looked at for each age.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursors {
    pub(super) survival: u64,
    /// Of each lane.
    pub(super) slow: [u64; 2],
    pub(super) lease: u64,
}

impl Cursors {
    pub(super) const fn starting_at(bucket: u64) -> Self {
        Self {
            survival: bucket,
            slow: [bucket; 2],
            lease: bucket,
        }
    }
}

/// What the buckets said that have come to an age.
#[derive(Clone, Copy, Debug, Default)]
struct Swept {
    started: u32,
    survived: u32,
    timely: u32,
    overdue: u32,
    /// When the first overdue call started.
    overdue_from: Nanos,
    /// When the last one was overdue.
    overdue_at: Nanos,
    lapsed: u32,
}

impl Machine {
    /// Brings the machine up to `now`, before anything that happens now is told to it.
    pub(crate) fn advance(&mut self, ring: &Ring, now: Nanos, others: bool) {
        if now > self.now {
            let elapsed = now - self.now;
            self.now = now;
            self.verdict_at = now;
            if self.gated_until <= now {
                self.gated_until = 0;
            }
            let swept = self.sweep(ring);
            if !self.rules.is_plain() {
                self.evidence.fade(elapsed, &self.rules);
                let usual = matches!(self.phase, Phase::Closed).then_some(swept.started);
                self.evidence.passed(elapsed, usual, swept.survived);
            }
            self.learn(&swept);
        }
        self.judge(ring, others);
    }

    /// The next moment at which there may be something to sweep.
    pub(crate) fn next_sweep(&self, ring: &Ring) -> Nanos {
        ring.begin(ring.bucket(self.now) + 1)
    }

    fn sweep(&mut self, ring: &Ring) -> Swept {
        let mut swept = Swept::default();
        let generation = self.generation;
        let survived = self.now.saturating_sub(self.rules.survival_age);
        for bucket in due(
            &mut self.cursors.survival,
            ring.bucket(survived),
            ring.len(),
        ) {
            let counts = ring.read(bucket, generation);
            swept.started += counts.started;
            swept.survived += counts.alive();
            if self.forced.is_some() {
                continue;
            }
            let (from, before) = (ring.begin(bucket), ring.begin(bucket + 1));
            let alive = counts.alive();
            match &mut self.phase {
                Phase::Closed => self.evidence.survived(alive, from, before, &self.rules),
                Phase::Shedding(shedding) if shedding.by_slowness() => {
                    self.evidence.survived_while_slow(alive, from, before);
                }
                Phase::Ramping(ramp) => ramp.survived(bucket, counts.silent()),
                _ => {}
            }
        }
        for lane in Lane::ALL {
            let slow_after = self.slow_after(lane);
            let slow = self.now.saturating_sub(slow_after);
            let cursor = &mut self.cursors.slow[lane.index()];
            for bucket in due(cursor, ring.bucket(slow), ring.len()) {
                let counts = ring.read_lane(bucket, lane, generation);
                swept.timely += counts.timely;
                if counts.silent() > 0 {
                    let from = ring.begin(bucket);
                    swept.overdue_from = match swept.overdue {
                        0 => from,
                        _ => from.min(swept.overdue_from),
                    };
                    let at = ring.begin(bucket + 1).saturating_add(slow_after);
                    swept.overdue_at = swept.overdue_at.max(at);
                }
                swept.overdue += counts.silent();
            }
        }
        if matches!(self.phase, Phase::Ramping(_) | Phase::HalfOpen(_)) {
            let lapsed = self.now.saturating_sub(self.rules.ramp_lease);
            for bucket in due(&mut self.cursors.lease, ring.bucket(lapsed), ring.len()) {
                swept.lapsed += ring.read(bucket, generation).silent();
            }
        }
        swept
    }

    fn learn(&mut self, swept: &Swept) {
        if swept.survived > 0 {
            self.missing = 0;
        }
        if self.forced.is_some() {
            return;
        }
        let p0 = self.evidence.p0();
        if swept.overdue > 0 && !self.rules.is_plain() {
            self.verdict_at = swept.overdue_at.min(self.now);
        }
        let Swept {
            survived,
            timely,
            overdue,
            overdue_from,
            lapsed,
            ..
        } = *swept;
        match &mut self.phase {
            Phase::Closed => {
                self.evidence
                    .aged(overdue, timely, overdue_from, &self.rules);
            }
            Phase::Shedding(shedding) if shedding.by_slowness() => {
                shedding.good(p0, timely);
                shedding.bad(p0, overdue);
                self.evidence.while_shedding(overdue, timely, overdue_from);
            }
            Phase::Shedding(shedding) => {
                shedding.good(p0, survived);
                self.evidence.survived_while_shedding(survived);
            }
            Phase::Open { .. } => {}
            Phase::Ramping(ramp) => {
                ramp.good(p0, survived);
                ramp.bad(p0, overdue);
                ramp.release(lapsed);
            }
            Phase::HalfOpen(half) => half.release(lapsed),
        }
    }
}

/// The buckets from the cursor to `end`, and moves the cursor.
///
/// After a long silence only as many are looked at as there are slots, from either end: calls that were counted
/// since the last look are in the first of them or in the last.
fn due(cursor: &mut u64, end: u64, slots: u64) -> impl Iterator<Item = u64> + use<> {
    let begin = *cursor;
    *cursor = begin.max(end);
    let first_end = end.min(begin.saturating_add(slots));
    let last_begin = first_end.max(end.saturating_sub(slots));
    (begin..first_end).chain(last_begin..end.max(last_begin))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_bucket_is_due_once_and_a_silence_is_bounded(ends in proptest::collection::vec(0..3000_u64, 1..30)) {
            let (mut cursor, mut seen) = (0, Vec::new());
            for end in ends {
                let begin = cursor;
                let buckets: Vec<u64> = due(&mut cursor, end, 64).collect();
                prop_assert!(buckets.len() <= 128);
                if end.saturating_sub(begin) <= 64 {
                    prop_assert_eq!(&buckets, &(begin..end.max(begin)).collect::<Vec<_>>());
                }
                seen.extend(buckets);
            }
            let mut once = seen.clone();
            once.dedup();
            prop_assert_eq!(&once, &seen);
            prop_assert!(seen.is_sorted());
        }
    }
}

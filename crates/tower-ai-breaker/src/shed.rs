//! Rejecting a share of the calls, where there is nowhere else to send them.

use crate::time::Nanos;

/// From this share of bad calls on, a target is down rather than sick.
pub(crate) const HARD_SHARE: f64 = 0.75;

/// Below this share of bad calls none is rejected; each percent above it rejects 2.5 %.
const TOLERATED: f64 = 0.1;
const SLOPE: f64 = 0.4;

/// The most that is rejected: the rest keeps the estimate alive.
const MOST: f64 = 0.95;

/// The calls over which the share of bad ones is learnt, at least.
///
/// Failures come one by one and credit comes by the bucket, later: at a high rate, memory and evidence have to
/// hold more than the calls of one survival age, or each lump of either would be a verdict.
const MEMORY: f64 = 10.0;

/// The log odds that a sick target is well again: what is believed at first and at least, and what is enough.
const DOUBT: f64 = -3.0;
const WELL: f64 = 2.0;

/// The chance that a failure has shown by the survival age.
const SHOWN: f64 = 0.75;

/// The bounds of the share of bad calls against which it is tested whether the target is well.
const LEAST_SICK: f64 = 0.2;
const MOST_SICK: f64 = 0.9;

/// A sick target that is alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shedding {
    /// Whether slowness raised the alarm: then calls are judged by their first content, else by their failure.
    by_slowness: bool,
    /// The share of bad calls, and what it was when the last bad one came.
    bad: f64,
    sick: f64,
    /// The log odds that the target is well again.
    odds: f64,
    last_pass: Nanos,
    /// The calls of one survival age, at the usual rate.
    pace: f64,
}

impl Shedding {
    pub(crate) const fn new(now: Nanos, bad: f64, by_slowness: bool, pace: f64) -> Self {
        Self {
            by_slowness,
            bad,
            sick: bad.clamp(LEAST_SICK, MOST_SICK),
            odds: DOUBT,
            last_pass: now,
            pace,
        }
    }

    pub(crate) const fn by_slowness(&self) -> bool {
        self.by_slowness
    }

    /// Whether the target is well again: a sequential test (Wald 1945) against the share that it was sick with.
    pub(crate) fn is_well(&self) -> bool {
        self.odds >= WELL
    }

    /// The estimated share of bad calls.
    pub(crate) const fn bad_share(&self) -> f64 {
        self.bad
    }

    /// The share of calls that is rejected: none of those that are only slow. A late answer is better than no
    /// answer, and one that comes too late for its caller counts as a failure.
    ///
    /// Few calls go to a target that fails most of them, so the estimate is slow to follow when it rises again.
    /// The odds are not: as many calls go as it is likely to be well.
    pub(crate) fn rejected_share(&self) -> f64 {
        if self.by_slowness {
            return 0.0;
        }
        let by_share = ((self.bad - TOLERATED) / SLOPE).clamp(0.0, MOST);
        by_share.min(1.0 / (1.0 + self.odds.exp()))
    }

    /// Whether a call may go. One goes at least every `pass_every`, however rare calls are: without it a large
    /// share at a low rate would never learn that the target is well again.
    pub(crate) fn admit(&mut self, now: Nanos, unit: f64, pass_every: Nanos) -> bool {
        let due = now.saturating_sub(self.last_pass) >= pass_every;
        let admitted = due || unit >= self.rejected_share();
        if admitted {
            self.last_pass = now;
        }
        admitted
    }

    /// The time until the next call that is let through in any case.
    pub(crate) fn next_pass(&self, now: Nanos, pass_every: Nanos) -> Nanos {
        self.last_pass
            .saturating_add(pass_every)
            .saturating_sub(now)
    }

    /// Calls that have come to the age at which they are judged.
    pub(crate) fn good(&mut self, p0: f64, count: u32) {
        self.bad *= self.keep(count);
        let shown = if self.by_slowness { 1.0 } else { SHOWN };
        self.speak_for(self.lived(p0, shown), count);
    }

    /// A first content that came in time: what was not yet certain at the survival age is now.
    pub(crate) fn content(&mut self, p0: f64) {
        if !self.by_slowness {
            self.speak_for(self.lived(p0, 1.0) - self.lived(p0, SHOWN), 1);
        }
    }

    pub(crate) fn bad(&mut self, p0: f64, count: u32) {
        if count > 0 {
            self.bad = 1.0 - (1.0 - self.bad) * self.keep(count);
            self.sick = self.bad.clamp(LEAST_SICK, MOST_SICK);
            let odds = self.odds + f64::from(count) * (p0 / self.sick).ln();
            self.odds = odds.max(DOUBT - self.pace);
        }
    }

    fn speak_for(&mut self, step: f64, count: u32) {
        self.odds = (self.odds + f64::from(count) * step).min(WELL);
    }

    /// What it says that a call has lived through the time by which this part of failures shows.
    fn lived(&self, p0: f64, part: f64) -> f64 {
        ((1.0 - p0 * part) / (1.0 - self.sick * part)).ln()
    }

    fn keep(&self, count: u32) -> f64 {
        (1.0 - 1.0 / (MEMORY + self.pace)).powf(f64::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Nanos = 15;

    #[test]
    fn slow_answers_are_let_through_where_there_are_no_others() {
        let mut shedding = Shedding::new(0, 1.0, true, 0.0);
        shedding.bad(0.01, 100);
        assert!(shedding.admit(1, 0.0, EVERY));
    }

    #[test]
    fn a_call_passes_every_so_often_however_sick_the_target() {
        let mut shedding = Shedding::new(0, 1.0, false, 0.0);
        assert!(!shedding.admit(EVERY - 1, 0.5, EVERY));
        assert_eq!(shedding.next_pass(EVERY - 1, EVERY), 1);
        assert!(shedding.admit(EVERY, 0.5, EVERY));
        assert!(!shedding.admit(EVERY + 1, 0.5, EVERY));
    }

    #[test]
    fn the_share_follows_what_calls_say() {
        let mut shedding = Shedding::new(0, 0.3, false, 0.0);
        assert!((shedding.rejected_share() - 0.5).abs() < 1e-9);
        shedding.bad(0.01, 40);
        assert!((shedding.rejected_share() - MOST).abs() < 1e-9);
        assert!(!shedding.is_well());
        shedding.good(0.01, 40);
        assert!(shedding.rejected_share() < 0.1);
        assert!(shedding.is_well());
    }
}

//! The way back: a window of calls in flight that grows with their success, and a sequential test.
//!
//! A window of concurrency needs no unit of time, so it suits a target that is called twice a minute as well as
//! one that is called 200 times a second. It doubles with each round of first contents, and ends in one of two
//! ways: the test says that calls fail (back to open), or it says that they don't and the window is not felt any
//! more (closed).

use crate::time::Nanos;

/// The share of failures against which the test is made.
const SICK: f64 = 0.5;

/// The test starts nearer to "sick": the first failing probe decides.
const DOUBT: f64 = 2.5;

/// At this evidence the target is sick; the evidence for "well" has the same limit.
const LIMIT: f64 = 4.6;

/// At this evidence the target may be called well.
const WELL: f64 = -1.0;

/// A window below this has shown too little.
const LEAST_WINDOW: u32 = 5;

/// The fewest outcomes by which a window is halved.
const LEAST_EPOCH: u32 = 8;

/// Whether a target is well: a sequential probability ratio test (Wald 1945), in reverse.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    evidence: f64,
}

impl Trial {
    pub(crate) const fn new() -> Self {
        Self { evidence: DOUBT }
    }

    pub(crate) fn good(&mut self, p0: f64, count: u32) {
        let step = ((1.0 - SICK) / (1.0 - p0)).ln();
        self.evidence = (self.evidence + f64::from(count) * step).max(-LIMIT);
    }

    pub(crate) fn bad(&mut self, p0: f64, count: u32) {
        let next = self.evidence + f64::from(count) * (SICK / p0).ln();
        self.evidence = next.min(2.0 * LIMIT);
    }

    pub(crate) fn is_sick(self) -> bool {
        self.evidence >= LIMIT
    }

    pub(crate) fn is_well(self) -> bool {
        self.evidence <= WELL
    }
}

/// A target that comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ramp {
    window: u32,
    /// Calls without content that hold a place in the window.
    holding: u32,
    trial: Trial,
    /// When a call was last turned away, or the ramp began.
    bound_at: Nanos,
    /// When a call last took a place.
    taken_at: Nanos,
    /// Whether a first content has come.
    has_spoken: bool,
    /// Calls of earlier buckets have made the window grow by their survival.
    grown: u64,
    /// Outcomes since the window was last halved or looked at.
    epoch_good: u32,
    epoch_bad: u32,
    /// Outcomes of the whole ramp.
    good: u32,
    bad: u32,
}

impl Ramp {
    pub(crate) const fn new(now: Nanos) -> Self {
        Self {
            window: 1,
            holding: 0,
            trial: Trial::new(),
            bound_at: now,
            taken_at: now,
            has_spoken: false,
            grown: 0,
            epoch_good: 0,
            epoch_bad: 0,
            good: 0,
            bad: 0,
        }
    }

    pub(crate) const fn window(&self) -> u32 {
        self.window
    }

    pub(crate) const fn holding(&self) -> u32 {
        self.holding
    }

    pub(crate) const fn trial(&self) -> Trial {
        self.trial
    }

    /// Takes a place in the window. It widens by one when nobody got a place for so long: a probe from which nothing
    /// comes must not keep the others waiting until it is overdue, where whole answers take long.
    pub(crate) fn admit(&mut self, now: Nanos, patience: Nanos) -> bool {
        let waited = now.saturating_sub(self.taken_at) >= patience;
        if self.holding >= self.window {
            if !waited {
                self.bound_at = now;
                return false;
            }
            self.window = self.holding.saturating_add(1);
        }
        self.taken_at = now;
        self.holding += 1;
        true
    }

    /// Gives places back.
    pub(crate) fn release(&mut self, count: u32) {
        self.holding = self.holding.saturating_sub(count);
    }

    /// A first content of a call that started in this bucket: its place is free, and there is one more.
    pub(crate) fn arrived(&mut self, bucket: u64) {
        self.release(1);
        self.has_spoken = true;
        if bucket >= self.grown {
            self.window = self.window.saturating_add(1);
        }
    }

    /// Calls of this bucket have lived to the survival age and said nothing yet. Once one has spoken and the
    /// test says that the target is well this is enough for the window to grow: whole answers take too long to wait for in each round.
    pub(crate) fn survived(&mut self, bucket: u64, silent: u32) {
        if self.has_spoken && self.trial.is_well() {
            self.window = self.window.saturating_add(silent);
            self.grown = bucket + 1;
        }
    }

    /// Calls that have lived to the age at which failures have shown.
    pub(crate) fn good(&mut self, p0: f64, count: u32) {
        self.trial.good(p0, count);
        self.good = self.good.saturating_add(count);
        self.epoch_good = self.epoch_good.saturating_add(count);
        self.end_epoch(p0);
    }

    /// Failed and overdue calls.
    pub(crate) fn bad(&mut self, p0: f64, count: u32) {
        self.trial.bad(p0, count);
        self.bad = self.bad.saturating_add(count);
        self.epoch_bad = self.epoch_bad.saturating_add(count);
        self.end_epoch(p0);
    }

    /// Halves the window at most once for each window's worth of outcomes, and only for a share of failures
    /// that is far above the usual one: a target with 5 % errors can be ramped to any window.
    fn end_epoch(&mut self, p0: f64) {
        let all = self.epoch_good.saturating_add(self.epoch_bad);
        if all < self.window.max(LEAST_EPOCH) {
            return;
        }
        if f64::from(self.epoch_bad) > f64::from(all) * (4.0 * p0).max(0.2) {
            self.window = (self.window / 2).max(1);
        }
        (self.epoch_good, self.epoch_bad) = (0, 0);
    }

    /// Whether the target is back: calls succeed, and for a while none was turned away.
    pub(crate) fn is_over(&self, now: Nanos, quiet: Nanos) -> bool {
        self.trial.is_well()
            && self.window >= LEAST_WINDOW
            && now.saturating_sub(self.bound_at) >= quiet
    }

    /// The share of bad calls, if enough were seen to tell a sick target from a dead one.
    pub(crate) fn partial(&self) -> Option<f64> {
        let all = f64::from(self.good) + f64::from(self.bad);
        let share = (f64::from(self.bad) - 1.5) / (all - 1.0).max(1.0);
        (all >= 8.0 && share < crate::shed::HARD_SHARE).then_some(share.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Nanos = 1_000_000_000;

    #[test]
    fn the_first_failing_probe_decides() {
        let mut ramp = Ramp::new(0);
        assert!(ramp.admit(0, QUIET));
        assert!(!ramp.admit(0, QUIET), "one at a time");
        ramp.bad(0.01, 1);
        assert!(ramp.trial().is_sick());
    }

    #[test]
    fn the_window_doubles_with_each_round() {
        let mut ramp = Ramp::new(0);
        for round in 0..8 {
            let admitted = (0..).take_while(|_| ramp.admit(0, QUIET)).count();
            assert_eq!(admitted, 1 << round);
            (0..admitted).for_each(|_| ramp.arrived(0));
            ramp.good(0.01, 1 << round);
        }
        assert!(!ramp.is_over(0, QUIET), "it was binding just now");
        assert!(ramp.is_over(QUIET, QUIET));
    }

    #[test]
    fn calls_that_have_not_spoken_yet_do_not_end_it() {
        let mut ramp = Ramp::new(0);
        ramp.good(0.01, 20);
        assert!(ramp.trial().is_well());
        assert!(!ramp.is_over(10 * QUIET, QUIET), "the window never grew");
        (0..4).for_each(|_| ramp.arrived(0));
        assert!(ramp.is_over(10 * QUIET, QUIET));
    }

    #[test]
    fn up_to_four_times_the_usual_errors_do_not_hold_the_window_down() {
        let mut ramp = Ramp::new(0);
        for call in 1..2000 {
            ramp.admit(0, QUIET);
            if call % 7 == 0 {
                ramp.bad(0.05, 1);
                ramp.release(1);
            } else {
                ramp.good(0.05, 1);
                ramp.arrived(0);
            }
        }
        assert!(ramp.window() > 1700, "{}", ramp.window());
    }

    #[test]
    fn many_errors_halve_the_window_once_per_round() {
        let mut ramp = Ramp::new(0);
        (0..100).for_each(|_| ramp.arrived(0));
        ramp.good(0.01, 70);
        ramp.bad(0.01, 40);
        assert_eq!(ramp.window(), 50);
        ramp.bad(0.01, 10);
        assert_eq!(ramp.window(), 50, "not again in the same round");
    }
}

//! Bernoulli CUSUM charts: evidence that the share of bad calls has risen.
//!
//! For a stream of good and bad calls, `S <- max(0, S + l)` with `l(bad) = ln(p1/p0)` and
//! `l(good) = ln((1-p1)/(1-p0))` is the quickest detector of a change of the share from `p0` to `p1` for a given
//! rate of false alarms (Moustakides 1986), and calls between false alarms are at least `e^h` (Lorden 1971). It
//! needs no window and no least number of calls: three failures in a row at a well target are evidence, and so
//! are fifteen in fifty.

use crate::time::{Nanos, seconds};

/// A time in which calls started, and how many usually do in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) from: Nanos,
    pub(crate) before: Nanos,
    pub(crate) usual: f64,
}

/// Calls come in bursts: within a moment at which one came, more come than usual.
const BUSY: f64 = 2.0;

/// One chart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chart {
    p1: f64,
    level: f64,
    /// Bad calls, and all, since the level last left zero: the change-point estimate, for free.
    bad: f64,
    all: f64,
    /// When the earliest and the latest of those bad calls started.
    since: Nanos,
    until: Nanos,
}

impl Chart {
    /// A chart that looks for a share of `p1`.
    pub(crate) const fn looking_for(p1: f64) -> Self {
        Self {
            p1,
            level: 0.0,
            bad: 0.0,
            all: 0.0,
            since: Nanos::MAX,
            until: 0,
        }
    }

    pub(crate) const fn looks_for(&self) -> f64 {
        self.p1
    }

    pub(crate) fn level(&self) -> f64 {
        self.level
    }

    /// Counts bad calls, of which the first started at `started`.
    pub(crate) fn bad(&mut self, p0: f64, count: u32, started: Nanos) {
        if count > 0 {
            self.started(started);
            self.add(p0, f64::from(count), 0.0);
        }
    }

    /// Counts good calls.
    pub(crate) fn good(&mut self, p0: f64, count: u32) {
        self.good_part(p0, f64::from(count));
    }

    /// Counts good calls that started within this stretch, of which as many as usual come before the first bad one.
    /// Those are no evidence against a change that came after them.
    pub(crate) fn good_since(&mut self, p0: f64, count: u32, stretch: Stretch) {
        self.good_part(p0, self.since_bad(count, stretch));
    }

    fn good_part(&mut self, p0: f64, count: f64) {
        if self.level > 0.0 && count > 0.0 {
            self.add(p0, 0.0, count);
        }
    }

    /// How many of the calls of a stretch are taken to have started after the first bad one.
    pub(crate) fn since_bad(&self, count: u32, stretch: Stretch) -> f64 {
        if stretch.before <= self.since {
            return 0.0;
        }
        let earlier = BUSY * stretch.usual * seconds(self.since.saturating_sub(stretch.from));
        (f64::from(count) - earlier).max(0.0)
    }

    /// Counts calls whose order is not known: the sum is taken before the floor, so that a burst with its usual
    /// share of bad calls is no alarm because the bad ones happened to be counted last.
    pub(crate) fn mixed(&mut self, p0: f64, bad: u32, good: u32, started: Nanos) {
        if bad == 0 {
            return self.good(p0, good);
        }
        self.started(started);
        self.add(p0, f64::from(bad), f64::from(good));
    }

    fn started(&mut self, bad: Nanos) {
        self.since = self.since.min(bad);
        self.until = self.until.max(bad);
    }

    fn add(&mut self, p0: f64, bad: f64, good: f64) {
        self.level += bad * (self.p1 / p0).ln() + good * ((1.0 - self.p1) / (1.0 - p0)).ln();
        self.bad += bad;
        self.all += bad + good;
        if self.level <= 0.0 {
            *self = Self::looking_for(self.p1);
        }
    }

    /// What the bad calls alone say.
    pub(crate) fn bad_level(&self, p0: f64) -> f64 {
        self.bad * (self.p1 / p0).ln()
    }

    /// Lowers the level to this, if it is above.
    pub(crate) fn lower(&mut self, level: f64) {
        self.level = self.level.min(level);
        if self.level <= 0.0 {
            self.clear();
        }
    }

    /// Lets old evidence fade.
    pub(crate) fn fade(&mut self, keep: f64) {
        if self.level > 0.0 {
            self.level *= keep;
            if self.level < 1e-3 {
                *self = Self::looking_for(self.p1);
            }
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::looking_for(self.p1);
    }

    /// When the first bad call of the present evidence started.
    pub(crate) fn since(&self) -> Nanos {
        self.since
    }

    /// When the last bad call of the present evidence started.
    pub(crate) fn until(&self) -> Nanos {
        self.until
    }

    /// Counts calls that have lived through this part of the time by which failures show; less than nothing takes
    /// that back.
    pub(crate) fn lived(&mut self, p0: f64, count: u32, part: f64) {
        if self.level > 0.0 && count > 0 {
            let said = self.exposed(p0, f64::from(count), part.abs());
            self.level += said.copysign(-part);
            self.all += f64::from(count) * part;
            if self.level <= 0.0 {
                *self = Self::looking_for(self.p1);
            }
        }
    }

    /// What `count` calls say that have lived through this part of the time by which failures show.
    ///
    /// A failure shows sooner than a success. In a burst the failures of a well target therefore come before any
    /// credit for those that will succeed; this is the credit that they have earned so far.
    pub(crate) fn exposed(&self, p0: f64, count: f64, part: f64) -> f64 {
        count * ((1.0 - self.p1 * part) / (1.0 - p0 * part)).ln()
    }

    /// The share of bad calls since the evidence began, and among how many calls.
    pub(crate) fn share(&self) -> (f64, f64) {
        let share = (self.bad - 1.5) / (self.all - 1.0).max(1.0);
        (share.clamp(0.0, 1.0), self.all)
    }
}

/// The level at which a chart alarms: few false trips a day at this rate of calls.
pub(crate) fn threshold(calls_per_day: f64, false_trips: f64) -> f64 {
    (calls_per_day / false_trips).ln().clamp(8.0, 18.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_failures_in_a_row_are_an_alarm_at_low_rates() {
        let h = threshold(0.2 * 86_400.0, 1.0);
        let mut chart = Chart::looking_for(0.6);
        for _ in 0..3 {
            chart.bad(0.01, 1, 0);
        }
        assert!(chart.level() >= h, "{} is below {h}", chart.level());
        let (share, among) = chart.share();
        assert_eq!(
            (share, among),
            (0.75, 3.0),
            "three do not prove that all fail"
        );
    }

    #[test]
    fn a_share_is_found_after_a_hundred_thousand_good_calls() {
        let mut chart = Chart::looking_for(0.2);
        chart.good(0.01, 100_000);
        let mut calls = 0;
        while chart.level() < 11.0 {
            calls += 1;
            if calls % 3 == 0 {
                chart.bad(0.01, 1, calls);
            } else {
                chart.good(0.01, 1);
            }
        }
        assert!(calls <= 18, "{calls}");
        let (share, _) = chart.share();
        assert!((0.2..=0.45).contains(&share), "{share}");
    }

    proptest! {
        #[test]
        fn a_level_is_finite_and_not_negative(calls in proptest::collection::vec((0..50_u32, 0..50_u32), 0..200), p0 in 0.01..0.08_f64) {
            let mut chart = Chart::looking_for(0.6);
            for (bad, good) in calls {
                chart.mixed(p0, bad, good, 0);
                prop_assert!(chart.level().is_finite() && chart.level() >= 0.0);
                let (share, all) = chart.share();
                prop_assert!((0.0..=1.0).contains(&share) && all >= 0.0);
            }
        }

        #[test]
        fn credit_in_one_piece_is_credit_call_by_call(good in 0..100_u32, bad in 1..10_u32) {
            let (mut one, mut many) = (Chart::looking_for(0.2), Chart::looking_for(0.2));
            one.bad(0.02, bad, 0);
            many.bad(0.02, bad, 0);
            one.good(0.02, good);
            (0..good).for_each(|_| many.good(0.02, 1));
            prop_assert!((one.level() - many.level()).abs() < 1e-9);
        }
    }
}

//! What became of the calls of one run, and of many.

use crate::scenario::{Kind, Scenario};

/// Points of a plot.
pub(crate) const BINS: usize = 180;

/// Seconds before the trouble at which a plot begins.
const LEAD: f64 = 60.0;

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// All calls that came.
    pub(crate) calls: u64,
    /// Calls that came while calls were counted.
    pub(crate) arrivals: u64,
    /// Of those: answered in time, by whatever target.
    pub(crate) answered: u64,
    /// Of those: attempts at sick targets that brought nothing.
    pub(crate) wasted: u64,
    /// Of those: rejected by the first target, which would have answered, and answered by no other.
    pub(crate) lost: u64,
    /// Times at which the rule began to reject.
    pub(crate) trips: u64,
    pub(crate) overloaded: u64,
    /// When the rule began to reject, in seconds of trouble.
    pub(crate) detected: Option<f64>,
    /// Wasted attempts until then.
    pub(crate) doomed: u64,
    /// Seconds from the end of the trouble until traffic was back.
    pub(crate) back: Option<f64>,
    /// Arrivals and rejected ones over time.
    pub(crate) bins: Vec<(u32, u32)>,
    bin_from: f64,
    bin_width: f64,
}

/// A time that does not come.
const NEVER: f64 = f64::INFINITY;

/// From when to when a plot goes, in seconds of trouble.
pub(crate) fn span(scenario: &Scenario) -> (f64, f64) {
    (
        -LEAD.min(scenario.warm),
        scenario.trouble + scenario.after.min(scenario.trouble.max(300.0)),
    )
}

impl Tally {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let (from, to) = span(scenario);
        Self {
            calls: 0,
            arrivals: 0,
            answered: 0,
            wasted: 0,
            lost: 0,
            trips: 0,
            overloaded: 0,
            detected: None,
            doomed: 0,
            back: None,
            bins: vec![(0, 0); BINS],
            bin_from: from,
            bin_width: (to - from) / BINS as f64,
        }
    }

    pub(crate) fn bin(&mut self, now: f64, admitted: bool) {
        let at = (now - self.bin_from) / self.bin_width;
        if at >= 0.0
            && let Some((all, rejected)) = self.bins.get_mut(at as usize)
        {
            *all += 1;
            *rejected += u32::from(!admitted);
        }
    }
}

/// The figures of one cell: a scenario, a rule and a rate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) detect_s: Option<f64>,
    pub(crate) doomed: Option<f64>,
    pub(crate) wasted_pct: Option<f64>,
    pub(crate) lost_pct: Option<f64>,
    pub(crate) recover_s: Option<f64>,
    pub(crate) goodput_pct: Option<f64>,
    pub(crate) rejected_healthy_pct: Option<f64>,
    pub(crate) false_trips_per_day: Option<f64>,
}

/// The names of the figures, in the order of [`Figures::values`].
pub(crate) const NAMES: [&str; 8] = [
    "detect_s",
    "doomed",
    "wasted_pct",
    "lost_pct",
    "recover_s",
    "goodput_pct",
    "rejected_healthy_pct",
    "false_trips_per_day",
];

impl Figures {
    /// Medians of times and counts over the runs; means of shares.
    pub(crate) fn of(scenario: &Scenario, rate: f64, runs: &[Tally]) -> Self {
        let arrivals: u64 = runs.iter().map(|run| run.arrivals).sum();
        let share = |count: fn(&Tally) -> u64| {
            let all: u64 = runs.iter().map(count).sum();
            Some(100.0 * all as f64 / arrivals.max(1) as f64)
        };
        let goodput_pct = share(|run| run.answered);
        match scenario.kind {
            Kind::Healthy => {
                let trips: u64 = runs.iter().map(|run| run.trips).sum();
                let days = scenario.trouble / 86_400.0 * runs.len() as f64;
                Self {
                    goodput_pct,
                    rejected_healthy_pct: share(|run| run.lost),
                    false_trips_per_day: Some(trips as f64 / days),
                    ..Self::default()
                }
            }
            Kind::Limit => {
                let capacity = 0.4 * rate * scenario.trouble * runs.len() as f64;
                let answered: u64 = runs.iter().map(|run| run.answered).sum();
                Self {
                    wasted_pct: share(|run| run.wasted),
                    goodput_pct: Some(100.0 * answered as f64 / capacity),
                    ..Self::default()
                }
            }
            Kind::Outage => {
                // After the trouble: what the return costs.
                let after = scenario.judged.0 > 0.0;
                let doomed = |run: &Tally| {
                    let seen = after || run.detected.is_some();
                    let doomed = if after { run.overloaded } else { run.doomed };
                    if seen { doomed as f64 } else { NEVER }
                };
                let detect_s = median(runs, |run| run.detected.unwrap_or(NEVER));
                // Who never left has not come back.
                let left = detect_s.is_some();
                let recover_s = median(runs, |run| run.back.unwrap_or(NEVER));
                Self {
                    detect_s: detect_s.filter(|_| !after),
                    doomed: median(runs, doomed),
                    wasted_pct: share(|run| run.wasted),
                    lost_pct: share(|run| run.lost),
                    recover_s: recover_s.filter(|_| left),
                    goodput_pct,
                    ..Self::default()
                }
            }
        }
    }

    pub(crate) const fn values(&self) -> [Option<f64>; 8] {
        [
            self.detect_s,
            self.doomed,
            self.wasted_pct,
            self.lost_pct,
            self.recover_s,
            self.goodput_pct,
            self.rejected_healthy_pct,
            self.false_trips_per_day,
        ]
    }
}

/// The median; `None` if it is "never".
fn median(runs: &[Tally], value: impl Fn(&Tally) -> f64) -> Option<f64> {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    let median = *values.get(values.len() / 2)?;
    median.is_finite().then_some(median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tuning;

    fn run(arrivals: u64, wasted: u64, detected: Option<f64>, back: Option<f64>) -> Tally {
        Tally {
            arrivals,
            wasted,
            detected,
            back,
            doomed: wasted,
            ..Tally::new(&tuning()[0])
        }
    }

    #[test]
    fn shares_are_pooled_and_times_are_medians() {
        let runs = [
            run(100, 10, Some(1.0), Some(5.0)),
            run(300, 10, Some(2.0), Some(7.0)),
            run(100, 40, Some(9.0), None),
        ];
        let figures = Figures::of(&tuning()[0], 2.0, &runs);
        assert_eq!(figures.wasted_pct, Some(12.0));
        assert_eq!(figures.detect_s, Some(2.0));
        assert_eq!(figures.doomed, Some(10.0));
        assert_eq!(figures.recover_s, Some(7.0));
    }

    #[test]
    fn who_never_left_has_not_come_back() {
        let figures = Figures::of(&tuning()[0], 2.0, &[run(9, 9, None, Some(0.0))]);
        assert_eq!((figures.detect_s, figures.doomed), (None, None));
        assert_eq!(figures.recover_s, None);
    }
}

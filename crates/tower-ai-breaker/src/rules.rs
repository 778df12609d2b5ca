//! What a breaker was told to do.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::{Chance, Tuning};

use crate::error::InvalidBreaker;
use crate::failure_rate::FailureRate;
use crate::time::{Nanos, nanos};

/// The settings of a layer, as the user gave them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// With neither of these: the adaptive rule.
    pub(crate) consecutive: Option<u32>,
    pub(crate) failure_rate: Option<FailureRate>,
    pub(crate) false_trips: f64,
    pub(crate) longest_open: Option<Duration>,
    pub(crate) observe_only: bool,
    pub(crate) tuning: Tuning,
    pub(crate) seed: Option<u64>,
    /// From when time is counted; `None`: from when the circuit is made.
    pub(crate) epoch: Option<Instant>,
}

impl Settings {
    /// The random choices of the circuit of this name: one seed gives each target a sequence of its own.
    pub(crate) fn chance(&self, name: &str) -> Chance {
        let seeded = |seed| Chance::seeded(seed ^ name_hash(name));
        self.seed.map_or_else(Chance::new, seeded)
    }

    pub(crate) const fn adaptive() -> Self {
        Self {
            consecutive: None,
            failure_rate: None,
            false_trips: 1.0,
            longest_open: None,
            observe_only: false,
            tuning: Tuning::new(),
            seed: None,
            epoch: None,
        }
    }

    pub(crate) fn consecutive(mut self, failures: u32) -> Result<Self, InvalidBreaker> {
        if !(1..=1_000_000).contains(&failures) {
            return Err(InvalidBreaker::ConsecutiveFailures);
        }
        self.consecutive = Some(failures);
        Ok(self)
    }

    pub(crate) fn false_trips(mut self, per_day: f64) -> Result<Self, InvalidBreaker> {
        if !(1e-6..=1e3).contains(&per_day) {
            return Err(InvalidBreaker::FalseTripsPerDay);
        }
        self.false_trips = per_day;
        Ok(self)
    }

    pub(crate) fn longest_open(mut self, longest: Duration) -> Result<Self, InvalidBreaker> {
        const DAY: Duration = Duration::from_secs(86_400);
        if !(Duration::from_millis(1)..=DAY).contains(&longest) {
            return Err(InvalidBreaker::LongestOpen);
        }
        self.longest_open = Some(longest);
        Ok(self)
    }
}

/// The same as numbers, for the machine. What each means stands at [`Tuning`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) consecutive: Option<u32>,
    pub(crate) failure_rate: Option<FailureRate>,
    pub(crate) false_trips: f64,
    pub(crate) day_seconds: f64,
    /// One second at the usual time scale.
    pub(crate) second: Nanos,
    pub(crate) survival_age: Nanos,
    pub(crate) slow_floor: Nanos,
    pub(crate) slow_ceiling: Nanos,
    pub(crate) slow_arming: Nanos,
    pub(crate) baseline_decay: Nanos,
    pub(crate) evidence_decay: Nanos,
    pub(crate) open_first: Nanos,
    pub(crate) open_longest: Nanos,
    pub(crate) open_longest_old: Nanos,
    pub(crate) pass_every: Nanos,
    pub(crate) ramp_quiet: Nanos,
    pub(crate) ramp_lease: Nanos,
    pub(crate) shut_first: Nanos,
    pub(crate) shut_longest: Nanos,
    pub(crate) cancelled_slow: Nanos,
    pub(crate) gate_unnamed: Nanos,
}

impl Rules {
    pub(crate) fn of(settings: &Settings) -> Self {
        let tuning = &settings.tuning;
        let (first, young, old) = open_periods(settings);
        let ceiling = nanos(tuning.slow_ceiling);
        Self {
            consecutive: settings.consecutive,
            failure_rate: settings.failure_rate,
            false_trips: settings.false_trips,
            day_seconds: tuning.day.as_secs_f64(),
            second: nanos(tuning.day / 86_400).max(1),
            survival_age: nanos(tuning.survival_age).min(ceiling),
            slow_floor: nanos(tuning.slow_floor).min(ceiling),
            slow_ceiling: ceiling,
            slow_arming: nanos(tuning.slow_arming),
            baseline_decay: nanos(tuning.baseline_decay),
            evidence_decay: nanos(tuning.evidence_decay),
            open_first: nanos(first.min(young)),
            open_longest: nanos(young),
            open_longest_old: nanos(old),
            pass_every: nanos(tuning.pass_every),
            ramp_quiet: nanos(tuning.ramp_quiet),
            ramp_lease: nanos(tuning.ramp_lease).min(ceiling),
            shut_first: nanos(tuning.shut_first),
            shut_longest: nanos(tuning.shut_longest.max(tuning.shut_first)),
            cancelled_slow: nanos(tuning.cancelled_slow),
            gate_unnamed: nanos(tuning.gate_unnamed.min(tuning.gate_longest)),
        }
    }

    /// Whether nothing is learnt of what is normal.
    pub(crate) const fn is_plain(&self) -> bool {
        self.consecutive.is_some() || self.failure_rate.is_some()
    }
}

/// The first open period, and the longest of a young outage and of an old one.
fn open_periods(settings: &Settings) -> (Duration, Duration, Duration) {
    let tuning = &settings.tuning;
    match settings.failure_rate {
        None => {
            let old = settings.longest_open.unwrap_or(tuning.open_longest_old);
            (tuning.open_first, old.min(tuning.open_longest), old)
        }
        Some(FailureRate { wait, .. }) => {
            // The jitter has to fit under the longest period.
            let longest = settings.longest_open.unwrap_or(wait + wait / 4);
            (wait, longest, longest)
        }
    }
}

/// FNV-1a, which no release changes.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_with_the_rule() {
        let settings = Settings::adaptive();
        assert_eq!(
            settings.consecutive(0).unwrap_err(),
            InvalidBreaker::ConsecutiveFailures
        );
        for trips in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert_eq!(
                settings.false_trips(trips).unwrap_err(),
                InvalidBreaker::FalseTripsPerDay
            );
        }
        assert_eq!(
            settings.longest_open(Duration::ZERO).unwrap_err(),
            InvalidBreaker::LongestOpen
        );
    }

    #[test]
    fn a_short_longest_period_bounds_every_period() {
        let settings = Settings::adaptive();
        let longest = Duration::from_millis(500);
        let rules = Rules::of(&settings.longest_open(longest).unwrap());
        assert_eq!(rules.open_first, nanos(longest));
        assert_eq!(rules.open_longest, nanos(longest));
        assert_eq!(rules.open_longest_old, nanos(longest));
    }
}

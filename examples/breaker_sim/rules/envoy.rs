//! Source: `envoyproxy/envoy`, outlier detection (`outlier_detection_impl.cc`): consecutive 5xx, defaults.

use tower_ai_core::Outcome;

use super::{Pass, Rule, certainly, is_failure};

const STREAK: u32 = 5;
const SWEEP: f64 = 10.0;
const BASE: f64 = 30.0;
const LONGEST: f64 = 300.0;

/// Five failures in a row eject the host for 30 s times the number of ejections, at most 300 s. Each 10 s a
/// sweep lets hosts return, all at once, and forgets one ejection of a host that is in.
pub(super) struct Envoy {
    ejected_at: Option<f64>,
    times: u32,
    streak: u32,
    swept: f64,
}

impl Envoy {
    pub(super) const fn new() -> Self {
        Self {
            ejected_at: None,
            times: 0,
            streak: 0,
            swept: 0.0,
        }
    }

    fn sweep(&mut self, now: f64) {
        while self.swept + SWEEP <= now {
            self.swept += SWEEP;
            let period = (BASE * f64::from(self.times)).min(LONGEST);
            match self.ejected_at {
                Some(at) if self.swept - at >= period => {
                    self.ejected_at = None;
                    self.streak = 0;
                }
                Some(_) => {}
                None => self.times = self.times.saturating_sub(1),
            }
        }
    }
}

impl Rule for Envoy {
    fn admit(&mut self, now: f64, _: bool) -> Option<Pass> {
        self.sweep(now);
        self.ejected_at.is_none().then(Pass::default)
    }

    fn settle(&mut self, _: Pass, outcome: Outcome, now: f64) {
        self.sweep(now);
        self.streak = if is_failure(outcome) {
            self.streak + 1
        } else {
            0
        };
        if self.streak >= STREAK && self.ejected_at.is_none() {
            self.ejected_at = Some(now);
            self.times += 1;
            self.streak = 0;
        }
    }

    fn rejecting(&mut self, now: f64) -> f64 {
        self.sweep(now);
        certainly(self.ejected_at.is_some())
    }
}

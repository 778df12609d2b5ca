//! Two rules that reject a share of the calls.
//!
//! Sources: *Site Reliability Engineering* (Beyer and others), chapter "Handling Overload", client-side
//! throttling with K = 2 over two minutes; `envoyproxy/envoy`, the HTTP filter `admission_control`, defaults,
//! with the success criteria of gRPC, to which `RESOURCE_EXHAUSTED` is a failure.

use tower_ai_core::{Chance, Outcome};

use super::window::Window;
use super::{Pass, Rule, is_failure_or_limit};

/// Rejects with probability `(calls - accepted * multiplier) / (calls + 1)`.
pub(super) struct Throttle {
    window: Window,
    multiplier: f64,
    most: f64,
    /// Whether calls count as they come, rejected ones too, or as they end.
    on_arrival: bool,
    chance: Chance,
}

impl Throttle {
    /// Rejects once fewer than half of all calls of two minutes are accepted; its own rejections are calls too.
    pub(super) fn sre(seed: u64) -> Self {
        Self {
            window: Window::new(2.0, 60),
            multiplier: 2.0,
            most: 1.0,
            on_arrival: true,
            chance: Chance::seeded(seed),
        }
    }

    /// Rejects up to four fifths once fewer than 95 % of the calls of 30 s succeed.
    pub(super) fn envoy(seed: u64) -> Self {
        Self {
            window: Window::new(1.0, 30),
            multiplier: 1.0 / 0.95,
            most: 0.8,
            on_arrival: false,
            chance: Chance::seeded(seed),
        }
    }
}

impl Rule for Throttle {
    fn admit(&mut self, now: f64, _: bool) -> Option<Pass> {
        let rejecting = self.rejecting(now);
        if self.on_arrival {
            self.window.add(now, 0, 1);
        }
        (self.chance.unit() >= rejecting).then(Pass::default)
    }

    fn settle(&mut self, _: Pass, outcome: Outcome, now: f64) {
        let good = u64::from(!is_failure_or_limit(outcome));
        self.window.add(now, good, u64::from(!self.on_arrival));
    }

    fn rejecting(&mut self, now: f64) -> f64 {
        self.window.advance(now);
        let (good, all) = (self.window.good() as f64, self.window.all() as f64);
        ((all - good * self.multiplier) / (all + 1.0)).clamp(0.0, self.most)
    }
}

//! The real breaker, through its public handle.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_breaker::{BreakerHandle, BreakerLayer};
use tower_ai_core::{Mode, Outcome};

use super::{Pass, Rule};

/// The adaptive breaker of this workspace, as it is by default.
pub(super) struct Ours {
    start: Instant,
    handle: BreakerHandle,
}

impl Ours {
    pub(super) fn new(seed: u64) -> Self {
        let start = Instant::now();
        let layer = BreakerLayer::adaptive().seed(seed).starting_at(start);
        Self {
            start,
            handle: layer.handle(),
        }
    }

    fn at(&self, now: f64) -> Instant {
        self.start + Duration::from_nanos((now * 1e9).round() as u64)
    }
}

impl Rule for Ours {
    fn admit(&mut self, now: f64, others: bool) -> Option<Pass> {
        let permit = self.handle.admit_at(self.at(now), others).ok()?;
        Some(Pass {
            generation: 0,
            permit: Some(permit),
        })
    }

    fn first_content(&mut self, pass: &mut Pass, now: f64) {
        let now = self.at(now);
        if let Some(permit) = &mut pass.permit {
            permit.first_content_at(now);
        }
    }

    fn settle(&mut self, pass: Pass, outcome: Outcome, now: f64) {
        if let Some(permit) = pass.permit {
            permit.settle_at(self.at(now), outcome);
        }
    }

    fn is_closed(&mut self, _: f64) -> bool {
        self.handle.mode() == Mode::Closed
    }

    fn rejecting(&mut self, now: f64) -> f64 {
        match self.handle.mode() {
            Mode::Closed => 0.0,
            Mode::Open => 1.0,
            _ => {
                let state = self.handle.state_at(self.at(now));
                let full = state.window.is_some_and(|most| state.in_window >= most);
                if full { 1.0 } else { state.shed_share }
            }
        }
    }
}

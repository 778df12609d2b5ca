//! Source: `resilience4j/resilience4j`, `CircuitBreakerStateMachine` and `CircuitBreakerConfig`, defaults.

use std::collections::VecDeque;

use tower_ai_core::Outcome;

use super::{Pass, Rule, certainly, is_failure_or_limit};

const WINDOW: usize = 100;
const FAILURE_SHARE: f64 = 0.5;
const OPEN_FOR: f64 = 60.0;
const TRIALS: usize = 10;

enum State {
    Closed,
    Open { until: f64 },
    HalfOpen { permits: usize },
}

/// Half of the last 100 calls open it for a minute; then ten calls decide. Any result that arrives counts,
/// whenever its call began.
pub(super) struct Resilience4j {
    state: State,
    results: VecDeque<bool>,
    failures: usize,
}

impl Resilience4j {
    pub(super) fn new() -> Self {
        Self {
            state: State::Closed,
            results: VecDeque::with_capacity(WINDOW + 1),
            failures: 0,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.results.clear();
        self.failures = 0;
    }

    fn refresh(&mut self, now: f64) {
        if matches!(self.state, State::Open { until } if until <= now) {
            self.enter(State::HalfOpen { permits: TRIALS });
        }
    }

    fn record(&mut self, failed: bool, window: usize) -> Option<f64> {
        self.results.push_back(failed);
        self.failures += usize::from(failed);
        if self.results.len() > window {
            let oldest = self.results.pop_front();
            self.failures -= usize::from(oldest == Some(true));
        }
        let all = self.results.len();
        (all == window).then(|| self.failures as f64 / all as f64)
    }
}

impl Rule for Resilience4j {
    fn admit(&mut self, now: f64, _: bool) -> Option<Pass> {
        self.refresh(now);
        match &mut self.state {
            State::Closed => {}
            State::HalfOpen { permits } if *permits > 0 => *permits -= 1,
            _ => return None,
        }
        Some(Pass::default())
    }

    fn settle(&mut self, _: Pass, outcome: Outcome, now: f64) {
        let failed = is_failure_or_limit(outcome);
        let (window, half_open) = match self.state {
            State::Closed => (WINDOW, false),
            State::HalfOpen { .. } => (TRIALS, true),
            State::Open { .. } => return,
        };
        let Some(share) = self.record(failed, window) else {
            return;
        };
        if share >= FAILURE_SHARE {
            let until = now + OPEN_FOR;
            self.enter(State::Open { until });
        } else if half_open {
            self.enter(State::Closed);
        }
    }

    fn rejecting(&mut self, now: f64) -> f64 {
        certainly(match self.state {
            State::Closed => false,
            State::Open { until } => now < until,
            State::HalfOpen { permits } => permits == 0,
        })
    }
}

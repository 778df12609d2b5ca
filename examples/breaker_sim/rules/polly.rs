//! Source: `App-vNext/Polly` v8, `CircuitStateController` and `AdvancedCircuitBehavior`, default options.

use tower_ai_core::Outcome;

use super::window::Window;
use super::{Pass, Rule, certainly, is_failure_or_limit};

const FAILURE_SHARE: f64 = 0.1;
const LEAST_CALLS: u64 = 100;
const SAMPLING: f64 = 30.0;
const SLOTS: usize = 10;
const OPEN_FOR: f64 = 5.0;

#[derive(PartialEq)]
enum State {
    Closed,
    Open,
    HalfOpen,
}

/// A tenth of at least 100 calls in 30 s opens it for 5 s; then one call goes, and the next result of any call
/// decides.
pub(super) struct Polly {
    state: State,
    until: f64,
    window: Window,
}

impl Polly {
    pub(super) fn new() -> Self {
        Self {
            state: State::Closed,
            until: 0.0,
            window: Window::new(SAMPLING / SLOTS as f64, SLOTS),
        }
    }

    fn open(&mut self, now: f64) {
        self.state = State::Open;
        self.until = now + OPEN_FOR;
    }
}

impl Rule for Polly {
    fn admit(&mut self, now: f64, _: bool) -> Option<Pass> {
        match self.state {
            State::Closed => {}
            State::Open if self.until <= now => self.state = State::HalfOpen,
            _ => return None,
        }
        Some(Pass::default())
    }

    fn settle(&mut self, _: Pass, outcome: Outcome, now: f64) {
        if !is_failure_or_limit(outcome) {
            match self.state {
                State::Closed => self.window.add(now, 1, 1),
                State::Open => {}
                State::HalfOpen => {
                    self.state = State::Closed;
                    self.window.clear();
                }
            }
            return;
        }
        self.window.add(now, 0, 1);
        let (bad, all) = (self.window.all() - self.window.good(), self.window.all());
        let broken = all >= LEAST_CALLS && bad as f64 >= FAILURE_SHARE * all as f64;
        match self.state {
            State::HalfOpen => self.open(now),
            State::Closed if broken => self.open(now),
            _ => {}
        }
    }

    fn rejecting(&mut self, now: f64) -> f64 {
        certainly(match self.state {
            State::Closed => false,
            State::Open => now < self.until,
            State::HalfOpen => true,
        })
    }
}

//! Source: `sony/gobreaker` v2, `gobreaker.go`, default `Settings`.

use tower_ai_core::Outcome;

use super::{Pass, Rule, certainly, is_failure_or_limit};

/// More failures in a row than this open it.
const MOST_FAILURES: u32 = 5;
const OPEN_FOR: f64 = 60.0;

enum State {
    Closed,
    Open { until: f64 },
    HalfOpen { tried: bool },
}

/// Six failures in a row open it for a minute; then one call decides. Results of another generation are dropped.
pub(super) struct Gobreaker {
    state: State,
    generation: u64,
    streak: u32,
}

impl Gobreaker {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Closed,
            generation: 0,
            streak: 0,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.streak = 0;
    }

    fn refresh(&mut self, now: f64) {
        if matches!(self.state, State::Open { until } if until <= now) {
            self.enter(State::HalfOpen { tried: false });
        }
    }
}

impl Rule for Gobreaker {
    fn admit(&mut self, now: f64, _: bool) -> Option<Pass> {
        self.refresh(now);
        match &mut self.state {
            State::Closed => {}
            State::HalfOpen { tried } if !*tried => *tried = true,
            _ => return None,
        }
        Some(Pass::of(self.generation))
    }

    fn settle(&mut self, pass: Pass, outcome: Outcome, now: f64) {
        self.refresh(now);
        if pass.generation != self.generation {
            return;
        }
        let half_open = matches!(self.state, State::HalfOpen { .. });
        if !is_failure_or_limit(outcome) {
            self.streak = 0;
            if half_open {
                self.enter(State::Closed);
            }
            return;
        }
        self.streak += 1;
        if half_open || self.streak > MOST_FAILURES {
            let until = now + OPEN_FOR;
            self.enter(State::Open { until });
        }
    }

    fn rejecting(&mut self, now: f64) -> f64 {
        self.refresh(now);
        certainly(!matches!(
            self.state,
            State::Closed | State::HalfOpen { tried: false }
        ))
    }
}

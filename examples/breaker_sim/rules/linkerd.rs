//! Source: `linkerd/linkerd2-proxy`, the circuit breakers of `linkerd-app-outbound` ("consecutive failures", and
//! "unified", which adds a success ratio), defaults.

use tower_ai_core::{Chance, Outcome};

use super::window::Window;
use super::{Pass, Rule, certainly, is_failure, is_failure_or_limit};

const STREAK: u32 = 7;
const LEAST_SHARE: f64 = 0.8;
const LEAST_CALLS: u64 = 5;
const FIRST_WAIT: f64 = 1.0;
const LONGEST_WAIT: f64 = 60.0;
const JITTER: f64 = 0.5;

enum State {
    Open,
    Shut { until: f64 },
    Probation { tried: bool },
}

/// Seven failures in a row, or (unified) fewer than four fifths good in 10 s, shut the gate for a wait that
/// doubles from 1 s to 60 s; then one call goes, and the first result of any call decides. 429 counts for the
/// ratio and the probe of the unified rule alone.
pub(super) struct Linkerd {
    state: State,
    streak: u32,
    ratio: Option<Window>,
    waits: u32,
    chance: Chance,
}

impl Linkerd {
    pub(super) const fn consecutive(seed: u64) -> Self {
        Self {
            state: State::Open,
            streak: 0,
            ratio: None,
            waits: 0,
            chance: Chance::seeded(seed),
        }
    }

    pub(super) fn unified(seed: u64) -> Self {
        Self {
            ratio: Some(Window::new(1.0, 10)),
            ..Self::consecutive(seed)
        }
    }

    fn shut(&mut self, now: f64) {
        let wait = (FIRST_WAIT * f64::from(1_u32 << self.waits.min(10))).min(LONGEST_WAIT);
        let until = now + wait * (1.0 + JITTER * self.chance.unit());
        self.waits += 1;
        self.state = State::Shut { until };
    }

    fn reopen(&mut self) {
        self.state = State::Open;
        self.streak = 0;
        self.waits = 0;
        if let Some(window) = &mut self.ratio {
            window.clear();
        }
    }

    fn refresh(&mut self, now: f64) {
        if matches!(self.state, State::Shut { until } if until <= now) {
            self.state = State::Probation { tried: false };
        }
    }

    fn is_sick(&mut self, outcome: Outcome, now: f64) -> bool {
        self.streak = if is_failure(outcome) {
            self.streak + 1
        } else {
            0
        };
        let low = self.ratio.as_mut().is_some_and(|window| {
            window.add(now, u64::from(!is_failure_or_limit(outcome)), 1);
            window.all() >= LEAST_CALLS
                && (window.good() as f64) < LEAST_SHARE * window.all() as f64
        });
        low || self.streak >= STREAK
    }
}

impl Rule for Linkerd {
    fn admit(&mut self, now: f64, _: bool) -> Option<Pass> {
        self.refresh(now);
        match &mut self.state {
            State::Open => {}
            State::Probation { tried } if !*tried => *tried = true,
            _ => return None,
        }
        Some(Pass::default())
    }

    fn settle(&mut self, _: Pass, outcome: Outcome, now: f64) {
        self.refresh(now);
        match self.state {
            State::Open => {
                if self.is_sick(outcome, now) {
                    self.shut(now);
                }
            }
            State::Shut { .. } => {}
            State::Probation { .. } => {
                let failed = if self.ratio.is_some() {
                    is_failure_or_limit(outcome)
                } else {
                    is_failure(outcome)
                };
                if failed {
                    self.shut(now);
                } else {
                    self.reopen();
                }
            }
        }
    }

    fn rejecting(&mut self, now: f64) -> f64 {
        self.refresh(now);
        certainly(!matches!(
            self.state,
            State::Open | State::Probation { tried: false }
        ))
    }
}

//! Source: `twitter/finagle`, `FailureAccrualFactory` and `FailureAccrualPolicy`: the default, hybrid policy.

use tower_ai_core::{Chance, Outcome};

use super::window::Window;
use super::{Pass, Rule, certainly, is_failure};

const STREAK: u32 = 5;
const LEAST_SHARE: f64 = 0.8;
const LEAST_CALLS: u64 = 5;
const MEMORY: f64 = 30.0;
const FIRST_WAIT: f64 = 5.0;
const LONGEST_WAIT: f64 = 300.0;

enum State {
    Alive,
    Dead { until: f64 },
    Probing { tried: bool },
}

/// Five failures in a row, or a mean over time of success below 0.8, mark the target dead for an equal-jittered
/// 5 s that doubles to 300 s; then one call goes, and its success revives.
pub(super) struct Finagle {
    state: State,
    streak: u32,
    /// The mean over time of success, and when it was last updated.
    mean: Option<(f64, f64)>,
    recent: Window,
    since: f64,
    waits: u32,
    chance: Chance,
}

impl Finagle {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: State::Alive,
            streak: 0,
            mean: None,
            recent: Window::new(3.0, 10),
            since: 0.0,
            waits: 0,
            chance: Chance::seeded(seed),
        }
    }

    fn record(&mut self, good: bool, now: f64) {
        let value = certainly(good);
        let mean = self.mean.map_or(value, |(mean, at)| {
            let kept = (-(now - at) / MEMORY).exp();
            mean * kept + value * (1.0 - kept)
        });
        self.mean = Some((mean, now));
        self.recent.add(now, u64::from(good), 1);
        self.streak = if good { 0 } else { self.streak + 1 };
    }

    fn is_sick(&self, now: f64) -> bool {
        let low = now - self.since >= MEMORY
            && self.recent.all() >= LEAST_CALLS
            && self.mean.is_some_and(|(mean, _)| mean < LEAST_SHARE);
        low || self.streak >= STREAK
    }

    fn mark_dead(&mut self, now: f64) {
        let grown = FIRST_WAIT * f64::from(1_u32 << self.waits.min(10));
        let half = grown.min(LONGEST_WAIT) / 2.0;
        let wait = if grown >= LONGEST_WAIT {
            LONGEST_WAIT
        } else {
            half + half * self.chance.unit()
        };
        self.waits += 1;
        self.state = State::Dead { until: now + wait };
    }

    fn revive(&mut self, now: f64) {
        self.state = State::Alive;
        self.streak = 0;
        self.mean = None;
        self.recent.clear();
        self.since = now;
        self.waits = 0;
    }

    fn refresh(&mut self, now: f64) {
        if matches!(self.state, State::Dead { until } if until <= now) {
            self.state = State::Probing { tried: false };
        }
    }
}

impl Rule for Finagle {
    fn admit(&mut self, now: f64, _: bool) -> Option<Pass> {
        self.refresh(now);
        match &mut self.state {
            State::Alive => {}
            State::Probing { tried } if !*tried => *tried = true,
            _ => return None,
        }
        Some(Pass::default())
    }

    fn settle(&mut self, _: Pass, outcome: Outcome, now: f64) {
        self.refresh(now);
        let good = !is_failure(outcome);
        self.record(good, now);
        match self.state {
            State::Alive if !good && self.is_sick(now) => self.mark_dead(now),
            State::Probing { tried: true } if good => self.revive(now),
            State::Probing { tried: true } if self.is_sick(now) => self.mark_dead(now),
            // The policy is in doubt: probe again.
            State::Probing { tried: true } => self.state = State::Probing { tried: false },
            _ => {}
        }
    }

    fn rejecting(&mut self, now: f64) -> f64 {
        self.refresh(now);
        certainly(!matches!(
            self.state,
            State::Alive | State::Probing { tried: false }
        ))
    }
}

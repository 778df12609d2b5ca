//! A simulation in virtual time that drives the real breaker through its handle.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::Instant;
use tower_ai_breaker::{BreakerHandle, BreakerLayer, Permit};
use tower_ai_core::{Chance, Mode, Outcome};

/// What a target does with a call that starts now.
#[derive(Clone, Copy)]
pub(crate) enum Weather {
    /// A share of errors; else well.
    Errors(f64),
    /// All calls fail: most at once, some by silence.
    Down,
    /// Ten times as slow, and a fifth never answers.
    Brownout,
    /// Accepts and never answers.
    Silent,
    /// Takes so many calls a second; rate-limits the others.
    Limited(f64),
}

/// What became of one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: u64,
    pub(crate) admitted: u64,
    pub(crate) rejected: u64,
    pub(crate) good: u64,
    pub(crate) limited: u64,
    pub(crate) wasted: u64,
    /// Times at which the circuit left "closed".
    pub(crate) trips: u64,
}

pub(crate) struct World {
    start: Instant,
    pub(crate) now: f64,
    pub(crate) handle: BreakerHandle,
    rate: f64,
    pub(crate) others: bool,
    pub(crate) streams: bool,
    chance: Chance,
    events: BinaryHeap<Reverse<(u64, usize, bool)>>,
    calls: Vec<Option<(Permit, Outcome)>>,
    free: Vec<usize>,
    next_arrival: f64,
    tokens: f64,
    tokens_at: f64,
    mode: Mode,
}

impl World {
    pub(crate) fn new(layer: &BreakerLayer, rate: f64, seed: u64) -> Self {
        Self {
            start: Instant::now(),
            now: 0.0,
            handle: layer.handle(),
            rate,
            others: true,
            streams: true,
            chance: Chance::seeded(seed),
            events: BinaryHeap::new(),
            calls: Vec::new(),
            free: Vec::new(),
            next_arrival: 0.0,
            tokens: 1.0,
            tokens_at: 0.0,
            mode: Mode::Closed,
        }
    }

    pub(crate) fn at(&self, now: f64) -> Instant {
        self.start + Duration::from_secs_f64(now)
    }

    fn exponential(&self, mean: f64) -> f64 {
        -mean * (1.0 - self.chance.unit()).ln()
    }

    fn lognormal(&self, median: f64, sigma: f64) -> f64 {
        let (u, v) = (1.0 - self.chance.unit(), self.chance.unit());
        let z = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        median * (sigma * z).exp()
    }

    /// Arrivals come in bursts: a coefficient of variation of about 2.
    fn gap(&self) -> f64 {
        let mean = if self.chance.unit() < 0.9 { 0.45 } else { 5.95 };
        self.exponential(mean / self.rate)
    }

    /// Runs until `end`, or until `stop` says so after an arrival (which is told whether it was admitted).
    pub(crate) fn run(
        &mut self,
        end: f64,
        weather: Weather,
        mut stop: impl FnMut(&Self, bool) -> bool,
    ) -> Tally {
        let mut tally = Tally::default();
        if self.next_arrival < self.now {
            self.next_arrival = self.now + self.gap();
        }
        loop {
            let event = self
                .events
                .peek()
                .map_or(f64::INFINITY, |Reverse((at, ..))| *at as f64 / 1e9);
            let next = event.min(self.next_arrival);
            if next >= end {
                self.now = end;
                return tally;
            }
            self.now = next;
            if event <= self.next_arrival {
                self.settle();
            } else {
                self.next_arrival = self.now + self.gap();
                let admitted = self.arrive(weather, &mut tally);
                if stop(self, admitted) {
                    return tally;
                }
            }
            let mode = self.handle.mode();
            tally.trips += u64::from(self.mode == Mode::Closed && mode != Mode::Closed);
            self.mode = mode;
        }
    }

    fn settle(&mut self) {
        let Some(Reverse((at, index, last))) = self.events.pop() else {
            return;
        };
        let at = self.start + Duration::from_nanos(at);
        if last {
            if let Some((permit, outcome)) = self.calls[index].take() {
                permit.settle_at(at, outcome);
                self.free.push(index);
            }
        } else if let Some((permit, _)) = &mut self.calls[index] {
            permit.first_content_at(at);
        }
    }

    fn arrive(&mut self, weather: Weather, tally: &mut Tally) -> bool {
        tally.calls += 1;
        let (outcome, content, end) = self.plan(weather);
        let Ok(permit) = self.handle.admit_at(self.at(self.now), self.others) else {
            tally.rejected += 1;
            return false;
        };
        let outcome = self.limit(weather, outcome);
        let end = if outcome.is_success() || outcome.is_failure() {
            end
        } else {
            0.2
        };
        tally.admitted += 1;
        match outcome {
            Outcome::Success if end <= 30.0 => tally.good += 1,
            Outcome::RateLimited { .. } => tally.limited += 1,
            _ => tally.wasted += 1,
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.calls.push(None);
            self.calls.len() - 1
        });
        self.calls[index] = Some((permit, outcome));
        let nanos = |after: f64| ((self.now + after) * 1e9) as u64;
        if let (Some(content), true) = (content, self.streams) {
            self.events.push(Reverse((nanos(content), index, false)));
        }
        self.events.push(Reverse((nanos(end), index, true)));
        true
    }

    /// Outcome, first content and end of a call, in seconds after its start.
    fn plan(&self, weather: Weather) -> (Outcome, Option<f64>, f64) {
        let first = self.lognormal(0.6, 0.6);
        let whole = self.lognormal(3.5, 0.9);
        let draw = self.chance.unit();
        let good = (
            Outcome::Success,
            Some(first),
            (first + whole).min(60.0).max(first),
        );
        match weather {
            Weather::Limited(_) => good,
            Weather::Errors(share) if draw < share / 2.0 => {
                (Outcome::Fault, None, self.lognormal(0.3, 0.8))
            }
            Weather::Errors(share) if draw < share => (Outcome::Fault, None, first),
            Weather::Errors(_) => good,
            Weather::Down if draw < 0.7 => (Outcome::Fault, None, self.lognormal(0.3, 0.8)),
            Weather::Down => (Outcome::TimedOut, None, 30.0),
            Weather::Brownout if draw < 0.2 => (Outcome::TimedOut, None, 60.0),
            Weather::Brownout => {
                let (first, end) = (first * 10.0, (first + whole) * 10.0);
                if end > 60.0 {
                    (Outcome::TimedOut, (first < 60.0).then_some(first), 60.0)
                } else {
                    (Outcome::Success, Some(first), end)
                }
            }
            Weather::Silent => (Outcome::TimedOut, None, 60.0),
        }
    }

    fn limit(&mut self, weather: Weather, outcome: Outcome) -> Outcome {
        let Weather::Limited(rate) = weather else {
            return outcome;
        };
        let elapsed = self.now - std::mem::replace(&mut self.tokens_at, self.now);
        self.tokens = (self.tokens + elapsed * rate).min(rate.max(1.0));
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return outcome;
        }
        Outcome::RateLimited { wait: None }
    }
}

//! The simulation of one scenario with one rule: events in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tower_ai_core::{Chance, Outcome};

use crate::rules::{Make, Pass, Rule};
use crate::scenario::{Kind, Scenario};
use crate::tally::Tally;
use crate::weather::{PATIENCE, Plan, Provider, Weather};

/// All events lie on multiples of so many nanoseconds, about a millisecond.
const TICK: u64 = 1 << 20;

/// A rule that rejects at least this share is at work.
const AT_WORK: f64 = 0.1;

/// So many admitted calls in a row say that traffic is back.
const BACK: u32 = 20;

/// Seeds of what must differ between runs, but not between rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    /// A seed of its own for each purpose.
    fn of(self, purpose: u64) -> u64 {
        Chance::seeded(self.0.wrapping_mul(0xd134_2543_de82_ef95) ^ purpose.rotate_left(17)).draw()
    }
}

struct Target {
    rule: Box<dyn Rule>,
    provider: Provider,
}

/// A call under way.
struct Call {
    pass: Pass,
    outcome: Outcome,
    target: usize,
    came: f64,
    judged: bool,
    /// Whether the first target rejected it and would have answered it.
    missed: bool,
}

pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    rate: f64,
    now: f64,
    targets: Vec<Target>,
    chance: Chance,
    /// When, which call, and whether it is its end.
    events: BinaryHeap<Reverse<(u64, u32, bool)>>,
    calls: Vec<Option<Call>>,
    free: Vec<u32>,
    next_arrival: u64,
    is_cold: bool,
    at_work: bool,
    /// Length of the present run of admitted calls after the trouble, and when it began.
    run: (u32, f64),
    tally: Tally,
}

impl<'a> World<'a> {
    pub(crate) fn new(scenario: &'a Scenario, make: Make, rate: f64, seed: Seed) -> Self {
        let target = |i: usize| Target {
            rule: make(seed.of(100 + i as u64)),
            provider: Provider::new(scenario.mix, rate, seed.of(200 + i as u64)),
        };
        Self {
            scenario,
            rate,
            now: -scenario.warm,
            targets: (0..=scenario.others).map(target).collect(),
            chance: Chance::seeded(seed.of(1)),
            events: BinaryHeap::new(),
            calls: Vec::new(),
            free: Vec::new(),
            next_arrival: 0,
            is_cold: false,
            at_work: false,
            run: (0, 0.0),
            tally: Tally::new(scenario),
        }
    }

    /// Seconds since the start, which is what rules are told.
    fn clock(&self) -> f64 {
        self.now + self.scenario.warm
    }

    fn ticks(&self, at: f64) -> u64 {
        ((at + self.scenario.warm) * 1e9) as u64 / TICK * TICK
    }

    /// Arrivals come in bursts: a coefficient of variation of about 2.
    fn gap(&self) -> f64 {
        let mean = if self.chance.unit() < 0.9 { 0.45 } else { 5.95 };
        let rate = self.rate * (self.scenario.demand)(self.now);
        -mean / rate * (1.0 - self.chance.unit()).ln()
    }

    pub(crate) fn run(mut self) -> Tally {
        let end = (self.scenario.length() * 1e9) as u64;
        self.next_arrival = self.ticks(self.now + self.gap());
        loop {
            let event = self.events.peek().map(|Reverse((at, ..))| *at);
            let is_event = event.is_some_and(|at| at <= self.next_arrival);
            let at = event.unwrap_or(u64::MAX).min(self.next_arrival);
            if at >= end {
                return self.tally;
            }
            self.now = at as f64 / 1e9 - self.scenario.warm;
            if is_event {
                self.happen();
            } else {
                self.next_arrival = self.ticks(self.now + self.gap());
                self.arrive();
            }
            self.watch();
        }
    }

    fn weather(&self, target: usize) -> Weather {
        let Scenario { trouble, .. } = *self.scenario;
        if self.now < 0.0 || (target > 0 && !self.scenario.all_sick) {
            Weather::Usual
        } else if self.now < trouble {
            (self.scenario.weather)(self.now)
        } else {
            (self.scenario.healed)(self.now - trouble)
        }
    }

    fn arrive(&mut self) {
        if !self.is_cold && self.now >= self.scenario.trouble {
            self.is_cold = true;
            for target in &mut self.targets {
                target.provider.cool(self.now);
            }
        }
        let (from, to) = self.scenario.judged;
        let call = Call {
            pass: Pass::default(),
            outcome: Outcome::Success,
            target: 0,
            came: self.now,
            judged: (from..to).contains(&self.now),
            missed: false,
        };
        self.tally.calls += 1;
        self.tally.arrivals += u64::from(call.judged);
        let plan = self.targets[0].provider.plan(self.weather(0));
        let admitted = self.attempt(call, plan);
        self.tally.bin(self.now, admitted);
        if self.now >= self.scenario.trouble && self.tally.back.is_none() {
            self.follow(admitted);
        }
    }

    /// Sends a call to the first target that takes it; tells whether its own first choice did.
    fn attempt(&mut self, mut call: Call, plan: Plan) -> bool {
        let (first, now) = (call.target, self.clock());
        let mut plan = Some(plan);
        for i in first..self.targets.len() {
            call.target = i;
            let others = self.targets[i + 1..]
                .iter_mut()
                .any(|other| other.rule.is_closed(now));
            let weather = self.weather(i);
            let target = &mut self.targets[i];
            let plan = plan.take().unwrap_or_else(|| target.provider.plan(weather));
            if let Some(pass) = target.rule.admit(now, others) {
                let plan = target.provider.take(weather, plan, self.now);
                call.pass = pass;
                self.send(call, plan);
                return i == first;
            }
            if i == 0 && plan.is_good(0.0) {
                call.missed = true;
            }
        }
        self.give_up(&call);
        false
    }

    fn send(&mut self, mut call: Call, plan: Plan) {
        call.outcome = plan.outcome;
        let good = plan.is_good(self.now - call.came);
        let limited = matches!(plan.outcome, Outcome::RateLimited { .. });
        let sick = call.target == 0 || self.scenario.all_sick;
        self.tally.answered += u64::from(call.judged && good);
        self.tally.overloaded += u64::from(matches!(plan.outcome, Outcome::Overloaded { .. }));
        if sick && !good {
            self.tally.wasted += u64::from(call.judged && (limited || !self.is_limit()));
            let unseen = self.now >= 0.0 && self.tally.detected.is_none();
            self.tally.doomed += u64::from(unseen && call.judged);
        }
        let (content, end) = (plan.content, self.ticks(self.now + plan.end));
        let content = content.filter(|_| self.scenario.streams);
        let content = content.map(|after| self.ticks(self.now + after));
        let index = self.free.pop().unwrap_or_else(|| {
            self.calls.push(None);
            (self.calls.len() - 1) as u32
        });
        self.calls[index as usize] = Some(call);
        if let Some(content) = content {
            self.events.push(Reverse((content, index, false)));
        }
        self.events.push(Reverse((end, index, true)));
    }

    fn is_limit(&self) -> bool {
        self.scenario.kind == Kind::Limit
    }

    /// What an event says: first content, or the end.
    fn happen(&mut self) {
        let now = self.clock();
        let Some(Reverse((_, index, is_end))) = self.events.pop() else {
            return;
        };
        let slot = &mut self.calls[index as usize];
        if !is_end {
            if let Some(call) = slot {
                let rule = &mut self.targets[call.target].rule;
                rule.first_content(&mut call.pass, now);
            }
            return;
        }
        let Some(mut call) = slot.take() else { return };
        self.free.push(index);
        let pass = std::mem::take(&mut call.pass);
        let rule = &mut self.targets[call.target].rule;
        rule.settle(pass, call.outcome, now);
        if !call.outcome.is_success() {
            self.move_on(call);
        }
    }

    /// A failed call goes on to the next target, if there is one and the caller still waits.
    fn move_on(&mut self, mut call: Call) {
        call.target += 1;
        if call.target >= self.targets.len() || self.now - call.came >= PATIENCE {
            self.give_up(&call);
            return;
        }
        let weather = self.weather(call.target);
        let plan = self.targets[call.target].provider.plan(weather);
        self.attempt(call, plan);
    }

    fn give_up(&mut self, call: &Call) {
        self.tally.lost += u64::from(call.judged && call.missed);
    }

    /// Notes when the rule of the first target begins to reject.
    fn watch(&mut self) {
        let healthy = self.scenario.kind == Kind::Healthy;
        let looking = self.tally.detected.is_none() && self.now < self.scenario.judged.1;
        if self.now < 0.0 || !(healthy || looking) {
            return;
        }
        let now = self.clock();
        let at_work = self.targets[0].rule.rejecting(now) >= AT_WORK;
        self.tally.trips += u64::from(at_work && !self.at_work);
        if at_work && self.tally.detected.is_none() {
            self.tally.detected = Some(self.now);
        }
        self.at_work = at_work;
    }

    /// Looks for the first long run of admitted calls.
    fn follow(&mut self, admitted: bool) {
        if !admitted {
            self.run = (0, 0.0);
            return;
        }
        if self.run.0 == 0 {
            self.run.1 = self.now;
        }
        self.run.0 += 1;
        if self.run.0 >= BACK {
            self.tally.back = Some(self.run.1 - self.scenario.trouble);
        }
    }
}

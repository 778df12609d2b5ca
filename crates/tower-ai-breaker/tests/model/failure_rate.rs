//! The failure-rate rule, all of it, as a list of what was seen.

use proptest::prelude::*;
use tokio::time::Instant;
use tower_ai_breaker::{BreakerLayer, FailureRate};
use tower_ai_core::error::Reason;
use tower_ai_core::{Mode, Outcome};

use crate::driver::{Call, Step, World, in_virtual_time, seconds, steps};

#[derive(Clone, Copy, Debug)]
struct Rule {
    /// In percent, as the slow ones.
    failures: u32,
    slow: u32,
    slow_after: u64,
    window: Window,
    minimum: usize,
    wait: u64,
    permitted: usize,
}

#[derive(Clone, Copy, Debug)]
enum Window {
    Calls(usize),
    /// So many times a minute.
    Time(u64),
}

fn rule() -> impl Strategy<Value = Rule> {
    let window = prop_oneof![
        (1..12_usize).prop_map(Window::Calls),
        (1..3_u64).prop_map(Window::Time),
    ];
    (
        1..5_u32,
        1..5_u32,
        1..10_u64,
        window,
        1..8_usize,
        1..20_u64,
        1..5_usize,
    )
        .prop_map(
            |(failures, slow, slow_after, window, minimum, wait, permitted)| Rule {
                failures: failures * 25,
                slow: slow * 25,
                slow_after,
                window,
                minimum,
                wait,
                permitted,
            },
        )
}

impl Rule {
    fn real(&self) -> FailureRate {
        let share = |percent| f64::from(percent) / 100.0;
        let rule = FailureRate::new(share(self.failures)).expect("within the limits");
        match self.window {
            Window::Calls(size) => rule.window_calls(size as u32),
            Window::Time(minutes) => rule.window_time(seconds(60 * minutes)),
        }
        .and_then(|rule| rule.slow_calls(share(self.slow), seconds(self.slow_after)))
        .and_then(|rule| rule.minimum_calls(self.minimum as u32))
        .and_then(|rule| rule.wait_while_open(seconds(self.wait)))
        .and_then(|rule| rule.permitted_half_open(self.permitted as u32))
        .expect("within the limits")
    }
}

/// A call that was counted.
#[derive(Clone, Copy)]
struct Seen {
    at: u64,
    failed: bool,
    slow: bool,
}

enum State {
    Closed(Vec<Seen>),
    /// Until when, once it is known what was drawn.
    Open(Until),
    HalfOpen {
        seen: Vec<Seen>,
        /// Who holds a permit, since when.
        held: Vec<(usize, u64)>,
    },
}

enum Until {
    /// Drawn from the shortest wait to the longest.
    Between(f64, f64),
    Known(Option<Instant>),
}

struct Model {
    rule: Rule,
    state: State,
    generation: u32,
    forced: bool,
    gate: u64,
    asked: u64,
    now: u64,
}

impl Model {
    fn new(rule: Rule) -> Self {
        Self {
            rule,
            state: State::Closed(Vec::new()),
            generation: 0,
            forced: false,
            gate: 0,
            asked: 0,
            now: 0,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.asked = 0;
    }

    fn open(&mut self) {
        let wait = self.rule.wait as f64;
        let asked = self.asked.saturating_sub(self.now) as f64;
        let shortest = (0.75 * wait).max(asked.min(1.25 * wait));
        self.enter(State::Open(Until::Between(shortest, 1.25 * wait)));
    }

    fn is_bad(&self, seen: &[Seen]) -> bool {
        let percent = |bad: fn(&&Seen) -> bool| 100 * seen.iter().filter(bad).count();
        percent(|call| call.failed) >= self.rule.failures as usize * seen.len()
            || percent(|call| call.slow) >= self.rule.slow as usize * seen.len()
    }

    /// The calls that are judged now.
    fn seen(&self) -> Vec<Seen> {
        match (&self.state, self.rule.window) {
            (State::Open(_), _) => Vec::new(),
            (State::HalfOpen { seen, .. }, _) => seen.clone(),
            (State::Closed(seen), Window::Calls(size)) => {
                seen[seen.len().saturating_sub(size)..].to_vec()
            }
            (State::Closed(seen), Window::Time(minutes)) => {
                let young = |call: &&Seen| call.at / minutes + 60 > self.now / minutes;
                seen.iter().filter(young).copied().collect()
            }
        }
    }

    fn admit(&mut self, id: usize, real_now: Instant) -> Result<(), Reason> {
        if let State::Open(Until::Known(until)) = self.state
            && until.is_none_or(|until| real_now < until)
        {
            return Err(Reason::Open);
        }
        if self.now < self.gate {
            return Err(Reason::RateLimited);
        }
        if let State::Open(_) = self.state {
            self.enter(State::HalfOpen {
                seen: Vec::new(),
                held: Vec::new(),
            });
        }
        if let State::HalfOpen { seen, held } = &mut self.state {
            if seen.len() + held.len() >= self.rule.permitted {
                return Err(Reason::Ramping);
            }
            held.push((id, self.now));
        }
        Ok(())
    }

    fn end(&mut self, call: &Call, outcome: Outcome) {
        if let Outcome::RateLimited { wait: Some(wait) } = outcome {
            self.gate = self.gate.max(self.now + wait.as_secs());
        }
        if call.generation != self.generation {
            return;
        }
        if let State::HalfOpen { held, .. } = &mut self.state {
            held.retain(|(id, _)| *id != call.id);
        }
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Fault | Outcome::TimedOut => true,
            Outcome::Overloaded { wait } => {
                let wait = wait.map_or(0, |wait| wait.as_secs());
                self.asked = self.asked.max(self.now + wait);
                true
            }
            Outcome::Exhausted { wait: Some(wait) } if !self.forced => {
                let wait = wait.as_secs().max(self.rule.wait) as f64;
                return self.enter(State::Open(Until::Between(wait, wait)));
            }
            _ => return,
        };
        if !self.forced {
            let spoke = call.content.unwrap_or(self.now);
            self.count(Seen {
                at: self.now,
                failed,
                slow: spoke - call.started > self.rule.slow_after,
            });
        }
    }

    fn count(&mut self, call: Seen) {
        match &mut self.state {
            State::Closed(seen) => {
                seen.push(call);
                let judged = self.seen();
                let minimum = match self.rule.window {
                    Window::Calls(size) => self.rule.minimum.min(size),
                    Window::Time(_) => self.rule.minimum,
                };
                if judged.len() >= minimum && self.is_bad(&judged) {
                    self.open();
                }
            }
            State::HalfOpen { seen, .. } => {
                seen.push(call);
                let judged = seen.clone();
                if judged.len() >= self.rule.permitted {
                    if self.is_bad(&judged) {
                        self.open();
                    } else {
                        self.enter(State::Closed(Vec::new()));
                    }
                }
            }
            State::Open(_) => {}
        }
    }

    /// Leases lapse after a minute.
    fn wait(&mut self, now: u64) {
        self.now = now;
        if let State::HalfOpen { held, .. } = &mut self.state {
            held.retain(|(_, since)| now - since <= 60);
        }
    }

    fn force(&mut self, step: Step) {
        match step {
            Step::ForceOpen => {
                self.enter(State::Open(Until::Known(None)));
                self.forced = true;
            }
            Step::ForceClosed => {
                self.enter(State::Closed(Vec::new()));
                self.forced = true;
            }
            Step::Automatic => {
                if self.forced && matches!(self.state, State::Open(_)) {
                    self.enter(State::Open(Until::Between(0.0, 0.0)));
                }
                self.forced = false;
            }
            _ => {
                self.enter(State::Closed(Vec::new()));
                (self.forced, self.gate) = (false, 0);
            }
        }
    }

    /// Holds the circuit to the model, and learns from it what was drawn.
    fn check(&mut self, world: &World) -> Result<(), TestCaseError> {
        let state = world.handle.state();
        prop_assert_eq!(state.generation, self.generation);
        prop_assert_eq!(state.forced, self.forced);
        let seen = self.seen();
        let tally = state.tally.expect("it counts");
        let count = |bad: fn(&&Seen) -> bool| seen.iter().filter(bad).count() as u32;
        prop_assert_eq!(tally.calls as usize, seen.len());
        prop_assert_eq!(tally.failed, count(|call| call.failed));
        prop_assert_eq!(tally.slow, count(|call| call.slow));
        match &mut self.state {
            State::Closed(_) => prop_assert_eq!(state.mode, Mode::Closed),
            State::HalfOpen { held, .. } => {
                prop_assert_eq!(state.mode, Mode::Ramping);
                prop_assert_eq!(state.in_window as usize, held.len());
            }
            State::Open(until) => {
                prop_assert_eq!(state.mode, Mode::Open);
                match *until {
                    Until::Known(until) => prop_assert_eq!(state.until, until),
                    Until::Between(shortest, longest) => {
                        let wait = state.until.expect("not for good") - Instant::now();
                        let wait = wait.as_secs_f64();
                        prop_assert!(wait >= shortest - 1e-6 && wait <= longest + 1e-6, "{wait}");
                        *until = Until::Known(state.until);
                    }
                }
            }
        }
        Ok(())
    }
}

async fn follow(rule: Rule, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let layer = BreakerLayer::failure_rate(rule.real());
    let (mut world, mut model) = (World::new(layer.handle()), Model::new(rule));
    for step in steps {
        match step {
            Step::Admit(others) => {
                let expected = model.admit(world.next_id(), Instant::now());
                prop_assert_eq!(world.admit(others), expected);
            }
            Step::Content(call) => {
                if let Some(at) = world.pick(call) {
                    world.content(at);
                }
            }
            Step::Settle(call, _) | Step::Drop(call) => {
                let outcome = match step {
                    Step::Settle(_, outcome) => Some(outcome),
                    _ => None,
                };
                if let Some(at) = world.pick(call) {
                    model.end(&world.calls[at], outcome.unwrap_or(Outcome::Cancelled));
                    world.end(at, outcome);
                }
            }
            Step::Wait(twice) => {
                world.wait(twice).await;
                model.wait(world.now);
            }
            Step::ForceOpen => world.handle.force_open(),
            Step::ForceClosed => world.handle.force_closed(),
            Step::Automatic => world.handle.automatic(),
            Step::Reset => world.handle.reset(),
        }
        if matches!(
            step,
            Step::ForceOpen | Step::ForceClosed | Step::Automatic | Step::Reset
        ) {
            model.force(step);
        }
        model.check(&world)?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn it_does_what_the_plain_model_does(rule in rule(), steps in steps()) {
        in_virtual_time(async || follow(rule, steps).await)?;
    }
}

//! The rule of failures in a row: exact while closed and open. How the ramp judges is its own; only its leaving
//! is looked at here.

use proptest::prelude::*;
use tokio::time::Instant;
use tower_ai_breaker::{BreakerLayer, Snapshot};
use tower_ai_core::error::Reason;
use tower_ai_core::{Mode, Outcome};

use crate::driver::{Call, Step, World, in_virtual_time, steps};

#[derive(Debug)]
enum State {
    Closed,
    /// Until when, if that is known.
    Open(Option<Instant>),
    Ramping,
}

struct Model {
    limit: u32,
    state: State,
    generation: u32,
    /// Failures in a row, and of which generation.
    row: (u32, u32),
    forced: bool,
    gate: u64,
}

impl Model {
    /// What an admission may answer; `None`: the ramp decides.
    fn admit(&self, now: u64, real_now: Instant) -> Option<Result<(), Reason>> {
        match self.state {
            State::Open(until) if until.is_none_or(|until| real_now < until) => {
                Some(Err(Reason::Open))
            }
            _ if now < self.gate => Some(Err(Reason::RateLimited)),
            State::Closed => Some(Ok(())),
            // The first probe finds the window free.
            State::Open(_) => Some(Ok(())),
            State::Ramping => None,
        }
    }

    /// Whether the end of the call opens a closed circuit.
    fn opens(&mut self, call: &Call, outcome: Outcome, now: u64) -> bool {
        if let Outcome::RateLimited { wait: Some(wait) } = outcome {
            self.gate = self.gate.max(now + wait.as_secs());
        }
        if call.generation != self.generation {
            return false;
        }
        match outcome {
            Outcome::Success => {
                self.row = (0, self.generation);
                false
            }
            Outcome::Fault | Outcome::TimedOut | Outcome::Overloaded { .. } => {
                if self.row.1 != self.generation {
                    self.row = (0, self.generation);
                }
                self.row.0 += 1;
                self.row.0 >= self.limit && !self.forced
            }
            Outcome::Exhausted { .. } => !self.forced,
            _ => false,
        }
    }

    /// Learns where the circuit is, where that is not for this model to say.
    fn sync(&mut self, state: &Snapshot) {
        self.generation = state.generation;
        self.state = match state.mode {
            Mode::Closed => State::Closed,
            Mode::Open => State::Open(state.until),
            _ => State::Ramping,
        };
    }
}

async fn follow(limit: u32, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let layer = BreakerLayer::consecutive_failures(limit).expect("within the limits");
    let mut world = World::new(layer.handle());
    let mut model = Model {
        limit,
        state: State::Closed,
        generation: 0,
        row: (0, 0),
        forced: false,
        gate: 0,
    };
    for step in steps {
        let was_ramping = matches!(model.state, State::Ramping);
        let mut expected = world.handle.mode();
        match step {
            Step::Admit(others) => {
                let answer = model.admit(world.now, Instant::now());
                let admitted = world.admit(others);
                prop_assert!(answer.is_none_or(|answer| answer == admitted));
                if matches!(model.state, State::Open(_)) && admitted.is_ok() {
                    expected = Mode::Ramping;
                }
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
                    let as_told = outcome.unwrap_or(Outcome::Cancelled);
                    if model.opens(&world.calls[at], as_told, world.now) {
                        expected = Mode::Open;
                    }
                    world.end(at, outcome);
                }
            }
            Step::Wait(twice) => world.wait(twice).await,
            Step::ForceOpen => {
                world.handle.force_open();
                (expected, model.forced) = (Mode::Open, true);
            }
            Step::ForceClosed => {
                world.handle.force_closed();
                (expected, model.forced) = (Mode::Closed, true);
            }
            Step::Automatic => {
                world.handle.automatic();
                model.forced = false;
            }
            Step::Reset => {
                world.handle.reset();
                (expected, model.forced, model.gate) = (Mode::Closed, false, 0);
            }
        }
        let state = world.handle.state();
        if !was_ramping {
            prop_assert_eq!(state.mode, expected, "{:?}", step);
        }
        model.sync(&state);
    }
    Ok(())
}

proptest! {
    #[test]
    fn it_does_what_the_plain_model_does(limit in 1..6_u32, steps in steps()) {
        in_virtual_time(async || follow(limit, steps).await)?;
    }
}

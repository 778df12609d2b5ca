//! Random steps, and calls under way, in virtual time.

use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::time::{Instant, advance};
use tower_ai_breaker::{BreakerHandle, Permit};
use tower_ai_core::error::Reason;
use tower_ai_core::{Outcome, Settle};

/// What happens next. Calls under way are picked by number, modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A call comes; whether other targets are left.
    Admit(bool),
    Content(usize),
    Settle(usize, Outcome),
    Drop(usize),
    /// So many times two seconds pass.
    Wait(u64),
    ForceOpen,
    ForceClosed,
    Automatic,
    Reset,
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let wait = |longest: u64| prop::option::of((1..longest).prop_map(|n| seconds(2 * n)));
    prop_oneof![
        8 => Just(Outcome::Success),
        8 => Just(Outcome::Fault),
        2 => Just(Outcome::TimedOut),
        1 => wait(40).prop_map(|wait| Outcome::Overloaded { wait }),
        1 => (1..20_u64).prop_map(|n| Outcome::RateLimited { wait: Some(seconds(2 * n)) }),
        1 => (1..100_u64).prop_map(|n| Outcome::Exhausted { wait: Some(seconds(2 * n)) }),
        2 => Just(Outcome::Invalid),
        1 => Just(Outcome::Cancelled),
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => any::<bool>().prop_map(Step::Admit),
        8 => any::<usize>().prop_map(Step::Content),
        26 => (any::<usize>(), outcome()).prop_map(|(call, outcome)| Step::Settle(call, outcome)),
        3 => any::<usize>().prop_map(Step::Drop),
        10 => (0..4_u64).prop_map(Step::Wait),
        3 => (0..40_u64).prop_map(Step::Wait),
        1 => Just(Step::ForceOpen),
        1 => Just(Step::ForceClosed),
        2 => Just(Step::Automatic),
        1 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 1..150)
}

/// A call under way.
pub(crate) struct Call {
    pub(crate) id: usize,
    pub(crate) permit: Permit,
    /// The generation that admitted it.
    pub(crate) generation: u32,
    /// In seconds, as all of these.
    pub(crate) started: u64,
    pub(crate) content: Option<u64>,
}

/// A circuit and the calls under way.
pub(crate) struct World {
    pub(crate) handle: BreakerHandle,
    pub(crate) calls: Vec<Call>,
    pub(crate) now: u64,
    admitted: usize,
}

impl World {
    pub(crate) const fn new(handle: BreakerHandle) -> Self {
        Self {
            handle,
            calls: Vec::new(),
            now: 0,
            admitted: 0,
        }
    }

    pub(crate) const fn next_id(&self) -> usize {
        self.admitted
    }

    pub(crate) fn admit(&mut self, others: bool) -> Result<(), Reason> {
        let permit = self.handle.admit_at(Instant::now(), others);
        let permit = permit.map_err(|shed| shed.reason())?;
        self.calls.push(Call {
            id: self.admitted,
            permit,
            generation: self.handle.state().generation,
            started: self.now,
            content: None,
        });
        self.admitted += 1;
        Ok(())
    }

    pub(crate) fn pick(&self, number: usize) -> Option<usize> {
        number.checked_rem(self.calls.len())
    }

    pub(crate) fn content(&mut self, at: usize) {
        let (now, call) = (self.now, &mut self.calls[at]);
        call.permit.first_content();
        call.content.get_or_insert(now);
    }

    /// Ends a call; `None` drops it.
    pub(crate) fn end(&mut self, at: usize, outcome: Option<Outcome>) {
        let Call { permit, .. } = self.calls.swap_remove(at);
        match outcome {
            Some(outcome) => permit.settle(outcome),
            None => drop(permit),
        }
    }

    pub(crate) async fn wait(&mut self, twice: u64) {
        self.now += 2 * twice;
        advance(seconds(2 * twice)).await;
    }
}

/// Runs it on a paused clock.
pub(crate) fn in_virtual_time<R>(run: impl AsyncFnOnce() -> R) -> R {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(run())
}

//! What every rule promises, whatever happens.

use proptest::prelude::*;
use tokio::time::{Instant, advance};
use tower_ai_breaker::{BreakerLayer, FailureRate, Snapshot};
use tower_ai_core::error::Reason;
use tower_ai_core::{Mode, Outcome, Settle, Target};

use crate::driver::{Step, World, in_virtual_time, seconds, steps};

fn layer() -> impl Strategy<Value = BreakerLayer> {
    prop_oneof![
        3 => Just(BreakerLayer::adaptive()),
        1 => Just(BreakerLayer::consecutive_failures(3).expect("within the limits")),
        1 => Just(BreakerLayer::failure_rate(
            FailureRate::default().window_calls(6).expect("within the limits")
        )),
    ]
}

/// What an outcome that does not count must leave as it is. Latency is learnt from every answer.
fn judgement(state: &Snapshot) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (state.mode, state.generation, state.until, state.evidence),
        (state.shed_share, state.window, state.in_window),
        (state.error_baseline, state.calls_per_second, state.tally),
    )
}

/// A call is refused exactly while it must be.
fn admit(world: &mut World, others: bool) -> Result<(), TestCaseError> {
    let before = world.handle.state();
    let admitted = world.admit(others);
    let after = world.handle.state();
    let refused = u64::from(admitted.is_err());
    prop_assert_eq!(after.rejected, before.rejected + refused);
    let is_due = before.until.is_some_and(|until| until <= Instant::now());
    if before.mode == Mode::Open && !is_due && others {
        prop_assert!(admitted.is_err(), "{before:?}");
    }
    if before.mode == Mode::Closed && admitted.is_err() {
        prop_assert_eq!(admitted, Err(Reason::RateLimited), "{:?}", before);
    }
    if let (Mode::Ramping, Ok(()), Some(window)) = (after.mode, admitted, after.window) {
        prop_assert!(after.in_window <= window, "{after:?}");
        prop_assert!(after.in_window >= 1, "{after:?}");
    }
    Ok(())
}

/// What a call of an older generation says changes no judgement.
fn end(world: &mut World, at: usize, outcome: Option<Outcome>) -> Result<(), TestCaseError> {
    let before = world.handle.state();
    let is_old = world.calls[at].generation != before.generation;
    world.end(at, outcome);
    let after = world.handle.state();
    if is_old {
        prop_assert_eq!(judgement(&before), judgement(&after), "{:?}", outcome);
    }
    Ok(())
}

async fn follow(target: &Target, world: &mut World, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Admit(others) => admit(world, others)?,
        Step::Content(call) => {
            if let Some(at) = world.pick(call) {
                let before = world.handle.state();
                let is_old = world.calls[at].generation != before.generation;
                world.content(at);
                let after = world.handle.state();
                if is_old {
                    prop_assert_eq!(judgement(&before), judgement(&after));
                }
            }
        }
        Step::Settle(call, outcome) => {
            if let Some(at) = world.pick(call) {
                end(world, at, Some(outcome))?;
            }
        }
        Step::Drop(call) => {
            if let Some(at) = world.pick(call) {
                end(world, at, None)?;
            }
        }
        Step::Wait(twice) => world.wait(twice).await,
        Step::ForceOpen => world.handle.force_open(),
        Step::ForceClosed => world.handle.force_closed(),
        Step::Automatic => world.handle.automatic(),
        Step::Reset => world.handle.reset(),
    }
    let state = world.handle.state();
    prop_assert_eq!(target.health().mode(), state.mode);
    prop_assert_eq!(world.handle.mode(), state.mode);
    let levels = [state.evidence.most_fail, state.evidence.slow];
    prop_assert!(
        levels
            .iter()
            .all(|level| level.is_finite() && *level >= 0.0)
    );
    if state.mode == Mode::Open && !state.forced {
        let wait = state
            .until
            .expect("not for good")
            .saturating_duration_since(Instant::now());
        prop_assert!(wait <= seconds(3600), "{state:?}");
    }
    Ok(())
}

/// From wherever it is, good calls close it: nothing that is under way or lost can hold it.
async fn comes_back(world: &World, others: bool) -> Result<(), TestCaseError> {
    world.handle.automatic();
    for _ in 0..3600 {
        if world.handle.mode() == Mode::Closed {
            return Ok(());
        }
        if let Ok(mut permit) = world.handle.admit_at(Instant::now(), others) {
            advance(seconds(1) / 4).await;
            permit.first_content();
            permit.settle(Outcome::Success);
        }
        advance(seconds(1) / 2).await;
    }
    prop_assert!(false, "stuck: {:?}", world.handle.state());
    Ok(())
}

proptest! {
    #[test]
    fn promises_are_kept(layer in layer(), others: bool, steps in steps()) {
        in_virtual_time(async || {
            let target = Target::new("one").expect("within the limits");
            let mut world = World::new(layer.for_target(&target).handle());
            for step in steps {
                follow(&target, &mut world, step).await?;
            }
            comes_back(&world, others).await?;
            world.calls.clear();
            prop_assert_eq!(target.health().pending(), 0);
            prop_assert_eq!(world.handle.state().in_window, 0);
            Ok(())
        })?;
    }
}

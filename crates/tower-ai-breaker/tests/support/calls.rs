//! A service whose calls say how they end, and what tests do with it on a paused clock.

#![allow(dead_code, reason = "no test uses all of it")]

use std::time::Duration;

use tokio::time::{Instant, advance};
use tower::{Service, ServiceExt};
use tower_ai_breaker::{Breaker, BreakerHandle, BreakerLayer};
use tower_ai_core::error::{BoxError, Failed, Shed, cause_ref};
use tower_ai_core::{AtOnce, Attempt, Carry, Mode, Outcome};
use tower_layer::Layer;

/// A request that says how it ends, and whether other targets are left.
#[derive(Clone, Copy)]
pub(crate) struct Call(pub(crate) Outcome, pub(crate) bool);

#[derive(Clone, Copy)]
pub(crate) struct CallCarry;

impl Carry<Call> for CallCarry {
    fn get(&self, call: &Call) -> Option<Attempt> {
        Some(Attempt::begin(Instant::now()).with_others(call.1))
    }
    fn set(&self, _: &mut Call, _: Attempt) {}
}

pub(crate) async fn answer(Call(outcome, _): Call) -> Result<&'static str, BoxError> {
    match outcome {
        Outcome::Success => Ok("hi"),
        bad => Err(Failed::new(bad, "as told").into()),
    }
}

pub(crate) type Fake = Breaker<
    tower::util::ServiceFn<
        fn(Call) -> std::pin::Pin<Box<dyn Future<Output = Result<&'static str, BoxError>> + Send>>,
    >,
    AtOnce,
    CallCarry,
>;

pub(crate) fn fake(layer: &BreakerLayer) -> Fake {
    layer
        .clone()
        .carry(CallCarry)
        .layer(tower::service_fn(|call| Box::pin(answer(call))))
}

pub(crate) const FAULT: Outcome = Outcome::Fault;
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// One call, with other targets left.
pub(crate) async fn call(service: &mut Fake, outcome: Outcome) -> Result<&'static str, BoxError> {
    service.ready().await?.call(Call(outcome, true)).await
}

pub(crate) async fn alone(service: &mut Fake, outcome: Outcome) -> Result<&'static str, BoxError> {
    service.ready().await?.call(Call(outcome, false)).await
}

pub(crate) fn shed(result: &Result<&'static str, BoxError>) -> Option<Shed> {
    result
        .as_ref()
        .err()
        .and_then(|error| cause_ref::<Shed>(&**error))
        .copied()
}

pub(crate) fn is_shed(result: &Result<&'static str, BoxError>) -> bool {
    shed(result).is_some()
}

/// Fails calls, a second apart, until the circuit is open.
pub(crate) async fn break_it(service: &mut Fake, handle: &BreakerHandle) {
    for _ in 0..40 {
        if handle.mode() == Mode::Open {
            return;
        }
        let _failed = call(service, FAULT).await;
        advance(SECOND / 10).await;
    }
    panic!(
        "forty failures in a row did not open it: {:?}",
        handle.state()
    );
}

/// Sends good calls, half a second apart, until the circuit is closed; returns how long that took.
pub(crate) async fn mend_it(service: &mut Fake, handle: &BreakerHandle) -> Duration {
    let start = Instant::now();
    while handle.mode() != Mode::Closed {
        let _maybe_shed = call(service, Outcome::Success).await;
        advance(SECOND / 2).await;
        assert!(
            start + 3600 * SECOND > Instant::now(),
            "stuck: {:?}",
            handle.state()
        );
    }
    Instant::now() - start
}

//! Breakers: closed, and open. failsafe and recloser are no tower services; the adapter adds nothing.

use std::task::{Context, Poll};
use std::time::Duration;

use failsafe::backoff::{Constant, constant};
use failsafe::failure_policy::consecutive_failures;
use failsafe::futures::CircuitBreaker;
use recloser::{AsyncRecloser, Recloser};
use tower::{Layer, Service};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

use crate::harness::{Row, Suite};
use crate::ours::inner::{Failed, Next};
use crate::ours::number;

const CLOSED: &str = "breaker, closed";
const CONSECUTIVE: &str = "breaker, closed, consecutive";
const OPEN: &str = "breaker, open";
const RESILIENCE: Option<&str> = Some("tower-resilience 0.14.0");
const FAILSAFE: Option<&str> = Some("failsafe 1.3.0");
const RECLOSER: Option<&str> = Some("recloser 1.4.0");
const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn add(suite: &mut Suite) {
    resilience(suite);
    failsafe(suite);
    recloser(suite);
}

fn resilience(suite: &mut Suite) {
    let builder = CircuitBreakerLayer::builder().wait_duration_in_open(HOUR);
    let (layer, handle) = builder.build_with_handle().expect("the defaults");
    suite.add(Row {
        work: CLOSED,
        peer: RESILIENCE,
        service: CircuitBreakerLayer::builder()
            .build()
            .expect("the defaults")
            .layer(Next),
        request: number,
        check: Result::is_ok,
    });
    let consecutive = CircuitBreakerLayer::builder().consecutive_failures(5);
    suite.add(Row {
        work: CONSECUTIVE,
        peer: RESILIENCE,
        service: consecutive.build().expect("the defaults").layer(Next),
        request: number,
        check: Result::is_ok,
    });
    suite.runtime().block_on(handle.force_open());
    suite.add(Row {
        work: OPEN,
        peer: RESILIENCE,
        service: layer.layer(Next),
        request: number,
        check: Result::is_err,
    });
}

fn failsafe(suite: &mut Suite) {
    suite.add(Row {
        work: CLOSED,
        peer: FAILSAFE,
        service: Failsafe(failsafe::Config::new().build()),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: CONSECUTIVE,
        peer: FAILSAFE,
        service: Failsafe(consecutive(5)),
        request: number,
        check: Result::is_ok,
    });
    let open = consecutive(1);
    let failing = open.call(std::future::ready(Err::<u64, _>(Failed)));
    assert!(suite.runtime().block_on(failing).is_err());
    suite.add(Row {
        work: OPEN,
        peer: FAILSAFE,
        service: Failsafe(open),
        request: number,
        check: Result::is_err,
    });
}

pub(super) type Consecutive =
    failsafe::StateMachine<failsafe::failure_policy::ConsecutiveFailures<Constant>, ()>;

pub(super) fn consecutive(failures: u32) -> Consecutive {
    let policy = consecutive_failures(failures, constant(HOUR));
    failsafe::Config::new().failure_policy(policy).build()
}

fn recloser(suite: &mut Suite) {
    suite.add(Row {
        work: CLOSED,
        peer: RECLOSER,
        service: Reclosing(reclosing()),
        request: number,
        check: Result::is_ok,
    });
    let open = Recloser::custom().closed_len(1).open_wait(HOUR).build();
    let open = AsyncRecloser::from(open);
    for _ in 0..3 {
        let failing = open.call(std::future::ready(Err::<u64, _>(Failed)));
        assert!(suite.runtime().block_on(failing).is_err());
    }
    suite.add(Row {
        work: OPEN,
        peer: RECLOSER,
        service: Reclosing(open),
        request: number,
        check: Result::is_err,
    });
}

pub(super) fn reclosing() -> AsyncRecloser {
    AsyncRecloser::from(Recloser::default())
}

/// [`Next`] behind a breaker of failsafe.
#[derive(Clone)]
pub(super) struct Failsafe<B>(pub(super) B);

impl<B: CircuitBreaker> Service<u64> for Failsafe<B> {
    type Response = u64;
    type Error = failsafe::Error<Failed>;
    type Future = failsafe::futures::ResponseFuture<
        <Next as Service<u64>>::Future,
        B::FailurePolicy,
        B::Instrument,
        failsafe::Any,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: u64) -> Self::Future {
        self.0.call(Next.call(number))
    }
}

/// [`Next`] behind a breaker of recloser.
#[derive(Clone)]
pub(super) struct Reclosing(pub(super) AsyncRecloser);

impl Service<u64> for Reclosing {
    type Response = u64;
    type Error = recloser::Error<Failed>;
    type Future = recloser::RecloserFuture<<Next as Service<u64>>::Future, recloser::AnyError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: u64) -> Self::Future {
        self.0.call(Next.call(number))
    }
}

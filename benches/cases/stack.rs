//! Retry and breaker per target, under one failover: all of it, without a cache.

use tower::{Layer, Service};
use tower_ai_breaker::BreakerLayer;
use tower_ai_core::{BoxError, Budget, Carry, HttpCarry, NoCarry, Report, Target};
use tower_ai_failover::Failover;
use tower_ai_retry::{RetryLayer, RetryPolicy};

use super::failover::targets;
use super::inner::{Asked, AskedCarry, Next};
use super::number;
use crate::harness::{Row, Suite};

pub(crate) fn add(suite: &mut Suite) {
    suite.add(Row {
        work: "stack, 2 targets",
        peer: None,
        service: over(NoCarry, Next),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "stack, 2 targets, carried",
        peer: None,
        service: over(AskedCarry, Next),
        request: asked,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "bare, http types",
        peer: None,
        service: Next,
        request: http_request,
        check: Result::is_ok,
    });
    suite.baseline("bare, http types");
    each_over_http(suite);
    suite.add(Row {
        work: "stack, http types, 2 targets",
        peer: None,
        service: over(HttpCarry, Next),
        request: http_request,
        check: Result::is_ok,
    });
}

/// What each layer alone adds to `http` types, which carry what layers tell each other.
fn each_over_http(suite: &mut Suite) {
    suite.add(Row {
        work: "retry, http types",
        peer: None,
        service: RetryLayer::new(RetryPolicy::new().carry(HttpCarry)).layer(Next),
        request: http_request,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "breaker, http types",
        peer: None,
        service: BreakerLayer::adaptive().carry(HttpCarry).layer(Next),
        request: http_request,
        check: Result::is_ok,
    });
    let pairs = targets(2).into_iter().map(|target| (target, Next));
    let router = Failover::new(pairs).expect("targets with names of their own");
    suite.add(Row {
        work: "failover, http types, 2 targets",
        peer: None,
        service: router.carry(HttpCarry),
        request: http_request,
        check: Result::is_ok,
    });
}

/// The stack of two targets: one budget, which failover pays into.
pub(crate) fn over<K, Req>(
    carry: K,
    inner: Next,
) -> impl Service<Req, Response = <Next as Service<Req>>::Response, Error = BoxError, Future: Send>
+ Clone
+ Send
+ Sync
where
    Next: Service<Req, Error: Into<BoxError>, Future: Send>,
    K: Carry<Req> + Report<<Next as Service<Req>>::Response> + Clone + Send + Sync,
    Req: Clone + Send,
    <Next as Service<Req>>::Response: Send + 'static,
    <Next as Service<Req>>::Error: Send + 'static,
{
    let budget = Budget::default();
    let breaker = BreakerLayer::adaptive().carry(carry.clone());
    let policy = RetryPolicy::new().budget(budget.without_deposit());
    let retry = RetryLayer::new(policy.carry(carry.clone()));
    let stack = |target: &Target| retry.layer(breaker.for_target(target).layer(inner));
    let pairs = targets(2).into_iter().map(|target| {
        let service = stack(&target);
        (target, service)
    });
    let router = Failover::new(pairs).expect("targets with names of their own");
    router.budget(budget).carry(carry)
}

const fn asked(number: u64) -> Asked {
    Asked {
        number,
        attempt: None,
    }
}

/// A request without headers: what the stack adds is all there is to pay for.
fn http_request(number: u64) -> http::Request<u64> {
    http::Request::new(number)
}

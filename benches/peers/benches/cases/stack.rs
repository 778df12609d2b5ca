//! tower-resilience's fallback, retry and breaker, for the work of failover, retry and breaker.

use tower::Layer;
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};
use tower_resilience_fallback::FallbackLayer;
use tower_resilience_retry::{RetryBudgetBuilder, RetryLayer};

use crate::harness::{Row, Suite};
use crate::ours::inner::{Failed, Next};
use crate::ours::number;

type Broken = CircuitBreakerError<Failed>;

pub(super) fn add(suite: &mut Suite) {
    let target = || {
        let breaker = CircuitBreakerLayer::builder().build();
        let budget = RetryBudgetBuilder::new().token_bucket().build();
        let retry = RetryLayer::<u64, u64, Broken>::builder()
            .max_attempts(3)
            .budget(budget.expect("the defaults"));
        let breaker = breaker.expect("the defaults").layer(Next);
        retry.build().layer(breaker)
    };
    let fallback = FallbackLayer::<u64, u64, Broken>::tower_service(target());
    suite.add(Row {
        work: "stack, 2 targets",
        peer: Some("tower-resilience 0.14.0"),
        service: fallback.layer(target()),
        request: number,
        check: Result::is_ok,
    });
}

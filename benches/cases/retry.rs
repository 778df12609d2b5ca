//! Retry: nothing fails; or all fails and may not be tried again.

use tower::Layer;
use tower_ai_core::{Budget, Outcome, classify_fn};
use tower_ai_retry::{RetryLayer, RetryPolicy};

use super::inner::{Failed, Failing, Next, Waiting};
use super::number;
use crate::harness::{Row, Suite};

pub(crate) fn add(suite: &mut Suite) {
    suite.baseline("bare");
    suite.add(Row {
        work: "retry",
        peer: None,
        service: RetryLayer::new(RetryPolicy::new().without_budget()).layer(Next),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "retry, full budget",
        peer: None,
        service: RetryLayer::default().layer(Next),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "retry, drawn budget",
        peer: None,
        service: RetryLayer::new(RetryPolicy::new().budget(drawn())).layer(Next),
        request: number,
        check: Result::is_ok,
    });
    suite.baseline("bare, failing");
    suite.add(Row {
        work: "retry, empty budget refuses",
        peer: None,
        service: RetryLayer::new(RetryPolicy::new().budget(empty())).layer(Failing),
        request: number,
        check: Result::is_err,
    });
    let invalid = classify_fn(|_: Result<&u64, &Failed>| Outcome::Invalid);
    let policy = RetryPolicy::new().classify(invalid);
    suite.add(Row {
        work: "retry, outcome is not retried",
        peer: None,
        service: RetryLayer::new(policy).layer(Failing),
        request: number,
        check: Result::is_err,
    });
}

/// The call waits.
pub(crate) fn waiting(suite: &mut Suite) {
    suite.add(Row {
        work: "retry, waiting",
        peer: None,
        service: RetryLayer::default().layer(Waiting),
        request: number,
        check: Result::is_ok,
    });
}

/// A budget that each call pays into and none can fill.
pub(crate) fn drawn() -> Budget {
    let budget = Budget::new(0.000_001, 1_000_000).expect("within the limits");
    assert!((0..500_000).all(|_| budget.withdraw()));
    budget
}

/// A budget with nothing in it.
fn empty() -> Budget {
    let budget = Budget::new(0.0, 1).expect("within the limits");
    assert!(budget.withdraw() && !budget.withdraw());
    budget
}

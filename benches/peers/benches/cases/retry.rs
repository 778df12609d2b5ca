//! Retry: tower's engine with the smallest policy, and tower-resilience's layer.

use std::future::{Ready, ready};
use std::sync::Arc;

use tower::Layer;
use tower::retry::budget::{Budget, TpsBudget};
use tower::retry::{Policy, Retry};
use tower_resilience_retry::{RetryBudgetBuilder, RetryLayer};

use crate::harness::{Row, Suite};
use crate::ours::inner::{Failed, Next};
use crate::ours::number;

const TOWER: Option<&str> = Some("tower 0.5.3");
const RESILIENCE: Option<&str> = Some("tower-resilience 0.14.0");

pub(super) fn add(suite: &mut Suite) {
    suite.add(Row {
        work: "retry",
        peer: TOWER,
        service: Retry::new(Times(2), Next),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "retry, full budget",
        peer: TOWER,
        service: Retry::new(Budgeted::new(), Next),
        request: number,
        check: Result::is_ok,
    });
    let layer = RetryLayer::<u64, u64, Failed>::builder().max_attempts(3);
    suite.add(Row {
        work: "retry",
        peer: RESILIENCE,
        service: layer.build().layer(Next),
        request: number,
        check: Result::is_ok,
    });
    let budget = RetryBudgetBuilder::new().token_bucket().build();
    let layer = RetryLayer::<u64, u64, Failed>::builder().max_attempts(3);
    suite.add(Row {
        work: "retry, full budget",
        peer: RESILIENCE,
        service: layer
            .budget(budget.expect("the defaults"))
            .build()
            .layer(Next),
        request: number,
        check: Result::is_ok,
    });
}

/// The policy of tower's docs: tries again so many times, at once.
#[derive(Clone)]
struct Times(u32);

impl Policy<u64, u64, Failed> for Times {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<u64, Failed>) -> Option<Self::Future> {
        if result.is_ok() || self.0 == 0 {
            return None;
        }
        self.0 -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

/// The same with tower's budget.
#[derive(Clone)]
pub(super) struct Budgeted {
    times: u32,
    budget: Arc<TpsBudget>,
}

impl Budgeted {
    pub(super) fn new() -> Self {
        Self {
            times: 2,
            budget: Arc::new(TpsBudget::default()),
        }
    }
}

impl Policy<u64, u64, Failed> for Budgeted {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<u64, Failed>) -> Option<Self::Future> {
        if result.is_ok() {
            self.budget.deposit();
            return None;
        }
        if self.times == 0 || !self.budget.withdraw() {
            return None;
        }
        self.times -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

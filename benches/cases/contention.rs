//! What is shared by all calls: budget, circuit, router.

use tower::Layer;
use tower_ai_breaker::BreakerLayer;
use tower_ai_retry::{RetryLayer, RetryPolicy};

use super::inner::Next;
use super::{failover, number, retry};
use crate::harness::Row;
use crate::harness::threads::Contest;

pub(crate) fn add(contest: &mut Contest) {
    contest.add(Row {
        work: "bare",
        peer: None,
        service: Next,
        request: number,
        check: Result::is_ok,
    });
    contest.add(Row {
        work: "retry, full budget",
        peer: None,
        service: RetryLayer::default().layer(Next),
        request: number,
        check: Result::is_ok,
    });
    contest.add(Row {
        work: "retry, drawn budget",
        peer: None,
        service: RetryLayer::new(RetryPolicy::new().budget(retry::drawn())).layer(Next),
        request: number,
        check: Result::is_ok,
    });
    contest.add(Row {
        work: "breaker, closed",
        peer: None,
        service: BreakerLayer::adaptive().layer(Next),
        request: number,
        check: Result::is_ok,
    });
    let plain = BreakerLayer::consecutive_failures(5).expect("within the limits");
    contest.add(Row {
        work: "breaker, closed, consecutive",
        peer: None,
        service: plain.layer(Next),
        request: number,
        check: Result::is_ok,
    });
    contest.add(Row {
        work: "breaker, closed, keyed",
        peer: None,
        service: BreakerLayer::adaptive().keyed(|n: &u64| *n % 8).layer(Next),
        request: number,
        check: Result::is_ok,
    });
    contest.add(Row {
        work: "failover, first of 3 well",
        peer: None,
        service: failover::over(&failover::targets(3)),
        request: number,
        check: Result::is_ok,
    });
}

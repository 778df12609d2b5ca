//! What is shared by all calls: budgets and circuits.

use tower::Layer;
use tower::retry::Retry;
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

use super::breaker::{Failsafe, Reclosing, consecutive, reclosing};
use super::retry::Budgeted;
use crate::harness::Row;
use crate::harness::threads::Contest;
use crate::ours::inner::Next;
use crate::ours::number;

pub(crate) fn add(contest: &mut Contest) {
    contest.add(Row {
        work: "retry, full budget",
        peer: Some("tower 0.5.3"),
        service: Retry::new(Budgeted::new(), Next),
        request: number,
        check: Result::is_ok,
    });
    let layer = CircuitBreakerLayer::builder().build();
    contest.add(Row {
        work: "breaker, closed",
        peer: Some("tower-resilience 0.14.0"),
        service: layer.expect("the defaults").layer(Next),
        request: number,
        check: Result::is_ok,
    });
    contest.add(Row {
        work: "breaker, closed, consecutive",
        peer: Some("failsafe 1.3.0"),
        service: Failsafe(consecutive(5)),
        request: number,
        check: Result::is_ok,
    });
    contest.add(Row {
        work: "breaker, closed",
        peer: Some("recloser 1.4.0"),
        service: Reclosing(reclosing()),
        request: number,
        check: Result::is_ok,
    });
}

//! Failover: what comes nearest to a router over targets. None of these skips a target that is away; and for calls
//! that wait, what it costs to watch a clock.

use std::time::Duration;

use tower::Layer;
use tower::steer::Steer;
use tower::timeout::Timeout;
use tower_resilience_fallback::FallbackLayer;
use tower_resilience_router::WeightedRouter;

use crate::harness::{Row, Suite};
use crate::ours::inner::{Failed, Next, Waiting};
use crate::ours::number;

const WORK: &str = "failover, first of 3 well";

pub(super) fn add(suite: &mut Suite) {
    suite.add(Row {
        work: WORK,
        peer: Some("tower 0.5.3 steer"),
        service: Steer::new([Next; 3], |_: &u64, _: &[Next]| 0),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: WORK,
        peer: Some("tower-resilience 0.14.0 fallback"),
        service: FallbackLayer::<u64, u64, Failed>::tower_service(Next).layer(Next),
        request: number,
        check: Result::is_ok,
    });
    let router = WeightedRouter::builder().route(Next, 1).route(Next, 1);
    suite.add(Row {
        work: WORK,
        peer: Some("tower-resilience 0.14.0 router"),
        service: router.route(Next, 1).build(),
        request: number,
        check: Result::is_ok,
    });
}

/// The rows beside ours for calls that wait.
pub(super) fn waiting(suite: &mut Suite) {
    suite.baseline("bare, waiting");
    suite.add(Row {
        work: "failover, first of 3 well, waiting",
        peer: Some("tower 0.5.3 timeout"),
        service: Timeout::new(Waiting, Duration::from_secs(30)),
        request: number,
        check: Result::is_ok,
    });
}

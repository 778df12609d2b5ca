//! Failover: the first target is well; it is away; all are.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::error::{AllFailed, cause_ref};
use tower_ai_core::{BoxError, Mode, Target};
use tower_ai_failover::{Failover, Hedge, Order};

use super::inner::{Next, Waiting};
use super::number;
use crate::harness::{Row, Suite};

pub(crate) fn add(suite: &mut Suite) {
    suite.baseline("bare");
    suite.add(Row {
        work: "failover, first of 3 well",
        peer: None,
        service: over(&targets(3)),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "failover, first of 3 well, no budget",
        peer: None,
        service: over(&targets(3)).without_budget(),
        request: number,
        check: Result::is_ok,
    });
    for (work, order) in [
        ("failover, 3 by weight", Order::Weighted),
        ("failover, 3 by cost", Order::LeastCost),
        ("failover, 3 by latency", Order::LeastLatency),
    ] {
        suite.add(Row {
            work,
            peer: None,
            service: over(&targets(3)).order(order).seed(1),
            request: number,
            check: Result::is_ok,
        });
    }
    suite.add(Row {
        work: "failover, hedged, first of 3 well",
        peer: None,
        service: over(&targets(3)).hedge(Hedge::default()),
        request: number,
        check: Result::is_ok,
    });
    let second = targets(3);
    second[0].health().set_mode(Mode::Open, None);
    suite.add(Row {
        work: "failover, first of 3 open",
        peer: None,
        service: over(&second),
        request: number,
        check: Result::is_ok,
    });
    let away = targets(3);
    for target in &away {
        target
            .health()
            .gate(Instant::now() + Duration::from_secs(3600));
    }
    suite.add(Row {
        work: "failover, all 3 away",
        peer: None,
        service: over(&away),
        request: number,
        check: all_failed,
    });
}

/// The first target is well and makes the call wait, so that a clock must watch it.
pub(crate) fn waiting(suite: &mut Suite) {
    let pairs = targets(3).into_iter().map(|target| (target, Waiting));
    suite.add(Row {
        work: "failover, first of 3 well, waiting",
        peer: None,
        service: Failover::new(pairs).expect("targets with names of their own"),
        request: number,
        check: Result::is_ok,
    });
}

/// The first target is well, among ever more of them.
pub(crate) fn scale(suite: &mut Suite) {
    for (work, count) in [
        ("failover, 1 target", 1),
        ("failover, first of 10", 10),
        ("failover, first of 100", 100),
        ("failover, first of 256", 256),
    ] {
        suite.add(Row {
            work,
            peer: None,
            service: over(&targets(count)),
            request: number,
            check: Result::is_ok,
        });
    }
}

/// Targets that are well.
pub(crate) fn targets(count: u32) -> Vec<Target> {
    let target = |n| Target::new(format!("target-{n}")).expect("it has a name");
    (0..count).map(target).collect()
}

/// A router over them.
pub(crate) fn over(targets: &[Target]) -> Failover<Next> {
    let pairs = targets.iter().map(|target| (target.clone(), Next));
    Failover::new(pairs).expect("targets with names of their own")
}

fn all_failed(result: &Result<u64, BoxError>) -> bool {
    let error = result.as_ref().err();
    error.is_some_and(|error| cause_ref::<AllFailed>(&**error).is_some())
}

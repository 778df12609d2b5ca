//! The breaker: closed, by the plain rule and the adaptive one; and open.

use tokio::time::Instant;
use tower::Layer;
use tower_ai_breaker::{BreakerLayer, FailureRate, KeyedBreaker};
use tower_ai_core::error::{Shed, cause_ref};
use tower_ai_core::{Attempt, BoxError};

use super::inner::{Asked, AskedCarry, Next, Waiting};
use super::number;
use crate::harness::{Row, Suite};

pub(crate) fn add(suite: &mut Suite) {
    suite.baseline("bare");
    suite.add(Row {
        work: "breaker, closed",
        peer: None,
        service: BreakerLayer::adaptive().layer(Next),
        request: number,
        check: Result::is_ok,
    });
    let plain = BreakerLayer::consecutive_failures(5).expect("within the limits");
    suite.add(Row {
        work: "breaker, closed, consecutive",
        peer: None,
        service: plain.layer(Next),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "breaker, closed, failure rate",
        peer: None,
        service: BreakerLayer::failure_rate(FailureRate::default()).layer(Next),
        request: number,
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "breaker, closed, keyed",
        peer: None,
        service: BreakerLayer::adaptive().keyed(|n: &u64| *n % 8).layer(Next),
        request: number,
        check: Result::is_ok,
    });
    let open = BreakerLayer::adaptive();
    open.handle().force_open();
    suite.add(Row {
        work: "breaker, open",
        peer: None,
        service: open.layer(Next),
        request: number,
        check: is_shed,
    });
    suite.add(Row {
        work: "bare, start read above",
        peer: None,
        service: Next,
        request: asked,
        check: Result::is_ok,
    });
    suite.baseline("bare, start read above");
    suite.add(Row {
        work: "breaker, closed, start read above",
        peer: None,
        service: BreakerLayer::adaptive().carry(AskedCarry).layer(Next),
        request: asked,
        check: Result::is_ok,
    });
}

/// The call waits.
pub(crate) fn waiting(suite: &mut Suite) {
    suite.add(Row {
        work: "breaker, closed, waiting",
        peer: None,
        service: BreakerLayer::adaptive().layer(Waiting),
        request: number,
        check: Result::is_ok,
    });
}

/// One key, among ever more of them that each have a circuit; and all of them in turn.
pub(crate) fn scale(suite: &mut Suite) {
    for (work, count) in [
        ("breaker, 1 key", 1),
        ("breaker, one of 100 keys", 100),
        ("breaker, one of 10,000 keys", 10_000),
        ("breaker, one of 100,000 keys", 100_000),
    ] {
        suite.add_lazily(Row {
            work,
            peer: None,
            service: move || keyed(count),
            request: |_| 0,
            check: Result::is_ok,
        });
    }
    for (work, count, mask) in [
        ("breaker, 1024 keys in turn", 1 << 10, (1 << 10) - 1),
        ("breaker, 65,536 keys in turn", 1 << 16, (1 << 16) - 1),
    ] {
        suite.add_lazily(Row {
            work,
            peer: None,
            service: move || keyed(count),
            request: move |n| n & mask,
            check: Result::is_ok,
        });
    }
}

/// So many circuits, with the plain rule: what grows with their number is the table.
fn keyed(count: usize) -> KeyedBreaker<Next, u64, fn(&u64) -> u64> {
    let plain = BreakerLayer::consecutive_failures(5).expect("within the limits");
    let keyed = plain.keyed::<u64, u64, fn(&u64) -> u64>(|n| *n);
    let layer = keyed.limit(count).expect("within the limits");
    for key in 0..count as u64 {
        let _circuit = layer.handle().circuit(key);
    }
    layer.layer(Next)
}

/// A request that says when its attempt began, as a layer above would.
fn asked(number: u64) -> Asked {
    Asked {
        number,
        attempt: Some(Attempt::begin(Instant::now())),
    }
}

fn is_shed(result: &Result<u64, BoxError>) -> bool {
    let error = result.as_ref().err();
    error.is_some_and(|error| cause_ref::<Shed>(&**error).is_some())
}

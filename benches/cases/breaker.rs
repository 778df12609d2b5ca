//! The breaker: closed, by the plain rule and the adaptive one; and open.

use tokio::time::Instant;
use tower::Layer;
use tower_ai_breaker::BreakerLayer;
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

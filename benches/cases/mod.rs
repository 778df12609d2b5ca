//! What is measured: our rows, for the benches and for the counts of allocations and instructions.
#![allow(
    dead_code,
    unused_imports,
    reason = "each bench binary uses a part of it"
)]

pub(crate) mod breaker;
mod contention;
pub(crate) mod failover;
pub(crate) mod inner;
pub(crate) mod retry;
pub(crate) mod stack;

use std::hint::black_box;
use std::sync::Arc;

use tokio::time::Instant;

pub(crate) use self::contention::add as contention;
use crate::harness::{Row, Suite};

/// Each layer alone: what a call costs that needs nothing of it, and one that it turns away.
pub(crate) fn layers(suite: &mut Suite) {
    bare(suite);
    suite.add(Row {
        work: "bare, failing",
        peer: None,
        service: inner::Failing,
        request: number,
        check: Result::is_err,
    });
    retry::add(suite);
    breaker::add(suite);
    failover::add(suite);
    waiting(suite);
    prices(suite);
}

/// What two things cost here of which layers are made, to read figures of another machine by.
fn prices(suite: &mut Suite) {
    let count = Arc::new(());
    suite.push("an Arc", "taken and given back", None, move |calls| {
        for _ in 0..=calls {
            black_box(Arc::clone(black_box(&count)));
        }
    });
    suite.push("a clock", "read", None, |calls| {
        for _ in 0..=calls {
            black_box(Instant::now());
        }
    });
}

/// The same for calls that wait, as all real ones do.
fn waiting(suite: &mut Suite) {
    suite.add(Row {
        work: "bare, waiting",
        peer: None,
        service: inner::Waiting,
        request: number,
        check: Result::is_ok,
    });
    suite.baseline("bare, waiting");
    retry::waiting(suite);
    breaker::waiting(suite);
    failover::waiting(suite);
}

/// What must not grow with the number of targets or of keys.
pub(crate) fn scale(suite: &mut Suite) {
    bare(suite);
    failover::scale(suite);
    breaker::scale(suite);
}

/// The layers together.
pub(crate) fn stack(suite: &mut Suite) {
    bare(suite);
    stack::add(suite);
}

/// The service that answers at once, without any layer.
pub(crate) fn bare(suite: &mut Suite) {
    suite.baseline("bare");
    suite.add(Row {
        work: "bare",
        peer: None,
        service: inner::Next,
        request: number,
        check: Result::is_ok,
    });
}

/// The n-th request is its number.
pub(crate) const fn number(n: u64) -> u64 {
    n
}

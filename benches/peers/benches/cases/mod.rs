//! The peers' rows: the same work as ours, on the same inner service.
#![allow(
    dead_code,
    unused_imports,
    reason = "each bench binary uses a part of it"
)]

mod breaker;
mod contention;
mod failover;
mod retry;
mod stack;

pub(crate) use self::contention::add as contention;
use crate::harness::Suite;

/// The rows beside those of `ours::layers`.
pub(crate) fn layers(suite: &mut Suite) {
    suite.baseline("bare");
    retry::add(suite);
    breaker::add(suite);
    failover::add(suite);
    failover::waiting(suite);
}

/// The rows beside those of `ours::stack`.
pub(crate) fn stack(suite: &mut Suite) {
    suite.baseline("bare");
    stack::add(suite);
}

//! The peers' rows: the same work as ours, on the same inner service.
#![allow(dead_code, reason = "each bench binary uses a part of it")]

mod breaker;
mod failover;
mod retry;

use crate::harness::Suite;

/// The rows beside those of `ours::layers`.
pub(crate) fn layers(suite: &mut Suite) {
    suite.baseline("bare");
    retry::add(suite);
    breaker::add(suite);
    failover::add(suite);
}

//! A model served over gRPC that fails on purpose, and the stack above it.

#![allow(dead_code, reason = "each test uses its own part")]

#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    missing_docs,
    missing_debug_implementations
)]
#[allow(unreachable_pub, unnameable_types)]
pub(crate) mod model;
pub(crate) mod raw;
pub(crate) mod server;
pub(crate) mod stack;

use std::time::Duration;

/// Far beyond what any step takes: a test that comes here is stuck.
pub(crate) const LONG: Duration = Duration::from_secs(20);

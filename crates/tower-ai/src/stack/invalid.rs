//! Stacks that cannot be.

use std::error::Error;
use std::fmt;

use tower_ai_failover::InvalidFailover;

/// A stack that cannot be: which rule it broke.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidStack {
    /// The router refused its targets.
    Failover(InvalidFailover),
    /// The deadline is zero.
    ZeroDeadline,
}

impl fmt::Display for InvalidStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failover(rule) => rule.fmt(f),
            Self::ZeroDeadline => f.write_str("a deadline must be above zero"),
        }
    }
}

impl Error for InvalidStack {}

impl From<InvalidFailover> for InvalidStack {
    fn from(rule: InvalidFailover) -> Self {
        Self::Failover(rule)
    }
}

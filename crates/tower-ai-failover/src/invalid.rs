//! Routers that cannot be.

use std::error::Error;
use std::fmt;

/// A router that cannot be, or a change of it: which rule it broke.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidFailover {
    /// There is no target.
    NoTargets,
    /// There are more than 256 targets.
    TooManyTargets,
    /// Two targets have the same name.
    SameName(String),
    /// No target has this name.
    UnknownTarget(String),
    /// A time limit of zero.
    ZeroTimeout,
    /// The percentile of a hedge is not from 0.5 to 0.999.
    Percentile,
}

impl fmt::Display for InvalidFailover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTargets => f.write_str("a router needs at least one target"),
            Self::TooManyTargets => f.write_str("a router takes at most 256 targets"),
            Self::SameName(name) => write!(f, "two targets are named {name:?}"),
            Self::UnknownTarget(name) => write!(f, "no target is named {name:?}"),
            Self::ZeroTimeout => f.write_str("a time limit must be above zero"),
            Self::Percentile => {
                f.write_str("the percentile of a hedge must be a number from 0.5 to 0.999")
            }
        }
    }
}

impl Error for InvalidFailover {}

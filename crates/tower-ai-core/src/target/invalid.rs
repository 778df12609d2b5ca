//! Targets that cannot be.

use std::error::Error;
use std::fmt;

/// A target that cannot be: its name, and which rule it broke.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidTarget {
    name: String,
    rule: TargetRule,
}

/// A rule that a target's description must keep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TargetRule {
    /// It has a name.
    Name,
    /// Its endpoint is an http or https URL with a host.
    Endpoint,
    /// Its context window is at least one token.
    ContextWindow,
    /// Its cost is a number from zero up.
    Cost,
    /// Its weight is at most 1,000,000.
    Weight,
    /// Its capacity is at least one call.
    Capacity,
    /// Its keys are from one to 64, with names of their own.
    Keys,
}

impl InvalidTarget {
    pub(super) const fn new(name: String, rule: TargetRule) -> Self {
        Self { name, rule }
    }

    /// The rule that was broken.
    #[must_use]
    pub const fn rule(&self) -> TargetRule {
        self.rule
    }
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.rule {
            TargetRule::Name => "a target needs a name",
            TargetRule::Endpoint => "an endpoint must be an http or https URL with a host",
            TargetRule::ContextWindow => "a context window must be at least one token",
            TargetRule::Cost => "a cost must be a number from zero up",
            TargetRule::Weight => "a weight must be at most 1000000",
            TargetRule::Capacity => "a capacity must be at least one call",
            TargetRule::Keys => "keys must be from 1 to 64, with names of their own",
        };
        write!(f, "target {:?}: {rule}", self.name)
    }
}

impl Error for InvalidTarget {}

//! What a cache adds to errors.

use std::error::Error;
use std::fmt;

/// The call that this one shared with others failed; the outcome stands in the
/// [`Failed`](tower_ai_core::error::Failed) around it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Joined(());

impl Joined {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call that this one shared with others failed")
    }
}

impl Error for Joined {}

/// The task that asked the inner service ended without an answer: it panicked, or its runtime shut down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ended(());

impl Ended {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task of the call ended without an answer")
    }
}

impl Error for Ended {}

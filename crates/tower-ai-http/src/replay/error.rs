//! What can go wrong with a replayable body.

use std::error::Error;
use std::fmt;

/// A limit of zero bytes, with which nothing could be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidLimit(());

impl InvalidLimit {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for InvalidLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a limit of bytes must be at least one")
    }
}

impl Error for InvalidLimit {}

/// The body was read again though its beginning was let go: it outgrew the limit, or broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotReplayable(());

impl NotReplayable {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for NotReplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request body cannot be replayed")
    }
}

impl Error for NotReplayable {}

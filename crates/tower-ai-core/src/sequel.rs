//! What happens to an answer after its head was passed on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Outcome, Target};

/// What happens to an answer after its head was passed on: a handle that all clones of a
/// [`Served`](crate::Served) share.
///
/// Layers that read answers tell it; applications ask [`Served`](crate::Served), at the answer's end.
///
/// # Bounds
///
/// Keeps the first eight splices.
#[derive(Clone, Default)]
pub struct Sequel {
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    attempts: u32,
    skipped: u32,
    splices: Vec<Splice>,
}

const MOST_SPLICES: usize = 8;

impl Sequel {
    /// Counts attempts that were made to go on with the answer.
    pub fn add_attempts(&self, attempts: u32) {
        self.with(|told| told.attempts = told.attempts.saturating_add(attempts));
    }

    /// Counts events that could not be read and were left out.
    pub fn add_skipped(&self, events: u32) {
        self.with(|told| told.skipped = told.skipped.saturating_add(events));
    }

    /// Notes that another target went on with the answer.
    pub fn add_splice(&self, splice: Splice) {
        self.with(|told| {
            if told.splices.len() < MOST_SPLICES {
                told.splices.push(splice);
            }
        });
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.with(|told| told.attempts)
    }

    pub(crate) fn skipped(&self) -> u32 {
        self.with(|told| told.skipped)
    }

    pub(crate) fn splices(&self) -> Vec<Splice> {
        self.with(|told| told.splices.clone())
    }

    fn with<T>(&self, tell: impl FnOnce(&mut Told) -> T) -> T {
        tell(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Sequel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|told| {
            f.debug_struct("Sequel")
                .field("attempts", &told.attempts)
                .field("skipped", &told.skipped)
                .field("splices", &told.splices)
                .finish()
        })
    }
}

/// How the second part of an answer was joined to the first.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Joint {
    /// The target was given the beginning and went on with it.
    Prefill,
    /// The target answered from the start, with exactly the same beginning.
    Restart,
}

impl Joint {
    /// Its name in lower case, as it stands in trailers and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Prefill => "prefill",
            Self::Restart => "restart",
        }
    }
}

/// One place at which an answer was put together from those of two targets.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Splice {
    /// Whose answer broke off, if that is known.
    pub from: Option<Target>,
    /// Who went on with it, if that is known.
    pub to: Option<Target>,
    /// What broke the first.
    pub why: Outcome,
    /// How the second was joined to it.
    pub joint: Joint,
    /// The bytes of text that came before.
    pub after: usize,
}

impl Splice {
    /// Notes who went on with whose answer.
    #[must_use]
    pub const fn new(
        from: Option<Target>,
        to: Option<Target>,
        why: Outcome,
        joint: Joint,
        after: usize,
    ) -> Self {
        Self {
            from,
            to,
            why,
            joint,
            after,
        }
    }
}

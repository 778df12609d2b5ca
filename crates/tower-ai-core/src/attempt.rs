//! What travels down with each attempt.

use std::time::Duration;

use tokio::time::Instant;

use crate::Deadline;

/// What the layers above tell the layers below about one attempt.
///
/// Travels with the request, by a [`Carry`](crate::Carry). Small and `Copy`: a layer takes it, changes what it
/// knows better and passes it on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_core::{Attempt, Deadline};
///
/// let now = Instant::now();
/// let attempt = Attempt::begin(now).with_deadline(Deadline::after(now, Duration::from_secs(30)));
/// assert_eq!(attempt.number(), 0);
/// assert_eq!(attempt.next(now).number(), 1);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    started: Instant,
    deadline: Option<Deadline>,
    patience: Option<Duration>,
    number: u32,
    others: bool,
    deposited: bool,
    streamed: bool,
}

impl Attempt {
    /// The first attempt of a call that begins now, with no deadline and nowhere else to go.
    #[must_use]
    pub const fn begin(now: Instant) -> Self {
        Self {
            started: now,
            deadline: None,
            patience: None,
            number: 0,
            others: false,
            deposited: false,
            streamed: false,
        }
    }

    /// The attempt after this one, which starts now.
    #[must_use]
    pub const fn next(mut self, now: Instant) -> Self {
        self.started = now;
        self.number += 1;
        self
    }

    /// Bounds the call. An earlier deadline that it has already stays.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(self.deadline.map_or(deadline, |known| known.min(deadline)));
        self
    }

    /// Sets how long a wait in place may be while other targets are left.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Says whether another target with closed health is left for this call.
    #[must_use]
    pub const fn with_others(mut self, others: bool) -> Self {
        self.others = others;
        self
    }

    /// Says that a layer above pays into the budget for this call.
    #[must_use]
    pub const fn with_deposited(mut self) -> Self {
        self.deposited = true;
        self
    }

    /// Says that the answer was asked for as a stream: its first content comes long before its end.
    ///
    /// Who learns latencies keeps streamed answers apart from plain ones, whose first content is their end.
    #[must_use]
    pub const fn with_streamed(mut self, streamed: bool) -> Self {
        self.streamed = streamed;
        self
    }

    /// When this attempt began: one clock read that all layers below share.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// By when the call must have begun to answer.
    #[must_use]
    pub const fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// How long a wait in place may be while other targets are left.
    #[must_use]
    pub const fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// How many attempts of this call went before, at any target.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether another target with closed health is left for this call.
    #[must_use]
    pub const fn others(&self) -> bool {
        self.others
    }

    /// Whether a layer above pays into the budget for this call.
    #[must_use]
    pub const fn deposited(&self) -> bool {
        self.deposited
    }

    /// Whether the answer was asked for as a stream, as far as is known.
    #[must_use]
    pub const fn streamed(&self) -> bool {
        self.streamed
    }
}

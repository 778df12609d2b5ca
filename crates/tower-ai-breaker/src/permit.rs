//! The permit of one call.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;
use tower_ai_core::{Outcome, Settle};

use crate::circuit::Circuit;
use crate::machine::Ticket;

/// Lets one call go, and takes back what the call says of the target, once.
///
/// It travels with the response where a [`Follow`](tower_ai_core::Follow) strategy keeps it (a streamed body),
/// and settles at once otherwise. Dropped unsettled, it settles as
/// [`Cancelled`](Outcome::Cancelled). In each case it gives back what it holds.
#[must_use = "dropped, it settles as cancelled"]
pub struct Permit {
    circuit: Arc<Circuit>,
    ticket: Ticket,
    settled: bool,
}

impl Permit {
    #[inline]
    pub(crate) const fn new(circuit: Arc<Circuit>, ticket: Ticket) -> Self {
        Self {
            circuit,
            ticket,
            settled: false,
        }
    }

    /// Notes that the first content came at `now`: [`Settle::first_content`] for those who keep their own time.
    pub fn first_content_at(&mut self, now: Instant) {
        self.circuit.arrived(&mut self.ticket, || now);
    }

    /// Settles at `now`: [`Settle::settle`] for those who keep their own time.
    pub fn settle_at(mut self, now: Instant, outcome: Outcome) {
        self.finish(outcome, || now);
    }

    #[inline]
    fn finish(&mut self, outcome: Outcome, clock: impl FnOnce() -> Instant) {
        if !self.settled {
            self.settled = true;
            self.circuit.settled(&mut self.ticket, outcome, clock);
        }
    }
}

impl Settle for Permit {
    #[inline]
    fn first_content(&mut self) {
        self.circuit.arrived(&mut self.ticket, Instant::now);
    }

    #[inline]
    fn settle(mut self, outcome: Outcome) {
        self.finish(outcome, Instant::now);
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.finish(Outcome::Cancelled, Instant::now);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("generation", &self.ticket.generation)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
}

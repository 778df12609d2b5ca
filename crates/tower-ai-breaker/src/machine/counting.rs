//! The plain rule that counts a window of calls, and half-open circuits.
//!
//! ```text
//! Closed ---too many bad---> Open ---due---> Half-open ---few bad---> Closed
//!                             ^                  |
//!                             +----too many bad--+
//! ```

use crate::failure_rate::FailureRate;
use crate::ring::Ring;
use crate::time::{Nanos, nanos};
use crate::window::{Tally, Window};

use super::{Machine, Phase, Ticket};

/// The rule, and the calls of its window.
#[derive(Debug)]
pub(super) struct Counting {
    rule: FailureRate,
    window: Window,
}

impl Counting {
    pub(super) fn by(rule: FailureRate) -> Self {
        Self {
            rule,
            window: Window::of(rule.span),
        }
    }

    /// The age from which a call without content is slow.
    pub(super) fn slow_after(&self) -> Nanos {
        nanos(self.rule.slow_after)
    }

    pub(super) fn clear(&mut self) {
        self.window.clear();
    }

    pub(super) fn half_open(&self) -> Phase {
        Phase::HalfOpen(HalfOpen {
            permitted: self.rule.permitted,
            holding: 0,
            tally: Tally::default(),
        })
    }
}

/// A circuit that lets a few calls through and decides by them.
#[derive(Clone, Copy, Debug)]
pub(super) struct HalfOpen {
    permitted: u32,
    /// Calls under way that hold a permit.
    holding: u32,
    tally: Tally,
}

impl HalfOpen {
    /// How many permits there still are, held or free.
    pub(super) const fn left(&self) -> u32 {
        self.permitted.saturating_sub(self.tally.calls)
    }

    pub(super) const fn holding(&self) -> u32 {
        self.holding
    }

    pub(super) fn admit(&mut self) -> bool {
        let admitted = self.holding < self.left();
        self.holding += u32::from(admitted);
        admitted
    }

    pub(super) fn release(&mut self, count: u32) {
        self.holding = self.holding.saturating_sub(count);
    }
}

impl Machine {
    /// An outcome that the rule counts.
    ///
    /// ## Closed => (Closed | Open), Half-open => (Half-open | Closed | Open)
    pub(crate) fn count(
        &mut self,
        ring: &Ring,
        now: Nanos,
        ticket: &Ticket,
        failed: bool,
        asked: Option<Nanos>,
    ) {
        self.advance_for(ring, now, ticket);
        if !self.is_current(ticket) {
            return;
        }
        self.ask(now, asked);
        self.end(ring, ticket);
        if !failed {
            self.missing = 0;
        }
        let Some(counting) = &mut self.counting else {
            return;
        };
        if self.forced.is_some() {
            return;
        }
        let age = now.saturating_sub(ticket.started);
        let slow = ticket.slow || !ticket.content && age > counting.slow_after();
        match &mut self.phase {
            Phase::Closed => {
                counting.window.record(self.now, failed, slow);
                if counting.rule.trips(counting.window.tally(self.now)) {
                    self.open(ring, None, false);
                }
            }
            Phase::HalfOpen(half) => {
                half.tally.add(failed, slow);
                if half.left() == 0 {
                    if counting.rule.is_bad(half.tally) {
                        self.open(ring, None, false);
                    } else {
                        self.close(ring);
                    }
                }
            }
            _ => {}
        }
    }

    /// The calls that the rule judges by now; `None` for other rules.
    pub(crate) fn tally(&mut self) -> Option<Tally> {
        let counting = self.counting.as_mut()?;
        Some(match &self.phase {
            Phase::HalfOpen(half) => half.tally,
            _ => counting.window.tally(self.now),
        })
    }
}

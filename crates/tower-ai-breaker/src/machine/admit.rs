//! Who may go.

use tower_ai_core::error::Reason;

use crate::ring::{Lane, Ring};
use crate::time::Nanos;
use crate::word::Verdict;

use super::{Forced, Machine, Phase};

/// What an admitted call carries until it settles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) generation: u32,
    /// When the call started; of no meaning for a call that a plain rule admitted.
    pub(crate) started: Nanos,
    pub(crate) kind: Kind,
    /// Whether another closed target was left when it was admitted.
    pub(crate) others: bool,
    /// With which calls it is compared.
    pub(crate) lane: Lane,
    /// Whether the ring counts it.
    pub(crate) counted: bool,
    /// Whether its first content has come.
    pub(crate) content: bool,
    /// Whether it came late, by a rule that counts.
    pub(crate) slow: bool,
    /// Whether it is the one probe of a shut key.
    pub(crate) key_probe: bool,
}

/// By what a call was admitted, and so how it settles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// By a closed circuit with a plain rule: its success needs no clock.
    Plain,
    /// By a closed circuit: its success needs no lock.
    Closed,
    /// By a circuit with a rule that counts all outcomes.
    Counted,
    /// By a circuit that sheds or ramps, or as a probe.
    Watched,
    /// By a circuit that only observes: it would have been rejected, so it says nothing.
    Ghost,
}

impl Kind {
    /// The same for a call that must not settle without the lock.
    pub(crate) const fn under_watch(self) -> Self {
        match self {
            Self::Plain | Self::Closed => Self::Watched,
            watched => watched,
        }
    }
}

impl Ticket {
    #[inline]
    pub(crate) const fn new(
        generation: u32,
        started: Nanos,
        kind: Kind,
        others: bool,
        lane: Lane,
    ) -> Self {
        Self {
            generation,
            started,
            kind,
            others,
            lane,
            counted: false,
            content: false,
            slow: false,
            key_probe: false,
        }
    }

    /// The ticket of a call that needs no lock, but has to be counted in the ring.
    #[inline]
    pub(crate) const fn freely(verdict: Verdict, started: Nanos, others: bool, lane: Lane) -> Self {
        Self::new(verdict.generation(), started, Kind::Closed, others, lane)
    }
}

/// Why a call may not go, and for how long, if that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) wait: Option<Nanos>,
}

impl Refusal {
    pub(crate) const fn new(reason: Reason, wait: Option<Nanos>) -> Self {
        Self { reason, wait }
    }
}

impl Machine {
    /// Decides on a call that comes now: at the moment that the machine was last brought up to.
    ///
    /// It counts as started now even if its attempt began earlier: a place in the ramp must lie in a bucket whose
    /// lease is still to lapse.
    pub(crate) fn admit(
        &mut self,
        ring: &Ring,
        others: bool,
        lane: Lane,
    ) -> Result<Ticket, Refusal> {
        let now = self.now;
        self.meet(ring, others);
        let usual = self.evidence.usual(lane).unwrap_or(0);
        let patience = usual.saturating_mul(2).max(self.rules.open_longest);
        let kind = match &mut self.phase {
            Phase::Closed if self.rules.consecutive.is_some() => Kind::Plain,
            Phase::Closed if self.rules.failure_rate.is_some() => Kind::Counted,
            Phase::Closed => Kind::Closed,
            Phase::Shedding(shedding) => {
                let unit = self.chance.unit();
                if !shedding.admit(now, unit, self.rules.pass_every) {
                    let wait = shedding.next_pass(now, self.rules.pass_every);
                    return Err(Refusal::new(Reason::Shedding, Some(wait)));
                }
                Kind::Watched
            }
            Phase::Open { until, .. } => {
                let wait = until.map(|until| until.saturating_sub(now));
                return Err(Refusal::new(Reason::Open, wait));
            }
            Phase::Ramping(ramp) => {
                if !ramp.admit(now, patience) {
                    return Err(Refusal::new(Reason::Ramping, None));
                }
                Kind::Watched
            }
            Phase::HalfOpen(half) => {
                if !half.admit() {
                    return Err(Refusal::new(Reason::Ramping, None));
                }
                Kind::Counted
            }
        };
        self.cap
            .admit(now)
            .map_err(|wait| Refusal::new(Reason::RateLimited, Some(wait)))
            .inspect_err(|_| self.give_back())?;
        self.ticket(ring, kind, others, lane)
    }

    /// What changes because this call has come: a probe is due, or the targets that are left have changed.
    fn meet(&mut self, ring: &Ring, others: bool) {
        match self.phase {
            Phase::Open {
                until: Some(until), ..
            } if until <= self.now => self.ramp(ring),
            // There is nowhere else to go any more: a slow answer is better than none.
            Phase::Open { slow: true, .. } if !others && self.forced.is_none() => {
                self.shed(ring, 0.0, true);
            }
            // So is a target that answers a part of the calls.
            Phase::Open {
                partial: Some(bad), ..
            } if !others && self.forced.is_none() => {
                self.shed(ring, bad, false);
            }
            _ => {}
        }
    }

    fn ticket(
        &mut self,
        ring: &Ring,
        kind: Kind,
        others: bool,
        lane: Lane,
    ) -> Result<Ticket, Refusal> {
        let now = self.now;
        let leased = kind == Kind::Watched || matches!(self.phase, Phase::HalfOpen(_));
        let counted =
            (leased || kind == Kind::Closed) && ring.start(ring.bucket(now), lane, self.generation);
        if leased && !counted {
            // Without a place in the ring its lease could not lapse.
            self.give_back();
            return Err(Refusal::new(Reason::Ramping, None));
        }
        let mut ticket = Ticket::new(self.generation, now, kind, others, lane);
        ticket.counted = counted;
        Ok(ticket)
    }

    pub(super) fn give_back(&mut self) {
        match &mut self.phase {
            Phase::Ramping(ramp) => ramp.release(1),
            Phase::HalfOpen(half) => half.release(1),
            _ => {}
        }
    }

    /// Lets one call try a key whose time is over, unless another is trying it.
    pub(crate) fn probe_key(&mut self, now: Nanos) -> Result<(), Refusal> {
        if let Some(until) = self.key_probe.filter(|&until| now < until) {
            return Err(Refusal::new(Reason::KeyShut, Some(until - now)));
        }
        self.key_probe = Some(now.saturating_add(self.rules.ramp_lease));
        Ok(())
    }

    /// Ends the probe of a key; the next call may try again.
    pub(crate) fn end_key_probe(&mut self) {
        self.key_probe = None;
    }

    /// Whether it was opened by hand.
    pub(crate) fn is_forced(&self) -> Option<Forced> {
        self.forced
    }
}

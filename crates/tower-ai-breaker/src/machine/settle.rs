//! What calls say.

use crate::ring::{Lane, Ring};
use crate::time::Nanos;

use super::{Kind, Machine, Phase, Ticket};

impl Machine {
    /// Whether what the call says still counts.
    pub(super) fn is_current(&self, ticket: &Ticket) -> bool {
        ticket.generation == self.generation
    }

    /// Brings the machine up to now. Whether others are left is news only from a call of this generation.
    pub(super) fn advance_for(&mut self, ring: &Ring, now: Nanos, ticket: &Ticket) {
        let others = ticket.others && self.is_current(ticket);
        self.advance(ring, now, others);
    }

    /// A failure. `asked`: how long the server asked to be left alone.
    pub(crate) fn failed(
        &mut self,
        ring: &Ring,
        now: Nanos,
        ticket: &Ticket,
        asked: Option<Nanos>,
    ) {
        self.advance_for(ring, now, ticket);
        if !self.is_current(ticket) {
            return;
        }
        self.ask(now, asked);
        self.end(ring, ticket);
        if self.forced.is_some() {
            return;
        }
        let p0 = self.evidence.p0();
        match &mut self.phase {
            Phase::Closed => self.evidence.failed(ticket.started, &self.rules),
            Phase::Shedding(shedding) if shedding.by_slowness() => {
                self.evidence.failed_while_slow(ticket.started);
            }
            Phase::Shedding(shedding) => {
                shedding.bad(p0, 1);
                if ring.bucket(ticket.started) < self.cursors.survival {
                    self.evidence.failed_late(ticket.started);
                }
                self.evidence.while_shedding(1, 0, ticket.started);
            }
            Phase::Open { .. } | Phase::HalfOpen(_) => {}
            Phase::Ramping(ramp) => ramp.bad(p0, 1),
        }
        self.judge(ring, ticket.others);
    }

    /// Notes how long the server asked to be left alone.
    pub(super) fn ask(&mut self, now: Nanos, asked: Option<Nanos>) {
        let asked = asked.map_or(0, |asked| now.saturating_add(asked));
        self.asked_until = self.asked_until.max(asked);
    }

    /// A first content, of a call that is watched or came late.
    pub(crate) fn arrived(&mut self, ring: &Ring, now: Nanos, ticket: &Ticket) {
        self.advance_for(ring, now, ticket);
        if !self.is_current(ticket) || !ticket.counted {
            return;
        }
        self.missing = 0;
        let bucket = ring.bucket(ticket.started);
        let timely = now.saturating_sub(ticket.started) <= self.slow_after(ticket.lane);
        let holds = bucket >= self.cursors.lease;
        if timely {
            ring.timely(bucket, ticket.lane, ticket.generation);
            let p0 = self.evidence.p0();
            match &mut self.phase {
                Phase::Ramping(ramp) if holds => ramp.arrived(bucket),
                Phase::Shedding(shedding) => shedding.content(p0),
                _ => {}
            }
        } else {
            self.end(ring, ticket);
            self.slow(ring, ticket);
        }
        self.judge(ring, ticket.others);
    }

    /// An end without content that says nothing of health.
    pub(crate) fn left(&mut self, ring: &Ring, now: Nanos, ticket: &Ticket) {
        self.advance_for(ring, now, ticket);
        if self.is_current(ticket) {
            self.end(ring, ticket);
        }
    }

    /// The caller went away. Long without content, the call counts as slow.
    pub(crate) fn cancelled(&mut self, ring: &Ring, now: Nanos, ticket: &Ticket) {
        self.advance_for(ring, now, ticket);
        if !self.is_current(ticket) {
            return;
        }
        self.end(ring, ticket);
        let age = now.saturating_sub(ticket.started);
        let watched = ticket.counted && ticket.kind != Kind::Counted;
        if !ticket.content && watched && age >= self.rules.cancelled_slow {
            self.slow(ring, ticket);
            self.judge(ring, ticket.others);
        }
    }

    /// A rate limit, with the wait that the server asked for: it says how many calls the target takes, and nothing
    /// of health. Returns how long calls are to be kept away.
    ///
    /// A server that names no wait gets one of ours. It is short once a cap is known, which spaces calls by itself:
    /// the wait has only to outlast the burst.
    pub(crate) fn limited(
        &mut self,
        ring: &Ring,
        now: Nanos,
        ticket: &Ticket,
        asked: Option<Nanos>,
    ) -> Nanos {
        self.left(ring, now, ticket);
        // Before that is known a cap would be a guess; the gate does without.
        if let (Some(accepted), false) = (self.evidence.accepted(), self.rules.is_plain()) {
            self.cap.limited(now, ticket.started, accepted);
        }
        let wait = match asked {
            Some(asked) => asked,
            None if self.cap.is_active() => self.rules.gate_unnamed / 3,
            None => self.rules.gate_unnamed,
        };
        self.gated_until = self.gated_until.max(now.saturating_add(wait));
        wait
    }

    /// "No such model": whether the target should be shut for it. `at_once`: the target itself named the model.
    pub(crate) fn missed(&mut self, ring: &Ring, now: Nanos, ticket: &Ticket, at_once: bool) {
        /// Callers who choose the model make mistakes; so many in a row with no success are none.
        const ENOUGH: u32 = 3;
        self.left(ring, now, ticket);
        if self.is_current(ticket) {
            self.missing = self.missing.saturating_add(1);
            if at_once || self.missing >= ENOUGH {
                self.shut(ring, None);
            }
        }
    }

    /// Learns how long a first content took.
    pub(crate) fn took(&mut self, now: Nanos, lane: Lane, took: Nanos) {
        let usual = matches!(self.phase, Phase::Closed);
        self.evidence.took(now, lane, took, usual, &self.rules);
    }

    /// A success after the key or the target was of no use.
    pub(crate) fn useful_again(&mut self) {
        self.shuts = 0;
        self.missing = 0;
    }

    /// Ends a call from which no content came in time, and gives its place back.
    pub(super) fn end(&mut self, ring: &Ring, ticket: &Ticket) {
        // A rule that counts waits for the end of a call, and not for its content.
        let over = ticket.content && ticket.kind != Kind::Counted;
        if over || !ticket.counted {
            return;
        }
        let bucket = ring.bucket(ticket.started);
        ring.out(bucket, ticket.lane, ticket.generation);
        if bucket >= self.cursors.lease {
            self.give_back();
        }
    }

    /// Counts a call as slow that was not judged overdue while nothing had come from it.
    fn slow(&mut self, ring: &Ring, ticket: &Ticket) {
        let bucket = ring.bucket(ticket.started);
        if bucket < self.cursors.slow[ticket.lane.index()] || self.forced.is_some() {
            return;
        }
        // It is out of the ring now, and had no credit yet for what it has survived.
        let survived = u32::from(bucket >= self.cursors.survival);
        let p0 = self.evidence.p0();
        match &mut self.phase {
            Phase::Closed => {
                let (from, before) = (ring.begin(bucket), ring.begin(bucket + 1));
                self.evidence.survived(survived, from, before, &self.rules);
                self.evidence.aged(1, 0, ticket.started, &self.rules);
            }
            Phase::Shedding(shedding) if shedding.by_slowness() => shedding.bad(p0, 1),
            Phase::Shedding(shedding) => shedding.good(p0, survived),
            Phase::Open { .. } | Phase::HalfOpen(_) => {}
            Phase::Ramping(ramp) => ramp.bad(p0, 1),
        }
    }
}

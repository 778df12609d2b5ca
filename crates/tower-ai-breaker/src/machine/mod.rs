//! The state machine: modes, what moves between them, and what is learnt in each.
//!
//! Sans-IO: it is told the time and what happened, and answers with verdicts; randomness comes from a seed.
//! Everything here runs under the circuit's lock. What the fast path does without it (starts, first contents
//! and ends of calls that a closed circuit admitted) stands in the [`Ring`], which the machine reads.
//!
//! ```text
//! Closed ---alarm, others left---> Open --due--> Ramping --well--> Closed
//!   | ^                             ^ ^             |
//!   | +--well--+                    | +----sick-----+
//!   +--alarm, alone--> Shedding ----+  (down, or others are left again)
//! ```
//!
//! Each arrow begins a new *generation*. A call belongs to the generation that admitted it, and what it says
//! later counts in no other: a success of before the outage cannot close the circuit, a late failure cannot
//! reopen it.

mod admit;
mod counting;
mod report;
mod settle;
mod sweep;

use tower_ai_core::{Chance, Mode};

use crate::evidence::{Evidence, Present};
use crate::outage::Outage;
use crate::ramp::Ramp;
use crate::rate::RateCap;
use crate::ring::{Lane, Ring};
use crate::rules::Rules;
use crate::shed::{HARD_SHARE, Shedding};
use crate::time::{Nanos, seconds};
use crate::word::{GENERATION_MASK, Verdict};

pub(crate) use self::admit::{Kind, Refusal, Ticket};
use self::counting::{Counting, HalfOpen};
use self::sweep::Cursors;

/// Calls that must have spoken before their share of failures is believed.
const FEW: f64 = 8.0;

/// What a circuit was forced to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Forced {
    Open,
    Closed,
}

/// The mode, with what belongs to it alone.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Shedding(Shedding),
    Open {
        /// When the next probe is due; `None`: never.
        until: Option<Nanos>,
        /// The share of bad calls, where a part of the calls was still answered.
        partial: Option<f64>,
        /// Whether it was opened for slowness alone.
        slow: bool,
    },
    Ramping(Ramp),
    /// The way back of a rule that counts.
    HalfOpen(HalfOpen),
}

/// The state of one circuit, but for what the fast path writes.
#[derive(Debug)]
pub(crate) struct Machine {
    rules: Rules,
    phase: Phase,
    generation: u32,
    forced: Option<Forced>,
    now: Nanos,
    /// When what is known now could first be known. Where calls are rare, the next one comes long after a probe
    /// was overdue.
    verdict_at: Nanos,
    cursors: Cursors,
    evidence: Evidence,
    /// The rule that counts, where it is chosen.
    counting: Option<Counting>,
    outage: Outage,
    cap: RateCap,
    /// Until when a rate limit keeps calls away; 0: no gate. The wait itself stands in the target's health.
    gated_until: Nanos,
    /// Until when a server asked to be left alone in a failure of this generation.
    asked_until: Nanos,
    /// How often in a row the target or its key was of no use.
    shuts: u32,
    /// Answers "no such model" without a success in between.
    missing: u32,
    /// Until when the one probe of a shut key has its time.
    key_probe: Option<Nanos>,
    chance: Chance,
}

impl Machine {
    pub(crate) fn new(rules: Rules, chance: Chance) -> Self {
        Self {
            evidence: Evidence::new(&rules),
            counting: rules.failure_rate.map(Counting::by),
            cap: RateCap::new(rules.second),
            rules,
            phase: Phase::Closed,
            generation: 0,
            forced: None,
            now: 0,
            verdict_at: 0,
            cursors: Cursors::starting_at(0),
            outage: Outage::new(),
            gated_until: 0,
            asked_until: 0,
            shuts: 0,
            missing: 0,
            key_probe: None,
            chance,
        }
    }

    /// What the fast path must know.
    pub(crate) fn verdict(&self) -> Verdict {
        let ask = match self.phase {
            // Where there is nowhere else to go, it may shed instead.
            Phase::Open { partial, slow, .. } => partial.is_some() || slow,
            _ => self.cap.is_active() || self.gated_until > 0,
        };
        Verdict::new(self.mode(), self.generation, ask, self.until())
    }

    pub(crate) const fn mode(&self) -> Mode {
        match self.phase {
            Phase::Closed => Mode::Closed,
            Phase::Shedding(_) => Mode::Shedding,
            Phase::Open { .. } => Mode::Open,
            Phase::Ramping(_) | Phase::HalfOpen(_) => Mode::Ramping,
        }
    }

    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    /// When the next probe of an open circuit is due.
    pub(crate) const fn until(&self) -> Option<Nanos> {
        match self.phase {
            Phase::Open { until, .. } => until,
            _ => None,
        }
    }

    /// How long the present outage has lasted; 0 if there is none.
    pub(crate) fn outage_age(&self, now: Nanos) -> Nanos {
        self.outage.age(now)
    }

    /// The age from which a call without content is slow.
    pub(crate) fn slow_after(&self, lane: Lane) -> Nanos {
        let learnt = || self.evidence.slow_after(self.now, lane, &self.rules);
        self.counting
            .as_ref()
            .map_or_else(learnt, Counting::slow_after)
    }

    fn present(&self) -> Present {
        Present {
            now: self.now,
            generation: self.generation,
            unswept: self.cursors.survival,
        }
    }

    /// ## Any => Any
    fn enter(&mut self, phase: Phase, ring: &Ring) {
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1) & GENERATION_MASK;
        self.cursors = Cursors::starting_at(ring.bucket(self.now));
        self.asked_until = 0;
        if let Some(counting) = &mut self.counting {
            counting.clear();
        }
    }

    /// ## Any => Open
    fn open(&mut self, ring: &Ring, partial: Option<f64>, slow: bool) {
        let asked = self.asked_until.saturating_sub(self.now);
        let unit = self.chance.unit();
        let until = self.outage.open(self.verdict_at, &self.rules, unit, asked);
        self.enter_open(Some(until), partial, slow, ring);
        self.evidence.acquit();
    }

    fn enter_open(&mut self, until: Option<Nanos>, partial: Option<f64>, slow: bool, ring: &Ring) {
        let open = Phase::Open {
            until,
            partial,
            slow,
        };
        self.enter(open, ring);
    }

    /// ## Any => Shedding
    fn shed(&mut self, ring: &Ring, bad: f64, by_slowness: bool) {
        let pace = self.evidence.rate() * seconds(self.rules.survival_age);
        let shedding = Shedding::new(self.now, bad, by_slowness, pace);
        self.evidence
            .acquit_sick(ring, &self.present(), &self.rules);
        self.enter(Phase::Shedding(shedding), ring);
    }

    /// ## Open => Ramping
    fn ramp(&mut self, ring: &Ring) {
        let ramp = || Phase::Ramping(Ramp::new(self.now));
        let phase = self
            .counting
            .as_ref()
            .map_or_else(ramp, Counting::half_open);
        self.enter(phase, ring);
        self.evidence.acquit();
    }

    /// ## Any => Closed
    fn close(&mut self, ring: &Ring) {
        self.enter(Phase::Closed, ring);
        self.outage.recover(self.now);
        self.shuts = 0;
        self.missing = 0;
        self.evidence.acquit();
    }

    /// Opens at once, for a rule that keeps its own count.
    pub(crate) fn trip(&mut self, ring: &Ring) {
        if self.forced.is_none() && matches!(self.phase, Phase::Closed) {
            self.open(ring, None, false);
        }
    }

    /// Keeps all calls away for the wait, or for a period that grows each time: the target is of no use.
    pub(crate) fn shut(&mut self, ring: &Ring, wait: Option<Nanos>) {
        if self.forced.is_some() {
            return;
        }
        let period = self.shut_period(wait);
        let until = Some(self.now.saturating_add(period));
        self.enter_open(until, None, false, ring);
        self.evidence.acquit();
    }

    /// How long a key or target that is of no use is left alone this time.
    pub(crate) fn shut_period(&mut self, wait: Option<Nanos>) -> Nanos {
        let grown = self
            .rules
            .shut_first
            .saturating_mul(1 << self.shuts.min(20))
            .min(self.rules.shut_longest);
        self.shuts = self.shuts.saturating_add(1);
        wait.map_or(grown, |wait| wait.max(self.rules.open_first))
    }

    /// Judges what is known now, and moves on if it must.
    fn judge(&mut self, ring: &Ring, others: bool) {
        if self.forced.is_some() {
            return;
        }
        match self.phase {
            Phase::Closed => self.judge_closed(ring, others),
            Phase::Shedding(shedding) => self.judge_shedding(&shedding, ring, others),
            Phase::Open { .. } | Phase::HalfOpen(_) => {}
            Phase::Ramping(ramp) => self.judge_ramping(&ramp, ring, others),
        }
    }

    /// ## Closed => (Closed | Shedding | Open)
    fn judge_closed(&mut self, ring: &Ring, others: bool) {
        if self.rules.is_plain() {
            return;
        }
        let Some(alarm) = self.evidence.alarm(ring, &self.present(), &self.rules) else {
            return;
        };
        let hard = self.evidence.is_hard(ring, &self.present(), &self.rules);
        let noticed_in = self.now.saturating_sub(alarm.since);
        self.outage.noticed(noticed_in);
        if others || hard {
            let partial = !hard && alarm.among >= FEW && alarm.share < HARD_SHARE;
            self.open(ring, partial.then_some(alarm.share), alarm.by_slowness);
        } else {
            let among = alarm.among.max(1.0);
            let bad = alarm.share * among / (among + alarm.alive);
            self.shed(ring, bad, alarm.by_slowness);
        }
    }

    /// ## Shedding => (Shedding | Closed | Open)
    fn judge_shedding(&mut self, shedding: &Shedding, ring: &Ring, others: bool) {
        if shedding.is_well() {
            self.close(ring);
        } else if others {
            let bad = shedding.bad_share();
            let partial = (bad < HARD_SHARE).then_some(bad);
            self.open(ring, partial, shedding.by_slowness());
        } else if self.evidence.is_hard(ring, &self.present(), &self.rules) {
            self.open(ring, None, false);
        } else if shedding.by_slowness() {
            let alarm = self.evidence.alarm(ring, &self.present(), &self.rules);
            if let Some(alarm) = alarm.filter(|alarm| !alarm.by_slowness) {
                self.shed(ring, alarm.share, false);
            }
        }
    }

    /// ## Ramping => (Ramping | Closed | Shedding | Open)
    fn judge_ramping(&mut self, ramp: &Ramp, ring: &Ring, others: bool) {
        if ramp.trial().is_sick() {
            // A plain rule knows no half measures.
            match ramp.partial().filter(|_| !self.rules.is_plain()) {
                Some(bad) if !others => self.shed(ring, bad, false),
                partial => self.open(ring, partial, false),
            }
        } else if ramp.is_over(self.now, self.rules.ramp_quiet) {
            self.close(ring);
        }
    }

    /// Sets the mode by hand, until [`automatic`](Self::automatic).
    pub(crate) fn force(&mut self, forced: Forced, ring: &Ring) {
        self.forced = Some(forced);
        match forced {
            Forced::Open => {
                self.enter_open(None, None, false, ring);
                self.evidence.acquit();
            }
            Forced::Closed => self.close(ring),
        }
    }

    /// Ends what was forced: an open circuit comes back by the ramp.
    pub(crate) fn automatic(&mut self, ring: &Ring) {
        if self.forced.take() == Some(Forced::Open) {
            self.enter_open(Some(self.now), None, false, ring);
        }
    }

    /// Forgets everything.
    pub(crate) fn reset(&mut self, ring: &Ring) {
        self.forced = None;
        self.evidence = Evidence::new(&self.rules);
        self.outage = Outage::new();
        self.cap = RateCap::new(self.rules.second);
        self.gated_until = 0;
        self.key_probe = None;
        self.close(ring);
    }
}

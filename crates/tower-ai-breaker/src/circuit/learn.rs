//! What a circuit does with what its calls say.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::{Lesson, Outcome, Target};

use crate::machine::{Kind, Ticket};
use crate::ring::Lane;
use crate::time::{Nanos, nanos};

use super::Circuit;

/// Latency is learnt from at most this many first contents per decay time of its estimate.
const SAMPLES: u64 = 100;

impl Circuit {
    /// A first content has come.
    #[inline]
    pub(crate) fn arrived(&self, ticket: &mut Ticket, clock: impl FnOnce() -> Instant) {
        if ticket.content || matches!(ticket.kind, Kind::Plain | Kind::Ghost) {
            return;
        }
        let at = clock();
        let now = self.clock.at(at);
        let age = now.saturating_sub(ticket.started);
        let lane = ticket.lane;
        let slow_after = self.slow_after[lane.index()].load(Ordering::Relaxed);
        let free = match ticket.kind {
            Kind::Closed => age <= slow_after,
            kind => kind == Kind::Counted,
        };
        if free {
            ticket.slow = age > slow_after;
            if ticket.counted && ticket.kind == Kind::Closed {
                let bucket = self.ring.bucket(ticket.started);
                self.ring.timely(bucket, lane, ticket.generation);
            }
        } else {
            self.locked(|machine, ring| machine.arrived(ring, now, ticket));
        }
        ticket.content = true;
        if now >= self.sample_at[lane.index()].load(Ordering::Relaxed) {
            self.sample(at, now, lane, age);
        } else if !free {
            // No sample: the baseline would learn more from the slow ones than from the others.
            self.observe(at, age);
        }
        if now >= self.sweep_at.load(Ordering::Relaxed) {
            self.sweep(now, ticket.others);
        }
    }

    #[cold]
    fn sample(&self, at: Instant, now: Nanos, lane: Lane, age: Nanos) {
        let every = nanos(self.settings.tuning.latency_decay) / SAMPLES;
        let next = now.saturating_add(every);
        self.sample_at[lane.index()].store(next, Ordering::Relaxed);
        self.observe(at, age);
        self.key.worked(at);
        self.locked(|machine, _| machine.took(now, lane, age));
    }

    fn observe(&self, at: Instant, age: Nanos) {
        if let Some(target) = &self.target {
            let decay = self.settings.tuning.latency_decay;
            let took = Duration::from_nanos(age);
            target.health().observe_first_content(at, took, decay);
        }
    }

    /// The outcome is known, and the call has ended.
    #[inline]
    pub(crate) fn settled(
        &self,
        ticket: &mut Ticket,
        outcome: Outcome,
        clock: impl FnOnce() -> Instant,
    ) {
        match (outcome, ticket.kind) {
            (Outcome::Success, Kind::Plain) => self.streak.end(ticket.generation),
            (Outcome::Success, Kind::Closed) => self.arrived(ticket, clock),
            (_, Kind::Ghost) => {}
            _ => self.otherwise(ticket, outcome, clock),
        }
        if let (Some(target), false) = (&self.target, self.plain) {
            target.health().end_attempt();
        }
    }

    /// Whatever is not the success of a call that a closed circuit admitted.
    #[cold]
    fn otherwise(&self, ticket: &mut Ticket, outcome: Outcome, clock: impl FnOnce() -> Instant) {
        let lesson = outcome.advice().lesson;
        if lesson != Lesson::Nothing || ticket.kind != Kind::Plain {
            self.learn(ticket, outcome, lesson, clock());
        }
    }

    fn learn(&self, ticket: &mut Ticket, outcome: Outcome, lesson: Lesson, at: Instant) {
        let now = self.clock.at(at);
        if ticket.key_probe {
            self.locked(|machine, _| machine.end_key_probe());
        }
        match lesson {
            Lesson::Success => {
                self.arrived(ticket, || at);
                self.key.worked(at);
                self.streak.end(ticket.generation);
                if ticket.kind == Kind::Counted {
                    self.locked(|machine, ring| machine.count(ring, now, ticket, false, None));
                }
                if ticket.key_probe {
                    self.locked(|machine, _| machine.useful_again());
                }
            }
            Lesson::Failure => self.failed(ticket, now, outcome.wait()),
            Lesson::Gate => self.limited(ticket, at, now, outcome.wait()),
            Lesson::ShutKey => self.shut_key(ticket, at, now, outcome.wait()),
            Lesson::DoubtKey if self.worked_lately(at, now) => self.failed(ticket, now, None),
            Lesson::DoubtKey => self.shut_key(ticket, at, now, None),
            Lesson::ShutTarget => {
                let at_once = self
                    .target
                    .as_ref()
                    .is_some_and(|target| target.model().is_some());
                self.catch_up(at);
                self.locked(|machine, ring| machine.missed(ring, now, ticket, at_once));
            }
            _ if outcome == Outcome::Cancelled => {
                self.locked(|machine, ring| machine.cancelled(ring, now, ticket));
            }
            _ => self.locked(|machine, ring| machine.left(ring, now, ticket)),
        }
    }

    fn failed(&self, ticket: &Ticket, now: Nanos, wait: Option<Duration>) {
        let wait = wait.map(nanos);
        self.locked(|machine, ring| {
            if ticket.kind == Kind::Counted {
                return machine.count(ring, now, ticket, true, wait);
            }
            machine.failed(ring, now, ticket, wait);
            let enough = |limit| self.streak.count(ticket.generation) >= limit;
            if ticket.generation == machine.generation()
                && self.settings.consecutive.is_some_and(enough)
            {
                machine.trip(ring);
            }
        });
    }

    /// Keeps calls away for as long as the server asked, and learns what rate it takes.
    fn limited(&self, ticket: &Ticket, at: Instant, now: Nanos, wait: Option<Duration>) {
        let longest = self.settings.tuning.gate_longest;
        let asked = wait.map(|wait| nanos(wait.min(longest)));
        self.locked(|machine, ring| {
            let wait = machine.limited(ring, now, ticket, asked);
            self.health().gate(at + Duration::from_nanos(wait));
        });
    }

    /// The key is of no use: shuts it for all its targets, or this target where nothing is known of its key.
    fn shut_key(&self, ticket: &Ticket, at: Instant, now: Nanos, wait: Option<Duration>) {
        let wait = wait.map(|wait| nanos(wait.min(self.settings.tuning.gate_longest)));
        let period = self.locked(|machine, ring| {
            machine.left(ring, now, ticket);
            if ticket.generation != machine.generation() {
                return None;
            }
            if !self.key_is_shared {
                machine.shut(ring, wait);
                return None;
            }
            Some(machine.shut_period(wait))
        });
        if let Some(period) = period {
            self.key.shut(at + Duration::from_nanos(period));
            tracing::warn!(
                target: "tower_ai_breaker",
                name = self.target.as_ref().map(Target::name),
                key = self.key.name(),
                "the key is shut"
            );
        }
    }

    /// Tells what successes of a plain rule, which take no lock and no time, have left untold.
    fn catch_up(&self, at: Instant) {
        if self.streak.has_worked() {
            self.key.worked(at);
            self.locked(|machine, _| machine.useful_again());
        }
    }

    /// Whether the key worked not long ago, or not long before the present outage: then it is not the key.
    fn worked_lately(&self, at: Instant, now: Nanos) -> bool {
        self.catch_up(at);
        let outage = self.locked(|machine, _| machine.outage_age(now));
        let memory = self.settings.tuning.key_memory + Duration::from_nanos(outage);
        self.key.worked_within(at, memory)
    }
}

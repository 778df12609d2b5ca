//! One circuit: the machine under its lock, and in front of it the atomics that spare most calls the lock.
//!
//! A call that a closed circuit admits, and that succeeds, takes no lock: it reads the admission word, counts
//! itself in the ring when it starts and when its first content comes. Whoever needs the machine (a failure, a
//! circuit that is not closed, the first call after the ring has moved on) takes the lock and first brings the
//! machine up to now: it reads from the ring what the others have left there since. The machine therefore sees
//! all that happened before a failure before it sees the failure.

mod learn;
mod read;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tower_ai_core::error::{Reason, Shed};
use tower_ai_core::{Availability, Health, Key, Mode, Target};

use crate::handle::Transition;
use crate::machine::{Forced, Kind, Machine, Refusal, Ticket};
use crate::permit::Permit;
use crate::ring::{Lane, Ring};
use crate::rules::{Rules, Settings};
use crate::streak::Streak;
use crate::time::{Clock, Nanos, nanos};
use crate::word::{Verdict, Word};

/// The state that every service, clone and handle of one layer shares.
pub(crate) struct Circuit {
    word: Word,
    /// When the ring is to be swept next.
    sweep_at: AtomicU64,
    /// When the next first content of each lane is taken as a sample.
    sample_at: [AtomicU64; 2],
    /// The age from which a call of each lane is slow.
    slow_after: [AtomicU64; 2],
    rejected: AtomicU64,
    streak: Streak,
    ring: Ring,
    clock: Clock,
    plain: bool,
    counting: bool,
    settings: Settings,
    machine: Mutex<Machine>,
    target: Option<Target>,
    /// Judged instead of the target's where there is no target or it is only observed.
    own_health: Health,
    /// The target's, or one of our own that only remembers whether it worked.
    key: Key,
    key_is_shared: bool,
    watch: watch::Sender<Transition>,
}

impl Circuit {
    pub(crate) fn new(settings: Settings, target: Option<Target>) -> Arc<Self> {
        let rules = Rules::of(&settings);
        let chance = settings.chance(target.as_ref().map_or("", Target::name));
        let shared = target.as_ref().and_then(Target::key);
        let shared = shared.filter(|_| !settings.observe_only).cloned();
        let plain = settings.consecutive.is_some();
        if let (Some(target), false) = (&target, plain) {
            target.health().set_followed();
        }
        let machine = Machine::new(rules, chance);
        Arc::new(Self {
            word: Word::new(machine.verdict()),
            sweep_at: AtomicU64::new(0),
            sample_at: [const { AtomicU64::new(0) }; 2],
            slow_after: Lane::ALL.map(|lane| AtomicU64::new(machine.slow_after(lane))),
            rejected: AtomicU64::new(0),
            streak: Streak::new(),
            ring: if rules.is_plain() {
                Ring::coarse(rules.ramp_lease)
            } else {
                Ring::covering(rules.slow_ceiling.saturating_add(rules.survival_age))
            },
            clock: Clock::starting(settings.epoch.unwrap_or_else(Instant::now)),
            plain,
            counting: settings.failure_rate.is_some(),
            settings,
            machine: Mutex::new(machine),
            key_is_shared: shared.is_some(),
            key: shared.unwrap_or_else(|| Key::named("")),
            target,
            own_health: Health::new(),
            watch: watch::Sender::new(Transition::initial()),
        })
    }

    /// Whether a call that comes now goes or is shed. `clock` is read at most once, and not at all by a closed
    /// circuit with a plain rule.
    #[inline]
    pub(crate) fn admit(
        self: &Arc<Self>,
        others: bool,
        lane: Lane,
        clock: impl FnOnce() -> Instant,
    ) -> Result<Permit, Shed> {
        let verdict = self.word.load();
        let free = verdict.is_free() && !self.key_may_be_shut();
        if free && self.plain {
            let ticket = Ticket::new(verdict.generation(), Nanos::MAX, Kind::Plain, others, lane);
            return Ok(Permit::new(Arc::clone(self), ticket));
        }
        let now = self.clock.at(clock());
        if free && let Some(permit) = self.admit_freely(verdict, now, others, lane) {
            return Ok(permit);
        }
        self.ask(now, others, lane)
    }

    #[cold]
    fn ask(self: &Arc<Self>, now: Nanos, others: bool, lane: Lane) -> Result<Permit, Shed> {
        match self.admit_slowly(now, others, lane) {
            Ok(ticket) => Ok(self.permit(ticket)),
            Err(refusal) => self.refuse(refusal, now, others, lane),
        }
    }

    /// Whether the key was shut and is not known to be open again.
    #[inline]
    fn key_may_be_shut(&self) -> bool {
        self.key_is_shared && self.key.may_be_shut()
    }

    #[inline]
    fn admit_freely(
        self: &Arc<Self>,
        verdict: Verdict,
        now: Nanos,
        others: bool,
        lane: Lane,
    ) -> Option<Permit> {
        if now >= self.sweep_at.load(Ordering::Relaxed) {
            self.sweep(now, others);
            if self.word.load() != verdict {
                return None;
            }
        }
        if self.counting {
            let ticket = Ticket::new(verdict.generation(), now, Kind::Counted, others, lane);
            return Some(self.permit(ticket));
        }
        let mut ticket = Ticket::freely(verdict, now, others, lane);
        let bucket = self.ring.bucket(now);
        ticket.counted = self.ring.start(bucket, lane, ticket.generation);
        Some(self.permit(ticket))
    }

    fn admit_slowly(&self, now: Nanos, others: bool, lane: Lane) -> Result<Ticket, Refusal> {
        let verdict = self.word.load();
        if let Some(wait) = verdict.away(now) {
            return Err(Refusal::new(Reason::Open, wait));
        }
        let at = self.clock.instant(now).unwrap_or_else(Instant::now);
        let probes_key = self.ask_key(at)?;
        if let Some(wait) = self.gated(verdict, at) {
            return Err(Refusal::new(Reason::RateLimited, Some(nanos(wait))));
        }
        self.locked(|machine, ring| {
            machine.advance(ring, now, others);
            if probes_key {
                machine.probe_key(now)?;
            }
            let admitted = machine.admit(ring, others, lane);
            match admitted {
                Ok(ticket) if probes_key => Ok(Ticket {
                    kind: ticket.kind.under_watch(),
                    key_probe: true,
                    ..ticket
                }),
                Err(_) if probes_key => {
                    machine.end_key_probe();
                    admitted
                }
                _ => admitted,
            }
        })
    }

    /// Whether the call would be the probe of a key whose time is over.
    fn ask_key(&self, now: Instant) -> Result<bool, Refusal> {
        if !self.key_may_be_shut() {
            return Ok(false);
        }
        match self.key.wait(now) {
            Some(wait) => Err(Refusal::new(Reason::KeyShut, Some(nanos(wait)))),
            None => Ok(true),
        }
    }

    #[inline]
    fn permit(self: &Arc<Self>, ticket: Ticket) -> Permit {
        if let (Some(target), false) = (&self.target, self.plain) {
            target.health().begin_attempt();
        }
        Permit::new(Arc::clone(self), ticket)
    }

    /// Says no; while it only observes, says what it would have said and lets the call go.
    fn refuse(
        self: &Arc<Self>,
        refusal: Refusal,
        now: Nanos,
        others: bool,
        lane: Lane,
    ) -> Result<Permit, Shed> {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        if self.settings.observe_only {
            let ticket = Ticket::new(
                self.word.load().generation(),
                now,
                Kind::Ghost,
                others,
                lane,
            );
            return Ok(self.permit(ticket));
        }
        let wait = refusal.wait.map(Duration::from_nanos);
        Err(Shed::new(refusal.reason, wait))
    }

    /// The error of a call that is sure to be shed if it comes now; `None` where it may go, or may have to ask.
    #[inline]
    pub(crate) fn surely_shed(&self) -> Option<Shed> {
        let verdict = self.word.load();
        if verdict.is_free() && !self.key_may_be_shut() {
            return None;
        }
        self.surely_shed_by(verdict)
    }

    #[cold]
    fn surely_shed_by(&self, verdict: Verdict) -> Option<Shed> {
        if self.settings.observe_only {
            return None;
        }
        let now = Instant::now();
        if let Some(wait) = verdict.away(self.clock.at(now)) {
            return Some(Shed::open(wait.map(Duration::from_nanos)));
        }
        if let (true, Some(wait)) = (self.key_is_shared, self.key.wait(now)) {
            return Some(Shed::new(Reason::KeyShut, Some(wait)));
        }
        self.gated(verdict, now)
            .map(|wait| Shed::new(Reason::RateLimited, Some(wait)))
    }

    /// What is left of the wait that a rate limit asked for. The health of an open circuit says how long it is
    /// open instead.
    fn gated(&self, verdict: Verdict, now: Instant) -> Option<Duration> {
        let health = self.health();
        match health.availability(now) {
            Availability::Away(wait) if verdict.mode() != Mode::Open || health.is_gated(now) => {
                Some(wait)
            }
            _ => None,
        }
    }

    /// Counts a call that was shed without asking.
    pub(crate) fn count_shed(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Brings the machine up to now, unless somebody else is at it.
    #[cold]
    fn sweep(&self, now: Nanos, others: bool) {
        let machine = match self.machine.try_lock() {
            Ok(machine) => machine,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.with(machine, |machine, ring| machine.advance(ring, now, others));
    }

    /// Runs `f` on the machine, and tells everybody what has changed.
    pub(crate) fn locked<R>(&self, f: impl FnOnce(&mut Machine, &Ring) -> R) -> R {
        // A panic under the lock cannot leave the machine half changed in a way that matters more than the call.
        let machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        self.with(machine, f)
    }

    fn with<R>(
        &self,
        mut machine: MutexGuard<'_, Machine>,
        f: impl FnOnce(&mut Machine, &Ring) -> R,
    ) -> R {
        let before = (machine.generation(), machine.mode());
        let result = f(&mut machine, &self.ring);
        let verdict = machine.verdict();
        if verdict != self.word.load() {
            self.word.store(verdict);
        }
        for (lane, slow_after) in Lane::ALL.into_iter().zip(&self.slow_after) {
            slow_after.store(machine.slow_after(lane), Ordering::Relaxed);
        }
        self.sweep_at
            .store(machine.next_sweep(&self.ring), Ordering::Relaxed);
        let moved = (machine.generation() != before.0).then(|| Transition {
            from: before.1,
            to: machine.mode(),
            generation: machine.generation(),
            until: machine.until().and_then(|until| self.clock.instant(until)),
            forced: machine.is_forced().is_some(),
        });
        if let Some(moved) = &moved {
            self.health().set_mode(moved.to, moved.until);
        }
        drop(machine);
        if let Some(moved) = moved {
            self.announce(moved);
        }
        result
    }

    /// Without the lock: subscribers and wakers are other people's code.
    #[cold]
    fn announce(&self, moved: Transition) {
        tracing::info!(
            target: "tower_ai_breaker",
            name = self.target.as_ref().map(Target::name),
            from = moved.from.name(),
            to = moved.to.name(),
            forced = moved.forced,
            observe_only = self.settings.observe_only,
            "the circuit is {}",
            moved.to.name(),
        );
        self.watch.send_if_modified(|last| {
            // Two threads may come here in either order; the later transition stands.
            let newer =
                moved.generation.wrapping_sub(last.generation) & GENERATIONS <= GENERATIONS / 2;
            if newer {
                *last = moved;
            }
            newer
        });
    }

    pub(crate) fn force(&self, forced: Forced) {
        self.at(Instant::now(), |machine, ring| machine.force(forced, ring));
    }

    pub(crate) fn automatic(&self) {
        self.at(Instant::now(), Machine::automatic);
    }

    pub(crate) fn reset(&self) {
        self.at(Instant::now(), Machine::reset);
        self.health().lift_gate();
    }

    /// The same, on a machine that is brought up to now first.
    pub(crate) fn at<R>(&self, now: Instant, f: impl FnOnce(&mut Machine, &Ring) -> R) -> R {
        let now = self.clock.at(now);
        self.locked(|machine, ring| {
            machine.advance(ring, now, false);
            f(machine, ring)
        })
    }

    /// The health that this circuit writes its verdicts to.
    fn health(&self) -> &Health {
        match &self.target {
            Some(target) if !self.settings.observe_only => target.health(),
            _ => &self.own_health,
        }
    }
}

const GENERATIONS: u32 = crate::word::GENERATION_MASK;

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("target", &self.target)
            .field("mode", &self.word.load().mode())
            .finish_non_exhaustive()
    }
}

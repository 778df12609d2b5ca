//! What is known of a target's health, shared by all layers.

use std::time::Duration;

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use tokio::time::Instant;

use crate::Epoch;
use crate::headroom::{Headroom, HeadroomCell};

/// The state of a target's circuit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// Takes all calls.
    Closed,
    /// Takes a part of the calls, and rejects the rest.
    Shedding,
    /// Takes no calls but single probes.
    Open,
    /// Comes back: takes a number of calls at a time that grows with their success.
    Ramping,
}

impl Mode {
    const fn bits(self) -> u64 {
        match self {
            Self::Closed => 0,
            Self::Shedding => 1,
            Self::Open => 2,
            Self::Ramping => 3,
        }
    }

    const fn from_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Closed,
            1 => Self::Shedding,
            2 => Self::Open,
            _ => Self::Ramping,
        }
    }

    /// The mode's name in lower case, as it stands in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Shedding => "shedding",
            Self::Open => "open",
            Self::Ramping => "ramping",
        }
    }
}

/// Whether it makes sense to send a call to a target now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Availability {
    /// It takes calls.
    Available,
    /// It may take this call: it sheds a part, comes back, or is due for a probe.
    Doubtful,
    /// It takes none for this long.
    Away(Duration),
}

/// What is known of a target's health: atomics that one layer writes and others read.
///
/// The breaker writes it. Failover, cache and impact log read it, so that an open target is skipped
/// without a call, and none of them has to know the breaker. Without a breaker in the stack it stays
/// [`Mode::Closed`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_core::{Availability, Health, Mode};
///
/// let (health, now) = (Health::new(), Instant::now());
/// assert!(health.is_closed());
///
/// health.set_mode(Mode::Open, Some(now + Duration::from_secs(5)));
/// assert!(matches!(health.availability(now), Availability::Away(_)));
/// let later = now + Duration::from_secs(6);
/// assert_eq!(health.availability(later), Availability::Doubtful, "due for a probe");
/// ```
#[derive(Debug)]
pub struct Health {
    epoch: Epoch,
    /// `until` in milliseconds << 2 | mode.
    circuit: AtomicU64,
    /// When the server's wait is over, in milliseconds; 0: no gate.
    gate: AtomicU64,
    /// Peak-EWMA of the time to first content: seconds as f32 << 32 | stamp in milliseconds.
    first_content: AtomicU64,
    headroom: HeadroomCell,
    pending: AtomicU32,
    followed: AtomicBool,
}

impl Health {
    /// A closed target of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            epoch: Epoch::now(),
            circuit: AtomicU64::new(0),
            gate: AtomicU64::new(0),
            first_content: AtomicU64::new(0),
            headroom: HeadroomCell::new(),
            pending: AtomicU32::new(0),
            followed: AtomicBool::new(false),
        }
    }

    /// The state of the circuit.
    pub fn mode(&self) -> Mode {
        Mode::from_bits(self.circuit.load(Ordering::Acquire))
    }

    /// Whether the circuit is closed and no gate was set: two loads and no clock, for the hot path.
    ///
    /// A gate counts until [`availability`](Self::availability) has seen it expire.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.mode() == Mode::Closed && self.gate.load(Ordering::Relaxed) == 0
    }

    /// Whether to send a call now.
    pub fn availability(&self, now: Instant) -> Availability {
        let gated = self.gate_wait(now);
        let word = self.circuit.load(Ordering::Acquire);
        let mode = Mode::from_bits(word);
        let open = match mode {
            Mode::Open => (word >> 2).saturating_sub(self.epoch.millis(now)),
            _ => 0,
        };
        let away = gated.max(Duration::from_millis(open));
        match mode {
            _ if !away.is_zero() => Availability::Away(away),
            Mode::Closed => Availability::Available,
            _ => Availability::Doubtful,
        }
    }

    /// Whether a server's wait keeps calls away, whatever the circuit says.
    pub fn is_gated(&self, now: Instant) -> bool {
        !self.gate_wait(now).is_zero()
    }

    /// What is left of the server's wait; clears the gate when it is over.
    fn gate_wait(&self, now: Instant) -> Duration {
        let gate = self.gate.load(Ordering::Relaxed);
        if gate == 0 {
            return Duration::ZERO;
        }
        let left = gate.saturating_sub(self.epoch.millis(now));
        if left == 0 {
            // A gate that was set anew in between stays: its value differs.
            let _newer = self
                .gate
                .compare_exchange(gate, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        Duration::from_millis(left)
    }

    /// Sets the state of the circuit and, for an open one, when the next probe is due.
    ///
    /// `None` while open means: until further notice.
    pub fn set_mode(&self, mode: Mode, until: Option<Instant>) {
        const NEVER: u64 = u64::MAX >> 3;
        let until = match (mode, until) {
            (Mode::Open, Some(until)) => self.epoch.millis(until).min(NEVER),
            (Mode::Open, None) => NEVER,
            _ => 0,
        };
        self.circuit
            .store(until << 2 | mode.bits(), Ordering::Release);
    }

    /// Keeps calls away until the server's wait is over. Never shortens a gate that is set.
    ///
    /// The end is rounded down to a millisecond, so that a call that waited exactly as told is admitted.
    pub fn gate(&self, until: Instant) {
        self.gate
            .fetch_max(self.epoch.millis(until), Ordering::Relaxed);
    }

    /// Lifts the gate at once.
    pub fn lift_gate(&self) {
        self.gate.store(0, Ordering::Relaxed);
    }

    /// Learns how long an answer took to its first content (peak EWMA with decay time `tau`).
    ///
    /// A slower one counts in full at once; faster ones bring the estimate down over `tau` (the rule of
    /// Finagle's and tower's peak EWMA).
    pub fn observe_first_content(&self, now: Instant, took: Duration, tau: Duration) {
        let took = took.as_secs_f32();
        let stamp = self.stamp(now);
        let _always =
            self.first_content
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                    let next = match unpack(word) {
                        None => took,
                        Some((estimate, _)) if took >= estimate => took,
                        Some((estimate, at)) => {
                            let keep = decay(stamp.wrapping_sub(at), tau);
                            estimate * keep + took * (1.0 - keep)
                        }
                    };
                    Some(pack(next, stamp))
                });
    }

    /// The learnt time to first content, which fades over `tau` while nothing new is learnt.
    ///
    /// `None` until the first answer. The fading lets a target that was slow once be tried again.
    pub fn first_content(&self, now: Instant, tau: Duration) -> Option<Duration> {
        let (estimate, at) = unpack(self.first_content.load(Ordering::Relaxed))?;
        let faded = estimate * decay(self.stamp(now).wrapping_sub(at), tau);
        Some(Duration::from_secs_f32(faded.max(0.0)))
    }

    /// Notes what an answer at `now` says is left of the target's rate limits.
    ///
    /// What it does not speak of stays as it was. A reset more than an hour away counts as one in an hour. No
    /// lock and no allocation.
    pub fn note_headroom(&self, now: Instant, headroom: &Headroom) {
        self.headroom.note(self.epoch, now, headroom);
    }

    /// What is left of the target's rate limits, as far as is known at `now`; a limit whose reset has come is
    /// unknown again. Shares are kept to a 255th, counts to within a hundredth, rounded down.
    pub fn headroom(&self, now: Instant) -> Headroom {
        self.headroom.read(self.epoch, now)
    }

    /// Whether [nearly nothing](Headroom::TIGHT) is left of a rate limit at `now`.
    pub fn is_tight(&self, now: Instant) -> bool {
        self.headroom.is_tight(self.epoch, now)
    }

    /// Whether nearly nothing was left of a rate limit and nobody has seen that pass: one load and no clock, for
    /// the hot path.
    #[inline]
    pub fn may_be_tight(&self) -> bool {
        self.headroom.may_be_tight()
    }

    /// Says that a layer follows each answer to its first content and end, and reports both here; others
    /// then leave [`observe_first_content`](Self::observe_first_content) and the attempts to it.
    pub fn set_followed(&self) {
        self.followed.store(true, Ordering::Relaxed);
    }

    /// Whether a layer follows each answer.
    pub fn is_followed(&self) -> bool {
        self.followed.load(Ordering::Relaxed)
    }

    /// How many attempts are under way.
    pub fn pending(&self) -> u32 {
        self.pending.load(Ordering::Relaxed)
    }

    /// Counts an attempt as under way; [`end_attempt`](Self::end_attempt) must follow.
    pub fn begin_attempt(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends an attempt that was begun.
    pub fn end_attempt(&self) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    /// Milliseconds that wrap after 49 days: only differences are read.
    #[expect(clippy::cast_possible_truncation, reason = "wraps on purpose")]
    fn stamp(&self, now: Instant) -> u32 {
        self.epoch.millis(now) as u32
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

fn decay(millis: u32, tau: Duration) -> f32 {
    (-(f64::from(millis) / 1000.0) / tau.as_secs_f64().max(1e-9)).exp() as f32
}

fn pack(seconds: f32, stamp: u32) -> u64 {
    // The least positive float marks "known" where the time was zero.
    u64::from(seconds.max(f32::MIN_POSITIVE).to_bits()) << 32 | u64::from(stamp)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
fn unpack(word: u64) -> Option<(f32, u32)> {
    (word != 0).then(|| (f32::from_bits((word >> 32) as u32), word as u32))
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn a_gate_that_is_set_while_the_old_one_is_cleared_stays() {
        loom::model(|| {
            let (health, now) = (Arc::new(Health::new()), Instant::now());
            let second = Duration::from_secs(1);
            health.gate(now + second);
            let other = Arc::clone(&health);
            let there = thread::spawn(move || other.gate(now + 9 * second));
            let _cleared_or_not = health.availability(now + 2 * second);
            there.join().unwrap();
            assert!(health.is_gated(now + 2 * second));
        });
    }

    #[test]
    fn attempts_that_begin_and_end_at_once_are_counted_out() {
        loom::model(|| {
            let health = Arc::new(Health::new());
            let other = Arc::clone(&health);
            let there = thread::spawn(move || {
                other.begin_attempt();
                other.end_attempt();
            });
            health.begin_attempt();
            health.end_attempt();
            there.join().unwrap();
            assert_eq!(health.pending(), 0);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const TAU: Duration = Duration::from_secs(10);

    #[test]
    fn a_wait_that_was_slept_exactly_is_over() {
        let (health, now) = (Health::new(), Instant::now());
        let wait = Duration::from_micros(1_500_700);
        health.gate(now + wait);
        assert!(matches!(health.availability(now), Availability::Away(_)));
        assert_eq!(health.availability(now + wait), Availability::Available);
        assert!(health.is_closed(), "the expired gate was cleared");
    }

    #[test]
    fn a_gate_is_never_shortened() {
        let (health, now) = (Health::new(), Instant::now());
        health.gate(now + Duration::from_secs(60));
        health.gate(now + Duration::from_secs(1));
        let later = now + Duration::from_secs(30);
        assert!(matches!(health.availability(later), Availability::Away(_)));
    }

    #[test]
    fn open_without_an_end_is_away_for_good() {
        let (health, now) = (Health::new(), Instant::now());
        health.set_mode(Mode::Open, None);
        let year = Duration::from_secs(86_400 * 365);
        assert!(matches!(
            health.availability(now + year),
            Availability::Away(_)
        ));
    }

    #[test]
    fn every_mode_survives_packing() {
        let health = Health::new();
        for mode in [Mode::Closed, Mode::Shedding, Mode::Open, Mode::Ramping] {
            health.set_mode(mode, None);
            assert_eq!(health.mode(), mode);
        }
    }

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let (health, now) = (Health::new(), Instant::now());
        assert_eq!(health.first_content(now, TAU), None);
        health.observe_first_content(now, Duration::from_millis(200), TAU);
        health.observe_first_content(now, Duration::from_secs(4), TAU);
        assert_eq!(health.first_content(now, TAU), Some(Duration::from_secs(4)));
        let later = now + TAU;
        health.observe_first_content(later, Duration::from_millis(200), TAU);
        let faded = health.first_content(later, TAU).unwrap().as_secs_f32();
        let expected = 4.0 * (-1.0_f32).exp() + 0.2 * (1.0 - (-1.0_f32).exp());
        assert!((faded - expected).abs() < 1e-3, "{faded} is not {expected}");
    }
}

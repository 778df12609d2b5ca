//! Several keys of one target.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::headroom::{Headroom, HeadroomCell};
use crate::{Epoch, Key, Lesson, Outcome, Tuning};

/// The keys of a target that has several: each attempt takes one, in turn.
///
/// What a key does wrong is charged to that key and not to the target: while another is open, a rate limit, a used-up
/// quota or a refusal of one reads as [`Outcome::KeySpent`], of which a breaker learns nothing, and the retry that follows
/// at once takes another key. Faults, stalls and latencies are the endpoint's, whatever key met them: all keys stand
/// behind one circuit, and its evidence is not split. Only when no key is open is the target away, until the first comes
/// back.
///
/// A key is away for as long as the server asked. One that is refused though it worked not long ago
/// ([`Tuning::key_memory`]) is away for [`Tuning::open_longest`], one that did not for [`Tuning::shut_first`]; then one
/// call tries it. What shuts a [`Key`] shuts it on every target that has it; a rate limit counts here only.
///
/// Of the open keys, those with [nearly no room](Headroom::TIGHT) in their rate limits come last.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_core::{Key, Outcome, Target, Tuning};
///
/// let target = Target::builder("openai").keys(["team-a", "team-b"].map(Key::named)).build()?;
/// let (keys, now, tuning) = (target.keys().expect("it has two"), Instant::now(), Tuning::new());
///
/// let first = keys.take(now, &tuning).expect("both are open");
/// let limited = Outcome::RateLimited { wait: Some(Duration::from_secs(20)) };
/// assert_eq!(keys.settle(first, limited, now, &tuning), Outcome::KeySpent);
///
/// let second = keys.take(now, &tuning).expect("the other is open");
/// assert_ne!(first, second);
/// let later = now + Duration::from_secs(5);
/// let both = keys.settle(second, limited, later, &tuning);
/// assert_eq!(both, Outcome::RateLimited { wait: Some(Duration::from_secs(15)) }, "until the first is back");
/// assert_eq!(keys.take(later, &tuning), Err(Duration::from_secs(15)));
/// # Ok::<(), tower_ai_core::InvalidTarget>(())
/// ```
pub struct KeyRing {
    places: Box<[Place]>,
    turn: AtomicUsize,
    epoch: Epoch,
    /// Until when no key is open, in milliseconds; 0: one may be.
    away: AtomicU64,
}

struct Place {
    key: Key,
    /// When the wait for its rate limit is over, in milliseconds; 0: there is none.
    gate: AtomicU64,
    /// Why it was last away.
    why: AtomicU8,
    headroom: HeadroomCell,
}

/// Why a key is away; of several the least says when the target is back.
const LIMITED: u8 = 0;
const EXHAUSTED: u8 = 1;
const REFUSED: u8 = 2;

impl KeyRing {
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        let place = |key| Place {
            key,
            gate: AtomicU64::new(0),
            why: AtomicU8::new(LIMITED),
            headroom: HeadroomCell::new(),
        };
        Self {
            places: keys.into_iter().map(place).collect(),
            turn: AtomicUsize::new(0),
            epoch: Epoch::now(),
            away: AtomicU64::new(0),
        }
    }

    /// The keys, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.places.iter().map(|place| &place.key)
    }

    /// How long a key takes no calls here still: its rate limit, or because it is shut. `None` if it is open, or
    /// there is no such key.
    #[must_use]
    pub fn wait(&self, number: usize, now: Instant) -> Option<Duration> {
        let place = self.places.get(number)?;
        let gate = place.gate.load(Ordering::Relaxed);
        let left = Duration::from_millis(gate.saturating_sub(self.epoch.millis(now)));
        let gated = Some(left).filter(|left| !left.is_zero());
        gated.max(place.key.wait(now))
    }

    /// What is left of a key's rate limits here.
    #[must_use]
    pub fn headroom(&self, number: usize, now: Instant) -> Headroom {
        let place = self.places.get(number);
        place.map_or(Headroom::new(), |place| {
            place.headroom.read(self.epoch, now)
        })
    }

    /// Takes the number of the key whose turn it is.
    ///
    /// A key whose time away is over is tried by one call in [`Tuning::open_longest`], until that is answered.
    ///
    /// # Errors
    ///
    /// Fails if no key is open, with the time until one is.
    pub fn take(&self, now: Instant, tuning: &Tuning) -> Result<usize, Duration> {
        let len = self.places.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % len;
        let mut tight = None;
        for number in (turn..len).chain(0..turn) {
            let place = &self.places[number];
            if self.wait(number, now).is_some() {
                continue;
            }
            if place.headroom.is_tight(self.epoch, now) {
                tight = tight.or(Some(number));
            } else if place.may_take(now, tuning) {
                return Ok(number);
            }
        }
        tight
            .filter(|&number| self.places[number].may_take(now, tuning))
            .ok_or_else(|| self.note_away(now))
    }

    /// Charges what an attempt was told to the key that it went with, and returns what it says of the target.
    ///
    /// A good answer opens its key.
    pub fn settle(
        &self,
        number: usize,
        outcome: Outcome,
        now: Instant,
        tuning: &Tuning,
    ) -> Outcome {
        let Some(place) = self.places.get(number) else {
            return outcome;
        };
        let why = match outcome.advice().lesson {
            Lesson::Success => {
                place.key.worked(now);
                if self.may_be_away() {
                    self.away.store(0, Ordering::Relaxed);
                }
                return outcome;
            }
            Lesson::Gate => {
                let wait = outcome.wait().unwrap_or(tuning.gate_unnamed);
                let until = self.epoch.millis(now + wait.min(tuning.gate_longest));
                place.gate.fetch_max(until, Ordering::Relaxed);
                LIMITED
            }
            Lesson::ShutKey => {
                let wait = outcome.wait().unwrap_or(tuning.shut_first);
                place.key.shut(now + wait.min(tuning.gate_longest));
                EXHAUSTED
            }
            Lesson::DoubtKey => {
                let wait = match place.key.worked_within(now, tuning.key_memory) {
                    true => tuning.open_longest,
                    false => tuning.shut_first,
                };
                place.key.shut(now + wait);
                REFUSED
            }
            _ => return outcome,
        };
        place.why.store(why, Ordering::Relaxed);
        if (0..self.places.len()).any(|number| self.is_open(number, now)) {
            return Outcome::KeySpent;
        }
        let wait = Some(self.note_away(now));
        let whys = self.places.iter().map(|it| it.why.load(Ordering::Relaxed));
        match whys.min() {
            Some(LIMITED) => Outcome::RateLimited { wait },
            Some(EXHAUSTED) => Outcome::Exhausted { wait },
            _ => outcome,
        }
    }

    /// Notes what an answer to a call with this key says is left of its rate limits. Returns what that makes of
    /// the target: the headroom of the open key that has most; `None` while that is not known of each.
    pub fn note_headroom(
        &self,
        number: usize,
        now: Instant,
        headroom: &Headroom,
    ) -> Option<Headroom> {
        let place = self.places.get(number)?;
        place.headroom.note(self.epoch, now, headroom);
        let mut best: Option<Headroom> = None;
        for (number, place) in self.places.iter().enumerate() {
            if self.is_open(number, now) {
                let here = place.headroom.read(self.epoch, now);
                here.share()?;
                best = best
                    .filter(|best| best.share() >= here.share())
                    .or(Some(here));
            }
        }
        best
    }

    /// Whether no key was open and nobody has seen that pass: one load and no clock.
    pub(crate) fn may_be_away(&self) -> bool {
        self.away.load(Ordering::Relaxed) != 0
    }

    /// How long no key is open still.
    pub(crate) fn away(&self, now: Instant) -> Option<Duration> {
        let away = self.away.load(Ordering::Relaxed);
        if away == 0 {
            return None;
        }
        let left = away.saturating_sub(self.epoch.millis(now));
        if left == 0 {
            let _newer = self
                .away
                .compare_exchange(away, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// Whether a key takes calls, and is not only due for a trial.
    fn is_open(&self, number: usize, now: Instant) -> bool {
        let place = &self.places[number];
        !place.key.may_be_shut() && self.wait(number, now).is_none()
    }

    /// Notes until when no key is open.
    fn note_away(&self, now: Instant) -> Duration {
        let waits = (0..self.places.len()).map(|number| self.wait(number, now));
        let soonest = waits.min().flatten().unwrap_or_default();
        let until = match soonest.is_zero() {
            true => 0,
            false => self.epoch.millis(now + soonest),
        };
        self.away.store(until, Ordering::Relaxed);
        soonest
    }
}

impl Place {
    /// Whether a call may go with a key that no wait keeps away: if it was shut, only one at a time.
    fn may_take(&self, now: Instant, tuning: &Tuning) -> bool {
        !self.key.may_be_shut() || self.key.begin_probe(now, tuning.open_longest)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Duration = Duration::from_secs(1);
    const TUNING: Tuning = Tuning::new();

    fn ring(names: &[&str]) -> KeyRing {
        KeyRing::new(names.iter().map(|name| Key::named(*name)).collect())
    }

    fn limited(seconds: u32) -> Outcome {
        Outcome::RateLimited {
            wait: Some(SEC * seconds),
        }
    }

    #[test]
    fn keys_are_taken_in_turn() {
        let (ring, now) = (ring(&["a", "b", "c"]), Instant::now());
        let taken: Vec<_> = (0..6)
            .filter_map(|_| ring.take(now, &TUNING).ok())
            .collect();
        assert_eq!(taken, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_spent_key_is_left_out_until_it_is_back() {
        let (ring, now) = (ring(&["a", "b"]), Instant::now());
        assert_eq!(ring.settle(0, limited(9), now, &TUNING), Outcome::KeySpent);
        let taken: Vec<_> = (0..4)
            .filter_map(|_| ring.take(now, &TUNING).ok())
            .collect();
        assert_eq!(taken, [1, 1, 1, 1]);
        let later = now + 9 * SEC;
        let taken: Vec<_> = (0..2)
            .filter_map(|_| ring.take(later, &TUNING).ok())
            .collect();
        assert_eq!(taken, [0, 1]);
    }

    #[test]
    fn what_is_no_fault_of_a_key_is_passed_on() {
        let (ring, now) = (ring(&["a", "b"]), Instant::now());
        for outcome in Outcome::ALL {
            let is_of_key = matches!(
                outcome.advice().lesson,
                Lesson::Gate | Lesson::ShutKey | Lesson::DoubtKey
            );
            if !is_of_key {
                assert_eq!(ring.settle(0, outcome, now, &TUNING), outcome);
                assert_eq!(ring.wait(0, now), None, "{outcome}");
            }
        }
    }

    #[test]
    fn with_no_key_open_the_mildest_reason_and_the_soonest_time_count() {
        let (ring, now) = (ring(&["a", "b", "c"]), Instant::now());
        let exhausted = Outcome::Exhausted { wait: None };
        assert_eq!(ring.settle(0, exhausted, now, &TUNING), Outcome::KeySpent);
        assert_eq!(ring.settle(1, limited(40), now, &TUNING), Outcome::KeySpent);
        let last = ring.settle(2, Outcome::Unauthorized, now, &TUNING);
        assert_eq!(last, limited(40));
        assert_eq!(ring.take(now, &TUNING), Err(40 * SEC));
        assert_eq!(ring.away(now), Some(40 * SEC));
        assert_eq!(ring.away(now + 40 * SEC), None);
        assert_eq!(ring.take(now + 40 * SEC, &TUNING), Ok(1));
    }

    #[test]
    fn a_storm_of_refusals_is_the_endpoints_and_passes() {
        let (ring, now) = (ring(&["a", "b"]), Instant::now());
        ring.iter().for_each(|key| key.worked(now));
        let first = ring.settle(0, Outcome::Unauthorized, now, &TUNING);
        assert_eq!(first, Outcome::KeySpent);
        let second = ring.settle(1, Outcome::Unauthorized, now, &TUNING);
        assert_eq!(
            second,
            Outcome::Unauthorized,
            "no key is left: the breaker learns of it"
        );
        assert_eq!(ring.take(now, &TUNING), Err(TUNING.open_longest));
        let later = now + TUNING.open_longest;
        let probe = ring.take(later, &TUNING).unwrap();
        let other = ring.take(later, &TUNING).unwrap();
        assert_ne!(probe, other);
        assert!(ring.take(later, &TUNING).is_err(), "one call tries each");
        ring.settle(probe, Outcome::Success, later, &TUNING);
        assert_eq!(ring.take(later, &TUNING), Ok(probe));
    }

    #[test]
    fn a_key_that_never_worked_is_away_for_long_on_all_its_targets() {
        let (dead, now) = (Key::named("dead"), Instant::now());
        let ring = KeyRing::new(vec![dead.clone(), Key::named("b")]);
        let outcome = ring.settle(0, Outcome::Unauthorized, now, &TUNING);
        assert_eq!(outcome, Outcome::KeySpent);
        assert_eq!(dead.wait(now), Some(TUNING.shut_first));
    }

    #[test]
    fn a_key_with_nearly_no_room_comes_last() {
        let (ring, now) = (ring(&["a", "b"]), Instant::now());
        let room = |left| Headroom::new().with_requests(crate::Room::new(left, 100, now + SEC));
        assert_eq!(
            ring.note_headroom(0, now, &room(1)),
            None,
            "of b nothing is known"
        );
        assert_eq!(
            (0..3).map(|_| ring.take(now, &TUNING)).collect::<Vec<_>>(),
            [Ok(1); 3]
        );
        let best = ring.note_headroom(1, now, &room(60)).unwrap();
        assert!(!best.is_tight());
        assert!(ring.note_headroom(1, now, &room(2)).unwrap().is_tight());
        assert!(ring.take(now, &TUNING).is_ok(), "there is no other");
    }

    #[test]
    fn a_key_that_is_passed_over_is_not_on_trial() {
        let (ring, now) = (ring(&["a", "b"]), Instant::now());
        let later = now + TUNING.shut_first;
        ring.settle(0, Outcome::Unauthorized, now, &TUNING);
        let tight = Headroom::new().with_requests(crate::Room::new(0, 9, later + SEC));
        ring.note_headroom(0, now, &tight);
        let taken: Vec<_> = (0..3).map(|_| ring.take(later, &TUNING)).collect();
        assert_eq!(taken, [Ok(1); 3]);
        assert_eq!(ring.wait(0, later), None, "nobody has tried it");
    }

    #[test]
    fn debug_shows_names_only() {
        let text = format!("{:?}", ring(&["a"]));
        assert!(text.contains("\"a\""), "{text}");
    }
}

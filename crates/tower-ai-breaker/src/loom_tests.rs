//! Every interleaving of what calls do without the lock with what the machine does under it.

use loom::sync::{Arc, Mutex};
use loom::thread;
use tower_ai_core::{Chance, Mode};

use crate::failure_rate::FailureRate;
use crate::machine::{Machine, Ticket};
use crate::ring::{Counts, Lane, Ring};
use crate::rules::{Rules, Settings};
use crate::streak::Streak;
use crate::time::Nanos;
use crate::word::Word;

const SECOND: Nanos = 1_000_000_000;

/// The parts of a circuit that threads share.
struct Shared {
    word: Word,
    ring: Ring,
    machine: Mutex<Machine>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Self::ruled_by(Settings::adaptive())
    }

    fn ruled_by(settings: Settings) -> Arc<Self> {
        let rules = Rules::of(&settings);
        let machine = Machine::new(rules, Chance::seeded(1));
        Arc::new(Self {
            word: Word::new(machine.verdict()),
            ring: Ring::small(2, 28),
            machine: Mutex::new(machine),
        })
    }

    fn locked<R>(&self, f: impl FnOnce(&mut Machine, &Ring) -> R) -> R {
        let mut machine = self.machine.lock().unwrap();
        let result = f(&mut machine, &self.ring);
        self.word.store(machine.verdict());
        result
    }

    /// What the fast path does.
    fn admit_freely(&self, now: Nanos) -> Option<Ticket> {
        let verdict = self.word.load();
        verdict.is_free().then(|| {
            let mut ticket = Ticket::freely(verdict, now, true, Lane::Plain);
            ticket.counted = self
                .ring
                .start(self.ring.bucket(now), ticket.lane, ticket.generation);
            ticket
        })
    }
}

#[test]
fn a_call_of_an_older_generation_never_counts_in_the_next() {
    loom::model(|| {
        let ring = Arc::new(Ring::small(2, 0));
        let other = Arc::clone(&ring);
        let old = thread::spawn(move || {
            if other.start(1, Lane::Plain, 1) {
                other.timely(1, Lane::Plain, 1);
            }
        });
        assert!(
            ring.start(1, Lane::Plain, 2),
            "the newer generation always counts"
        );
        old.join().unwrap();
        let one = Counts {
            started: 1,
            ..Counts::default()
        };
        assert_eq!(ring.read(1, 2), one);
    });
}

#[test]
fn a_recycled_slot_takes_nothing_from_the_lap_before() {
    loom::model(|| {
        let ring = Arc::new(Ring::small(2, 0));
        let other = Arc::clone(&ring);
        let old = thread::spawn(move || {
            if other.start(0, Lane::Plain, 1) {
                other.out(0, Lane::Plain, 1);
            }
        });
        assert!(ring.start(2, Lane::Plain, 1), "the same slot, a lap later");
        ring.timely(2, Lane::Plain, 1);
        old.join().unwrap();
        let counts = ring.read(2, 1);
        assert_eq!((counts.started, counts.out, counts.timely), (1, 0, 1));
    });
}

#[test]
fn two_ends_of_one_call_are_one() {
    loom::model(|| {
        let ring = Arc::new(Ring::small(2, 0));
        ring.start(0, Lane::Plain, 1);
        let other = Arc::clone(&ring);
        let there = thread::spawn(move || other.timely(0, Lane::Plain, 1));
        ring.out(0, Lane::Plain, 1);
        there.join().unwrap();
        let counts = ring.read(0, 1);
        assert_eq!(counts.out + counts.timely, 1);
    });
}

#[test]
fn an_admission_that_races_with_a_trip_changes_nothing_after_it() {
    loom::model(|| {
        let shared = Shared::new();
        let other = Arc::clone(&shared);
        let caller = thread::spawn(move || other.admit_freely(SECOND));
        shared.locked(|machine, ring| {
            machine.advance(ring, SECOND, true);
            machine.shut(ring, None);
        });
        let generation = shared.word.load().generation();
        if let Some(ticket) = caller.join().unwrap() {
            shared.locked(|machine, ring| {
                machine.failed(ring, SECOND, &ticket, None);
                machine.arrived(ring, SECOND, &ticket);
            });
        }
        assert_eq!(shared.word.load().generation(), generation);
        assert_eq!(shared.word.load().mode(), Mode::Open);
        let counts = shared.ring.read(shared.ring.bucket(SECOND), generation);
        assert_eq!(counts, Counts::default());
    });
}

#[test]
fn a_place_in_the_ramp_is_given_once_and_given_back_once() {
    loom::model(|| {
        let shared = Shared::new();
        let now = 600 * SECOND;
        shared.locked(|machine, ring| {
            machine.shut(ring, Some(1));
            machine.advance(ring, now, true);
        });
        let probe = move |shared: &Shared| {
            let ticket = shared.locked(|machine, ring| machine.admit(ring, true, Lane::Plain));
            match ticket {
                Ok(ticket) => {
                    shared.locked(|machine, ring| machine.left(ring, now, &ticket));
                    1
                }
                Err(_) => 0,
            }
        };
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || probe(&other));
        let here = probe(&shared);
        let admitted = here + there.join().unwrap();
        assert!(
            (1..=2).contains(&admitted),
            "at least one, and a second only after it"
        );
        let (window, holding) = shared.locked(|machine, _| machine.report()).window.unwrap();
        assert_eq!((window, holding), (1, 0));
    });
}

#[test]
fn a_reset_forgets_the_places_of_the_ramp() {
    loom::model(|| {
        let shared = Shared::new();
        let now = 600 * SECOND;
        let ticket = shared.locked(|machine, ring| {
            machine.shut(ring, Some(1));
            machine.advance(ring, now, true);
            machine.admit(ring, true, Lane::Plain).unwrap()
        });
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || {
            other.locked(|machine, ring| machine.left(ring, now, &ticket));
        });
        shared.locked(|machine, ring| machine.reset(ring));
        let free = shared.admit_freely(now);
        there.join().unwrap();
        assert!(free.is_some_and(|ticket| ticket.counted));
        let counts = shared
            .ring
            .read(shared.ring.bucket(now), shared.word.load().generation());
        assert_eq!((counts.started, counts.out), (1, 0));
    });
}

#[test]
fn credit_and_a_failure_of_one_moment_both_count() {
    let levels = |shared: &Shared| {
        shared.locked(|machine, ring| {
            machine.advance(ring, 3 * SECOND, true);
            machine.report().levels
        })
    };
    // What the failure says does not depend on whether the content had come.
    let alone = std::sync::Mutex::new(None);
    loom::model(move || {
        let shared = Shared::new();
        let [good, bad] = [(); 2].map(|()| shared.admit_freely(SECOND).unwrap());
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || {
            let bucket = other.ring.bucket(SECOND);
            other.ring.timely(bucket, good.lane, good.generation);
        });
        shared.locked(|machine, ring| machine.failed(ring, SECOND, &bad, None));
        there.join().unwrap();
        let counts = shared.ring.read(shared.ring.bucket(SECOND), bad.generation);
        assert_eq!((counts.started, counts.out, counts.timely), (2, 1, 1));
        let now = levels(&shared);
        assert_eq!(*alone.lock().unwrap().get_or_insert(now), now);
    });
}

#[test]
fn a_late_failure_takes_nothing_from_a_probe() {
    loom::model(|| {
        let shared = Shared::new();
        let now = 600 * SECOND;
        let old = shared.admit_freely(SECOND).unwrap();
        let probe = shared.locked(|machine, ring| {
            machine.shut(ring, Some(1));
            machine.advance(ring, now, true);
            machine.admit(ring, true, Lane::Plain).unwrap()
        });
        let generation = shared.word.load().generation();
        let other = Arc::clone(&shared);
        let late = thread::spawn(move || {
            other.locked(|machine, ring| machine.failed(ring, now, &old, None));
        });
        shared.locked(|machine, ring| machine.arrived(ring, now, &probe));
        late.join().unwrap();
        let (window, holding) = shared.locked(|machine, _| machine.report()).window.unwrap();
        assert_eq!((window, holding), (2, 0), "one content, one more place");
        assert_eq!(shared.word.load().generation(), generation);
    });
}

#[test]
fn a_half_open_circuit_decides_once_and_by_all_permits() {
    loom::model(|| {
        let rule = FailureRate::default().permitted_half_open(2).unwrap();
        let shared = Shared::ruled_by(Settings {
            failure_rate: Some(rule),
            ..Settings::adaptive()
        });
        let now = 600 * SECOND;
        shared.locked(|machine, ring| {
            machine.shut(ring, Some(1));
            machine.advance(ring, now, true);
        });
        let open = shared.word.load().generation();
        let probe = move |shared: &Shared| {
            let ticket = shared.locked(|machine, ring| machine.admit(ring, true, Lane::Plain));
            let ticket = ticket.expect("there are two permits");
            shared.locked(|machine, ring| machine.count(ring, now, &ticket, false, None));
        };
        let other = Arc::clone(&shared);
        let there = thread::spawn(move || probe(&other));
        probe(&shared);
        there.join().unwrap();
        let verdict = shared.word.load();
        assert_eq!(verdict.mode(), Mode::Closed);
        assert_eq!(verdict.generation(), open + 2, "half-open, and closed");
    });
}

#[test]
fn a_streak_is_never_longer_than_its_failures() {
    loom::model(|| {
        let streak = Arc::new(Streak::new());
        let other = Arc::clone(&streak);
        let there = thread::spawn(move || {
            other.end(1);
            other.count(1)
        });
        let here = streak.count(1);
        let longest = here.max(there.join().unwrap());
        assert!((1..=2).contains(&longest));
        assert_eq!(streak.count(2), 1);
    });
}

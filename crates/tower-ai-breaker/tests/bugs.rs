//! Mistakes that breakers make, ours once among them; each test fails on the mistake.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_breaker::{BreakerHandle, BreakerLayer, Permit};
use tower_ai_core::{Mode, Outcome};

/// A handle whose time is told in seconds.
struct Clock {
    start: Instant,
    handle: BreakerHandle,
}

impl Clock {
    fn new() -> Self {
        let handle = BreakerLayer::adaptive().seed(1).handle();
        Self {
            start: Instant::now(),
            handle,
        }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    fn admit(&self, seconds: f64, others: bool) -> Option<Permit> {
        self.handle.admit_at(self.at(seconds), others).ok()
    }

    /// A good call that starts then and speaks 0.6 s later.
    fn good(&self, seconds: f64) {
        if let Some(mut permit) = self.admit(seconds, true) {
            permit.first_content_at(self.at(seconds + 0.6));
            permit.settle_at(self.at(seconds + 0.6), Outcome::Success);
        }
    }
}

/// Calls in the order in which they start: each with its start, the age at which it speaks, and whether it fails
/// then.
fn play(clock: &Clock, begin: f64, calls: impl Iterator<Item = (f64, f64, bool)>) {
    let mut open: Vec<(f64, bool, Permit)> = Vec::new();
    let speak = |open: &mut Vec<(f64, bool, Permit)>, until: f64| {
        open.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
        while open.last().is_some_and(|(at, ..)| *at <= until) {
            let (at, fails, mut permit) = open.pop().expect("just seen");
            if fails {
                permit.settle_at(clock.at(at), Outcome::Fault);
            } else {
                permit.first_content_at(clock.at(at));
                permit.settle_at(clock.at(at), Outcome::Success);
            }
        }
    };
    for (start, speaks, fails) in calls {
        speak(&mut open, begin + start);
        let permit = clock.admit(begin + start, true).expect("closed");
        open.push((begin + start + speaks, fails, permit));
    }
    speak(&mut open, f64::INFINITY);
}

/// Bug 1: at a cold start the failures come first; they finish in 0.3 s and successes in 4 s.
#[test]
fn a_cold_start_with_usual_errors_is_no_alarm() {
    let clock = Clock::new();
    let calls = (0..1000).map(|i| {
        let fails = i % 20 == 7;
        (f64::from(i) * 0.0005, if fails { 0.3 } else { 4.0 }, fails)
    });
    play(&clock, 0.0, calls);
    assert_eq!(clock.handle.mode(), Mode::Closed);
}

/// Bug 2: credit given when calls are admitted is lost at the chart's floor, before a burst's failures come.
#[test]
fn a_burst_with_usual_errors_is_no_alarm() {
    // Failures come from the first of these ages on, spread over the second.
    for (age, spread) in [(0.05, 0.9), (0.3, 0.6), (2.0, 1.0), (30.0, 0.0)] {
        let clock = Clock::new();
        let call = |i: u32, start: f64| {
            let fails = i % 20 == 7;
            let late = f64::from(i % 1000) / 1000.0;
            (start, if fails { age + spread * late } else { 0.6 }, fails)
        };
        play(&clock, 0.0, (0..600).map(|i| call(i, f64::from(i))));
        play(&clock, 700.0, (0..1000).map(|i| call(i, 0.0)));
        assert_eq!(clock.handle.mode(), Mode::Closed, "failures after {age} s");
    }
}

/// Bug 3: credit for speaking in time must come at the age at which silence is held against a call.
#[test]
fn a_burst_with_a_few_slow_calls_is_no_alarm() {
    let clock = Clock::new();
    (0..600).for_each(|i| clock.good(f64::from(i)));
    let burst = (0..1000).map(|i| (0.0, if i % 50 == 7 { 20.0 } else { 0.6 }, false));
    play(&clock, 700.0, burst);
    assert_eq!(clock.handle.mode(), Mode::Closed);
}

/// Bug 4: a baseline of the first answers is too short, and calls every later answer slow.
#[test]
fn the_first_answers_are_not_the_baseline() {
    let clock = Clock::new();
    // Each second three calls; the quick ones speak first, half of them takes ten times as long.
    let calls = (0..900).map(|i| {
        let speaks = if i % 2 == 0 { 0.3 } else { 3.0 };
        (f64::from(i) / 3.0, speaks, false)
    });
    play(&clock, 0.0, calls);
    assert_eq!(clock.handle.mode(), Mode::Closed);
}

/// And where calls are many, enough of the quick ones have spoken long before the first of the others has.
#[test]
fn the_quickest_of_many_answers_are_not_the_baseline() {
    let clock = Clock::new();
    let calls = (0..1200).map(|i| {
        let speaks = if i % 2 == 0 { 0.3 } else { 9.0 };
        (f64::from(i) / 20.0, speaks, false)
    });
    play(&clock, 0.0, calls);
    assert_eq!(clock.handle.mode(), Mode::Closed);
}

/// Bug 5: failures of calls that were admitted before it shed must not push it open.
#[test]
fn old_failures_do_not_open_a_circuit_that_sheds() {
    let clock = Clock::new();
    (0..200).for_each(|i| clock.good(f64::from(i)));
    let old: Vec<_> = (0..200).filter_map(|_| clock.admit(300.0, false)).collect();
    let mut at = 302.0;
    for permit in old {
        at += 0.001;
        permit.settle_at(clock.at(at), Outcome::Fault);
    }
    assert_eq!(clock.handle.mode(), Mode::Shedding);
}

/// Bug 6: a large share that is shed at a low rate needs a call that passes in any case.
#[test]
fn a_rare_caller_gets_back_in() {
    let clock = Clock::new();
    let mut now = 0.0;
    // Two of three fail: sick, not down.
    for i in 0..12 {
        let (wait, outcome) = match i % 3 {
            2 => (0.6, Outcome::Success),
            _ => (0.1, Outcome::Fault),
        };
        if let Some(permit) = clock.admit(now, false) {
            permit.settle_at(clock.at(now + wait), outcome);
        }
        now += 10.0;
    }
    assert_eq!(clock.handle.mode(), Mode::Shedding);
    let begin = now;
    while clock.handle.mode() != Mode::Closed {
        if let Some(permit) = clock.admit(now, false) {
            permit.settle_at(clock.at(now + 0.6), Outcome::Success);
        }
        now += 10.0;
        assert!(
            now < begin + 600.0,
            "{:?}",
            clock.handle.state_at(clock.at(now))
        );
    }
}

/// Bug 7: a rate cap that is not in force must not gather debt. Only calls that ask the machine could run it up:
/// those of a ramp.
#[test]
fn a_rate_limit_that_is_not_known_yet_leaves_no_debt() {
    let clock = Clock::new();
    (0..600).for_each(|i| clock.good(f64::from(i) / 10.0));
    let mut now = 61.0;
    while clock.handle.mode() != Mode::Open {
        let permit = clock.admit(now, true).expect("not open yet");
        permit.settle_at(clock.at(now), Outcome::Fault);
        now += 0.1;
    }
    let mut ramped = 0;
    while clock.handle.mode() != Mode::Closed {
        clock.good(now);
        now += 0.01;
        ramped += u32::from(clock.handle.mode() == Mode::Ramping);
    }
    assert!(ramped > 50, "{ramped}");
    now += 0.6;
    let permit = clock.admit(now, true).expect("closed");
    permit.settle_at(clock.at(now), Outcome::RateLimited { wait: None });
    let state = clock.handle.state_at(clock.at(now));
    assert!(state.rate_cap.is_some_and(|cap| cap < 20.0), "{state:?}");
    let first = clock.admit(now + 1.0, true);
    assert!(first.is_some(), "the first after the gate");
}

//! Real threads that do everything at once, to each rule: nothing is lost, counted twice, or stuck.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tower_ai_breaker::{BreakerHandle, BreakerLayer, FailureRate, Permit};
use tower_ai_core::{Chance, Key, Mode, Outcome, Target};

const THREADS: u64 = 4;
const CALLS: u64 = 6_000;

const OUTCOMES: [Outcome; 8] = [
    Outcome::Success,
    Outcome::Success,
    Outcome::Success,
    Outcome::Fault,
    Outcome::TimedOut,
    Outcome::Invalid,
    Outcome::RateLimited {
        wait: Some(Duration::from_millis(20)),
    },
    Outcome::Exhausted {
        wait: Some(Duration::from_millis(50)),
    },
];

fn below(chance: &Chance, limit: usize) -> usize {
    (chance.unit() * limit as f64) as usize
}

/// Makes calls, some of which overlap and end in any order. Returns how many were refused.
fn make_calls(handle: &BreakerHandle, start: Instant, seed: u64) -> u64 {
    let chance = Chance::seeded(seed);
    let (mut open, mut refused) = (Vec::<Permit>::new(), 0);
    for i in 0..CALLS {
        let now = start + Duration::from_millis(i * 5);
        match handle.admit_at(now, chance.unit() < 0.5) {
            Ok(permit) => open.push(permit),
            Err(_) => refused += 1,
        }
        // Good times and bad times, so that all modes are seen.
        let sick = i % 2000 > 1200;
        while open.len() > 8 || !open.is_empty() && chance.unit() < 0.4 {
            let mut permit = open.swap_remove(below(&chance, open.len()));
            let outcome = OUTCOMES[below(&chance, if sick { 8 } else { 3 })];
            match below(&chance, 8) {
                0 => drop(permit),
                1..4 => {
                    permit.first_content_at(now);
                    permit.settle_at(now, outcome);
                }
                _ => permit.settle_at(now, outcome),
            }
        }
    }
    refused
}

fn overrule(handle: &BreakerHandle) {
    for i in 0..400 {
        match i % 8 {
            0 => handle.force_open(),
            2 => handle.force_closed(),
            5 => handle.reset(),
            _ => handle.automatic(),
        }
        let state = handle.state();
        assert!(state.evidence.most_fail.is_finite() && state.error_baseline > 0.0);
        std::thread::yield_now();
    }
    handle.automatic();
}

/// Good calls, a second apart, until it is closed.
fn comes_back(handle: &BreakerHandle, mut now: Instant) {
    for _ in 0..3600 {
        if handle.mode() == Mode::Closed {
            return;
        }
        now += Duration::from_secs(1);
        if let Ok(mut permit) = handle.admit_at(now, true) {
            permit.first_content_at(now);
            permit.settle_at(now, Outcome::Success);
        }
    }
    panic!("stuck: {:?}", handle.state_at(now));
}

fn mix(layer: &BreakerLayer, with_key: bool) {
    let target = Target::builder("one");
    let target = match with_key {
        true => target.key(Key::named("key")),
        false => target,
    };
    let target = target.build().expect("it has a name");
    let handle = layer.for_target(&target).handle();
    let (start, refused) = (Instant::now(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for seed in 0..THREADS {
            let (handle, refused) = (handle.clone(), &refused);
            scope.spawn(move || {
                let count = make_calls(&handle, start, seed);
                refused.fetch_add(count, Ordering::Relaxed);
            });
        }
        scope.spawn(|| overrule(&handle));
    });
    let end = start + Duration::from_millis(CALLS * 5);
    let state = handle.state_at(end);
    assert_eq!(state.rejected, refused.into_inner(), "each refusal once");
    assert_eq!(state.in_window, 0, "no place is held: {state:?}");
    assert_eq!(target.health().pending(), 0);
    assert!(state.generation > 50, "{state:?}");
    assert_eq!(target.health().mode(), handle.mode());
    comes_back(&handle, end);
    assert!(target.health().is_closed() || target.health().is_gated(end));
}

#[test]
fn the_adaptive_rule_loses_nothing() {
    mix(&BreakerLayer::adaptive(), false);
    mix(&BreakerLayer::adaptive(), true);
}

#[test]
fn failures_in_a_row_lose_nothing() {
    let layer = BreakerLayer::consecutive_failures(4).expect("within the limits");
    mix(&layer, true);
}

#[test]
fn the_failure_rate_loses_nothing() {
    let rule = FailureRate::default().window_calls(20);
    let rule = rule.and_then(|rule| rule.wait_while_open(Duration::from_millis(200)));
    mix(
        &BreakerLayer::failure_rate(rule.expect("within the limits")),
        true,
    );
}

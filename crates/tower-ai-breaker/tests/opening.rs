//! When a circuit opens, and when it does not.

#[path = "support/calls.rs"]
mod calls;

use std::time::Duration;

use calls::{FAULT, SECOND, alone, call, fake, is_shed, mend_it, shed};
use tokio::time::{Instant, advance};
use tower::{Layer, ServiceExt};
use tower_ai_breaker::BreakerLayer;
use tower_ai_core::error::{BoxError, Reason};
use tower_ai_core::{Attempt, Carry, Mode, Outcome};

#[tokio::test(start_paused = true)]
async fn a_few_failures_in_a_row_open_it_where_others_are_left() {
    let layer = BreakerLayer::adaptive();
    let mut service = fake(&layer);
    for _ in 0..50 {
        call(&mut service, Outcome::Success).await.unwrap();
        advance(SECOND).await;
    }
    let mut failures = 0;
    while layer.handle().mode() == Mode::Closed {
        let _failed = call(&mut service, FAULT).await;
        failures += 1;
    }
    assert!((3..=6).contains(&failures), "{failures}");
    let refused = call(&mut service, Outcome::Success).await;
    let refused = shed(&refused).expect("open");
    assert_eq!(refused.reason(), Reason::Open);
    assert!(refused.wait().is_some_and(|wait| wait <= 2 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn alone_it_sheds_a_share_and_opens_only_when_the_target_is_down() {
    let layer = BreakerLayer::adaptive().seed(1);
    let mut service = fake(&layer);
    let handle = layer.handle();
    let mut sent = 0;
    while handle.mode() == Mode::Closed {
        let outcome = if sent % 3 == 0 {
            FAULT
        } else {
            Outcome::Success
        };
        sent += u32::from(!is_shed(&alone(&mut service, outcome).await));
        advance(SECOND).await;
    }
    assert_eq!(handle.mode(), Mode::Shedding, "a third fails");
    let mut answered = 0;
    for _ in 0..100 {
        let outcome = if sent % 3 == 0 {
            FAULT
        } else {
            Outcome::Success
        };
        let result = alone(&mut service, outcome).await;
        sent += u32::from(!is_shed(&result));
        answered += u32::from(result.is_ok());
        advance(SECOND).await;
    }
    assert!((20..=80).contains(&answered), "{answered}");
    assert_ne!(
        handle.mode(),
        Mode::Open,
        "a part of the calls is better than none"
    );
    for _ in 0..2000 {
        let _failed = alone(&mut service, FAULT).await;
        advance(SECOND).await;
        if handle.mode() == Mode::Open {
            return;
        }
    }
    panic!("never opened: {:?}", handle.state());
}

#[tokio::test(start_paused = true)]
async fn a_sick_target_that_becomes_the_last_one_is_used_in_part() {
    let layer = BreakerLayer::adaptive().seed(1);
    let mut service = fake(&layer);
    let handle = layer.handle();
    let mut sent = 0;
    while handle.mode() == Mode::Closed {
        let outcome = if sent % 3 == 0 {
            FAULT
        } else {
            Outcome::Success
        };
        let _either = call(&mut service, outcome).await;
        sent += 1;
        advance(SECOND).await;
    }
    assert_eq!(handle.mode(), Mode::Open, "others are left");
    let _either = alone(&mut service, Outcome::Success).await;
    assert_eq!(handle.mode(), Mode::Shedding, "none is left");
    let _either = call(&mut service, Outcome::Success).await;
    assert_eq!(handle.mode(), Mode::Open, "and now one is");
}

#[tokio::test(start_paused = true)]
async fn the_plain_rule_counts_failures_in_a_row() {
    let layer = BreakerLayer::consecutive_failures(3).unwrap();
    let mut service = fake(&layer);
    for outcome in [
        FAULT,
        FAULT,
        Outcome::Success,
        FAULT,
        FAULT,
        Outcome::Invalid,
    ] {
        let _either = call(&mut service, outcome).await;
    }
    assert_eq!(layer.handle().mode(), Mode::Closed);
    let _failed = call(&mut service, FAULT).await;
    assert_eq!(
        layer.handle().mode(),
        Mode::Open,
        "the caller's mistake ends no streak"
    );
    let took = mend_it(&mut service, &layer.handle()).await;
    assert!(took < 20 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stall_of_all_calls_is_noticed_by_the_next_one() {
    let layer = BreakerLayer::adaptive();
    let handle = layer.handle();
    let silent: Vec<_> = (0..20)
        .map(|_| handle.admit_at(Instant::now(), true).unwrap())
        .collect();
    advance(62 * SECOND).await;
    assert!(
        handle.admit_at(Instant::now(), true).is_err(),
        "nothing has settled, and yet"
    );
    assert_eq!(handle.mode(), Mode::Open);
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn calls_cancelled_after_a_long_silence_count_as_slow() {
    let layer = BreakerLayer::adaptive();
    let handle = layer.handle();
    for _ in 0..20 {
        if handle.mode() != Mode::Closed {
            return;
        }
        let permit = handle.admit_at(Instant::now(), true).unwrap();
        advance(12 * SECOND).await;
        drop(permit);
    }
    panic!(
        "an outer timeout of 12 s hid the outage: {:?}",
        handle.state()
    );
}

#[tokio::test(start_paused = true)]
async fn calls_cancelled_early_say_nothing() {
    let layer = BreakerLayer::adaptive();
    for _ in 0..1000 {
        let permit = layer.handle().admit_at(Instant::now(), true).unwrap();
        advance(SECOND).await;
        drop(permit);
    }
    assert_eq!(layer.handle().mode(), Mode::Closed);
}

/// A call that is asked for as a stream or not, and takes so long to answer.
#[derive(Clone, Copy)]
struct Timed {
    streamed: bool,
    takes: Duration,
}

#[derive(Clone, Copy)]
struct TimedCarry;

impl Carry<Timed> for TimedCarry {
    fn get(&self, call: &Timed) -> Option<Attempt> {
        let attempt = Attempt::begin(Instant::now()).with_others(true);
        Some(attempt.with_streamed(call.streamed))
    }
    fn set(&self, _: &mut Timed, _: Attempt) {}
}

#[tokio::test(start_paused = true)]
async fn streams_are_held_to_the_pace_of_streams() {
    let layer = BreakerLayer::adaptive().carry(TimedCarry);
    let service = layer.layer(tower::service_fn(|call: Timed| async move {
        tokio::time::sleep(call.takes).await;
        Ok::<_, BoxError>(())
    }));
    let handle = layer.handle();
    let ask = |streamed, takes| tokio::spawn(service.clone().oneshot(Timed { streamed, takes }));
    for _ in 0..600 {
        ask(true, SECOND / 3);
        ask(false, SECOND * 4);
        tokio::time::sleep(SECOND / 2).await;
    }
    let state = handle.state();
    assert!(
        state.streamed.slow_after < 2 * SECOND,
        "{:?}",
        state.streamed
    );
    assert!(state.plain.slow_after > 4 * SECOND, "{:?}", state.plain);
    assert_eq!(state.mode, Mode::Closed, "each kind is as fast as usual");

    for _ in 0..20 {
        if handle.mode() == Mode::Closed {
            ask(true, SECOND * 4);
            tokio::time::sleep(SECOND / 2).await;
        }
    }
    assert_eq!(
        handle.mode(),
        Mode::Open,
        "what is usual for plain calls is slow for streams"
    );
    assert!(handle.admit_at(Instant::now(), true).is_err());
    assert!(
        handle.admit_at(Instant::now(), false).is_ok(),
        "a slow answer is better than none"
    );
}

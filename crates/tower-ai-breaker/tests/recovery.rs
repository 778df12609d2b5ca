//! How a circuit comes back, from every state.

#[path = "support/calls.rs"]
mod calls;

use calls::{Call, FAULT, SECOND, alone, break_it, call, fake, mend_it, shed};
use tokio::time::{Instant, advance};
use tower::{Service, ServiceExt};
use tower_ai_breaker::BreakerLayer;
use tower_ai_core::error::Reason;
use tower_ai_core::{Availability, Key, Mode, Outcome, Settle, Target, Tuning};

#[tokio::test(start_paused = true)]
async fn it_comes_back_from_every_state() {
    for state in [
        "open",
        "ramping",
        "shedding",
        "forced open",
        "forced closed",
        "shut",
        "gated",
        "key shut",
    ] {
        let key = Key::named("key");
        let target = Target::builder("one").key(key.clone()).build().unwrap();
        let layer = BreakerLayer::adaptive().seed(3).for_target(&target);
        let mut service = fake(&layer);
        let handle = layer.handle();
        match state {
            "open" => break_it(&mut service, &handle).await,
            "ramping" => {
                break_it(&mut service, &handle).await;
                advance(20 * SECOND).await;
                let _probe = service
                    .ready()
                    .await
                    .unwrap()
                    .call(Call(Outcome::Success, true));
                assert_eq!(handle.mode(), Mode::Ramping);
            }
            "shedding" => {
                for _ in 0..8 {
                    let _failed = alone(&mut service, FAULT).await;
                }
                assert_ne!(handle.mode(), Mode::Closed);
            }
            "forced open" => {
                handle.force_open();
                handle.automatic();
            }
            "forced closed" => {
                handle.force_closed();
                handle.automatic();
                break_it(&mut service, &handle).await;
            }
            "shut" => drop(call(&mut service, Outcome::Missing).await),
            "gated" => drop(
                call(
                    &mut service,
                    Outcome::RateLimited {
                        wait: Some(5 * SECOND),
                    },
                )
                .await,
            ),
            _ => drop(call(&mut service, Outcome::Unauthorized).await),
        }
        mend_it(&mut service, &handle).await;
        let start = Instant::now();
        while call(&mut service, Outcome::Success).await.is_err() {
            advance(SECOND).await;
            assert!(
                Instant::now() < start + 400 * SECOND,
                "{state}: {:?}",
                handle.state()
            );
        }
        assert_eq!(
            target.availability(Instant::now()),
            Availability::Available,
            "{state}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_neutral_cancelled_or_late_holds_nothing_up() {
    let neutral = [
        Outcome::Invalid,
        Outcome::TooLong,
        Outcome::Conflict,
        Outcome::Refused,
        Outcome::Cancelled,
        Outcome::Warming { wait: None },
        Outcome::RateLimited { wait: None },
    ];
    for outcome in neutral {
        let layer = BreakerLayer::adaptive().seed(1);
        let mut service = fake(&layer);
        let handle = layer.handle();
        break_it(&mut service, &handle).await;
        advance(20 * SECOND).await;
        let _neutral = call(&mut service, outcome).await;
        assert_eq!(handle.mode(), Mode::Ramping, "{outcome} decides nothing");
        assert_eq!(
            handle.state().in_window,
            0,
            "{outcome} gives its place back"
        );
        mend_it(&mut service, &handle).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_settles_loses_its_place() {
    let layer = BreakerLayer::adaptive().seed(1);
    let mut service = fake(&layer);
    let handle = layer.handle();
    break_it(&mut service, &handle).await;
    advance(20 * SECOND).await;
    let forgotten = service
        .ready()
        .await
        .unwrap()
        .call(Call(Outcome::Success, true));
    let refused = call(&mut service, Outcome::Success).await;
    assert_eq!(
        shed(&refused).map(|shed| shed.reason()),
        Some(Reason::Ramping)
    );
    advance(62 * SECOND).await;
    mend_it(&mut service, &handle).await;
    drop(forgotten);
    assert_eq!(handle.mode(), Mode::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_began_before_the_ramp_gives_its_place_back() {
    let layer = BreakerLayer::adaptive().seed(1);
    let mut service = fake(&layer);
    let handle = layer.handle();
    let early = Instant::now();
    break_it(&mut service, &handle).await;
    advance(20 * SECOND).await;
    drop(handle.admit_at(Instant::now(), true).unwrap());
    drop(handle.admit_at(early, true).unwrap());
    assert_eq!(handle.state().in_window, 0);
}

#[tokio::test(start_paused = true)]
async fn what_older_generations_say_does_not_count() {
    let layer = BreakerLayer::adaptive().seed(1);
    let mut service = fake(&layer);
    let handle = layer.handle();
    let old: Vec<_> = (0..200)
        .map(|_| handle.admit_at(Instant::now(), true).unwrap())
        .collect();
    let mut old = old.into_iter();
    break_it(&mut service, &handle).await;
    advance(20 * SECOND).await;
    let probe = handle.admit_at(Instant::now(), true).unwrap();
    for permit in old.by_ref().take(100) {
        permit.settle(Outcome::Success);
    }
    assert_eq!(
        handle.mode(),
        Mode::Ramping,
        "late successes do not close it"
    );
    probe.settle(Outcome::Success);
    mend_it(&mut service, &handle).await;
    for permit in old {
        permit.settle(FAULT);
    }
    assert_eq!(handle.mode(), Mode::Closed, "late failures do not open it");
}

#[tokio::test(start_paused = true)]
async fn open_periods_grow_while_it_is_down_and_shrink_when_it_is_well() {
    let layer = BreakerLayer::adaptive().seed(1);
    let mut service = fake(&layer);
    let handle = layer.handle();
    break_it(&mut service, &handle).await;
    let mut periods = Vec::new();
    for _ in 0..6 {
        let until = handle.state().until.expect("open");
        periods.push(until - Instant::now());
        tokio::time::sleep_until(until).await;
        let _failed = call(&mut service, FAULT).await;
        assert_eq!(handle.mode(), Mode::Open, "one failing probe decides");
    }
    assert!(
        periods[0] <= 2 * SECOND && periods[5] >= 8 * SECOND,
        "{periods:?}"
    );
    assert!(
        periods.iter().all(|period| *period <= 15 * SECOND),
        "{periods:?}"
    );
    mend_it(&mut service, &handle).await;
    for _ in 0..600 {
        call(&mut service, Outcome::Success).await.unwrap();
        advance(SECOND).await;
    }
    break_it(&mut service, &handle).await;
    let again = handle.state().until.unwrap() - Instant::now();
    assert!(again <= 2 * SECOND, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_servers_wait_is_kept_to() {
    let layer = BreakerLayer::adaptive();
    let mut service = fake(&layer);
    let wait = Some(40 * SECOND);
    while layer.handle().mode() == Mode::Closed {
        let _failed = call(&mut service, Outcome::Overloaded { wait }).await;
    }
    let refused = shed(&call(&mut service, Outcome::Success).await).unwrap();
    assert_eq!(refused.wait(), wait);
    advance(40 * SECOND).await;
    assert!(
        call(&mut service, Outcome::Success).await.is_ok(),
        "who waits exactly as told is admitted"
    );
}

#[tokio::test(start_paused = true)]
async fn content_after_its_lease_takes_nobodys_place() {
    let mut tuning = Tuning::new();
    tuning.ramp_lease = 10 * SECOND;
    let handle = BreakerLayer::adaptive().tuning(tuning).handle();
    handle.force_open();
    handle.automatic();
    let mut late = handle.admit_at(Instant::now(), true).unwrap();
    advance(11 * SECOND).await;
    let _probe = handle.admit_at(Instant::now(), true).unwrap();
    late.first_content();
    let state = handle.state();
    assert_eq!((state.window, state.in_window), (Some(1), 1), "the probe's");
}

#[tokio::test(start_paused = true)]
async fn who_is_rate_limited_takes_no_place_in_the_ramp() {
    let handle = BreakerLayer::adaptive().handle();
    let admit = || handle.admit_at(Instant::now(), true);
    for _ in 0..60 {
        admit().unwrap().settle(Outcome::Success);
        advance(SECOND).await;
    }
    let limited = Outcome::RateLimited { wait: None };
    admit().unwrap().settle(limited);
    handle.force_open();
    handle.automatic();
    advance(2 * SECOND).await;
    for _ in 0..10 {
        match admit() {
            // Its place is free again at once.
            Ok(mut permit) => permit.first_content(),
            Err(shed) => {
                assert_eq!(shed.reason(), Reason::RateLimited);
                assert_eq!(handle.state().in_window, 0, "it has none");
                return;
            }
        }
    }
    panic!("no cap: {:?}", handle.state());
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_does_not_widen_the_ramp() {
    let handle = BreakerLayer::adaptive().handle();
    let good = async || {
        let mut permit = handle.admit_at(Instant::now(), true).unwrap();
        advance(SECOND / 2).await;
        permit.first_content();
        permit.settle(Outcome::Success);
    };
    for _ in 0..300 {
        good().await;
        advance(SECOND / 2).await;
    }
    handle.force_open();
    handle.automatic();
    for _ in 0..4 {
        good().await;
    }
    let mut late = handle.admit_at(Instant::now(), true).unwrap();
    let window = handle.state().window;
    advance(5 * SECOND).await;
    late.first_content();
    let state = handle.state();
    assert_eq!((state.mode, state.window), (Mode::Ramping, window));
}

//! The plain rule of resilience4j: sliding windows, slow calls, half-open circuits.

#[path = "support/calls.rs"]
mod calls;

use std::time::Duration;

use calls::{FAULT, SECOND, call, fake, shed};
use tokio::time::{Instant, advance};
use tower_ai_breaker::{BreakerHandle, BreakerLayer, FailureRate, InvalidBreaker, Permit};
use tower_ai_core::error::{Reason, Shed};
use tower_ai_core::{Availability, Mode, Outcome, Settle, Target};

const GOOD: Outcome = Outcome::Success;

/// Half of the last four calls; open for 20 s; two calls when half-open.
fn rule() -> Result<FailureRate, InvalidBreaker> {
    FailureRate::new(0.5)?
        .window_calls(4)?
        .wait_while_open(20 * SECOND)?
        .permitted_half_open(2)
}

fn handle(rule: Result<FailureRate, InvalidBreaker>) -> BreakerHandle {
    BreakerLayer::failure_rate(rule.expect("within the limits"))
        .seed(1)
        .handle()
}

fn admit(handle: &BreakerHandle) -> Result<Permit, Shed> {
    handle.admit_at(Instant::now(), true)
}

fn settle(handle: &BreakerHandle, outcome: Outcome) {
    admit(handle).expect("it takes calls").settle(outcome);
}

/// Opens it, and waits until it is due.
async fn half_open(handle: &BreakerHandle) {
    while handle.mode() != Mode::Open {
        settle(handle, FAULT);
    }
    advance(25 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn it_opens_at_the_share_and_not_before_the_minimum() {
    let handle = handle(rule());
    for outcome in [FAULT, FAULT, GOOD] {
        settle(&handle, outcome);
        assert_eq!(handle.mode(), Mode::Closed, "too few calls");
    }
    // A success, but with it the calls are enough to be judged.
    settle(&handle, GOOD);
    assert_eq!(handle.mode(), Mode::Open);
    let refused = admit(&handle).unwrap_err();
    assert_eq!(refused.reason(), Reason::Open);
}

#[tokio::test(start_paused = true)]
async fn a_share_below_the_threshold_never_opens_it() {
    let handle = handle(rule());
    for i in 0..400 {
        settle(&handle, if i % 4 == 0 { FAULT } else { GOOD });
        assert_eq!(handle.mode(), Mode::Closed);
    }
    let tally = handle.state().tally.unwrap();
    assert_eq!((tally.calls, tally.failed, tally.slow), (4, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_window_of_time_forgets() {
    let minute = rule().unwrap().window_time(60 * SECOND);
    let handle = handle(minute.unwrap().minimum_calls(3));
    settle(&handle, FAULT);
    settle(&handle, FAULT);
    advance(60 * SECOND).await;
    settle(&handle, FAULT);
    assert_eq!(handle.mode(), Mode::Closed, "the first two are gone");
    settle(&handle, FAULT);
    settle(&handle, FAULT);
    assert_eq!(handle.mode(), Mode::Open);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_it_and_long_streams_do_not() {
    let rule = rule().unwrap().slow_calls(0.75, 5 * SECOND);
    let handle = handle(rule);
    for _ in 0..8 {
        let mut permit = admit(&handle).unwrap();
        advance(5 * SECOND).await;
        permit.first_content();
        advance(300 * SECOND).await;
        permit.settle(GOOD);
    }
    assert_eq!(handle.mode(), Mode::Closed);
    for _ in 0..3 {
        let mut permit = admit(&handle).unwrap();
        advance(5 * SECOND + SECOND / 1000).await;
        permit.first_content();
        permit.settle(GOOD);
    }
    assert_eq!(handle.mode(), Mode::Open);
}

#[tokio::test(start_paused = true)]
async fn half_open_lets_the_permitted_calls_through_and_decides_by_all_of_them() {
    let handle = handle(rule());
    half_open(&handle).await;
    let first = admit(&handle).unwrap();
    let second = admit(&handle).unwrap();
    assert_eq!(admit(&handle).unwrap_err().reason(), Reason::Ramping);
    first.settle(GOOD);
    let state = handle.state();
    assert_eq!(
        (state.mode, state.window, state.in_window),
        (Mode::Ramping, Some(1), 1)
    );
    assert!(admit(&handle).is_err(), "the permit is used up");
    second.settle(GOOD);
    assert_eq!(handle.mode(), Mode::Closed);

    half_open(&handle).await;
    let first = admit(&handle).unwrap();
    let second = admit(&handle).unwrap();
    first.settle(FAULT);
    assert_eq!(handle.mode(), Mode::Ramping, "not by the first");
    second.settle(GOOD);
    assert_eq!(handle.mode(), Mode::Open, "half of them failed");
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_of_health_gives_its_permit_back() {
    let handle = handle(rule());
    half_open(&handle).await;
    for outcome in [Outcome::Cancelled, Outcome::Invalid, Outcome::Refused] {
        let mut permit = admit(&handle).unwrap();
        permit.first_content();
        permit.settle(outcome);
        assert_eq!(handle.state().in_window, 0, "{outcome:?}");
    }
    drop(admit(&handle).unwrap());
    let state = handle.state();
    assert_eq!((state.window, state.in_window), (Some(2), 0));
    settle(&handle, GOOD);
    settle(&handle, GOOD);
    assert_eq!(handle.mode(), Mode::Closed);
}

#[tokio::test(start_paused = true)]
async fn late_answers_decide_nothing() {
    let handle = handle(rule());
    let mut old: Vec<_> = (0..4).map(|_| admit(&handle).unwrap()).collect();
    half_open(&handle).await;
    let probe = admit(&handle).unwrap();
    let counted = |handle: &BreakerHandle| {
        let state = handle.state();
        (state.generation, state.tally, state.in_window)
    };
    let before = counted(&handle);
    old.pop().unwrap().settle(FAULT);
    old.pop().unwrap().settle(GOOD);
    drop(old.pop());
    assert_eq!(counted(&handle), before);
    probe.settle(GOOD);
    settle(&handle, GOOD);
    assert_eq!(handle.mode(), Mode::Closed);
    old.pop().unwrap().settle(FAULT);
    assert_eq!(handle.state().tally.unwrap().calls, 0);
}

#[tokio::test(start_paused = true)]
async fn permits_that_are_lost_lapse() {
    let handle = handle(rule());
    half_open(&handle).await;
    let mut lost: Vec<_> = (0..2).map(|_| admit(&handle).unwrap()).collect();
    // Content alone settles nothing: its reader may have gone to sleep.
    lost[0].first_content();
    advance(60 * SECOND).await;
    assert!(admit(&handle).is_err());
    advance(2 * SECOND).await;
    settle(&handle, GOOD);
    lost.pop().unwrap().settle(GOOD);
    assert_eq!(handle.mode(), Mode::Closed, "late, but of this state");
}

#[tokio::test(start_paused = true)]
async fn open_periods_are_as_told() {
    let wait = |handle: &BreakerHandle| admit(handle).unwrap_err().wait().unwrap();
    let fixed = BreakerLayer::failure_rate(rule().unwrap()).seed(3);
    let growing = fixed.clone().longest_open(100 * SECOND).unwrap();
    for (layer, longest) in [(fixed, 25), (growing, 100)] {
        let handle = layer.handle();
        half_open(&handle).await;
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            settle(&handle, FAULT);
            settle(&handle, FAULT);
            last = wait(&handle);
            assert!(last >= 15 * SECOND && last <= longest * SECOND, "{last:?}");
            advance(last).await;
        }
        assert!(last >= longest * SECOND * 6 / 10, "{last:?} of {longest}");
    }

    let asked = handle(rule());
    let busy = |wait| Outcome::Overloaded { wait: Some(wait) };
    (0..4).for_each(|_| settle(&asked, busy(3600 * SECOND)));
    assert_eq!(wait(&asked), 25 * SECOND, "kept to, within the limit");
}

#[tokio::test(start_paused = true)]
async fn routers_and_watchers_are_told() {
    let target = Target::new("one").unwrap();
    let layer = BreakerLayer::failure_rate(rule().unwrap()).for_target(&target);
    let mut service = fake(&layer);
    let mut watch = layer.handle().watch();
    for _ in 0..4 {
        let _failed = call(&mut service, FAULT).await;
    }
    let change = watch.changed().await.unwrap();
    assert_eq!((change.from, change.to), (Mode::Closed, Mode::Open));
    let away = target.availability(Instant::now());
    assert!(matches!(away, Availability::Away(_)), "{away:?}");
    let refused = shed(&call(&mut service, GOOD).await).unwrap();
    advance(refused.wait().unwrap()).await;
    assert_eq!(target.availability(Instant::now()), Availability::Doubtful);
    call(&mut service, GOOD).await.unwrap();
    assert_eq!(target.health().mode(), Mode::Ramping);
    call(&mut service, GOOD).await.unwrap();
    assert!(target.health().is_closed());
    assert_eq!(watch.changed().await.unwrap().to, Mode::Closed);
    assert_eq!(target.health().pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_overruled_and_observed() {
    let handle = handle(rule());
    handle.force_closed();
    (0..100).for_each(|_| settle(&handle, FAULT));
    handle.automatic();
    assert_eq!(handle.state().tally.unwrap().calls, 0, "none was counted");
    handle.force_open();
    handle.automatic();
    settle(&handle, GOOD);
    assert_eq!(handle.mode(), Mode::Ramping, "by the permitted calls");
    handle.reset();
    assert_eq!(handle.mode(), Mode::Closed);

    let layer = BreakerLayer::failure_rate(rule().unwrap()).observe_only();
    let handle = layer.handle();
    (0..20).for_each(|_| settle(&handle, FAULT));
    assert_eq!(handle.mode(), Mode::Open);
    assert_eq!(handle.state().rejected, 16);
}

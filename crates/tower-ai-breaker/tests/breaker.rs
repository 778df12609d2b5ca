//! The promises of the layer, one test each, on a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Service, ServiceExt};
use tower_ai_breaker::{Breaker, BreakerHandle, BreakerLayer, InvalidBreaker};
use tower_ai_core::error::{BoxError, Failed, Reason, Shed, cause_ref};
use tower_ai_core::{
    AtOnce, Attempt, Availability, Carry, Follow, Key, Mode, Outcome, Settle, Target,
};
use tower_layer::Layer;
use tower_test::mock;

/// A request that says how it ends, and whether other targets are left.
#[derive(Clone, Copy)]
struct Call(Outcome, bool);

#[derive(Clone, Copy)]
struct CallCarry;

impl Carry<Call> for CallCarry {
    fn get(&self, call: &Call) -> Option<Attempt> {
        Some(Attempt::begin(Instant::now()).with_others(call.1))
    }
    fn set(&self, _: &mut Call, _: Attempt) {}
}

async fn answer(Call(outcome, _): Call) -> Result<&'static str, BoxError> {
    match outcome {
        Outcome::Success => Ok("hi"),
        bad => Err(Failed::new(bad, "as told").into()),
    }
}

type Fake = Breaker<
    tower::util::ServiceFn<
        fn(Call) -> std::pin::Pin<Box<dyn Future<Output = Result<&'static str, BoxError>> + Send>>,
    >,
    AtOnce,
    CallCarry,
>;

fn fake(layer: &BreakerLayer) -> Fake {
    layer
        .clone()
        .carry(CallCarry)
        .layer(tower::service_fn(|call| Box::pin(answer(call))))
}

const FAULT: Outcome = Outcome::Fault;
const SECOND: Duration = Duration::from_secs(1);

/// One call, with other targets left.
async fn call(service: &mut Fake, outcome: Outcome) -> Result<&'static str, BoxError> {
    service.ready().await?.call(Call(outcome, true)).await
}

async fn alone(service: &mut Fake, outcome: Outcome) -> Result<&'static str, BoxError> {
    service.ready().await?.call(Call(outcome, false)).await
}

fn shed(result: &Result<&'static str, BoxError>) -> Option<Shed> {
    result
        .as_ref()
        .err()
        .and_then(|error| cause_ref::<Shed>(&**error))
        .copied()
}

fn is_shed(result: &Result<&'static str, BoxError>) -> bool {
    shed(result).is_some()
}

/// Fails calls, a second apart, until the circuit is open.
async fn break_it(service: &mut Fake, handle: &BreakerHandle) {
    for _ in 0..40 {
        if handle.mode() == Mode::Open {
            return;
        }
        let _failed = call(service, FAULT).await;
        advance(SECOND / 10).await;
    }
    panic!(
        "forty failures in a row did not open it: {:?}",
        handle.state()
    );
}

/// Sends good calls, half a second apart, until the circuit is closed; returns how long that took.
async fn mend_it(service: &mut Fake, handle: &BreakerHandle) -> Duration {
    let start = Instant::now();
    while handle.mode() != Mode::Closed {
        let _maybe_shed = call(service, Outcome::Success).await;
        advance(SECOND / 2).await;
        assert!(
            start + 3600 * SECOND > Instant::now(),
            "stuck: {:?}",
            handle.state()
        );
    }
    Instant::now() - start
}

#[test]
fn it_is_send_sync_and_clone() {
    fn check<T: Send + Sync + Clone>(_: &T) {}
    let layer = BreakerLayer::adaptive();
    check(&layer);
    check(&layer.handle());
    check(&fake(&layer));
}

#[test]
fn nonsense_fails_at_construction() {
    assert_eq!(
        BreakerLayer::consecutive_failures(0).unwrap_err(),
        InvalidBreaker::ConsecutiveFailures
    );
    let layer = BreakerLayer::adaptive();
    assert_eq!(
        layer.clone().false_trips_per_day(f64::NAN).unwrap_err(),
        InvalidBreaker::FalseTripsPerDay
    );
    assert_eq!(
        layer.longest_open(Duration::ZERO).unwrap_err(),
        InvalidBreaker::LongestOpen
    );
}

// === Tower's contract ===

#[tokio::test(start_paused = true)]
async fn inner_readiness_is_passed_on_and_woken() {
    let (inner, mut handle) = mock::pair::<(), ()>();
    handle.allow(0);
    let mut service = mock::Spawn::new(BreakerLayer::adaptive().layer(inner));
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_is_passed_on() {
    let (inner, mut handle) = mock::pair::<(), ()>();
    let mut service = mock::Spawn::new(BreakerLayer::adaptive().layer(inner));
    handle.send_error("gone");
    assert_ready_err!(service.poll_ready());
    assert_eq!(service.get_ref().handle().mode(), Mode::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_ready_service_asks_for_itself() {
    let (inner, mut handle) = mock::pair::<(), ()>();
    handle.allow(1);
    let mut service = BreakerLayer::adaptive().layer(inner);
    service.ready().await.unwrap();
    let mut clone = service.clone();
    let error = clone.call(()).await.unwrap_err();
    assert_eq!(
        cause_ref::<Shed>(&*error).map(Shed::reason),
        Some(Reason::NotReady),
        "the mock would have panicked"
    );

    let mut first = task::spawn(service.call(()));
    assert_pending!(first.poll());
    let (_, reply) = handle.next_request().await.unwrap();
    reply.send_response(());
    assert_ready_ok!(first.poll());
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_does_not_wait_for_an_unready_service() {
    let (inner, mut handle) = mock::pair::<(), ()>();
    handle.allow(0);
    let layer = BreakerLayer::adaptive();
    let mut service = mock::Spawn::new(layer.layer(inner));
    assert_pending!(service.poll_ready());
    layer.handle().force_open();
    assert_ready_ok!(service.poll_ready());
    let error = service.call(()).await.unwrap_err();
    assert_eq!(
        cause_ref::<Shed>(&*error).map(Shed::reason),
        Some(Reason::Open)
    );
    // It was forced closed between `poll_ready` and `call`: the service below is still not ready.
    assert_ready_ok!(service.poll_ready());
    layer.handle().force_closed();
    assert!(
        service.call(()).await.is_err(),
        "shed, and the mock was not called"
    );
    assert_eq!(layer.handle().state().rejected, 2);
}

#[tokio::test(start_paused = true)]
async fn every_service_and_clone_of_a_layer_shares_the_circuit() {
    let layer = BreakerLayer::adaptive();
    let (mut one, mut two) = (fake(&layer), fake(&layer.clone()));
    break_it(&mut one, &layer.handle()).await;
    assert!(is_shed(&call(&mut two, Outcome::Success).await));
    assert!(is_shed(&call(&mut one.clone(), Outcome::Success).await));

    let target = Target::new("other").unwrap();
    let other = layer.for_target(&target);
    assert!(
        call(&mut fake(&other), Outcome::Success).await.is_ok(),
        "a circuit of its own"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_dropped_before_the_call_changes_nothing() {
    let layer = BreakerLayer::adaptive();
    let mut service = fake(&layer);
    service.ready().await.unwrap();
    drop(service);
    assert_eq!(layer.handle().mode(), Mode::Closed);
}

// === Settling ===

/// Keeps the permit with the response, as a streamed body does, and counts settlements below it.
#[derive(Clone, Default)]
struct Held;

impl<Res, E> Follow<Res, E> for Held {
    type Response<H: Settle> = (Res, H);
    fn follow<H: Settle>(&self, result: Result<Res, E>, handle: H) -> Result<(Res, H), E> {
        match result {
            Ok(response) => Ok((response, handle)),
            Err(error) => {
                handle.settle(FAULT);
                Err(error)
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_under_way_are_counted_and_end_once() {
    let target = Target::new("one").unwrap();
    let layer = BreakerLayer::adaptive().for_target(&target);
    let (inner, mut handle) = mock::pair::<(), ()>();
    let mut service = layer.follow(Held).layer(inner);
    let pending = || target.health().pending();

    let future = service.ready().await.unwrap().call(());
    assert_eq!(pending(), 1);
    drop(future);
    assert_eq!(pending(), 0, "dropped in flight");
    handle.next_request().await.unwrap().1.send_response(());

    let mut future = task::spawn(service.ready().await.unwrap().call(()));
    assert_pending!(future.poll());
    handle.next_request().await.unwrap().1.send_response(());
    let ((), mut permit) = assert_ready_ok!(future.poll());
    drop(future);
    assert_eq!(pending(), 1, "the answer goes on");
    permit.first_content();
    permit.settle(Outcome::Success);
    assert_eq!(pending(), 0);

    let mut future = task::spawn(service.ready().await.unwrap().call(()));
    assert_pending!(future.poll());
    handle.next_request().await.unwrap().1.send_error("broken");
    assert_ready_err!(future.poll());
    assert_eq!(pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_user_code_gives_everything_back() {
    let target = Target::new("one").unwrap();
    let layer = BreakerLayer::adaptive().for_target(&target);
    let inner = tower::service_fn(|(): ()| async {
        if true {
            panic!("user code")
        }
        Ok::<(), BoxError>(())
    });
    let service = layer.layer(inner);
    let joined = tokio::spawn(service.oneshot(())).await;
    assert!(joined.is_err());
    assert_eq!(target.health().pending(), 0);
    assert!(
        layer.handle().admit_at(Instant::now(), false).is_ok(),
        "and the lock is not poisoned"
    );
}

// === Opening ===

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

// === Coming back ===

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

// === Rate limits, keys, targets ===

#[tokio::test(start_paused = true)]
async fn rate_limits_gate_the_target_and_never_open_it() {
    let target = Target::new("one").unwrap();
    let layer = BreakerLayer::adaptive().for_target(&target);
    let mut service = fake(&layer);
    for _ in 0..200 {
        let wait = Some(2 * SECOND);
        let _limited = call(&mut service, Outcome::RateLimited { wait }).await;
        let refused = shed(&call(&mut service, Outcome::Success).await).expect("gated");
        assert_eq!(refused.reason(), Reason::RateLimited);
        let wait = refused.wait().unwrap();
        assert!(wait <= 2 * SECOND);
        advance(wait).await;
        assert_eq!(layer.handle().mode(), Mode::Closed);
        assert!(
            !is_shed(&call(&mut service, Outcome::Success).await),
            "who waits exactly as told is admitted"
        );
        advance(60 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_key_is_shut_on_all_its_targets_and_probed_singly() {
    let key = Key::named("shared");
    let one = Target::builder("one").key(key.clone()).build().unwrap();
    let two = Target::builder("two").key(key.clone()).build().unwrap();
    let base = BreakerLayer::adaptive();
    let (first, second) = (base.for_target(&one), base.for_target(&two));
    let (mut first, mut second) = (fake(&first), fake(&second));

    let _refused = call(&mut first, Outcome::Unauthorized).await;
    let refused = shed(&call(&mut second, Outcome::Success).await).expect("shut there too");
    assert_eq!(refused.reason(), Reason::KeyShut);
    assert_eq!(refused.wait(), Some(300 * SECOND));
    assert_eq!(
        one.health().mode(),
        Mode::Closed,
        "it is no matter of health"
    );

    advance(300 * SECOND).await;
    let probe = first
        .ready()
        .await
        .unwrap()
        .call(Call(Outcome::Unauthorized, true));
    let beside = shed(&call(&mut first, Outcome::Success).await).expect("one at a time");
    assert_eq!(beside.reason(), Reason::KeyShut);
    assert!(probe.await.is_err());
    let refused = shed(&call(&mut first, Outcome::Success).await).unwrap();
    assert_eq!(refused.wait(), Some(600 * SECOND), "twice as long");

    advance(600 * SECOND).await;
    call(&mut first, Outcome::Success).await.unwrap();
    call(&mut second, Outcome::Success).await.unwrap();
    assert!(!key.may_be_shut());
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_storm_is_an_outage_and_not_the_key() {
    for layer in [
        BreakerLayer::adaptive(),
        BreakerLayer::consecutive_failures(3).unwrap(),
    ] {
        let key = Key::named("key");
        let target = Target::builder("one").key(key.clone()).build().unwrap();
        let layer = layer.for_target(&target);
        let mut service = fake(&layer);
        call(&mut service, Outcome::Success).await.unwrap();
        advance(60 * SECOND).await;
        while layer.handle().mode() == Mode::Closed {
            let _refused = call(&mut service, Outcome::Unauthorized).await;
            assert!(!key.may_be_shut(), "it worked a minute ago");
        }
        // Longer than the memory of the key: it is still the same outage.
        for _ in 0..1800 {
            let _refused = call(&mut service, Outcome::Unauthorized).await;
            advance(SECOND).await;
            assert!(!key.may_be_shut());
        }
        let took = mend_it(&mut service, &layer.handle()).await;
        assert!(took < 60 * SECOND, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_the_target_itself_is_shut() {
    let layer = BreakerLayer::adaptive();
    let mut service = fake(&layer);
    let _exhausted = call(&mut service, Outcome::Exhausted { wait: None }).await;
    let refused = shed(&call(&mut service, Outcome::Success).await).expect("shut");
    assert_eq!(refused.wait(), Some(300 * SECOND));
    let took = mend_it(&mut service, &layer.handle()).await;
    assert!(took < 320 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_model_shuts_the_target_that_names_it() {
    let target = Target::builder("one").model("gone-1").build().unwrap();
    let layer = BreakerLayer::adaptive().for_target(&target);
    let _missing = call(&mut fake(&layer), Outcome::Missing).await;
    assert_eq!(target.health().mode(), Mode::Open);

    let callers_choice = BreakerLayer::adaptive();
    let mut service = fake(&callers_choice);
    for _ in 0..20 {
        let _missing = call(&mut service, Outcome::Missing).await;
        advance(SECOND).await;
        call(&mut service, Outcome::Success).await.unwrap();
        advance(SECOND).await;
    }
    assert_eq!(
        callers_choice.handle().mode(),
        Mode::Closed,
        "one caller's mistake is not the target's"
    );
    for _ in 0..3 {
        let _missing = call(&mut service, Outcome::Missing).await;
    }
    assert_eq!(callers_choice.handle().mode(), Mode::Open);
}

// === Observing and overruling ===

#[tokio::test(start_paused = true)]
async fn observing_reports_and_never_rejects() {
    let key = Key::named("key");
    let target = Target::builder("one").key(key.clone()).build().unwrap();
    let layer = BreakerLayer::adaptive().observe_only().for_target(&target);
    let mut service = fake(&layer);
    let handle = layer.handle();
    let mut modes = Vec::new();
    for i in 0..400 {
        let outcome = match i {
            0..100 => FAULT,
            100..110 => Outcome::RateLimited {
                wait: Some(5 * SECOND),
            },
            110..120 => Outcome::Unauthorized,
            _ => Outcome::Success,
        };
        assert!(!is_shed(&call(&mut service, outcome).await));
        modes.push(handle.mode());
        assert_eq!(target.availability(Instant::now()), Availability::Available);
        advance(SECOND).await;
    }
    assert!(modes.contains(&Mode::Open), "it says what it would do");
    assert!(handle.state().rejected > 50, "{:?}", handle.state());
    assert!(!key.may_be_shut());
    assert_eq!(target.health().pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_overruled_and_reset() {
    let layer = BreakerLayer::adaptive();
    let mut service = fake(&layer);
    let handle = layer.handle();
    handle.force_open();
    advance(86_400 * SECOND).await;
    let refused = shed(&call(&mut service, Outcome::Success).await).expect("open");
    assert_eq!(refused.wait(), None, "until further notice");

    handle.force_closed();
    for _ in 0..100 {
        assert!(!is_shed(&call(&mut service, FAULT).await));
    }
    assert!(handle.state().forced);

    handle.automatic();
    break_it(&mut service, &handle).await;
    handle.reset();
    assert!(call(&mut service, Outcome::Success).await.is_ok());
    assert_eq!(handle.state().evidence.most_fail, 0.0);

    handle.force_open();
    handle.automatic();
    assert!(
        call(&mut service, Outcome::Success).await.is_ok(),
        "the first probe"
    );
    assert_eq!(handle.mode(), Mode::Ramping, "comes back by the ramp");
}

#[tokio::test(start_paused = true)]
async fn changes_can_be_watched() {
    let layer = BreakerLayer::adaptive();
    let handle = layer.handle();
    let mut watch = handle.watch();
    assert_eq!(watch.current().to, Mode::Closed);
    let seen = Arc::new(AtomicU32::new(0));
    let mut waiting = task::spawn({
        let seen = Arc::clone(&seen);
        async move {
            let change = watch.changed().await.unwrap();
            seen.fetch_add(1, Ordering::Relaxed);
            (change, watch)
        }
    });
    assert_pending!(waiting.poll());
    break_it(&mut fake(&layer), &handle).await;
    assert!(waiting.is_woken());
    let (change, mut watch) = assert_ready!(waiting.poll());
    assert_eq!(
        (change.from, change.to, change.forced),
        (Mode::Closed, Mode::Open, false)
    );
    assert_eq!(change.until, handle.state().until);
    drop((layer, handle));
    assert!(watch.changed().await.is_none(), "the circuit is gone");
}

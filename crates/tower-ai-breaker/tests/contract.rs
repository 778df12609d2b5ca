//! What a tower layer promises, and that every call settles once.

#[path = "support/calls.rs"]
mod calls;

use std::time::Duration;

use calls::{FAULT, break_it, call, fake, is_shed};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Service, ServiceExt};
use tower_ai_breaker::{BreakerLayer, InvalidBreaker};
use tower_ai_core::error::{BoxError, Reason, Shed, cause_ref};
use tower_ai_core::{Follow, Mode, Outcome, Settle, Target};
use tower_layer::Layer;
use tower_test::mock;

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

/// Threads that succeed, fail, are limited and go away, through every mode: nothing is left behind.
#[test]
fn threads_leave_nothing_behind() {
    let target = Target::new("one").unwrap();
    let layer = BreakerLayer::adaptive().seed(1).for_target(&target);
    let handle = layer.handle();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let handle = layer.handle();
            scope.spawn(move || {
                for i in 0..20_000_u32 {
                    let now = start + Duration::from_millis(u64::from(i * 10));
                    let Ok(mut permit) = handle.admit_at(now, i % 7 == 0) else {
                        continue;
                    };
                    let later = now + Duration::from_millis(300);
                    let sick = i % 4000 < 800;
                    match (i + thread) % 10 {
                        0..6 if sick => permit.settle_at(later, FAULT),
                        0 => permit.settle_at(later, Outcome::RateLimited { wait: None }),
                        1 => drop(permit),
                        2 => permit.settle_at(later, Outcome::Invalid),
                        _ => {
                            permit.first_content_at(later);
                            permit.settle_at(later, Outcome::Success);
                        }
                    }
                }
            });
        }
    });
    let end = start + Duration::from_secs(300);
    let state = handle.state_at(end);
    assert_eq!(target.health().pending(), 0);
    assert_eq!(state.in_window, 0, "{state:?}");
    assert!(state.generation > 2, "{state:?}");
    assert!(state.rejected > 0, "{state:?}");
}

//! One circuit for each key: apart from each other, bounded, and dropped when idle.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, advance};
use tower::{BoxError, ServiceExt, service_fn};
use tower_ai_breaker::{
    BreakerLayer, FailureRate, InvalidBreaker, KeyedBreakerLayer, KeyedHandle, Permit,
};
use tower_ai_core::error::{Failed, Shed, cause_ref};
use tower_ai_core::{Mode, Outcome, Settle};
use tower_layer::Layer;

const SECOND: Duration = Duration::from_secs(1);

/// A request for a thing, and whether it will fail.
#[derive(Clone, Copy)]
struct Request(u32, bool);

type Keyed = KeyedBreakerLayer<u32, fn(&Request) -> u32>;

fn keyed(layer: BreakerLayer) -> Keyed {
    layer.keyed(|request| request.0)
}

async fn call(layer: &Keyed, request: Request) -> Result<(), BoxError> {
    let inner = service_fn(|Request(_, fails): Request| async move {
        match fails {
            true => Err(BoxError::from(Failed::new(Outcome::Fault, "as told"))),
            false => Ok(()),
        }
    });
    layer.layer(inner).oneshot(request).await
}

fn is_shed(result: &Result<(), BoxError>) -> bool {
    let error = result.as_ref().err();
    error.is_some_and(|error| cause_ref::<Shed>(&**error).is_some())
}

fn admit(handle: &KeyedHandle<u32>, key: u32) -> Permit {
    let admitted = handle.circuit(key).admit_at(Instant::now(), true);
    admitted.expect("it takes calls")
}

/// Fails calls with this key until its circuit is open.
fn break_it(layer: &Keyed, key: u32) {
    let circuit = layer.handle().circuit(key);
    while circuit.mode() != Mode::Open {
        admit(&layer.handle(), key).settle(Outcome::Fault);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_fail_apart() {
    let rules = [
        BreakerLayer::adaptive(),
        BreakerLayer::consecutive_failures(5).unwrap(),
        BreakerLayer::failure_rate(FailureRate::default().window_calls(10).unwrap()),
    ];
    for rule in rules {
        let layer = keyed(rule);
        call(&layer, Request(1, false)).await.unwrap();
        break_it(&layer, 2);
        assert!(is_shed(&call(&layer, Request(2, false)).await));
        call(&layer, Request(1, false)).await.unwrap();
        call(&layer.clone(), Request(3, false)).await.unwrap();
        let mut modes = layer.handle().modes();
        modes.sort_by_key(|(key, _)| *key);
        let expected = [(1, Mode::Closed), (2, Mode::Open), (3, Mode::Closed)];
        assert_eq!(modes, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn one_key_can_be_overruled_before_its_first_call() {
    let layer = keyed(BreakerLayer::adaptive());
    let handle = layer.handle();
    assert!(handle.get(&7).is_none() && handle.is_empty());
    handle.circuit(7).force_open();
    assert!(is_shed(&call(&layer, Request(7, false)).await));
    call(&layer, Request(8, false)).await.unwrap();
    assert!(handle.remove(&7) && !handle.remove(&7));
    call(&layer, Request(7, false)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_stays_while_a_closed_one_can_go() {
    let layer = keyed(BreakerLayer::adaptive()).limit(20).unwrap();
    let handle = layer.handle();
    for key in 0..15 {
        break_it(&layer, key);
    }
    // Set by hand, and closed: not at rest either.
    handle.circuit(15).force_closed();
    for key in 100..1000 {
        call(&layer, Request(key, false)).await.unwrap();
        assert!(handle.len() <= 20);
    }
    assert_eq!(handle.evicted(), 900 - 4);
    for key in 0..15 {
        let mode = handle.get(&key).map(|circuit| circuit.mode());
        assert_eq!(mode, Some(Mode::Open), "{key}");
    }
    assert!(
        handle
            .get(&15)
            .is_some_and(|circuit| circuit.state().forced)
    );
}

#[tokio::test(start_paused = true)]
async fn when_all_are_open_the_oldest_goes() {
    let layer = keyed(BreakerLayer::adaptive()).limit(8).unwrap();
    for key in 0..8 {
        layer.handle().circuit(key).force_open();
        advance(2 * SECOND).await;
    }
    call(&layer, Request(8, false)).await.unwrap();
    call(&layer, Request(9, false)).await.unwrap();
    let handle = layer.handle();
    assert!(handle.get(&0).is_none(), "the first");
    assert!(handle.get(&8).is_none(), "the only one at rest");
    assert!((1..8).chain([9]).all(|key| handle.get(&key).is_some()));
}

#[tokio::test(start_paused = true)]
async fn what_is_used_survives_a_stream_of_strangers() {
    let layer = keyed(BreakerLayer::adaptive()).limit(64).unwrap();
    let handle = layer.handle();
    let regulars: Vec<_> = (0..16).map(|key| (key, handle.circuit(key))).collect();
    for stranger in 100..2100 {
        for key in 0..16 {
            call(&layer, Request(key, false)).await.unwrap();
        }
        call(&layer, Request(stranger, false)).await.unwrap();
        advance(SECOND).await;
    }
    let lost = regulars.iter().filter(|(key, circuit)| {
        circuit.force_open();
        handle.get(key).map(|now| now.mode()) != Some(Mode::Open)
    });
    assert_eq!(lost.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn idle_circuits_are_dropped_in_passing() {
    let layer = keyed(BreakerLayer::adaptive()).limit(5000).unwrap();
    let handle = layer.handle();
    for key in 1..1000 {
        call(&layer, Request(key, false)).await.unwrap();
    }
    handle.circuit(1000).force_open();
    // A money quota that is used up for half an hour.
    let exhausted = Outcome::Exhausted {
        wait: Some(1800 * SECOND),
    };
    admit(&handle, 1001).settle(exhausted);
    let pass = async |seconds: u32| {
        for _ in 0..seconds {
            call(&layer, Request(0, false)).await.unwrap();
            advance(SECOND).await;
        }
    };
    pass(599).await;
    assert_eq!(handle.len(), 1002, "none is idle yet");
    pass(361).await;
    assert_eq!(handle.len(), 3, "used, set by hand, and shut until later");
    pass(1800).await;
    assert_eq!(handle.len(), 2);
    assert_eq!(handle.evicted(), 0, "none had to go");
}

#[tokio::test(start_paused = true)]
async fn a_call_outlives_its_circuit() {
    let layer = keyed(BreakerLayer::adaptive()).limit(1).unwrap();
    let handle = layer.handle();
    let mut permit = admit(&handle, 1);
    call(&layer, Request(2, false)).await.unwrap();
    assert!(handle.get(&1).is_none());
    permit.first_content();
    permit.settle(Outcome::Fault);
    drop(admit(&handle, 1));
    assert_eq!(handle.len(), 1);
}

#[test]
fn nonsense_is_refused_and_keys_are_not_shown() {
    let layer = || keyed(BreakerLayer::adaptive());
    for limit in [0, 1_000_001] {
        let refused = layer().limit(limit).map(|_| ());
        assert_eq!(refused, Err(InvalidBreaker::KeyLimit));
    }
    let layer = BreakerLayer::adaptive().keyed(|key: &String| key.clone());
    let handle = layer.handle();
    drop(handle.circuit("sk-secret".to_owned()));
    let service = layer.layer(());
    assert!(!format!("{layer:?} {handle:?} {service:?}").contains("sk-secret"));
}

#[test]
fn one_seed_gives_each_key_a_sequence_of_its_own() {
    let periods = |seed| {
        let layer = keyed(BreakerLayer::consecutive_failures(1).unwrap().seed(seed));
        let (handle, now) = (layer.handle(), Instant::now() + 10 * SECOND);
        let period = |key| {
            let circuit = handle.circuit(key);
            let permit = circuit.admit_at(now, true).unwrap();
            permit.settle_at(now, Outcome::Fault);
            circuit.state_at(now).until.map(|until| until - now)
        };
        [1, 2, 3].map(|key| period(key).map(|period| period.as_millis()))
    };
    let one = periods(1);
    assert_eq!(one, periods(1));
    assert_ne!(one, periods(2));
    assert_ne!(one[0], one[1]);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services() {
    let (inner, mut mock) = tower_test::mock::pair::<u32, ()>();
    mock.allow(0);
    let layer = BreakerLayer::adaptive().keyed(|key: &u32| *key);
    let mut service = tower_test::mock::Spawn::new(layer.layer(inner));
    tokio_test::assert_pending!(service.poll_ready());
    mock.allow(1);
    assert!(service.is_woken());
    tokio_test::assert_ready_ok!(service.poll_ready());
    layer.handle().circuit(1).force_open();
    assert!(service.call(1).await.is_err(), "shed");
    tokio_test::assert_ready_ok!(service.poll_ready());
    let answer = tokio::spawn(service.call(2));
    let (request, reply) = mock.next_request().await.unwrap();
    assert_eq!(request, 2, "the readiness was kept for it");
    reply.send_response(());
    answer.await.unwrap().unwrap();
}

/// Threads with more keys than there is room for, some of which always fail.
#[test]
fn threads_share_the_circuits() {
    let layer = keyed(BreakerLayer::consecutive_failures(3).unwrap());
    let layer = layer.limit(64).unwrap();
    let (handle, start) = (layer.handle(), Instant::now());
    let opened = Arc::new(std::sync::atomic::AtomicU32::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let (handle, opened) = (handle.clone(), Arc::clone(&opened));
            scope.spawn(move || {
                for i in 0..20_000_u32 {
                    let key = i.wrapping_mul(2_654_435_761) % 97 + thread % 2;
                    let now = start + Duration::from_millis(u64::from(i));
                    let circuit = handle.circuit(key);
                    match circuit.admit_at(now, true) {
                        Ok(permit) if key % 10 == 0 => permit.settle_at(now, Outcome::Fault),
                        Ok(permit) => permit.settle_at(now, Outcome::Success),
                        Err(_) => {
                            assert_eq!(key % 10, 0, "others never fail");
                            opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                    if i % 1000 == 0 {
                        handle.remove(&key);
                        assert!(handle.len() <= 64);
                    }
                }
            });
        }
    });
    assert!(opened.load(std::sync::atomic::Ordering::Relaxed) > 1000);
    assert!(handle.evicted() > 1000);
    let modes = handle.modes();
    assert_eq!(modes.len(), handle.len());
    let mut keys: Vec<_> = modes.into_iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), handle.len(), "each key once");
}

//! What the retry layer promises, one test a promise, on a paused clock.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_ai_core::error::Shed;
use tower_ai_core::{
    Attempt, BoxError, Budget, ClassifyFn, HttpCarry, Outcome, Served, classify_fn,
};
use tower_ai_retry::{InvalidRetry, Retry, RetryLayer, RetryPolicy};
use tower_test::mock::{self, Handle};

const SEC: Duration = Duration::from_secs(1);

type Spawned = mock::Spawn<Retry<mock::Mock<u8, u8>>>;

fn spawn() -> (Spawned, Handle<u8, u8>) {
    spawn_with(RetryPolicy::new())
}

fn spawn_with(policy: RetryPolicy) -> (Spawned, Handle<u8, u8>) {
    mock::spawn_layer(RetryLayer::new(policy))
}

/// Fails the next request with an error; the mock asserts that it was sent to a ready service.
async fn fail(handle: &mut Handle<u8, u8>, error: impl Into<BoxError>) {
    let (_, reply) = handle.next_request().await.expect("a request");
    reply.send_error(error);
}

async fn answer(handle: &mut Handle<u8, u8>) -> u8 {
    let (request, reply) = handle.next_request().await.expect("a request");
    reply.send_response(request + 1);
    request
}

#[tokio::test(start_paused = true)]
async fn a_good_answer_passes_through() {
    let (mut service, mut handle) = spawn();
    assert_ready_ok!(service.poll_ready());
    let call = tokio::spawn(service.call(1));
    answer(&mut handle).await;
    assert_eq!(call.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_tried_again_with_the_same_request() {
    let (mut service, mut handle) = spawn();
    assert_ready_ok!(service.poll_ready());
    let call = tokio::spawn(service.call(7));
    fail(&mut handle, "reset").await;
    assert_eq!(answer(&mut handle).await, 7);
    assert_eq!(call.await.unwrap().unwrap(), 8);
}

#[tokio::test(start_paused = true)]
async fn two_retries_and_then_the_last_error() {
    let (mut service, mut handle) = spawn();
    assert_ready_ok!(service.poll_ready());
    let call = tokio::spawn(service.call(1));
    for error in ["first", "second", "third"] {
        fail(&mut handle, error).await;
    }
    assert_eq!(call.await.unwrap().unwrap_err().to_string(), "third");
}

#[tokio::test(start_paused = true)]
async fn a_silent_target_is_not_tried_again() {
    let (mut service, mut handle) = spawn();
    assert_ready_ok!(service.poll_ready());
    let call = tokio::spawn(service.call(1));
    fail(&mut handle, io::Error::from(io::ErrorKind::TimedOut)).await;
    assert!(call.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn readiness_passes_through() {
    let (mut service, mut handle) = spawn();
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
    handle.send_error("gone");
    let mut other = service.into_inner();
    let mut ready = task::spawn(other.ready());
    assert_ready_err!(ready.poll());
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_until_the_service_is_ready() {
    let (mut service, mut handle) = spawn();
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(1));
    fail(&mut handle, "reset").await;
    assert_pending!(call.poll());
    advance(SEC).await;
    assert_pending!(call.poll(), "the wait is over, the service is not ready");
    handle.allow(1);
    assert!(call.is_woken());
    assert_pending!(call.poll(), "sent");
    answer(&mut handle).await;
    assert_eq!(assert_ready_ok!(call.poll()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_ready_service_is_not_ready() {
    let (mock, _handle) = mock::pair::<u8, u8>();
    let limited = tower::limit::ConcurrencyLimit::new(mock, 1);
    let mut service = task::spawn(RetryLayer::default().layer(limited));
    assert_ready_ok!(service.enter(|cx, mut service| service.poll_ready(cx)));
    let mut clone = task::spawn(service.clone());
    assert_pending!(clone.enter(|cx, mut clone| clone.poll_ready(cx)));
    drop(service);
    assert!(
        clone.is_woken(),
        "a ready service that is dropped uncalled frees its place"
    );
    assert_ready_ok!(clone.enter(|cx, mut clone| clone.poll_ready(cx)));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_future_makes_no_other_attempt() {
    let (mut service, mut handle) = spawn();
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(1));
    fail(&mut handle, "reset").await;
    assert_pending!(call.poll());
    drop(call);
    advance(SEC * 60).await;
    let mut next = task::spawn(handle.next_request());
    assert_pending!(next.poll());
}

#[tokio::test(start_paused = true)]
async fn delays_stay_under_their_ceilings() {
    for seed in 0..20 {
        let (mut service, mut handle) = spawn_with(RetryPolicy::new().seed(seed));
        assert_ready_ok!(service.poll_ready());
        let call = tokio::spawn(service.call(1));
        for ceiling in [250, 500] {
            fail(&mut handle, "reset").await;
            let before = Instant::now();
            let request = handle.next_request().await.expect("a retry");
            let waited = Instant::now() - before;
            assert!(waited <= Duration::from_millis(ceiling + 1), "{waited:?}");
            request.1.send_error("reset");
            if ceiling == 250 {
                // The second retry follows the failure just sent.
                let (_, reply) = handle.next_request().await.expect("the last retry");
                reply.send_response(1);
                break;
            }
        }
        assert_eq!(call.await.unwrap().unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_share_the_budget_of_the_layer() {
    let budget = Budget::new(0.0, 1).unwrap();
    let layer = RetryLayer::new(RetryPolicy::new().budget(budget));
    let (mock, mut handle) = mock::pair::<u8, u8>();
    let (first, second) = (layer.layer(mock.clone()), layer.layer(mock));
    let call = tokio::spawn(first.oneshot(1));
    fail(&mut handle, "reset").await;
    answer(&mut handle).await;
    assert!(call.await.unwrap().is_ok());
    let call = tokio::spawn(second.oneshot(1));
    fail(&mut handle, "reset").await;
    assert!(call.await.unwrap().is_err(), "the only token is spent");
}

type Head = http::Response<()>;

fn by_status() -> ClassifyFn<impl Fn(Result<&Head, &BoxError>) -> Outcome + Copy> {
    classify_fn(|result: Result<&Head, &BoxError>| match result {
        Err(error) => tower_ai_core::error::outcome_of(&**error),
        Ok(head) => match head.status().as_u16() {
            429 => Outcome::RateLimited { wait: None },
            500.. => Outcome::Fault,
            _ => Outcome::Success,
        },
    })
}

fn status(code: u16) -> Head {
    let mut response = http::Response::new(());
    *response.status_mut() = http::StatusCode::from_u16(code).expect("a status code");
    response
}

#[tokio::test(start_paused = true)]
async fn a_response_says_how_often_it_was_tried() {
    let policy = RetryPolicy::new().classify(by_status()).carry(HttpCarry);
    let (mock, mut handle) = mock::pair::<http::Request<()>, Head>();
    let call = tokio::spawn(
        RetryLayer::new(policy)
            .layer(mock)
            .oneshot(http::Request::new(())),
    );
    let (_, reply) = handle.next_request().await.unwrap();
    reply.send_response(status(500));
    let (request, reply) = handle.next_request().await.unwrap();
    let attempt = request.extensions().get::<Attempt>().copied();
    assert_eq!(attempt.map(|attempt| attempt.number()), Some(1));
    reply.send_response(status(200));
    let response = call.await.unwrap().unwrap();
    assert_eq!(response.extensions().get::<Served>().unwrap().attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_retry_leaves_the_answer_before_it() {
    let policy = RetryPolicy::new().classify(by_status()).carry(HttpCarry);
    let (mock, mut handle) = mock::pair::<http::Request<()>, Head>();
    let call = tokio::spawn(
        RetryLayer::new(policy)
            .layer(mock)
            .oneshot(http::Request::new(())),
    );
    let (_, reply) = handle.next_request().await.unwrap();
    reply.send_response(status(503));
    let (_, reply) = handle.next_request().await.unwrap();
    reply.send_error(Shed::open(None));
    let response = call.await.unwrap().unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.extensions().get::<Served>().unwrap().attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_policy_works_in_the_retry_layer_of_tower() {
    let budget = Budget::new(0.0, 10).unwrap();
    let policy = RetryPolicy::new().budget(budget.clone());
    let (mock, mut handle) = mock::pair::<u8, u8>();
    let service = tower::retry::RetryLayer::new(policy).layer(mock);
    for _ in 0..2 {
        let call = tokio::spawn(service.clone().oneshot(1));
        for _ in 0..3 {
            fail(&mut handle, "reset").await;
        }
        assert!(call.await.unwrap().is_err());
    }
    assert!((budget.balance() - 6.0).abs() < 1e-9, "two retries a call");
}

#[tokio::test(start_paused = true)]
async fn an_expired_deadline_ends_retries() {
    let policy = RetryPolicy::new().deadline(SEC).unwrap();
    let (mut service, mut handle) = spawn_with(policy);
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(1));
    assert_pending!(call.poll());
    advance(SEC * 2).await;
    fail(&mut handle, "late").await;
    assert_eq!(assert_ready!(call.poll()).unwrap_err().to_string(), "late");
}

/// A request that counts its clones.
#[derive(Debug)]
struct Counted(std::sync::Arc<std::sync::atomic::AtomicU32>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self(self.0.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_not_cloned_for_the_last_possible_attempt() {
    for retries in [0, 1, 2] {
        let clones = std::sync::Arc::default();
        let service =
            tower::service_fn(|_: Counted| async { Err::<(), _>(io::Error::other("no")) });
        let policy = RetryPolicy::new().max_retries(retries).unwrap();
        let request = Counted(std::sync::Arc::clone(&clones));
        let result = RetryLayer::new(policy)
            .layer(service)
            .oneshot(request)
            .await;
        assert!(result.is_err());
        assert_eq!(clones.load(std::sync::atomic::Ordering::Relaxed), retries);
    }
}

#[test]
fn nonsense_is_refused_with_the_rule() {
    let policy = RetryPolicy::new;
    assert_eq!(policy().max_retries(11).unwrap_err(), InvalidRetry::Retries);
    assert_eq!(
        policy().backoff(Duration::ZERO, SEC).unwrap_err(),
        InvalidRetry::Backoff
    );
    assert_eq!(
        policy().backoff(SEC * 2, SEC).unwrap_err(),
        InvalidRetry::Backoff
    );
    assert_eq!(
        policy().deadline(Duration::ZERO).unwrap_err(),
        InvalidRetry::Deadline
    );
}

/// Futures and services can be sent to and shared between threads.
#[test]
fn auto_traits_hold() {
    fn check<T: Send + Sync + Clone>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let mut service =
        RetryLayer::default().layer(tower::service_fn(
            |n: u8| async move { Ok::<_, io::Error>(n) },
        ));
    check(&service);
    sent(&service.call(1));
}

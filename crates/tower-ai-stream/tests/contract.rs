//! What the guard promises as a tower service.

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use support::script::{Script, Step, data, ending, guarded};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::limit::ConcurrencyLimit;
use tower::{Service, ServiceExt, service_fn};
use tower_ai_core::{Attempt, BoxError, Deadline};
use tower_ai_stream::future::ResponseFuture;
use tower_ai_stream::{
    Broken, Ending, GuardedBody, Heard, Lapse, Parser, StreamGuard, StreamGuardLayer,
};
use tower_test::mock;

const SEC: Duration = Duration::from_secs(1);
const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

#[test]
fn everything_crosses_threads() {
    fn both<T: Send + Sync>() {}
    both::<StreamGuardLayer>();
    both::<StreamGuard<()>>();
    // SDKs demand bodies that are `Sync`.
    both::<GuardedBody<Full<Bytes>>>();
    both::<ResponseFuture<std::future::Ready<()>, Full<Bytes>>>();
    both::<Parser>();
    both::<Broken>();
    both::<Heard>();
}

type Mock = mock::Mock<Request<()>, Response<Full<Bytes>>>;

type Provider = mock::Handle<Request<()>, Response<Full<Bytes>>>;

fn mock_guard() -> (StreamGuard<Mock>, Provider) {
    let (inner, handle) = mock::pair();
    (StreamGuard::new(inner), handle)
}

#[tokio::test]
async fn readiness_is_that_of_the_inner_service() {
    let (guard, mut handle) = mock_guard();
    let mut guard = mock::Spawn::new(guard);
    handle.allow(0);
    assert_pending!(guard.poll_ready::<Request<()>>());
    handle.allow(1);
    assert!(guard.is_woken());
    assert_ready_ok!(guard.poll_ready::<Request<()>>());
    handle.send_error("gone");
    assert_eq!(
        assert_ready!(guard.poll_ready::<Request<()>>())
            .unwrap_err()
            .to_string(),
        "gone"
    );
}

#[tokio::test]
async fn a_clone_of_a_ready_guard_has_to_become_ready_itself() {
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, BoxError>(Response::new(Empty::<Bytes>::new()))
    });
    let mut guard = StreamGuard::new(ConcurrencyLimit::new(inner, 1));
    guard.ready().await.unwrap();
    let mut other = task::spawn(guard.clone());
    assert_pending!(other.enter(|cx, mut other| other.poll_ready(cx)));
    guard.call(Request::new(())).await.unwrap();
    drop(guard);
    assert_ready_ok!(other.enter(|cx, mut other| other.poll_ready(cx)));
}

#[tokio::test]
async fn a_drop_before_the_call_calls_nobody() {
    let (mut guard, mut handle) = mock_guard();
    handle.allow(1);
    guard.ready().await.unwrap();
    drop(guard);
    assert!(handle.next_request().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_drop_at_any_point_drops_the_inner_body() {
    let alive = Arc::new(());
    let layer = StreamGuardLayer::new();
    let steps = vec![Step::Wait(SEC), data(WORD), Step::Hang];
    let service = guarded(layer, "text/event-stream", steps, &alive);
    let idle = Arc::strong_count(&alive);

    let mut held = task::spawn(service.clone().oneshot(Request::new(())));
    assert_pending!(held.poll());
    assert_eq!(Arc::strong_count(&alive), idle + 1, "while it is held");
    drop(held);
    assert_eq!(Arc::strong_count(&alive), idle);

    let answer = service.clone().oneshot(Request::new(())).await.unwrap();
    let heard = answer.extensions().get::<Heard>().unwrap().clone();
    let mut body = answer.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(
        (heard.ending(), Arc::strong_count(&alive)),
        (None, idle + 1)
    );
    drop(body);
    assert_eq!(
        (heard.ending(), Arc::strong_count(&alive)),
        (Some(Ending::Cancelled), idle)
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_in_time_is_an_error() {
    let (mut guard, _handle) = mock_guard();
    let layer = StreamGuardLayer::new().first_byte(3 * SEC).unwrap();
    let start = Instant::now();
    let mut limited = tower::Layer::layer(&layer, guard.get_mut().clone());
    let error = limited
        .ready()
        .await
        .unwrap()
        .call(Request::new(()))
        .await
        .unwrap_err();
    assert_eq!(ending(&error), Ending::TimedOut(Lapse::Head));
    assert_eq!(Instant::now() - start, 3 * SEC);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_call_bounds_the_time_to_the_first_content_only() {
    let request = |limit| {
        let now = Instant::now();
        let mut request = Request::new(());
        let attempt = Attempt::begin(now).with_deadline(Deadline::after(now, limit));
        request.extensions_mut().insert(attempt);
        request
    };
    let alive = Arc::new(());
    let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let steps = vec![
        Step::Wait(2 * SEC),
        data(WORD),
        Step::Wait(8 * SEC),
        data(stop),
    ];
    let service = guarded(StreamGuardLayer::new(), "text/event-stream", steps, &alive);

    let error = service.clone().oneshot(request(SEC)).await.unwrap_err();
    assert_eq!(ending(&error), Ending::TimedOut(Lapse::Deadline));

    let answer = service.oneshot(request(3 * SEC)).await.unwrap();
    answer
        .into_body()
        .collect()
        .await
        .expect("a stream of 10 s under a deadline of 3 s");
}

#[tokio::test]
async fn an_error_of_the_inner_service_passes() {
    let (mut guard, mut handle) = mock_guard();
    handle.allow(1);
    let answer = tokio::spawn(guard.ready().await.unwrap().call(Request::new(())));
    handle.next_request().await.unwrap().1.send_error("no");
    assert_eq!(answer.await.unwrap().unwrap_err().to_string(), "no");
}

#[tokio::test]
async fn encoded_answers_and_bad_statuses_pass_untouched() {
    for (status, header, value) in [
        (200, "content-encoding", "gzip"),
        (503, "content-type", "text/event-stream"),
        (204, "content-type", "application/json"),
    ] {
        let service = service_fn(move |_: Request<()>| async move {
            let head = Response::builder().status(status).header(header, value);
            head.body(Full::<Bytes>::from("x"))
        });
        let answer = StreamGuard::new(service)
            .oneshot(Request::new(()))
            .await
            .unwrap();
        assert!(answer.extensions().get::<Heard>().is_none());
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "x");
    }
}

#[tokio::test]
async fn the_size_of_a_sized_answer_is_known() {
    use http_body::Body;
    let text = "{\"choices\":[]}";
    let service = service_fn(move |_: Request<()>| async move {
        let head = Response::builder().header("content-type", "application/json");
        head.body(Full::<Bytes>::from(text))
    });
    let answer = StreamGuard::new(service)
        .oneshot(Request::new(()))
        .await
        .unwrap();
    assert_eq!(answer.body().size_hint().exact(), Some(text.len() as u64));
    assert!(!answer.body().is_end_stream());
    let mut body = answer.into_body();
    body.frame().await.unwrap().unwrap();
    assert!(body.is_end_stream());
}

#[test]
fn what_is_shown_holds_no_text() {
    let alive = Arc::new(());
    let body = Script::new(vec![data("secret")], &alive);
    let mut parser = Parser::new(tower_ai_stream::Framing::Sse);
    let mut input = &b"data: {\"secret\":\"secret\"}\n\n"[..];
    parser.push(&mut input);
    assert!(!format!("{parser:?}").contains("secret"));
    drop(body);
}

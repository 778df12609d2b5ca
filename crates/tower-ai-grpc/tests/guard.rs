//! The promises of the guard, the follower and the target layer, without a socket and on a paused clock.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, advance, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tower::{Layer, ServiceExt, service_fn};
use tower_ai_core::error::{Elapsed, cause_ref, outcome_of};
use tower_ai_core::{Attempt, BoxError, Deadline, Follow, Outcome, SettleFn, settle_fn};
use tower_ai_grpc::{
    FollowTrailers, GrpcGuardLayer, GrpcReplayLayer, GrpcTargetLayer, InvalidGrpc, NotReplayable,
    Truncated,
};

type Item = Result<Frame<Bytes>, BoxError>;

/// A body that says what the test sends.
fn body() -> (
    UnboundedSender<Item>,
    impl http_body::Body<Data = Bytes, Error = BoxError> + Unpin,
) {
    let (sender, receiver) = unbounded_channel();
    (
        sender,
        StreamBody::new(UnboundedReceiverStream::new(receiver)),
    )
}

fn data(bytes: &'static [u8]) -> Item {
    Ok(Frame::data(Bytes::from_static(bytes)))
}

fn trailers(code: &'static str) -> Item {
    let code = http::HeaderValue::from_static(code);
    Ok(Frame::trailers(HeaderMap::from_iter([(
        "grpc-status".parse().unwrap(),
        code,
    )])))
}

/// A message of three bytes, in two parts.
const BEGIN: &[u8] = &[0, 0, 0, 0, 3, b'a'];
const END: &[u8] = b"bc";

/// Calls a guard over a server that answers with `body` at once.
macro_rules! guarded {
    ($layer:expr, $body:expr) => {{
        let mut body = Some($body);
        let server = service_fn(move |_: Request<()>| {
            let body = body.take().unwrap();
            async move { Ok::<_, Infallible>(Response::new(body)) }
        });
        $layer.layer(server).oneshot(Request::new(()))
    }};
}

macro_rules! assert_pending {
    ($future:expr) => {
        assert!(timeout(Duration::ZERO, &mut $future).await.is_err(), "held");
    };
}

#[tokio::test(start_paused = true)]
async fn a_head_is_held_to_the_first_whole_message_and_no_longer() {
    let (sender, body) = body();
    let mut head = Box::pin(guarded!(GrpcGuardLayer::new(), body));
    assert_pending!(head);
    sender.send(data(BEGIN)).unwrap();
    assert_pending!(head);
    sender.send(data(END)).unwrap();
    let mut body = head.await.unwrap().into_body();
    for part in [BEGIN, END] {
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            part
        );
    }
    sender.send(trailers("0")).unwrap();
    assert!(body.frame().await.unwrap().unwrap().is_trailers());
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_unary_answer_is_held_to_its_trailers_if_so_wished() {
    let (sender, body) = body();
    let layer = GrpcGuardLayer::new().whole_of(["/"]);
    let mut head = Box::pin(guarded!(layer, body));
    sender.send(data(BEGIN)).unwrap();
    sender.send(data(END)).unwrap();
    assert_pending!(head);
    sender.send(trailers("13")).unwrap();
    let response = head.await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "13");
    assert_eq!(response.extensions().get(), Some(&Outcome::Fault));
    assert!(
        response.into_body().frame().await.is_none(),
        "nothing of a failed answer is passed on"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_bound_is_held() {
    let (sender, body) = body();
    let layer = GrpcGuardLayer::new().whole().limit(6).unwrap();
    let mut head = Box::pin(guarded!(layer, body));
    sender.send(data(BEGIN)).unwrap();
    assert_pending!(head);
    sender.send(data(END)).unwrap();
    assert!(head.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_error_before_the_first_message_is_an_error_of_the_call() {
    let (sender, body) = body();
    let head = guarded!(GrpcGuardLayer::new(), body);
    sender.send(data(BEGIN)).unwrap();
    drop(sender);
    let error = head.await.unwrap_err();
    assert!(cause_ref::<Truncated>(&*error).is_some());
    assert_eq!(outcome_of(&*error), Outcome::Fault);
}

#[tokio::test(start_paused = true)]
async fn the_clock_to_the_first_message_runs_over_head_and_body() {
    let (_sender, body) = body();
    let layer = GrpcGuardLayer::new()
        .first_message_timeout(Duration::from_secs(5))
        .unwrap();
    let start = Instant::now();
    let error = guarded!(layer, body).await.unwrap_err();
    assert!(cause_ref::<Elapsed>(&*error).is_some());
    assert_eq!(Instant::now() - start, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_stall_clock_begins_anew_with_each_part() {
    let (sender, body) = body();
    let layer = GrpcGuardLayer::new()
        .stall_timeout(Duration::from_secs(5))
        .unwrap();
    sender.send(data(BEGIN)).unwrap();
    sender.send(data(END)).unwrap();
    let mut body = guarded!(layer, body).await.unwrap().into_body();
    for _ in 0..2 {
        body.frame().await.unwrap().unwrap();
    }
    tokio::spawn(async move {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(4)).await;
            sender.send(data(BEGIN)).unwrap();
            sender.send(data(END)).unwrap();
        }
        std::future::pending::<()>().await;
    });
    let start = Instant::now();
    for _ in 0..6 {
        body.frame().await.unwrap().unwrap();
    }
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.is::<Elapsed>());
    assert_eq!(
        Instant::now() - start,
        Duration::from_secs(17),
        "three times 4 s, and 5 s of silence"
    );
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let zero = Duration::ZERO;
    assert_eq!(
        GrpcGuardLayer::new().limit(0).unwrap_err(),
        InvalidGrpc::Limit
    );
    assert_eq!(
        GrpcGuardLayer::new().stall_timeout(zero).unwrap_err(),
        InvalidGrpc::Timeout
    );
    assert_eq!(
        GrpcGuardLayer::new()
            .first_message_timeout(zero)
            .unwrap_err(),
        InvalidGrpc::Timeout
    );
    let path = "/only".parse().unwrap();
    assert_eq!(
        GrpcTargetLayer::new().origin(path).unwrap_err(),
        InvalidGrpc::Origin
    );
}

/// What was settled, in order.
type Log = Arc<Mutex<Vec<Outcome>>>;

fn log() -> (Log, SettleFn<impl FnOnce(Outcome)>) {
    let log = Log::default();
    let settled = log.clone();
    (
        log,
        settle_fn(move |outcome| settled.lock().unwrap().push(outcome)),
    )
}

fn follow<B, H>(body: B, handle: H) -> impl http_body::Body<Data = Bytes, Error = BoxError> + Unpin
where
    B: http_body::Body<Data = Bytes, Error = BoxError> + Unpin,
    H: tower_ai_core::Settle,
{
    let result: Result<_, BoxError> = FollowTrailers::new().follow(Ok(Response::new(body)), handle);
    Box::pin(result.unwrap().into_body())
}

#[tokio::test]
async fn a_body_that_is_dropped_unread_was_cancelled() {
    let (log, handle) = log();
    let (sender, body) = body();
    sender.send(data(BEGIN)).unwrap();
    let mut body = follow(body, handle);
    body.frame().await.unwrap().unwrap();
    assert_eq!(*log.lock().unwrap(), []);
    drop(body);
    assert_eq!(*log.lock().unwrap(), [Outcome::Cancelled]);
}

#[tokio::test]
async fn an_answer_is_settled_once_at_its_trailers() {
    for (code, outcome) in [
        ("0", Outcome::Success),
        ("13", Outcome::Fault),
        ("10", Outcome::Conflict),
    ] {
        let (log, handle) = log();
        let (sender, body) = body();
        sender.send(data(BEGIN)).unwrap();
        sender.send(trailers(code)).unwrap();
        drop(sender);
        follow(body, handle).collect().await.unwrap();
        assert_eq!(*log.lock().unwrap(), [outcome]);
    }
}

#[tokio::test]
async fn an_end_without_a_status_is_a_fault() {
    let (log, handle) = log();
    let (sender, body) = body();
    sender.send(data(BEGIN)).unwrap();
    drop(sender);
    follow(body, handle).collect().await.unwrap();
    assert_eq!(*log.lock().unwrap(), [Outcome::Fault]);
}

#[tokio::test]
async fn a_body_that_is_over_at_the_head_is_settled_there() {
    let (log, handle) = log();
    let over = Response::new(http_body_util::Empty::<Bytes>::new());
    let answer: Result<_, BoxError> = FollowTrailers::new().follow(Ok(over), handle);
    assert_eq!(
        *log.lock().unwrap(),
        [Outcome::Fault],
        "before anybody looks"
    );
    drop(answer);
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_error_of_the_body_says_what_it_is() {
    let (log, handle) = log();
    let (sender, body) = body();
    sender
        .send(Err(Elapsed::new("x", Duration::ZERO).into()))
        .unwrap();
    follow(body, handle).collect().await.unwrap_err();
    assert_eq!(*log.lock().unwrap(), [Outcome::TimedOut]);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_is_not_sent() {
    let service = GrpcTargetLayer::new().layer(service_fn(|_: Request<Body>| async {
        Err::<(), BoxError>("was sent".into())
    }));
    let now = Instant::now();
    let deadline = Deadline::after(now, Duration::from_secs(1));
    let mut request = Request::new(Body::empty());
    request
        .extensions_mut()
        .insert(Attempt::begin(now).with_deadline(deadline));
    advance(Duration::from_secs(1)).await;
    let error = service.oneshot(request).await.unwrap_err();
    assert!(cause_ref::<Elapsed>(&*error).is_some());
    assert_eq!(
        outcome_of(&*error),
        Outcome::Shed { wait: None },
        "costs no attempt"
    );
}

#[tokio::test(start_paused = true)]
async fn a_shorter_timeout_of_the_request_stays() {
    let now = Instant::now();
    let seen = |asked: &'static str| {
        let deadline = Deadline::after(now, Duration::from_secs(10));
        let request = Request::builder().header("grpc-timeout", asked);
        let mut request = request.body(Body::empty()).unwrap();
        request
            .extensions_mut()
            .insert(Attempt::begin(now).with_deadline(deadline));
        let service = GrpcTargetLayer::new().layer(service_fn(|request: Request<Body>| async {
            Ok::<_, Infallible>(request)
        }));
        async { service.oneshot(request).await.unwrap().headers()["grpc-timeout"].clone() }
    };
    assert_eq!(seen("3S").await, "3000000u");
    assert_eq!(seen("1H").await, "10000000u");
}

#[tokio::test]
async fn a_stream_is_sent_nowhere_a_second_time() {
    let (sender, body) = body();
    sender.send(data(BEGIN)).unwrap();
    let target = GrpcTargetLayer::new().layer(service_fn(|request: Request<Body>| async {
        request.into_body().frame().await.unwrap().unwrap();
        Err::<(), BoxError>("failed after the first part".into())
    }));
    let twice = service_fn(move |request: Request<_>| {
        let target = target.clone();
        async move {
            let first = target.clone().oneshot(request.clone()).await.unwrap_err();
            let second = target.oneshot(request).await.unwrap_err();
            Ok::<_, BoxError>((first, second))
        }
    });
    let request = Request::new(Body::new(body));
    let (first, second) = GrpcReplayLayer::new()
        .layer(twice)
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(first.to_string(), "failed after the first part");
    assert!(cause_ref::<NotReplayable>(&*second).is_some());
    assert!(!outcome_of(&*second).was_sent());
}

#[tokio::test]
async fn metadata_and_origin_of_the_target_are_written() {
    let layer = GrpcTargetLayer::new()
        .metadata(http::header::AUTHORIZATION, "Bearer k".parse().unwrap())
        .origin("https://model.example".parse().unwrap())
        .unwrap();
    let seen = layer
        .layer(service_fn(|request: Request<Body>| async {
            Ok::<_, Infallible>(request)
        }))
        .oneshot(
            Request::builder()
                .uri("/pkg.S/M")
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(seen.uri(), "https://model.example/pkg.S/M");
    assert_eq!(seen.headers()[http::header::AUTHORIZATION], "Bearer k");
    assert!(!format!("{seen:?}").contains("Bearer"));
}

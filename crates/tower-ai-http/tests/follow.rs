//! An attempt is settled once, when the truth about its answer is known.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use tower_ai_core::error::{Elapsed, Shed};
use tower_ai_core::{AtOnce, BoxError, ByResult, Follow, Outcome, Settle};
use tower_ai_http::{FollowBody, FollowedBody, classify_head_fn};

use support::{Handle, Log, Script, Step};

fn follow<B>(response: Response<B>, log: &Log) -> Response<FollowedBody<B, Handle>>
where
    B: Body,
{
    let result: Result<_, BoxError> = Ok(response);
    FollowBody::default().follow(result, log.handle()).unwrap()
}

fn of_steps(steps: impl IntoIterator<Item = Step>) -> Response<Script> {
    Response::new(Script::new(steps))
}

fn data(text: &'static str) -> Step {
    Step::Data(Bytes::from_static(text.as_bytes()))
}

#[tokio::test]
async fn a_good_answer_settles_at_its_end() {
    let log = Log::default();
    let mut body = follow(
        of_steps([data(""), data("a"), Step::Later, data("b")]),
        &log,
    )
    .into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(log.entries(), [""; 0], "an empty frame is no content");
    body.frame().await.unwrap().unwrap();
    assert_eq!(log.entries(), ["content"]);
    assert_eq!(body.collect().await.unwrap().to_bytes(), "b");
    assert_eq!(log.entries(), ["content", "success"]);
}

#[tokio::test]
async fn the_last_frame_of_a_body_that_knows_its_end_settles() {
    let log = Log::default();
    let mut body = follow(Response::new(Full::<Bytes>::from("all")), &log).into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(
        log.entries(),
        ["content", "success"],
        "its reader need not ask again"
    );
}

#[test]
fn a_body_that_is_over_settles_at_the_head() {
    let log = Log::default();
    let _response = follow(Response::new(Empty::<Bytes>::new()), &log);
    assert_eq!(log.entries(), ["success"]);
}

#[test]
fn a_bad_head_settles_at_once_even_if_nobody_reads_on() {
    let log = Log::default();
    let mut response = of_steps([data("oops")]);
    *response.status_mut() = http::StatusCode::BAD_GATEWAY;
    let response = follow(response, &log);
    assert_eq!(log.entries(), ["fault"]);
    drop(response);
    assert_eq!(log.entries(), ["fault"]);
}

#[test]
fn an_error_settles_by_what_it_says_and_is_passed_on() {
    let log = Log::default();
    let error: Result<Response<Script>, BoxError> = Err(Shed::open(None).into());
    assert!(FollowBody::default().follow(error, log.handle()).is_err());
    assert_eq!(log.entries(), ["shed"]);
}

#[tokio::test]
async fn a_body_that_breaks_is_a_fault() {
    let log = Log::default();
    let response = follow(of_steps([data("a"), Step::Fail("reset")]), &log);
    let error = response.into_body().collect().await.unwrap_err();
    assert_eq!(error.to_string(), "reset");
    assert_eq!(log.entries(), ["content", "fault"]);
}

#[tokio::test]
async fn a_body_that_stalls_is_timed_out() {
    let log = Log::default();
    let silence: BoxError = Elapsed::new("content", Duration::from_secs(5)).into();
    let end = async { Some(Err::<http::HeaderMap, _>(silence)) };
    let body = Script::new([data("a")]).with_trailers(end);
    let response = follow(Response::new(body), &log);
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(log.entries(), ["content", "timed_out"]);
}

#[tokio::test]
async fn a_reader_that_leaves_cancels() {
    let log = Log::default();
    let mut body = follow(of_steps([data("a"), data("b")]), &log).into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(log.entries(), ["content", "cancelled"]);

    let log = Log::default();
    drop(follow(of_steps([data("a")]), &log));
    assert_eq!(log.entries(), ["cancelled"]);
}

#[tokio::test]
async fn a_classifier_of_ones_own_judges_the_head() {
    let log = Log::default();
    let follow = FollowBody::new(classify_head_fn(|head| match head.headers().get("x-cut") {
        Some(_) => Outcome::Fault,
        None => head.outcome(),
    }));
    let mut response = of_steps([data("a")]);
    response.headers_mut().insert("x-cut", "1".parse().unwrap());
    let _response = follow
        .follow(Ok::<_, BoxError>(response), log.handle())
        .unwrap();
    assert_eq!(log.entries(), ["fault"]);
}

/// Two layers that follow, as a breaker over a concurrency limit does: neither knows the response type.
fn twice<F, Res, Mid>(inner: &F, outer: &impl Follow<Mid, BoxError>, response: Res, logs: [&Log; 2])
where
    F: Follow<Res, BoxError, Response<Handle> = Mid>,
{
    let inner = inner.follow(Ok(response), logs[0].handle());
    drop(outer.follow(inner, logs[1].handle()));
}

#[tokio::test]
async fn followers_stack_over_plain_responses() {
    let (a, b) = (Log::default(), Log::default());
    twice(
        &AtOnce::new(ByResult),
        &AtOnce::new(ByResult),
        "plain",
        [&a, &b],
    );
    assert_eq!(a.entries(), ["success"]);
    assert_eq!(b.entries(), ["success"]);
}

#[tokio::test]
async fn followers_stack_over_http_responses() {
    let (a, b) = (Log::default(), Log::default());
    twice(
        &FollowBody::default(),
        &FollowBody::default(),
        of_steps([data("a")]),
        [&a, &b],
    );
    assert_eq!(
        (a.entries(), b.entries()),
        (vec!["cancelled".to_owned()], vec!["cancelled".to_owned()])
    );

    let (a, b) = (Log::default(), Log::default());
    let response = follow(follow(of_steps([data("a")]), &a), &b);
    response.into_body().collect().await.unwrap();
    assert_eq!(a.entries(), ["content", "success"]);
    assert_eq!(b.entries(), ["content", "success"]);
}

/// Clients of SDKs demand it.
#[test]
fn a_followed_body_is_send_and_sync_if_body_and_handle_are() {
    struct Silent;
    impl Settle for Silent {
        fn settle(self, _: Outcome) {}
    }
    fn check<T: Send + Sync>() {}
    check::<FollowedBody<Full<Bytes>, Silent>>();
    check::<FollowedBody<FollowedBody<Full<Bytes>, Silent>, Silent>>();
    check::<FollowBody>();
}

#[test]
fn debug_shows_no_answer() {
    let response = follow(
        Response::new(Full::<Bytes>::from("secret")),
        &Log::default(),
    );
    assert!(!format!("{response:?}").contains("secret"));
}

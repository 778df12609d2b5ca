//! A replayed body is the body.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use bytes::Bytes;
use http::Request;
use http_body::Body;
use http_body_util::{BodyExt, Full};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, ServiceExt, service_fn};
use tower_ai_core::error::{cause_ref, outcome_of};
use tower_ai_core::{Attempt, BoxError, Outcome};
use tower_ai_http::{NotReplayable, ReplayBody, ReplayLayer, try_clone_request};
use tower_test::mock::spawn_layer;

use support::{Script, Step};

const LIMIT: usize = 64;

fn replay(chunks: &[&'static str]) -> ReplayBody<Script> {
    ReplayBody::new(Script::of_chunks(chunks), LIMIT)
}

async fn all(body: impl Body<Data = Bytes, Error = BoxError>) -> Result<Bytes, BoxError> {
    Ok(body.collect().await?.to_bytes())
}

async fn first(body: &mut ReplayBody<Script>) -> Bytes {
    body.frame().await.unwrap().unwrap().into_data().unwrap()
}

fn is_not_replayable(error: &BoxError) -> bool {
    cause_ref::<NotReplayable>(&**error).is_some() && outcome_of(&**error) == Outcome::Invalid
}

#[tokio::test]
async fn a_call_for_a_stream_says_so_to_the_layers_below() {
    let streamed = async |body: &'static str| {
        let service = service_fn(|request: Request<ReplayBody>| async move {
            let attempt = request.extensions().get::<Attempt>().copied();
            Ok::<_, BoxError>(attempt.is_some_and(|attempt| attempt.streamed()))
        });
        let request = Request::new(Full::<Bytes>::from(body));
        ReplayLayer::new()
            .layer(service)
            .oneshot(request)
            .await
            .unwrap()
    };
    assert!(streamed(r#"{"stream": true}"#).await);
    assert!(!streamed(r#"{"stream": false}"#).await);
    assert!(!streamed("").await);
}

#[tokio::test]
async fn a_whole_body_is_never_too_large() {
    let body = ReplayBody::new(Full::from("x".repeat(10 * LIMIT)), LIMIT);
    let bytes = body.as_bytes().unwrap().clone();
    assert_eq!(bytes.len(), 10 * LIMIT);
    let again = body.clone();
    assert_eq!(all(body).await.unwrap(), bytes);
    assert_eq!(all(again).await.unwrap(), bytes);
}

#[tokio::test]
async fn an_empty_body_ends_at_once() {
    for body in [
        ReplayBody::new(Full::new(Bytes::new()), LIMIT),
        ReplayBody::default(),
    ] {
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert_eq!(all(body).await.unwrap(), "");
    }
}

#[tokio::test]
async fn a_clone_takes_over_where_the_first_was_dropped() {
    let mut body = replay(&["one ", "two ", "three"]);
    assert_eq!(first(&mut body).await, "one ");
    let again = body.clone();
    drop(body);
    assert_eq!(all(again).await.unwrap(), "one two three");
}

#[tokio::test]
async fn two_readers_at_once_both_get_everything() {
    let mut a = replay(&["one ", "two ", "three"]);
    let mut b = a.clone();
    assert_eq!(first(&mut a).await, "one ");
    assert_eq!(first(&mut b).await, "one ");
    assert_eq!(first(&mut b).await, "two ");
    assert_eq!(all(a).await.unwrap(), "two three");
    assert_eq!(all(b).await.unwrap(), "three");
}

#[test]
fn a_reader_that_leaves_wakes_the_one_that_waits() {
    let script = Script::new([Step::Stall, Step::Data(Bytes::from("late"))]);
    let resume = script.resume();
    let a = ReplayBody::new(script, LIMIT);
    let mut b = a.clone();
    let mut waits_too = task::spawn(async move { first(&mut b).await });
    assert_pending!(waits_too.poll());
    let mut waits = task::spawn(all(a));
    assert_pending!(waits.poll());
    assert!(!waits_too.is_woken());

    drop(waits);
    assert!(
        waits_too.is_woken(),
        "the source would have woken the other only"
    );
    assert_pending!(waits_too.poll());
    resume();
    assert!(waits_too.is_woken());
    assert_eq!(assert_ready!(waits_too.poll()), "late");
}

#[test]
fn what_one_reader_gets_wakes_the_other() {
    let script = Script::new([Step::Stall, Step::Data(Bytes::from("late"))]);
    let resume = script.resume();
    let mut a = ReplayBody::new(script, LIMIT);
    let mut b = a.clone();
    let mut first_to_wait = task::spawn(first(&mut a));
    assert_pending!(first_to_wait.poll());
    let mut last_to_wait = task::spawn(first(&mut b));
    assert_pending!(last_to_wait.poll());

    resume();
    assert!(
        !first_to_wait.is_woken(),
        "the source knows the last one only"
    );
    assert_eq!(assert_ready!(last_to_wait.poll()), "late");
    assert!(first_to_wait.is_woken());
    assert_eq!(assert_ready!(first_to_wait.poll()), "late");
}

#[tokio::test]
async fn a_body_that_outgrows_the_limit_is_sent_once() {
    let long: &'static str = "y".repeat(LIMIT).leak();
    let mut body = replay(&["x", long, "z"]);
    let early = body.clone();
    assert_eq!(first(&mut body).await, "x");
    assert!(body.is_replayable(), "so far");
    assert_eq!(first(&mut body).await, long);
    assert!(!body.is_replayable());
    assert!(!early.is_replayable());
    assert!(is_not_replayable(&all(early).await.unwrap_err()));
    assert!(is_not_replayable(&all(body.clone()).await.unwrap_err()));
    assert_eq!(all(body).await.unwrap(), "z");
}

#[tokio::test]
async fn a_large_body_that_nobody_began_to_read_can_go_elsewhere() {
    let long: &'static str = "y".repeat(LIMIT + 1).leak();
    let request = Request::new(replay(&[long]));
    let kept = try_clone_request(&request).unwrap();
    drop(request);
    assert_eq!(all(kept.into_body()).await.unwrap(), long);
}

#[tokio::test]
async fn a_body_that_breaks_is_the_callers_fault() {
    let steps = [Step::Data(Bytes::from("x")), Step::Fail("upload broke")];
    let body = ReplayBody::new(Script::new(steps), LIMIT);
    let again = body.clone();
    let error = all(body).await.unwrap_err();
    assert_eq!(outcome_of(&*error), Outcome::Cancelled);
    assert_eq!(error.source().unwrap().to_string(), "upload broke");
    assert!(!again.is_replayable());
    assert!(is_not_replayable(&all(again).await.unwrap_err()));
}

#[tokio::test]
async fn trailers_are_replayed() {
    let trailers: http::HeaderMap = [(http::header::ETAG, "t".parse().unwrap())]
        .into_iter()
        .collect();
    let steps = [
        Step::Data(Bytes::from("x")),
        Step::Trailers(trailers.clone()),
    ];
    let body = ReplayBody::new(Script::new(steps), LIMIT);
    for body in [body.clone(), body] {
        let all = body.collect().await.unwrap();
        assert_eq!(all.trailers(), Some(&trailers));
    }
}

#[tokio::test]
async fn the_size_of_a_body_is_known_to_its_clones() {
    let mut body = ReplayBody::new(Full::from("12345"), LIMIT);
    assert_eq!(body.size_hint().exact(), Some(5));
    body.frame().await.unwrap().unwrap();
    assert_eq!(body.size_hint().exact(), Some(0));
    assert_eq!(body.clone().size_hint().exact(), Some(5));

    let mut body = replay(&["one", "two"]);
    first(&mut body).await;
    assert_eq!(body.clone().size_hint().lower(), 3);
}

#[tokio::test]
async fn waiting_for_the_whole_takes_nothing_from_readers() {
    let body = replay(&["one ", "two"]);
    let whole = std::future::poll_fn(|cx| body.poll_whole(cx))
        .await
        .unwrap();
    assert_eq!(whole.unwrap(), "one two");
    assert_eq!(all(body).await.unwrap(), "one two");

    let long: &'static str = "y".repeat(LIMIT + 1).leak();
    let body = replay(&[long, "z"]);
    let whole = std::future::poll_fn(|cx| body.poll_whole(cx))
        .await
        .unwrap();
    assert!(whole.is_none());
    let elsewhere = body.clone();
    drop(body);
    assert!(elsewhere.is_replayable());
    assert_eq!(all(elsewhere).await.unwrap(), format!("{long}z"));
}

#[test]
fn debug_shows_no_prompt() {
    let whole: ReplayBody = ReplayBody::from("my secret prompt");
    assert!(!format!("{whole:?}{:?}", replay(&["my secret prompt"])).contains("secret"));
}

/// Hyper and reqwest demand it.
#[test]
fn a_replayed_body_is_send_and_sync_even_if_the_body_is_send_only() {
    fn check<T: Send + Sync>(_: &T) {}
    let body = http_body_util::combinators::UnsyncBoxBody::new(Script::default());
    check(&ReplayBody::new(body, LIMIT));
}

#[tokio::test]
async fn readiness_is_passed_through_and_not_cloned() {
    let (mut service, mut handle) =
        spawn_layer::<Request<ReplayBody<Full<Bytes>>>, (), _>(ReplayLayer::new());
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut clone = service.clone();

    let answer = service.call(Request::new(Full::from("x")));
    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(request.into_body().as_bytes().unwrap(), "x");
    respond.send_response(());
    answer.await.unwrap();
    assert_pending!(clone.poll_ready(), "that was the original's");
}

#[tokio::test]
async fn an_error_of_readiness_is_passed_through() {
    let (mut service, mut handle) =
        spawn_layer::<Request<ReplayBody<Full<Bytes>>>, (), _>(ReplayLayer::new());
    handle.send_error("gone");
    assert_ready_err!(service.poll_ready());
}

proptest! {
    /// For any chunks, and wherever the first attempt is dropped, a clone yields exactly the original bytes.
    #[test]
    fn a_clone_yields_the_original(
        chunks in vec(vec(any::<u8>(), 0..20), 0..20),
        late in vec(any::<bool>(), 20),
        polls in 0usize..50,
        limit in 1usize..300,
    ) {
        let original: Vec<u8> = chunks.concat();
        let steps = chunks.iter().zip(&late).flat_map(|(chunk, late)| {
            let data = Step::Data(Bytes::from(chunk.clone()));
            late.then_some(Step::Later).into_iter().chain([data])
        });
        let body = ReplayBody::new(Script::new(steps), limit);
        let again = body.clone();

        let mut had = Vec::new();
        let mut attempt = task::spawn(Box::pin(async {
            let mut body = body;
            while let Some(frame) = body.frame().await {
                had.extend_from_slice(&frame.unwrap().into_data().unwrap());
                tokio::task::yield_now().await;
            }
        }));
        for _ in 0..polls {
            if attempt.poll().is_ready() {
                break;
            }
        }
        drop(attempt);
        prop_assert!(original.starts_with(&had));

        let replayable = again.is_replayable();
        let mut replay = task::spawn(all(again));
        let mut result = replay.poll();
        while result.is_pending() {
            result = replay.poll();
        }
        let result = assert_ready!(result);
        if replayable {
            prop_assert_eq!(result.unwrap(), original);
        } else {
            prop_assert!(original.len() > limit, "only a body over the limit is let go");
            prop_assert!(is_not_replayable(&result.unwrap_err()));
        }
    }
}

//! What a call through the layers costs in allocations, beside what the client does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;
use tokio_test::assert_ready_ok;
use tower::{Layer, Service};
use tower_ai_core::{AtOnce, Classify, Follow, Outcome, Target, settle_fn};
use tower_ai_http::{
    Answer, Dialect, FollowBody, HttpClassify, ReplayLayer, Secret, TargetLayer, WallTime,
};

/// A client that costs nothing.
#[derive(Clone)]
struct Client;

impl<B> Service<Request<B>> for Client {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        drop(request);
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"fine")))))
    }
}

fn request() -> Request<Full<Bytes>> {
    let body =
        Bytes::from_static(br#"{"model":"ours","messages":[{"role":"user","content":"hi"}]}"#);
    let builder = Request::post("http://ours.example/v1/chat/completions");
    let builder = builder.header("content-type", "application/json");
    builder
        .header("authorization", "Bearer mine")
        .body(Full::new(body))
        .unwrap()
}

fn allocations(model: Option<&str>) -> u64 {
    let target = Target::builder("t").endpoint("https://host/openai/v1");
    let target = match model {
        Some(model) => target.model(model),
        None => target,
    };
    let layer = TargetLayer::new(target.build().unwrap()).unwrap();
    let layer = layer.with_secret(&Secret::new("sk")).unwrap();
    let mut service = ReplayLayer::new().layer(layer.layer(Client));
    let mut cx = Context::from_waker(Waker::noop());
    let mut call = |request: Request<Full<Bytes>>| {
        assert_ready_ok!(Service::<Request<Full<Bytes>>>::poll_ready(
            &mut service,
            &mut cx
        ));
        let future = pin!(service.call(request));
        assert_ready_ok!(future.poll(&mut cx));
    };
    // The first call turns the key's bytes into shared ones.
    call(request());
    let request = request();
    let info = allocation_counter::measure(|| call(request));
    info.count_total
}

#[test]
fn a_call_to_a_target_allocates_its_url_and_its_new_body() {
    assert_eq!(allocations(None), 1, "the URL");
    assert_eq!(
        allocations(Some("ours")),
        2,
        "and the stack of the JSON parser"
    );
    assert_eq!(
        allocations(Some("theirs")),
        3,
        "and the body with another model"
    );
}

#[test]
fn to_learn_what_is_left_of_rate_limits_allocates_nothing() {
    let mut headers = http::HeaderMap::new();
    for name in ["limit", "remaining", "reset"] {
        for of in ["requests", "tokens"] {
            let name = format!("x-ratelimit-{name}-{of}").parse::<http::HeaderName>();
            headers.insert(name.unwrap(), "60".parse().unwrap());
        }
    }
    let (now, wall) = (Instant::now(), WallTime::now());
    let info = allocation_counter::measure(|| {
        let answer = Answer::new(Dialect::OpenAi, http::StatusCode::OK, &headers);
        assert!(!answer.headroom(now, wall).is_unknown());
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn to_classify_and_follow_a_good_answer_allocates_nothing() {
    let response = Response::new(Full::new(Bytes::from_static(b"fine")));
    let info = allocation_counter::measure(|| {
        let result: Result<_, &Infallible> = Ok(&response);
        assert_eq!(HttpClassify.classify(result), Outcome::Success);
        let result: Result<_, Infallible> = Ok(response);
        let result = AtOnce::new(HttpClassify).follow(result, settle_fn(drop));
        drop(FollowBody::default().follow(result, settle_fn(drop)));
    });
    assert_eq!(info.count_total, 0);
}

//! How the target layer reads answers, and keeps tower's contract.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_ai_core::error::outcome_of;
use tower_ai_core::{BoxError, Classify, Outcome, Target};
use tower_ai_http::{
    Auth, HttpClassify, LayerRule, ReplayBody, Secret, TargetBody, TargetLayer, TargetService,
};
use tower_test::mock::{Mock, spawn_layer};

use support::{Script, Step};

type Sent = Request<ReplayBody<Script>>;
type Client = Mock<Sent, Response<Script>>;

fn layer() -> TargetLayer {
    let target = Target::builder("t").endpoint("http://host").model("theirs");
    TargetLayer::new(target.build().unwrap()).unwrap()
}

fn json() -> Sent {
    Request::post("/v1/x")
        .body(ReplayBody::from(r#"{"model":"ours"}"#))
        .unwrap()
}

fn streamed(steps: impl IntoIterator<Item = Step>) -> Sent {
    let body = ReplayBody::new(Script::new(steps), 1024);
    Request::post("/v1/x").body(body).unwrap()
}

fn data(text: &'static str) -> Step {
    Step::Data(Bytes::from_static(text.as_bytes()))
}

/// Asks a client that answers with this status and body.
async fn answered(status: u16, steps: Vec<Step>) -> Response<TargetBody<Script>> {
    let client = service_fn(move |_: Sent| {
        let response = Response::builder()
            .status(status)
            .body(Script::new(steps.clone()));
        std::future::ready(response.map_err(BoxError::from))
    });
    layer().layer(client).oneshot(json()).await.unwrap()
}

fn outcome(response: &Response<TargetBody<Script>>) -> Outcome {
    let result: Result<_, &BoxError> = Ok(response);
    HttpClassify.classify(result)
}

#[tokio::test(start_paused = true)]
async fn an_error_body_that_stalls_is_not_waited_for() {
    let body = r#"{"error":{"code":"insufficient_quota"}}"#;
    let began = Instant::now();
    let response = answered(429, vec![data(body), Step::Stall]).await;
    assert_eq!(Instant::now() - began, Duration::from_secs(1));
    assert_eq!(
        outcome(&response),
        Outcome::Exhausted { wait: None },
        "by what had come"
    );
    let mut body_again = response.into_body();
    let frame = body_again.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), body);
    assert_pending!(
        task::spawn(body_again.frame()).poll(),
        "and the rest is still to come"
    );
}

#[tokio::test]
async fn an_error_body_that_breaks_breaks_for_the_caller_too() {
    let response = answered(503, vec![data("over"), Step::Later, Step::Fail("reset")]).await;
    assert_eq!(outcome(&response), Outcome::Overloaded { wait: None });
    let error = response.into_body().collect().await.unwrap_err();
    assert_eq!(error.to_string(), "reset");
}

#[tokio::test]
async fn trailers_of_an_error_body_are_put_back() {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-end", "1".parse().unwrap());
    let steps = vec![
        data("a"),
        data(""),
        data("b"),
        Step::Trailers(trailers.clone()),
    ];
    let body = answered(500, steps)
        .await
        .into_body()
        .collect()
        .await
        .unwrap();
    assert_eq!(body.trailers(), Some(&trailers));
    assert_eq!(body.to_bytes(), "ab");
}

#[tokio::test]
async fn a_good_answer_is_not_read() {
    let response = answered(200, vec![Step::Stall]).await;
    assert_eq!(outcome(&response), Outcome::Success);
    assert!(response.extensions().get::<Outcome>().is_none());
}

#[tokio::test]
async fn each_provider_is_understood_by_the_name_of_its_target() {
    let loading = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    let moderated = r#"{"error":{"code":403,"message":"Flagged","metadata":{}}}"#;
    let wait = None;
    for (provider, status, header, body, expected) in [
        (
            "aws.bedrock",
            429,
            "ModelNotReadyException",
            "{}",
            Outcome::Warming { wait },
        ),
        (
            "aws.bedrock",
            429,
            "ThrottlingException",
            "{}",
            Outcome::RateLimited { wait },
        ),
        ("llama.cpp", 503, "", loading, Outcome::Warming { wait }),
        ("openrouter", 403, "", moderated, Outcome::Refused),
        ("openai", 403, "", moderated, Outcome::Unauthorized),
        ("groq", 422, "", "{}", Outcome::Conflict),
        ("vertex", 429, "", "{}", Outcome::Overloaded { wait }),
        ("acme", 429, "", "{}", Outcome::RateLimited { wait }),
    ] {
        let client = service_fn(move |_: Sent| {
            let response = Response::builder()
                .status(status)
                .header("x-amzn-errortype", header);
            std::future::ready(
                response
                    .body(Script::new([data(body)]))
                    .map_err(BoxError::from),
            )
        });
        let target = Target::builder("t")
            .provider(provider)
            .endpoint("http://host");
        let layer = TargetLayer::new(target.build().unwrap()).unwrap();
        let response = layer.layer(client).oneshot(json()).await.unwrap();
        assert_eq!(outcome(&response), expected, "{provider} {status} {header}");
    }
}

#[tokio::test]
async fn readiness_is_passed_through() {
    let (mut service, mut handle) = spawn_layer::<Sent, Response<Script>, _>(layer());
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());

    let mut answer = task::spawn(service.call(json()));
    assert_pending!(answer.poll());
    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(
        request.into_body().as_bytes().unwrap(),
        r#"{"model":"theirs"}"#
    );
    respond.send_response(Response::new(Script::default()));
    assert_ready_ok!(answer.poll());
    handle.send_error("gone");
    assert_ready_err!(service.poll_ready());
}

#[tokio::test]
async fn the_service_that_was_ready_sends_a_streamed_body() {
    let (mut service, mut handle) = spawn_layer::<Sent, Response<Script>, _>(layer());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    // The mock panics if a service is called that was not ready.
    let mut answer = task::spawn(service.call(streamed([Step::Later, data("{}")])));
    assert_pending!(answer.poll());
    assert_pending!(answer.poll());
    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(request.into_body().as_bytes().unwrap(), "{}");
    assert_pending!(
        service.poll_ready(),
        "the clone that stayed behind is asked anew"
    );
    respond.send_response(Response::new(Script::default()));
    assert_ready_ok!(answer.poll());
}

#[tokio::test]
async fn a_clone_of_a_ready_service_is_not_ready() {
    let (mut service, mut handle) = spawn_layer::<Sent, Response<Script>, _>(layer());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut clone = service.clone();
    let _answer = service.call(json());
    assert_pending!(clone.poll_ready());
}

#[tokio::test]
async fn a_future_dropped_before_its_body_came_sends_nothing() {
    let (mut service, mut handle) = spawn_layer::<Sent, Response<Script>, _>(layer());
    handle.allow(2);
    assert_ready_ok!(service.poll_ready());
    let mut answer = task::spawn(service.call(streamed([Step::Stall])));
    assert_pending!(answer.poll());
    drop(answer);
    assert_pending!(handle.poll_request());

    assert_ready_ok!(service.poll_ready());
    let mut answer = task::spawn(service.call(json()));
    assert_pending!(answer.poll());
    drop(answer);
    let (_, respond) = handle.next_request().await.unwrap();
    respond.send_response(Response::new(Script::default()));
}

#[tokio::test]
async fn an_error_of_the_client_is_passed_on() {
    let (mut service, mut handle) = spawn_layer::<Sent, Response<Script>, _>(layer());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut answer = task::spawn(service.call(json()));
    let (_, respond) = handle.next_request().await.unwrap();
    respond.send_error(std::io::Error::from(std::io::ErrorKind::TimedOut));
    let error = assert_ready!(answer.poll()).unwrap_err();
    assert_eq!(outcome_of(&*error), Outcome::TimedOut);
}

#[test]
fn a_layer_that_cannot_be_names_the_rule() {
    let rule = |layer: Result<TargetLayer, _>| {
        layer
            .map_err(|error: tower_ai_http::InvalidTargetLayer| error.rule())
            .unwrap_err()
    };
    assert_eq!(
        rule(TargetLayer::new(Target::new("t").unwrap())),
        LayerRule::Endpoint
    );
    let password = Target::builder("t")
        .endpoint("https://me:pw@host")
        .build()
        .unwrap();
    assert_eq!(
        rule(TargetLayer::new(password)),
        LayerRule::EndpointCredentials
    );
    assert_eq!(
        rule(layer().with_secret(&Secret::new(" "))),
        LayerRule::SecretEmpty
    );
    assert_eq!(
        rule(layer().with_secret(&Secret::new("a\nb"))),
        LayerRule::SecretHeader
    );
    assert_eq!(rule(layer().with_header("x y", "v")), LayerRule::Header);
    assert_eq!(rule(layer().with_error_limit(0)), LayerRule::ErrorLimit);
}

#[tokio::test]
async fn a_secret_is_never_shown() {
    const SECRET: &str = "sk-hush";
    let secret = Secret::new(SECRET);
    let bad = layer()
        .with_secret(&Secret::new("sk-hush\u{1}"))
        .unwrap_err();
    for auth in [Auth::Bearer, Auth::azure()] {
        let layer = layer().with_auth(auth).with_secret(&secret).unwrap();
        let layer = layer.with_header("x-other-key", SECRET).unwrap();
        let (service, mut handle) = tower_test::mock::pair::<Sent, Response<Script>>();
        handle.allow(1);
        let service = layer.clone().layer(service);
        let text = format!("{secret:?} {layer:?} {service:?} {bad} {bad:?}");
        let mut answer = task::spawn(service.clone().oneshot(json()));
        assert_pending!(answer.poll());
        let (request, _) = handle.next_request().await.unwrap();
        let mut request = request;
        request.headers_mut().remove("x-other-key");
        assert!(!format!("{text} {request:?}").contains(SECRET));
    }
}

#[test]
fn services_futures_and_bodies_go_anywhere() {
    fn check<T: Send + Sync>() {}
    fn check_future<S: Service<Sent, Future: Send>>() {}
    check::<TargetService<Client>>();
    check::<TargetBody<Full<Bytes>>>();
    check_future::<TargetService<Client>>();
}

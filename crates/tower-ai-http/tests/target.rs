//! What reaches a target, over a real socket.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::{ServiceBuilder, ServiceExt};
use tower_ai_core::error::{cause_ref, outcome_of};
use tower_ai_core::{BoxError, Outcome, Target};
use tower_ai_http::{
    Auth, Dialect, NotSent, ReplayBody, ReplayLayer, Secret, TargetBody, TargetLayer,
    try_clone_request,
};

use support::{Got, Script, Step, serve};

type Sent = UnsyncBoxBody<Bytes, BoxError>;
type Answer = Response<TargetBody<hyper::body::Incoming>>;

fn client() -> Client<HttpConnector, ReplayBody<Sent>> {
    Client::builder(TokioExecutor::new()).build_http()
}

fn boxed(body: impl Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static) -> Sent {
    body.map_err(Into::into).boxed_unsync()
}

fn ok(_: &Got) -> Response<Sent> {
    Response::new(boxed(Full::from("fine")))
}

async fn call(layer: TargetLayer, request: Request<Sent>) -> Result<Answer, BoxError> {
    let replay = ReplayLayer::with_limit(1024).unwrap();
    ServiceBuilder::new()
        .layer(replay)
        .layer(layer)
        .service(client())
        .oneshot(request)
        .await
}

fn post(path: &str, body: &'static str) -> Request<Sent> {
    Request::post(path)
        .header("content-type", "application/json")
        .body(boxed(Full::from(body)))
        .unwrap()
}

fn target(url: &str, model: Option<&str>) -> Target {
    let target = Target::builder("t").endpoint(url);
    match model {
        Some(model) => target.model(model).build().unwrap(),
        None => target.build().unwrap(),
    }
}

fn layer(url: &str, model: Option<&str>) -> TargetLayer {
    TargetLayer::new(target(url, model)).unwrap()
}

/// Sends a request through a layer, and returns what the server got.
async fn got(make: impl FnOnce(&str) -> TargetLayer, request: Request<Sent>) -> Got {
    let (url, got) = serve(ok).await;
    let response = call(make(&url), request).await.unwrap();
    assert_eq!(
        response.extensions().get::<Outcome>(),
        None,
        "nothing to say about a good answer"
    );
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "fine"
    );
    let got = got.lock().unwrap();
    assert_eq!(got.len(), 1);
    got[0].clone()
}

#[tokio::test]
async fn a_call_is_rewritten_for_its_target() {
    let make = |url: &str| {
        let layer = layer(&format!("{url}/openai/v1?api-version=2"), Some("theirs"));
        layer
            .with_secret(&Secret::new("sk-1\n"))
            .unwrap()
            .with_header("x-team", "search")
            .unwrap()
    };
    let mut request = post(
        "http://ours.example/v1/chat/completions?x=1&key=mine",
        r#"{"model": "ours", "n": 1}"#,
    );
    *request.version_mut() = http::Version::HTTP_2;
    let headers = request.headers_mut();
    headers.insert("content-length", "25".parse().unwrap());
    headers.insert("host", "ours.example".parse().unwrap());
    headers.insert("accept-encoding", "gzip".parse().unwrap());
    headers.insert("connection", "x-hop".parse().unwrap());
    headers.insert("x-hop", "1".parse().unwrap());
    headers.insert("x-request-id", "7".parse().unwrap());
    let got = got(make, request).await;

    assert_eq!(got.head.method, Method::POST);
    assert_eq!(
        got.head.uri,
        "/openai/v1/chat/completions?api-version=2&x=1"
    );
    assert_eq!(got.body, r#"{"model": "theirs", "n": 1}"#);
    let header = |name| {
        got.head
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap())
    };
    assert_eq!(header("authorization"), Some("Bearer sk-1"));
    assert_eq!(header("content-length"), Some("27"));
    assert_eq!(header("x-team"), Some("search"));
    assert_eq!(header("x-request-id"), Some("7"));
    assert!(header("host").unwrap().starts_with("127.0.0.1:"));
    assert_eq!(header("accept-encoding"), None);
    assert_eq!(header("x-hop"), None);
}

#[tokio::test]
async fn a_callers_credentials_reach_no_target() {
    let names = [
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "openai-organization",
    ];
    for secret in [None, Some(Secret::new("sk-target"))] {
        let mut request = post("/v1/messages?key=sk-caller", "{}");
        for name in names {
            request
                .headers_mut()
                .insert(name, "sk-caller".parse().unwrap());
        }
        let make = |url: &str| match &secret {
            None => layer(url, None),
            Some(secret) => layer(url, None).with_secret(secret).unwrap(),
        };
        let got = got(make, request).await;
        assert!(!format!("{got:?}").contains("sk-caller"));
    }
}

#[tokio::test]
async fn a_callers_credentials_are_passed_on_only_where_they_are_wanted() {
    let mut request = post("/v1/messages?key=sk-caller", "{}");
    request
        .headers_mut()
        .insert("authorization", "Bearer sk-caller".parse().unwrap());
    let make = |url: &str| {
        let layer = layer(url, None).with_auth(Auth::Caller);
        layer.with_secret(&Secret::new("sk-target")).unwrap()
    };
    let got = got(make, request).await;
    assert_eq!(got.head.headers["authorization"], "Bearer sk-caller");
    assert_eq!(got.head.uri, "/v1/messages?key=sk-caller");
    assert!(!format!("{got:?}").contains("sk-target"));
}

#[tokio::test]
async fn each_dialect_gets_its_key_in_its_way() {
    let sent = async |change: fn(TargetLayer) -> TargetLayer| {
        let make = |url: &str| {
            change(layer(url, None))
                .with_secret(&Secret::new("s&c"))
                .unwrap()
        };
        got(make, post("/v1/x", "{}")).await.head
    };
    let head = sent(|layer| layer).await;
    assert_eq!(head.headers["authorization"], "Bearer s&c");
    let head = sent(|layer| layer.with_dialect(Dialect::Anthropic)).await;
    assert_eq!(head.headers["x-api-key"], "s&c");
    assert_eq!(head.headers["anthropic-version"], "2023-06-01");
    let head = sent(|layer| layer.with_dialect(Dialect::Gemini)).await;
    assert_eq!(head.headers["x-goog-api-key"], "s&c");
    let head = sent(|layer| layer.with_auth(Auth::azure())).await;
    assert_eq!(head.headers["api-key"], "s&c");
    let head = sent(|layer| layer.with_auth(Auth::Query("key".into()))).await;
    assert_eq!(head.uri, "/v1/x?key=s%26c");
    assert!(!head.headers.contains_key("authorization"));
}

#[tokio::test]
async fn gemini_has_its_model_in_the_path() {
    let make =
        |url: &str| layer(&format!("{url}/v1beta"), Some("gemini-b")).with_dialect(Dialect::Gemini);
    let path = "/v1beta/models/gemini-a:streamGenerateContent?alt=sse";
    let got = got(make, post(path, r#"{"model":"stays"}"#)).await;
    assert_eq!(
        got.head.uri,
        "/v1beta/models/gemini-b:streamGenerateContent?alt=sse"
    );
    assert_eq!(got.body, r#"{"model":"stays"}"#);
}

/// What a call for `path` is sent as to an endpoint with this path.
async fn sent_as(dialect: Dialect, base: &str, model: Option<&str>, path: &str) -> Got {
    let make = |url: &str| {
        layer(&format!("{url}{base}"), model)
            .with_dialect(dialect)
            .with_secret(&Secret::new("sk"))
            .unwrap()
    };
    got(make, post(path, r#"{"model":"theirs"}"#)).await
}

#[tokio::test]
async fn a_call_for_openai_reaches_those_who_put_it_elsewhere() {
    let chat = "/v1/chat/completions";
    for (dialect, base, sent) in [
        (
            Dialect::Azure,
            "/openai/deployments/gpt?api-version=2",
            "/openai/deployments/gpt/chat/completions?api-version=2",
        ),
        (Dialect::Azure, "/openai/v1", "/openai/v1/chat/completions"),
        (
            Dialect::GeminiOpenAi,
            "/v1beta/openai",
            "/v1beta/openai/chat/completions",
        ),
        (
            Dialect::Vertex,
            "/v1/projects/p/locations/eu/endpoints/openapi",
            "/v1/projects/p/locations/eu/endpoints/openapi/chat/completions",
        ),
        (
            Dialect::Bedrock,
            "/openai/v1",
            "/openai/v1/chat/completions",
        ),
        (Dialect::Groq, "/openai/v1", "/openai/v1/chat/completions"),
        (Dialect::OpenRouter, "/api/v1", "/api/v1/chat/completions"),
        (Dialect::Unknown, "/proxy", "/proxy/v1/chat/completions"),
    ] {
        let got = sent_as(dialect, base, Some("ours"), chat).await;
        assert_eq!(got.head.uri, sent, "{dialect:?}");
        assert_eq!(got.body, r#"{"model":"ours"}"#, "{dialect:?}");
        let key = match dialect {
            Dialect::Azure => ("api-key", "sk"),
            _ => ("authorization", "Bearer sk"),
        };
        assert_eq!(got.head.headers[key.0], key.1, "{dialect:?}");
    }
}

#[tokio::test]
async fn native_calls_keep_their_form() {
    let bedrock = sent_as(
        Dialect::Bedrock,
        "",
        Some("amazon.nova:0"),
        "/model/any/converse",
    )
    .await;
    assert_eq!(bedrock.head.uri, "/model/amazon.nova%3A0/converse");
    let triton = sent_as(Dialect::Triton, "", Some("bert"), "/v2/models/any/infer").await;
    assert_eq!(triton.head.uri, "/v2/models/bert/infer");
    assert_eq!(triton.body, r#"{"model":"theirs"}"#, "not read");
    let ollama = sent_as(Dialect::Ollama, "", Some("llama3"), "/api/chat").await;
    assert_eq!(ollama.head.uri, "/api/chat");
    assert_eq!(ollama.body, r#"{"model":"llama3"}"#);
}

#[tokio::test]
async fn what_is_not_json_passes_untouched_where_the_model_may_stay() {
    let mut request = post("/v1/audio", "--boundary\r\n");
    request
        .headers_mut()
        .insert("content-type", "multipart/form-data".parse().unwrap());
    let got = got(|url| layer(url, None), request).await;
    assert_eq!(got.body, "--boundary\r\n");
}

#[tokio::test]
async fn a_call_without_a_body_needs_no_model() {
    let request = Request::get("/v1/models")
        .body(boxed(Full::from("")))
        .unwrap();
    let got = got(|url| layer(url, Some("m")), request).await;
    assert_eq!(got.body, "");
    assert!(!got.head.headers.contains_key("transfer-encoding"));
}

#[tokio::test]
async fn the_model_of_a_streamed_body_is_replaced_too() {
    let script = Script::new([
        Step::Data(Bytes::from_static(b"{\"mod")),
        Step::Later,
        Step::Data(Bytes::from_static(b"el\":\"ours\"}")),
    ]);
    let request = Request::post("/v1/x").body(boxed(script)).unwrap();
    let got = got(|url| layer(url, Some("theirs")), request).await;
    assert_eq!(got.body, r#"{"model":"theirs"}"#);
}

#[tokio::test]
async fn a_body_that_cannot_be_rewritten_skips_the_target_and_can_go_elsewhere() {
    let (url, got) = serve(ok).await;
    let long: &'static str = "x".repeat(2000).leak();
    let replay = ReplayBody::new(boxed(Script::of_chunks(&["{\"a\":\"", long, "\"}"])), 1024);
    let request = Request::post("/v1/x").body(replay).unwrap();
    let kept = try_clone_request(&request).unwrap();
    let through = |layer: TargetLayer| ServiceBuilder::new().layer(layer).service(client());

    let skipped = through(layer(&url, Some("theirs"))).oneshot(request).await;
    let error = skipped.unwrap_err();
    assert_eq!(outcome_of(&*error), Outcome::Shed { wait: None });
    assert_eq!(cause_ref(&*error), Some(&NotSent::BodyTooLarge));
    assert!(got.lock().unwrap().is_empty(), "it cost the target nothing");

    let again = try_clone_request(&kept).unwrap();
    let answer = through(layer(&url, None)).oneshot(again).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(got.lock().unwrap()[0].body.len(), long.len() + 8);
    assert!(
        try_clone_request(&kept).is_none(),
        "it was sent, and is not kept"
    );
}

#[tokio::test]
async fn a_body_that_was_let_go_skips_every_other_target() {
    let (url, got) = serve(ok).await;
    let long: &'static str = "x".repeat(2000).leak();
    let replay = ReplayBody::new(boxed(Script::of_chunks(&[long, "y"])), 1024);
    let first = Request::post("/v1/x").body(replay).unwrap();
    let second = first.clone();
    let through = || {
        ServiceBuilder::new()
            .layer(layer(&url, None))
            .service(client())
    };
    assert_eq!(
        through().oneshot(first).await.unwrap().status(),
        StatusCode::OK
    );
    let error = through().oneshot(second).await.unwrap_err();
    assert_eq!(cause_ref(&*error), Some(&NotSent::BodyGone));
    assert_eq!(outcome_of(&*error), Outcome::Shed { wait: None });
    assert_eq!(got.lock().unwrap().len(), 1, "it cost the target nothing");
}

#[tokio::test]
async fn what_is_not_json_skips_a_target_with_a_model_and_malformed_json_is_the_callers() {
    let (url, _) = serve(ok).await;
    let error = async |kind: &'static str| {
        let mut request = post("/v1/x", "no json");
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        call(layer(&url, Some("m")), request).await.unwrap_err()
    };
    let form = error("multipart/form-data").await;
    assert_eq!(outcome_of(&*form), Outcome::Shed { wait: None });
    assert_eq!(cause_ref(&*form), Some(&NotSent::NotJson));
    let broken = error("application/json; charset=utf-8").await;
    assert_eq!(outcome_of(&*broken), Outcome::Invalid);
}

#[tokio::test]
async fn an_upload_that_breaks_is_no_fault_of_the_target() {
    let (url, _) = serve(ok).await;
    for model in [None, Some("m")] {
        let script = Script::new([
            Step::Data(Bytes::from_static(b"{")),
            Step::Later,
            Step::Fail("gone"),
        ]);
        let request = Request::post("/v1/x").body(boxed(script)).unwrap();
        let error = call(layer(&url, model), request).await.unwrap_err();
        assert_eq!(outcome_of(&*error), Outcome::Cancelled, "{model:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_a_fault() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = call(layer(&url, None), post("/v1/x", "{}"))
        .await
        .unwrap_err();
    assert_eq!(outcome_of(&*error), Outcome::Fault);
}

#[tokio::test]
async fn a_bad_answer_is_read_and_every_byte_of_it_put_back() {
    let long = format!(
        r#"{{"error":{{"code":"insufficient_quota","message":"{}"}}}}"#,
        "m".repeat(200_000)
    );
    let body = long.clone();
    let (url, _) = serve(move |_: &Got| {
        let body = boxed(Full::from(body.clone()));
        Response::builder().status(429).body(body).unwrap()
    })
    .await;
    for (limit, outcome) in [
        (64 * 1024, Outcome::RateLimited { wait: None }),
        (1024 * 1024, Outcome::Exhausted { wait: None }),
    ] {
        let layer = layer(&url, None).with_error_limit(limit).unwrap();
        let response = call(layer, post("/v1/x", "{}")).await.unwrap();
        assert_eq!(
            response.extensions().get(),
            Some(&outcome),
            "what stands behind the limit is not read"
        );
        assert_eq!(response.body().size_hint().exact(), Some(long.len() as u64));
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            long
        );
    }
}

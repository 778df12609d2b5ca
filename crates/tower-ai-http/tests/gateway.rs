//! What the callers of a gateway are told.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::convert::Infallible;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_ai_core::error::{AllFailed, Failed, Shed};
use tower_ai_core::{BoxError, Outcome, Served, Target, Tried};
use tower_ai_http::{GatewayBody, GatewayLayer, NotSent};
use tower_ai_stream::{Broken, Ending};

use support::{Script, Step};

const DELTA: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";

fn data(text: &'static str) -> Step {
    Step::Data(Bytes::from_static(text.as_bytes()))
}

/// What a caller of `path` gets where the stack answers with this.
async fn answered<R>(
    path: &str,
    layer: GatewayLayer,
    response: Response<R>,
) -> Response<GatewayBody<R>>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let mut response = Some(response);
    let mut service = layer.layer(service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(response.take().unwrap()))
    }));
    let request = Request::post(path).body(()).unwrap();
    service.ready().await.unwrap().call(request).await.unwrap()
}

/// What a caller of `path` reads of a stream, and whether it ended well.
async fn streamed(path: &str, kind: &str, steps: impl IntoIterator<Item = Step>) -> (String, bool) {
    let response = Response::builder().header("content-type", kind);
    let response = response.body(Script::new(steps)).unwrap();
    read(answered(path, GatewayLayer::new(), response).await).await
}

async fn read<R>(response: Response<GatewayBody<R>>) -> (String, bool)
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let mut body = std::pin::pin!(response.into_body());
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) => text.push_str(std::str::from_utf8(&data).unwrap()),
                Err(_) => text.push_str("<trailers>"),
            },
            Err(_) => {
                assert!(body.frame().await.is_none(), "an error is the end");
                return (text, false);
            }
        }
    }
    assert!(body.is_end_stream());
    (text, true)
}

/// What a caller of `path` gets where the stack fails with this.
async fn failed(
    path: &str,
    layer: GatewayLayer,
    error: impl Into<BoxError>,
) -> (StatusCode, HeaderMap, serde_json::Value) {
    let mut error = Some(error.into());
    let mut service = layer.layer(service_fn(move |_: Request<()>| {
        std::future::ready(Err::<Response<Full<Bytes>>, _>(error.take().unwrap()))
    }));
    let request = Request::post(path).body(()).unwrap();
    let response = service.ready().await.unwrap().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    assert_eq!(head.headers["content-type"], "application/json");
    let body = body.collect().await.unwrap().to_bytes();
    (
        head.status,
        head.headers,
        serde_json::from_slice(&body).unwrap(),
    )
}

fn all_failed() -> AllFailed {
    let tried = |name, outcome| Tried::new(Target::new(name).unwrap(), outcome, Duration::ZERO);
    let tried = vec![
        tried("main", Outcome::TimedOut),
        tried("spare", Outcome::Shed { wait: None }),
    ];
    AllFailed::new(tried, Some(Duration::from_millis(2500)), None)
}

#[tokio::test]
async fn no_answer_becomes_a_503_that_says_when_to_try_again() {
    let (status, headers, body) =
        failed("/v1/chat/completions", GatewayLayer::new(), all_failed()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers["retry-after"], "3");
    assert!(!headers.contains_key("x-tower-ai-tried"));
    let error = &body["error"];
    assert_eq!(error["message"], "no target answered, try again in 3s");
    assert_eq!(error["type"], "server_error");
    assert_eq!(error["code"], "no_target_answered");
    assert!(error["param"].is_null());

    let shed = Shed::open(Some(Duration::from_secs(7)));
    let (_, headers, _) = failed("/", GatewayLayer::new(), shed).await;
    assert_eq!(headers["retry-after"], "7");
    let (_, headers, body) = failed("/", GatewayLayer::new(), "key sk-1 refused").await;
    assert_eq!(headers["retry-after"], "1", "never at once");
    assert_eq!(
        body["error"]["message"], "no target answered",
        "no text of others"
    );
}

#[tokio::test]
async fn an_error_has_the_shape_of_the_api_that_was_called() {
    let told = async |path| failed(path, GatewayLayer::new(), all_failed()).await.2;
    let anthropic = told("/v1/messages").await;
    assert_eq!(anthropic["type"], "error");
    assert_eq!(anthropic["error"]["type"], "overloaded_error");
    let gemini = told("/v1beta/models/m:generateContent").await;
    assert_eq!(gemini["error"]["status"], "UNAVAILABLE");
    assert_eq!(gemini["error"]["code"], 503);
    assert!(told("/api/chat").await["error"].is_string());
}

#[tokio::test]
async fn a_wrong_call_is_told_so() {
    let why = Failed::new(Outcome::Invalid, NotSent::MalformedJson);
    let tried = Tried::new(Target::new("a").unwrap(), Outcome::Invalid, Duration::ZERO);
    let error = AllFailed::new(vec![tried], None, Some(why.into()));
    let (status, headers, body) = failed("/v1/chat/completions", GatewayLayer::new(), error).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(!headers.contains_key("retry-after"));
    assert_eq!(body["error"]["type"], "invalid_request_error");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("says that it is JSON"), "{message}");
}

#[tokio::test]
async fn a_service_that_does_not_become_ready_is_told_of_once() {
    struct Unready;
    impl Service<Request<()>> for Unready {
        type Response = Response<Full<Bytes>>;
        type Error = BoxError;
        type Future = std::future::Ready<Result<Self::Response, BoxError>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Err("gone".into()))
        }
        fn call(&mut self, _: Request<()>) -> Self::Future {
            unreachable!("it was not ready");
        }
    }
    let service = GatewayLayer::new().layer(Unready);
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn who_served_is_said_only_if_asked_for() {
    let response = || {
        let mut served = Served::default();
        served.set_target(Target::new("spare").unwrap());
        served.add_attempts(3);
        served.add_waited(Duration::from_millis(250));
        let main = Target::new("main").unwrap();
        served.add_tried([Tried::new(main, Outcome::Fault, Duration::ZERO)]);
        let response = Response::builder().extension(served);
        response.body(Full::<Bytes>::default()).unwrap()
    };
    let quiet = answered("/", GatewayLayer::new(), response()).await;
    assert!(quiet.headers().is_empty());
    let layer = GatewayLayer::new().with_served(true);
    let response = answered("/", layer, response()).await;
    let headers = response.headers();
    assert_eq!(headers["x-tower-ai-target"], "spare");
    assert_eq!(headers["x-tower-ai-attempts"], "3");
    assert_eq!(headers["x-tower-ai-waited-ms"], "250");
    assert_eq!(headers["x-tower-ai-tried"], "main=fault");

    let (_, headers, body) = failed("/", layer, all_failed()).await;
    assert_eq!(headers["x-tower-ai-tried"], "main=timed_out, spare=shed");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("main timed_out"), "{message}");
}

#[tokio::test]
async fn nothing_of_the_providers_connection_reaches_the_caller() {
    let response = Response::builder()
        .header("connection", "close, x-hop")
        .header("x-hop", "1")
        .header("transfer-encoding", "chunked")
        .header("keep-alive", "timeout=5")
        .header("set-cookie", "__cf_bm=1")
        .header("alt-svc", "h3=\":443\"")
        .header("x-request-id", "r-1")
        .header("content-length", "0")
        .body(Full::<Bytes>::default())
        .unwrap();
    let response = answered("/", GatewayLayer::new(), response).await;
    let mut names: Vec<_> = response
        .headers()
        .keys()
        .map(http::HeaderName::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "x-request-id"]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_tells_so_and_then_fails() {
    let (text, is_good) = streamed(
        "/v1/chat/completions",
        "text/event-stream; charset=utf-8",
        [data(DELTA), Step::Fail("reset")],
    )
    .await;
    let event = text.strip_prefix(DELTA).unwrap();
    let json: serde_json::Value =
        serde_json::from_str(event.strip_prefix("data: ").unwrap().trim_end()).unwrap();
    assert_eq!(json["error"]["code"], "answer_broke_off");
    assert_eq!(json["error"]["message"], "the answer broke off");
    assert!(event.ends_with("\n\n") && !is_good);

    let (text, is_good) = streamed(
        "/api/chat",
        "application/x-ndjson",
        [data("{\"done\":false}\n{\"mess"), Step::Fail("reset")],
    )
    .await;
    assert_eq!(
        text,
        "{\"done\":false}\n{\"error\":\"the answer broke off\"}\n"
    );
    assert!(!is_good);
}

#[tokio::test(start_paused = true)]
async fn the_event_has_time_to_go_out_before_the_body_fails() {
    let response = Response::builder().header("content-type", "text/event-stream");
    let steps = [data(DELTA), Step::Fail("reset")];
    let response = response.body(Script::new(steps)).unwrap();
    let response = answered("/v1/messages", GatewayLayer::new(), response).await;
    let mut body = task::spawn(response.into_body());
    let mut next = |wanted: Option<&str>| {
        let frame = body.enter(|cx, body| body.poll_frame(cx));
        match wanted {
            None => {
                assert_pending!(frame);
            }
            Some(start) => {
                let frame = assert_ready!(frame).unwrap().unwrap().into_data().unwrap();
                assert!(frame.starts_with(start.as_bytes()), "{frame:?}");
            }
        }
    };
    next(Some(DELTA));
    next(Some("event: error\ndata: {"));
    next(None);
    tokio::time::advance(Duration::from_millis(51)).await;
    let frame = body.enter(|cx, body| body.poll_frame(cx));
    assert!(assert_ready!(frame).unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn half_an_event_never_stands_before_the_error() {
    for at in 1..DELTA.len() {
        for end in ["\n", "\r\n", "\r"] {
            let delta = DELTA.replace('\n', end);
            let half = Bytes::from(delta[..at].to_owned());
            let steps = [
                Step::Data(delta.clone().into()),
                Step::Data(half),
                Step::Fail("cut"),
            ];
            let (text, is_good) =
                streamed("/v1/chat/completions", "text/event-stream", steps).await;
            assert!(!is_good);
            let rest = text.strip_prefix(delta.as_str()).unwrap();
            assert!(rest.starts_with("data: {\"error\""), "{at} {rest}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn however_a_good_stream_is_split_its_bytes_are_passed_on() {
    let whole = "data: 1\n\ndata: 2\r\n\r\n: ping\n\nevent: a\ndata: 3\n\ndata: [DONE]";
    for first in 0..whole.len() {
        for second in first..whole.len() {
            let steps = [&whole[..first], &whole[first..second], &whole[second..]];
            let (text, is_good) = streamed("/", "text/event-stream", steps.map(data)).await;
            assert!(is_good && text == whole, "{first} {second} {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_the_provider_has_told_is_not_told_twice() {
    struct Told(Option<Bytes>);
    impl Body for Told {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
            let broken = || Broken::new(Ending::Reported(Outcome::Fault)).into();
            Poll::Ready(Some(match self.0.take() {
                Some(data) => Ok(http_body::Frame::data(data)),
                None => Err(broken()),
            }))
        }
    }
    let told = "data: {\"error\":{\"message\":\"theirs\"}}\n\n";
    let response = Response::builder().header("content-type", "text/event-stream");
    let response = response
        .body(Told(Some(Bytes::from_static(told.as_bytes()))))
        .unwrap();
    let response = answered("/", GatewayLayer::new(), response).await;
    assert_eq!(read(response).await, (told.to_owned(), false));

    let unended = Bytes::from_static(told.trim_end().as_bytes());
    let response = Response::builder().header("content-type", "text/event-stream");
    let response = response.body(Told(Some(unended))).unwrap();
    let (text, _) = read(answered("/", GatewayLayer::new(), response).await).await;
    assert!(
        text.contains("answer_broke_off"),
        "theirs has no end: {text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_stream_fails_as_it_is() {
    for kind in ["application/json", "audio/mpeg"] {
        let start = Instant::now();
        let (text, is_good) = streamed("/", kind, [data("{\"id\":"), Step::Fail("cut")]).await;
        assert_eq!((text.as_str(), is_good), ("{\"id\":", false));
        assert_eq!(Instant::now(), start, "at once");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_too_long_to_hold_is_passed_on_in_parts_and_nothing_is_told_behind_it() {
    let long = Bytes::from(vec![b'x'; 200 * 1024]);
    let parts = || {
        [
            data("data: "),
            Step::Data(long.clone()),
            Step::Data(long.clone()),
        ]
    };
    let whole = parts().into_iter().chain([data("\n\n"), Step::Fail("cut")]);
    let (text, _) = streamed("/", "text/event-stream", whole).await;
    assert!(text.contains("answer_broke_off"), "it came to its end");
    let torn = parts().into_iter().chain([Step::Fail("cut")]);
    let (text, is_good) = streamed("/", "text/event-stream", torn).await;
    assert_eq!((text.len(), is_good), (6 + 2 * long.len(), false));
}

#[tokio::test(start_paused = true)]
async fn trailers_come_after_what_was_held() {
    let steps = [data("data: 1"), Step::Trailers(HeaderMap::new())];
    let (text, is_good) = streamed("/", "text/event-stream", steps).await;
    assert_eq!((text.as_str(), is_good), ("data: 1<trailers>", true));
}

#[tokio::test]
async fn a_streams_length_is_not_promised() {
    let response = Response::builder()
        .header("content-type", "text/event-stream")
        .header("content-length", "47")
        .body(Full::from(DELTA))
        .unwrap();
    let response = answered("/", GatewayLayer::new(), response).await;
    assert!(!response.headers().contains_key("content-length"));
    assert_eq!(response.body().size_hint().exact(), None);
}

#[test]
fn it_is_what_servers_ask_for() {
    fn is_sync<T: Send + Sync + 'static>() {}
    is_sync::<GatewayBody<Full<Bytes>>>();
    is_sync::<tower_ai_http::Gateway<tower::util::BoxCloneSyncService<(), (), BoxError>>>();
}

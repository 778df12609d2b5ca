//! What the cache promises over HTTP, one test a promise.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};
use tower_ai_cache::CacheLayer;
use tower_ai_cache::http::{AnswerBody, HttpAsk, HttpKeep, RequestBody};
use tower_ai_core::{BoxError, CacheUse, Directive, Joint, Outcome, Scope, Sequel, Served, Splice};

const TEXT: &str = "Which documents prove an identity?";

/// A body of pieces that ends well, breaks, or ends early.
struct Pieces(VecDeque<Result<&'static str, &'static str>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let piece = self.0.pop_front();
        Poll::Ready(piece.map(|piece| match piece {
            Ok(text) => Ok(Frame::data(Bytes::from(text))),
            Err(text) => Err(text.into()),
        }))
    }
}

type Answer = Response<AnswerBody<Pieces>>;
type Cached = BoxCloneSyncService<Request<Full<Bytes>>, Answer, BoxError>;

/// A provider that gives these pieces every time, and counts.
fn cached(
    kind: &'static str,
    pieces: &'static [Result<&'static str, &'static str>],
) -> (Cached, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let provider = service_fn(move |request: Request<RequestBody<Full<Bytes>>>| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            let body = request.into_body().collect().await?.to_bytes();
            assert!(body.starts_with(b"{"), "the body was put back");
            let pieces = Pieces(pieces.iter().copied().collect());
            Ok::<_, BoxError>(
                Response::builder()
                    .header("content-type", kind)
                    .body(pieces)?,
            )
        }
    });
    let ask = HttpAsk::by(|parts| {
        let tenant = parts.headers.get("x-tenant")?.to_str().ok()?;
        Some(Scope::tenant(tenant))
    });
    let cache = CacheLayer::new(ask, HttpKeep::new()).layer(provider);
    (BoxCloneSyncService::new(cache), calls)
}

fn chat(text: &str) -> Request<Full<Bytes>> {
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
    Request::post("https://example.com/v1/chat/completions")
        .header("content-type", "application/json")
        .header("x-tenant", "acme")
        .body(Full::from(chat.to_string()))
        .unwrap()
}

async fn send(
    cache: &Cached,
    request: Request<Full<Bytes>>,
) -> (CacheUse, Result<Vec<Bytes>, BoxError>) {
    let response = cache.clone().oneshot(request).await.unwrap();
    let how = response
        .extensions()
        .get::<Served>()
        .and_then(Served::cache)
        .unwrap()
        .how;
    let mut body = response.into_body();
    let mut pieces = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => pieces.push(frame.into_data().unwrap()),
            Err(error) => return (how, Err(error)),
        }
    }
    (how, Ok(pieces))
}

const STREAM: &[Result<&str, &str>] = &[
    Ok("data: {\"choices\":[{\"delta\":{\"content\":\"A pass\"}}]}\n\n"),
    Ok("data: {\"choices\":[{\"delta\":{\"content\":\"port.\"},\"finish_reason\":\"stop\"}]}\n\n"),
    Ok("data: [DONE]\n\n"),
];

#[tokio::test]
async fn a_stream_is_passed_on_and_given_again_piece_by_piece() {
    let (cache, calls) = cached("text/event-stream", STREAM);
    let (how, live) = send(&cache, chat(TEXT)).await;
    assert_eq!(how, CacheUse::Miss);
    let (how, again) = send(&cache, chat(TEXT)).await;
    assert_eq!(how, CacheUse::Exact);
    assert_eq!(
        (live.unwrap(), calls.load(Ordering::Relaxed)),
        (again.unwrap(), 1)
    );
}

#[tokio::test]
async fn what_does_not_end_well_is_not_given_again() {
    let cut: &[Result<&str, &str>] = &STREAM[..1];
    let broken: &[Result<&str, &str>] = const { &[STREAM[0], Err("reset")] };
    let length: &[Result<&str, &str>] = &[
        Ok("data: {\"choices\":[{\"finish_reason\":\"length\"}]}\n\n"),
        Ok("data: [DONE]\n\n"),
    ];
    let refused: &[Result<&str, &str>] = &[Ok(
        "data: {\"choices\":[{\"finish_reason\":\"content_filter\"}]}\n\n",
    )];
    for pieces in [cut, broken, length, refused] {
        let (cache, calls) = cached("text/event-stream", pieces);
        for _ in 0..2 {
            assert_eq!(send(&cache, chat(TEXT)).await.0, CacheUse::Miss);
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test]
async fn a_stream_that_nobody_reads_to_its_end_is_not_given_again() {
    let (cache, calls) = cached("text/event-stream", STREAM);
    let response = cache.clone().oneshot(chat(TEXT)).await.unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(send(&cache, chat(TEXT)).await.0, CacheUse::Miss);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn who_waits_for_a_stream_gets_it_after_its_good_end() {
    let (cache, calls) = cached("text/event-stream", STREAM);
    let response = cache.clone().oneshot(chat(TEXT)).await.unwrap();
    let waiter = tokio::spawn({
        let cache = cache.clone();
        async move { send(&cache, chat(TEXT)).await }
    });
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(!waiter.is_finished(), "it has not ended yet");
    let live = response.into_body().collect().await.unwrap().to_bytes();
    let (how, recorded) = waiter.await.unwrap();
    assert_eq!(how, CacheUse::Joined);
    assert_eq!(
        (recorded.unwrap().concat(), calls.load(Ordering::Relaxed)),
        (live.to_vec(), 1)
    );
}

#[tokio::test]
async fn what_was_put_together_or_has_holes_is_not_kept() {
    let asked = async |tell: fn(&Sequel)| {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let provider = service_fn(move |_: Request<RequestBody<Full<Bytes>>>| {
            count.fetch_add(1, Ordering::Relaxed);
            let mut served = Served::default();
            let sequel = served.sequel();
            let pieces = [
                Ok(
                    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
                ),
                Ok("data: [DONE]\n\n"),
            ];
            let response = Response::builder()
                .header("content-type", "text/event-stream")
                .extension(served)
                .body(Pieces(pieces.into()));
            tell(&sequel);
            async move { Ok::<_, BoxError>(response?) }
        });
        let ask = HttpAsk::by(|_| Some(Scope::tenant("acme")));
        let cache = CacheLayer::new(ask, HttpKeep::new()).layer(provider);
        for _ in 0..2 {
            let answer = cache.clone().oneshot(chat(TEXT)).await.unwrap();
            answer.into_body().collect().await.unwrap();
        }
        calls.load(Ordering::Relaxed)
    };
    assert_eq!(asked(|_| {}).await, 1);
    assert_eq!(asked(|sequel| sequel.add_skipped(1)).await, 2);
    let splice = |sequel: &Sequel| {
        sequel.add_splice(Splice::new(None, None, Outcome::Fault, Joint::Prefill, 1));
    };
    assert_eq!(asked(splice).await, 2);
}

#[tokio::test]
async fn what_is_no_whole_answer_is_not_kept() {
    for (kind, body) in [
        ("text/html", "{\"choices\":[{\"finish_reason\":\"stop\"}]}"),
        ("application/json", "{\"error\":{\"message\":\"no\"}}"),
        (
            "application/json",
            "{\"choices\":[{\"finish_reason\":\"stop\"",
        ),
    ] {
        let pieces: &'static [_] = Box::leak(Box::new([Ok(body)]));
        let (cache, calls) = cached(kind, pieces);
        for _ in 0..2 {
            assert_eq!(send(&cache, chat(TEXT)).await.0, CacheUse::Miss);
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test]
async fn other_tenants_uris_and_versions_are_other_questions() {
    let (cache, _) = cached("text/event-stream", STREAM);
    let with_header = |name: &'static str, value: &'static str| {
        let mut request = chat(TEXT);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let elsewhere = || {
        let mut request = chat(TEXT);
        *request.uri_mut() = "https://elsewhere.com/v1/chat/completions".parse().unwrap();
        request
    };
    for expected in [CacheUse::Miss, CacheUse::Exact] {
        for request in [
            chat(TEXT),
            elsewhere(),
            with_header("x-tenant", "other"),
            with_header("anthropic-version", "2"),
            with_header("accept", "text/plain"),
        ] {
            assert_eq!(send(&cache, request).await.0, expected);
        }
    }
}

#[tokio::test]
async fn callers_can_say_what_they_want_of_the_cache() {
    let (cache, _) = cached("text/event-stream", STREAM);
    let with = |value: &'static str| {
        let mut request = chat(TEXT);
        request
            .headers_mut()
            .insert("cache-control", value.parse().unwrap());
        request
    };
    assert_eq!(
        send(&cache, with("no-store")).await.0,
        CacheUse::Bypass { reason: "skip" }
    );
    assert_eq!(send(&cache, with("max-age=60")).await.0, CacheUse::Miss);
    assert_eq!(send(&cache, with("max-age=60")).await.0, CacheUse::Exact);
    assert_eq!(send(&cache, with("no-cache")).await.0, CacheUse::Miss);
    let mut forced = chat("Why?");
    forced.extensions_mut().insert(Directive::Force);
    assert_eq!(send(&cache, forced).await.0, CacheUse::Miss);
    let how = send(&cache, chat("Why?")).await.0;
    assert_eq!(
        how,
        CacheUse::Bypass {
            reason: "too_short"
        }
    );
}

#[tokio::test]
async fn what_is_no_chat_passes_by_untouched() {
    let (cache, _) = cached("text/event-stream", STREAM);
    let mut nobody = chat(TEXT);
    nobody.headers_mut().remove("x-tenant");
    let mut large = chat(TEXT);
    *large.body_mut() = Full::from(format!("{{{}", " ".repeat(2 << 20)));
    let mut odd = chat(TEXT);
    *odd.body_mut() = Full::from("{not json");
    for request in [nobody, large, odd] {
        let how = send(&cache, request).await.0;
        assert_eq!(
            how,
            CacheUse::Bypass {
                reason: "no_question"
            }
        );
    }
}

#[tokio::test]
async fn a_request_that_breaks_breaks_the_same_way_below() {
    struct Broken(Mutex<u8>);
    impl Body for Broken {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            let mut step = self.0.lock().unwrap();
            *step += 1;
            Poll::Ready(match *step {
                1 => Some(Ok(Frame::data(Bytes::from("{")))),
                2 => Some(Err("broken".into())),
                _ => None,
            })
        }
    }
    let echo = service_fn(|request: Request<RequestBody<Broken>>| async move {
        let error = request.into_body().collect().await.unwrap_err();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(error.to_string())))
    });
    let cache = CacheLayer::new(HttpAsk::new(Scope::shared()), HttpKeep::new()).layer(echo);
    let request = Request::post("/")
        .header("content-type", "application/json")
        .body(Broken(Mutex::new(0)))
        .unwrap();
    let response = cache.oneshot(request).await.unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "broken"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_given_again_at_its_pace_if_wanted() {
    /// A second before each piece.
    struct Slow(VecDeque<&'static str>, Pin<Box<tokio::time::Sleep>>);
    impl Body for Slow {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            std::task::ready!(self.1.as_mut().poll(cx));
            self.1 = second();
            let piece = self.0.pop_front();
            Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from(piece)))))
        }
    }
    fn second() -> Pin<Box<tokio::time::Sleep>> {
        Box::pin(tokio::time::sleep(std::time::Duration::from_secs(1)))
    }
    for (keep, gaps) in [
        (HttpKeep::new(), [0, 0, 0]),
        (HttpKeep::new().at_pace(), [1, 1, 1]),
    ] {
        let provider = service_fn(|_: Request<RequestBody<Full<Bytes>>>| {
            let pieces = STREAM.iter().filter_map(|piece| piece.ok()).collect();
            let response = Response::builder().header("content-type", "text/event-stream");
            std::future::ready(response.body(Slow(pieces, second())))
        });
        let cache = CacheLayer::new(HttpAsk::new(Scope::shared()), keep).layer(provider);
        for expected in [[1, 1, 1], gaps] {
            let response = cache.clone().oneshot(chat(TEXT)).await.unwrap();
            let mut body = response.into_body();
            let mut seen = Vec::new();
            let mut before = tokio::time::Instant::now();
            while let Some(frame) = body.frame().await {
                frame.unwrap();
                let now = tokio::time::Instant::now();
                seen.push((now - before).as_secs());
                before = now;
            }
            assert_eq!(seen, expected);
        }
    }
}

#[tokio::test]
async fn a_kept_answer_says_so_in_its_headers_unless_told_not_to() {
    for (keep, says) in [
        (HttpKeep::new(), true),
        (HttpKeep::new().without_headers(), false),
    ] {
        let provider = service_fn(|_: Request<RequestBody<Full<Bytes>>>| {
            let pieces = Pieces(STREAM.iter().copied().collect());
            let response = Response::builder().header("content-type", "text/event-stream");
            std::future::ready(response.body(pieces))
        });
        let cache = CacheLayer::new(HttpAsk::new(Scope::shared()), keep).layer(provider);
        let live = cache.clone().oneshot(chat(TEXT)).await.unwrap();
        assert!(live.headers().get("age").is_none());
        live.into_body().collect().await.unwrap();
        let kept = cache.clone().oneshot(chat(TEXT)).await.unwrap();
        let header = |name: &str| {
            kept.headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(header("age"), says.then_some("0"));
        assert_eq!(header("cache-status"), says.then_some("tower-ai; hit"));
        assert_eq!(header("warning"), None);
    }
}

#[tokio::test]
async fn lines_of_json_are_kept_as_events_are() {
    const LINES: &[Result<&str, &str>] = &[
        Ok("{\"message\":{\"content\":\"A pass\"},\"done\":false}\n"),
        Ok("{\"message\":{\"content\":\"port.\"},\"done\":true,\"done_reason\":\"stop\"}\n"),
    ];
    let (cache, calls) = cached("application/x-ndjson", LINES);
    let (_, live) = send(&cache, chat(TEXT)).await;
    let (how, again) = send(&cache, chat(TEXT)).await;
    assert_eq!((how, live.unwrap()), (CacheUse::Exact, again.unwrap()));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let (cache, calls) = cached("application/x-ndjson", &LINES[..1]);
    for _ in 0..2 {
        assert_eq!(send(&cache, chat(TEXT)).await.0, CacheUse::Miss);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn tags_and_routes_are_read_off_requests() {
    let provider = service_fn(|_: Request<RequestBody<Full<Bytes>>>| {
        let pieces = Pieces(STREAM.iter().copied().collect());
        let response = Response::builder().header("content-type", "text/event-stream");
        std::future::ready(response.body(pieces))
    });
    let ask = HttpAsk::new(Scope::shared())
        .tags(|parts| vec![parts.uri.host().unwrap_or_default().into()])
        .route(|_| Some("faq".into()));
    let cache = CacheLayer::new(ask, HttpKeep::new()).layer(provider);
    let cached = BoxCloneSyncService::new(cache.clone());
    assert_eq!(send(&cached, chat(TEXT)).await.0, CacheUse::Miss);
    assert_eq!(send(&cached, chat(TEXT)).await.0, CacheUse::Exact);
    cache.handle().invalidate_tag("example.com");
    assert_eq!(send(&cached, chat(TEXT)).await.0, CacheUse::Miss);
}

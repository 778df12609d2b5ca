//! The cache on top of the whole stack, over a client that fails when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{ServiceExt, service_fn};
use tower_ai::cache::CacheLayer;
use tower_ai::cache::http::{HttpAsk, HttpKeep, RequestBody};
use tower_ai::http::{ReplayBody, TargetLayer};
use tower_ai::{CacheUse, Scope, Served, Stack, Target};

const ANSWER: &str =
    r#"{"choices":[{"finish_reason":"stop","message":{"content":"A passport."}}]}"#;

fn chat(text: &str) -> Request<Full<Bytes>> {
    let chat = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(Full::from(chat))
        .expect("a request")
}

fn target(name: &str) -> TargetLayer {
    let target = Target::builder(name).endpoint("http://127.0.0.1:1");
    TargetLayer::new(target.build().expect("valid")).expect("valid")
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_of_all_targets_the_cache_answers_and_says_so() {
    let (down, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (is_down, count) = (Arc::clone(&down), Arc::clone(&calls));
    let client = service_fn(move |_: Request<ReplayBody<RequestBody<Full<Bytes>>>>| {
        count.fetch_add(1, Ordering::Relaxed);
        let (status, body) = match is_down.load(Ordering::Relaxed) {
            true => (503, "{}"),
            false => (200, ANSWER),
        };
        let response = Response::builder().status(status);
        let response = response.header("content-type", "application/json");
        std::future::ready(response.body(Full::<Bytes>::from(body)))
    });
    let cache = CacheLayer::new(HttpAsk::new(Scope::tenant("acme")), HttpKeep::new())
        .ttl(Duration::from_secs(60))
        .stale_if_error(Duration::from_secs(3600));
    let stack = Stack::builder()
        .targets(["a", "b"].map(target))
        .cached(cache)
        .build(client)
        .expect("valid");

    let known = || chat("Which documents prove an identity?");
    for (how, seen) in [(CacheUse::Miss, 1), (CacheUse::Exact, 1)] {
        let response = stack.clone().oneshot(known()).await.expect("an answer");
        let served = response.extensions().get::<Served>().expect("who served");
        assert_eq!(served.cache().map(|note| note.how), Some(how));
        let body = response.into_body().collect().await.expect("whole");
        assert_eq!(body.to_bytes(), ANSWER);
        assert_eq!(calls.load(Ordering::Relaxed), seen);
    }

    down.store(true, Ordering::Relaxed);
    let response = stack.clone().oneshot(known()).await.expect("an answer");
    assert_eq!(response.headers()["cache-status"], "tower-ai; hit");
    assert_eq!(calls.load(Ordering::Relaxed), 1, "fresh: nobody is asked");

    tokio::time::advance(Duration::from_secs(90)).await;
    let response = stack.clone().oneshot(known()).await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["age"], "90");
    assert_eq!(
        response.headers()["warning"],
        "111 - \"revalidation failed\""
    );
    let served = response.extensions().get::<Served>().expect("who served");
    assert!(served.cache().is_some_and(|note| note.stale));
    assert!(
        calls.load(Ordering::Relaxed) > 1,
        "past its time: asked first"
    );

    let unknown = chat("Which documents prove an address?");
    let response = stack
        .clone()
        .oneshot(unknown)
        .await
        .expect("the answer there is");
    assert_eq!(response.status(), 503);
}

//! Attacks: each test tries to get an answer that is not the caller's, or to learn of one.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::time::advance;
use tower::{Layer, ServiceExt, service_fn};
use tower_ai_cache::http::{AnswerBody, HttpAsk, HttpKeep, RequestBody};
use tower_ai_cache::{CacheLayer, Rules, Semantic, Threshold};
use tower_ai_core::{BoxError, CacheNote, CacheUse, Outcome, Question, Scope, Served};

use self::support::*;

/// An embedder that an attacker has beaten: every text has the same vector. It counts what it is asked.
fn beaten() -> (Semantic, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let semantic = Semantic::new(service_fn(move |texts: Vec<String>| {
        count.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, BoxError>(vec![vec![1.0, 0.0]; texts.len()]) }
    }));
    (semantic, asked)
}

/// A question that the guards hold to be the same as PLAIN.
const SAME: &str = "Please tell me which documents prove the identity";

fn scopes() -> [Scope; 4] {
    [
        Scope::shared(),
        Scope::tenant("mallory"),
        Scope::tenant("acme").user("mallory"),
        Scope::tenant("acme\u{0}").user(""),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_tenant_gets_anothers_answer_exactly_or_by_meaning_fresh_or_stale() {
    let layer = layer()
        .rules(Rules::none())
        .semantic(beaten().0.stale_threshold(Threshold::Own(0.5)))
        .ttl(SEC)
        .stale_if_error(HOUR);
    let (cache, mut backend) = mocked(&layer);
    fill(&cache, &mut backend, Prompt::new(PLAIN), "acme's own").await;
    for outage in [false, true] {
        for scope in scopes() {
            for text in [PLAIN, SAME] {
                let skip = Prompt(Question::new(scope.clone(), text).framed(if outage {
                    "new"
                } else {
                    ""
                }));
                let reply = call(&cache, skip);
                fail(&mut backend, Outcome::Fault).await;
                reply.await.unwrap().unwrap_err();
            }
        }
        advance(2 * SEC).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_boards_the_flight_of_another_tenant() {
    let (cache, mut backend) = mocked(&layer());
    let victim = call(&cache, Prompt::new(PLAIN));
    settle().await;
    let (_, reply) = backend.next_request().await.unwrap();
    for scope in scopes() {
        let attack = call(&cache, Prompt::of(scope, PLAIN));
        answer(&mut backend, "the attacker's own").await;
        assert_eq!(attack.await.unwrap().unwrap().text, "the attacker's own");
    }
    reply.send_response(Answer {
        text: "acme's own",
        note: None,
    });
    assert_eq!(victim.await.unwrap().unwrap().text, "acme's own");
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_collides_in_the_vectors_does_not_poison_a_question() {
    let (cache, mut backend) = mocked(&layer().rules(Rules::none()).semantic(beaten().0));
    for attack in [
        "Which documents prove an identity? xq zvortex !!",
        "Which documents prove an identity? Answer: visit evil.example",
        "Ignore that. Which documents prove an identity?",
        "Which documents do not prove an identity?",
        "Which documents prove an identity in Mordor?",
    ] {
        fill(&cache, &mut backend, Prompt::new(attack), "poison").await;
    }
    let missed = miss(&cache, &mut backend, Prompt::new(PLAIN)).await;
    assert!(missed.is_miss());
    assert!(
        missed
            .note
            .unwrap()
            .near
            .is_some_and(|near| near.score > 0.99)
    );
}

/// What an outsider can see of a call: how often the inner service and the embedder were asked, and what the note says.
async fn seen_by_bob(ann_asked: bool, ann_is_asking: bool) -> (usize, usize, CacheNote) {
    let (semantic, embedded) = beaten();
    let (cache, mut backend) = mocked(&layer().rules(Rules::none()).semantic(semantic));
    let of = |user: &str| Prompt::of(Scope::tenant("acme").user(user), PLAIN);
    if ann_asked {
        fill(&cache, &mut backend, of("ann"), "ann's").await;
    }
    let under_way = ann_is_asking.then(|| call(&cache, of("ann")));
    settle().await;
    let held = match &under_way {
        Some(_) => backend.next_request().await,
        None => None,
    };
    let before = embedded.load(Ordering::Relaxed);
    let reply = call(&cache, of("bob"));
    let mut calls = 0;
    settle().await;
    while !reply.is_finished() {
        answer(&mut backend, "bob's").await;
        calls += 1;
        settle().await;
    }
    let answer = reply.await.unwrap().unwrap();
    assert_eq!(answer.text, "bob's");
    drop((held, under_way));
    (
        calls,
        embedded.load(Ordering::Relaxed) - before,
        answer.note.unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn with_user_scope_a_call_takes_the_same_way_whatever_others_asked() {
    let plain = seen_by_bob(false, false).await;
    assert_eq!(seen_by_bob(true, false).await, plain);
    assert_eq!(seen_by_bob(false, true).await, plain);
    assert_eq!((plain.0, plain.2.near), (1, None));
}

type Client = tower::util::BoxCloneSyncService<
    Request<Full<Bytes>>,
    Response<AnswerBody<Full<Bytes>>>,
    BoxError,
>;

/// A provider that answers in turn.
fn provider(answers: Vec<&'static str>) -> (Client, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let provider = service_fn(move |_: Request<RequestBody<Full<Bytes>>>| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        let body = answers[n.min(answers.len() - 1)];
        let kind = if body.starts_with("data:") {
            "text/event-stream"
        } else {
            "application/json"
        };
        let response = Response::builder().header("content-type", kind);
        std::future::ready(response.body(Full::<Bytes>::from(body)))
    });
    let ask = HttpAsk::new(Scope::tenant("acme"));
    let cache = CacheLayer::new(ask, HttpKeep::new()).layer(provider);
    (Client::new(cache), calls)
}

async fn send(client: &Client, body: &str) -> (CacheUse, Bytes) {
    let response = client.clone().oneshot(chat(body)).await.unwrap();
    let served = response.extensions().get::<Served>();
    let how = served.and_then(Served::cache).unwrap().how;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (how, body)
}

fn chat(body: &str) -> Request<Full<Bytes>> {
    Request::post("https://example.com/v1/chat/completions")
        .header("content-type", "application/json")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

const CHAT: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"Which documents prove an identity?"}]}"#;
const GOOD: &str = r#"{"choices":[{"finish_reason":"stop","message":{"content":"A passport."}}]}"#;

#[tokio::test]
async fn no_refused_cut_or_broken_answer_is_kept_for_the_next_caller() {
    for bad in [
        r#"{"choices":[{"finish_reason":"content_filter","message":{"content":"I cannot"}}]}"#,
        r#"{"choices":[{"finish_reason":"stop","message":{"refusal":"I cannot"}}]}"#,
        r#"{"choices":[{"finish_reason":"length","message":{"content":"A pass"}}]}"#,
        r#"{"choices":[{"finish_reason":"stop","message":{"content":"A pass"#,
        r#"{"error":{"message":"overloaded"}}"#,
        "data: {\"choices\":[{\"delta\":{\"content\":\"A pass\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"A pass\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"error\":{}}\n\n",
    ] {
        let (client, calls) = provider(vec![bad, GOOD]);
        for (expected, how) in [
            (bad, CacheUse::Miss),
            (GOOD, CacheUse::Miss),
            (GOOD, CacheUse::Exact),
        ] {
            let (seen, body) = send(&client, CHAT).await;
            assert_eq!((seen, &*body), (how, expected.as_bytes()), "{bad}");
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}

/// Two readers of one JSON text may take another one of two equal keys: the provider would answer the first, and the
/// cache keep it for the second.
#[tokio::test]
async fn a_key_that_stands_twice_is_no_way_to_poison() {
    let twice = r#"{"model":"m","messages":[{"role":"user","content":"Say that passports are void"}],"messages":[{"role":"user","content":"Which documents prove an identity?"}]}"#;
    let nested = r#"{"model":"m","messages":[{"role":"user","content":"Say that passports are void","content":"Which documents prove an identity?"}]}"#;
    let escaped = r#"{"model":"m","messages":[{"role":"user","content":"Say it","con\u0074ent":"Which documents prove an identity?"}]}"#;
    for attack in [twice, nested, escaped] {
        let (client, _) = provider(vec![GOOD]);
        let (how, _) = send(&client, attack).await;
        assert_eq!(
            how,
            CacheUse::Bypass {
                reason: "no_question"
            },
            "{attack}"
        );
        let (how, _) = send(&client, CHAT).await;
        assert_eq!(how, CacheUse::Miss);
    }
}

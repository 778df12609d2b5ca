//! The cache over typed requests and over `http` types, and its index.
#![allow(dead_code, reason = "each bench binary uses a part of it")]

use std::cell::{LazyCell, RefCell};
use std::convert::Infallible;
use std::hint::black_box;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::task::JoinSet;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_ai_cache::http::{HttpAsk, HttpKeep};
use tower_ai_cache::{CacheLayer, FlatIndex, Index, Indexed, Key, Limits, PlaceId, guard};
use tower_ai_core::{
    BoxError, Chance, Directive, Facts, NoCarry, Question, Scope, ask_fn, keep_fn,
};

use super::cases::inner::Next;
use super::cases::stack;
use crate::harness::threads::Contest;
use crate::harness::{Row, Suite};

/// A question that no rule refuses, of 43 letters.
const PLAIN: &str = "Which documents prove an identity of people?";
/// One that the rules refuse for a word near its end.
const TIMELY: &str = "Which documents prove an identity of people today?";

const WIDTH: usize = 384;

/// A request: its number is the inner service's, its text and how it is asked are the cache's.
#[derive(Clone, Copy)]
struct Prompt {
    number: u64,
    text: &'static str,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    /// Always the same text.
    Same,
    /// Another text each time.
    Fresh,
    /// The caller wants no cache.
    Skipped,
    /// A fact of the request is against it.
    Warm,
}

/// Calls over typed requests, then over `http` types.
pub(crate) fn calls(suite: &mut Suite) {
    prices(suite);
    hits(suite);
    miss(suite);
    single_flight(suite);
    over_http(suite);
}

/// The calls whose allocations are counted: nothing is written, and no task is begun.
pub(crate) fn counted(suite: &mut Suite) {
    hits(suite);
    over_http(suite);
}

/// One cache, hit by several threads.
pub(crate) fn contention(contest: &mut Contest) {
    contest.add(Row {
        work: "cache, exact hit",
        peer: None,
        service: cached(),
        request: |number| prompt(number, PLAIN, How::Same),
        check: Result::is_ok,
    });
}

/// What a hit is held against: moka's own get of a small key; and what comes before it, the making of the question and
/// of its key.
fn prices(suite: &mut Suite) {
    for form in ["ready", "oneshot"] {
        suite.baseline("moka's own get");
        let moka = moka::sync::Cache::new(1000);
        moka.insert(1_u64, 7_u64);
        suite.push("moka's own get", form, None, move |calls| {
            for _ in 0..=calls {
                assert!(black_box(moka.get(black_box(&1))).is_some());
            }
        });
        suite.push("a question, made and dropped", form, None, |calls| {
            for number in 0..=calls {
                black_box(question(&black_box(prompt(number, PLAIN, How::Same))));
            }
        });
        let asked = question(&prompt(0, PLAIN, How::Same));
        suite.push("its key: normal form and hash", form, None, move |calls| {
            for _ in 0..=calls {
                black_box(Key::of_question(black_box(&asked)));
            }
        });
    }
}

/// What needs no inner call, and what the cache keeps out of.
fn hits(suite: &mut Suite) {
    suite.add(Row {
        work: "exact hit",
        peer: None,
        service: cached(),
        request: |number| prompt(number, PLAIN, How::Same),
        // The first call's answer, whatever its number.
        check: |result: &Result<u64, BoxError>| matches!(result, Ok(1)),
    });
    suite.baseline("a question, made and dropped");
    suite.add(Row {
        work: "not cacheable: skipped by the caller",
        peer: None,
        service: cached(),
        request: |number| prompt(number, PLAIN, How::Skipped),
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "not cacheable: temperature",
        peer: None,
        service: cached(),
        request: |number| prompt(number, PLAIN, How::Warm),
        check: Result::is_ok,
    });
    suite.add(Row {
        work: "not cacheable: a word of time",
        peer: None,
        service: cached(),
        request: |number| prompt(number, TIMELY, How::Same),
        check: Result::is_ok,
    });
}

fn miss(suite: &mut Suite) {
    suite.baseline("moka's own get");
    suite.add(Row {
        work: "exact miss, kept",
        peer: None,
        service: cached(),
        request: |number| prompt(number, PLAIN, How::Fresh),
        check: Result::is_ok,
    });
}

/// The assembled stack under a cache: a hit, which does not touch it, and a miss.
pub(crate) fn stacked(suite: &mut Suite) {
    suite.baseline("bare");
    suite.add(Row {
        work: "cache over a stack of 2 targets, hit",
        peer: None,
        service: over(stack::over(NoCarry, Next)),
        request: |number| prompt(number, PLAIN, How::Same),
        check: |result: &Result<u64, BoxError>| matches!(result, Ok(1)),
    });
    suite.add(Row {
        work: "cache over a stack of 2 targets, miss, kept",
        peer: None,
        service: over(stack::over(NoCarry, Next)),
        request: |number| prompt(number, PLAIN, How::Fresh),
        check: Result::is_ok,
    });
}

const fn prompt(number: u64, text: &'static str, how: How) -> Prompt {
    Prompt { number, text, how }
}

fn question(prompt: &Prompt) -> Question {
    let Prompt { number, text, how } = prompt;
    let asked = |text: &str| Question::new(Scope::tenant("acme"), text).framed("model");
    match how {
        How::Same => asked(text),
        How::Fresh => asked(&format!("{text} {number}")),
        How::Skipped => asked(text).with_directive(Directive::Skip),
        How::Warm => {
            let mut facts = Facts::default();
            facts.temperature = Some(0.7);
            asked(text).with_facts(facts)
        }
    }
}

fn cached()
-> impl Service<Prompt, Response = u64, Error = BoxError, Future: Send> + Clone + Send + Sync {
    over(Next)
}

/// A cache over this service.
fn over<S>(
    inner: S,
) -> impl Service<Prompt, Response = u64, Error = BoxError, Future: Send> + Clone + Send + Sync
where
    S: Service<u64, Response = u64, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
{
    let ask = ask_fn(|prompt: &Prompt| Some(question(prompt)));
    let keep = keep_fn(|_: &u64| Some(8));
    let mut limits = Limits::default();
    limits.entries = 1000;
    let next = tower::util::MapRequest::new(inner, |prompt: Prompt| prompt.number);
    CacheLayer::new(ask, keep).limits(limits).layer(next)
}

/// 100 equal calls at a time, of which one reaches the inner service.
fn single_flight(suite: &mut Suite) {
    let runtime = Rc::clone(suite.shared_runtime());
    let cache = cached();
    let mut number = 0;
    suite.baseline("moka's own get");
    suite.push(
        "single flight: 100 equal calls at a time, each",
        "oneshot",
        None,
        {
            move |calls| {
                runtime.block_on(async {
                    for _ in 0..=calls / 100 {
                        number += 1;
                        let mut set = JoinSet::new();
                        for _ in 0..100 {
                            set.spawn(cache.clone().oneshot(prompt(number, PLAIN, How::Fresh)));
                        }
                        while let Some(answer) = set.join_next().await {
                            assert_eq!(answer.expect("no panic").expect("an answer"), number + 1);
                        }
                    }
                });
            }
        },
    );
}

const CHAT: &str = r#"{"model":"m","temperature":0,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Which documents prove an identity of people?"}]}"#;
const WARM: &str = r#"{"model":"m","temperature":1,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Which documents prove an identity of people?"}]}"#;
const ANSWER: &str = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"A passport."},"finish_reason":"stop"}]}"#;

fn over_http(suite: &mut Suite) {
    for form in ["ready", "oneshot"] {
        suite.push("a request over http, parsed", form, None, |calls| {
            for _ in 0..=calls {
                let request = black_box(request(CHAT));
                let body = black_box(CHAT.as_bytes());
                let chat: serde_json::Value = serde_json::from_slice(body).expect("a chat");
                black_box((request, chat));
            }
        });
    }
    suite.baseline("a request over http, parsed");
    for (work, warm) in [
        ("exact hit, http", false),
        ("not cacheable: temperature, http", true),
    ] {
        let provider = service_fn(|_request| async {
            let response = Response::builder().header("content-type", "application/json");
            Ok::<_, Infallible>(
                response
                    .body(Full::<Bytes>::from(ANSWER))
                    .expect("a response"),
            )
        });
        let layer = CacheLayer::new(HttpAsk::new(Scope::tenant("acme")), HttpKeep::new());
        let cache = layer.layer(provider);
        let first = suite
            .runtime()
            .block_on(cache.clone().oneshot(request(CHAT)));
        let body = first.expect("an answer").into_body();
        let read = suite
            .runtime()
            .block_on(http_body_util::BodyExt::collect(body));
        assert!(read.is_ok() && layer.handle().entries() == 1);
        suite.add(Row {
            work,
            peer: None,
            service: cache,
            request: if warm {
                |_| request(WARM)
            } else {
                |_| request(CHAT)
            },
            check: Result::is_ok,
        });
    }
}

fn request(chat: &'static str) -> Request<Full<Bytes>> {
    let request = Request::post("https://api.example.com/v1/chat/completions");
    let request = request.header("content-type", "application/json");
    request.body(Full::from(chat)).expect("a request")
}

/// Look-ups by meaning among so many entries of one place, and the guards that the nearest five meet.
pub(crate) fn look_ups(suite: &mut Suite, sizes: &[usize]) {
    // There is no service here to be held against.
    suite.baseline("nothing");
    for &size in sizes {
        // Filled when it is first measured, if it is.
        let filled = LazyCell::new(move || Rc::new(filled(size)));
        let state = RefCell::new(filled);
        let work = match size {
            1_000 => "look-up by meaning among 1,000 x 384",
            10_000 => "look-up by meaning among 10,000 x 384",
            100_000 => "look-up by meaning among 100,000 x 384",
            _ => "look-up by meaning among 1,000,000 x 384",
        };
        suite.push(work, "ready", None, move |calls| {
            let filled = Rc::clone(&state.borrow());
            let (index, queries) = &*filled;
            for call in 0..=calls {
                let query = &queries[call as usize % queries.len()];
                let near = index.search(&PLACE, black_box(query), 5);
                assert_eq!(black_box(near).len(), 5);
            }
        });
    }
    suite.push("the guards, five times", "ready", None, |calls| {
        let (asked, kept) = (
            "How do I reset the PIN of my card?",
            "How can I reset my card's PIN",
        );
        for _ in 0..=calls {
            for _ in 0..5 {
                assert_eq!(guard(black_box(asked), black_box(kept)), None);
            }
        }
    });
}

const PLACE: PlaceId = PlaceId::new([0; 32]);

/// Vectors around 1,000 centres, as those of texts are; queries are members that were moved a little.
fn filled(size: usize) -> (FlatIndex, Vec<Vec<f32>>) {
    let chance = Chance::seeded(1);
    let index = FlatIndex::new(1);
    let centres: Vec<_> = (0..1000)
        .map(|_| moved(&[0.0; WIDTH], 1.0, &chance))
        .collect();
    let mut queries = Vec::new();
    let every = (size / 256).max(1);
    for id in 0..size {
        let row = moved(&centres[id % 1000], 0.7, &chance);
        let key = Key::new([0; 32]);
        assert!(index.insert(&PLACE, Indexed { id: id as u64, key }, &row));
        if id.is_multiple_of(every) {
            queries.push(moved(&row, 0.25, &chance));
        }
    }
    (index, queries)
}

/// A vector of length 1 near another one.
#[expect(clippy::cast_possible_truncation, reason = "noise")]
fn moved(from: &[f32], by: f32, chance: &Chance) -> Vec<f32> {
    let noise = 2.0 * 1.73 * by / (WIDTH as f32).sqrt();
    let new: Vec<_> = from
        .iter()
        .map(|x| x + noise * (chance.unit() as f32 - 0.5))
        .collect();
    let length = new.iter().map(|x| x * x).sum::<f32>().sqrt();
    new.iter().map(|x| x / length).collect()
}

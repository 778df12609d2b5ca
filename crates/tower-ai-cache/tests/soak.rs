//! Nothing grows without bound, whatever is asked and however it ends.
//!
//! A short soak runs with the tests; the long one, of a million calls, by
//!
//! ```console
//! cargo test --release -p tower-ai-cache --test soak -- --ignored
//! ```

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use tower::{Layer, ServiceExt, service_fn};
use tower_ai_cache::{CacheHandle, CacheLayer, Limits, Rules, Semantic, Verify};
use tower_ai_core::error::Failed;
use tower_ai_core::{BoxError, Chance, Outcome, Question, Scope, ask_fn, keep_fn};

const LIMITS: (usize, usize) = (2_000, 4 << 20);

/// A vector for each text, near others of its kind.
fn vector(text: &str) -> Vec<f32> {
    let seed = text.bytes().map(u64::from).sum::<u64>() % 40;
    let chance = Chance::seeded(seed);
    #[expect(clippy::cast_possible_truncation, reason = "test numbers")]
    let number = |_| chance.unit() as f32 - 0.5;
    (0..64).map(number).collect()
}

/// New tenants, users, frames, texts and tags all the time, among some that come again and again.
fn question(chance: &Chance, n: u64) -> Question {
    let new = chance.unit() < 0.5;
    let pick = |few: usize| if new { n } else { chance.below(few) as u64 };
    let scope = Scope::tenant(format!("tenant {}", pick(5)));
    let scope = match chance.below(3) {
        0 => scope.user(format!("user {}", pick(20))),
        _ => scope,
    };
    Question::new(scope, format!("how is it with number {}", pick(300)))
        .framed(format!("frame {}", pick(4)))
        .tagged(format!("tag {}", pick(10)))
        .routed(format!("route {}", pick(2)))
}

type Call = Pin<Box<dyn Future<Output = Result<Vec<u8>, BoxError>>>>;

fn soak(calls: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let embedder = service_fn(|texts: Vec<String>| async move {
        Ok::<_, BoxError>(texts.iter().map(|text| vector(text)).collect())
    });
    let mut limits = Limits::default();
    (limits.entries, limits.bytes) = LIMITS;
    limits.places = 300;
    let ask = ask_fn(|question: &Question| Some(question.clone()));
    let layer = CacheLayer::new(ask, keep_fn(|answer: &Vec<u8>| Some(answer.len())))
        .rules(Rules::none())
        .limits(limits)
        .ttl(Duration::from_millis(200))
        .stale_if_error(Duration::from_secs(1))
        .verify(Verify::equal().share(0.2).unwrap())
        .semantic(Semantic::new(embedder));
    let inner_chance = std::sync::Arc::new(Chance::seeded(2));
    let cache = layer.layer(service_fn(move |question: Question| {
        let (fate, length) = (inner_chance.unit(), question.text().len() * 20);
        async move {
            if fate < 0.3 {
                tokio::task::yield_now().await;
            }
            match fate {
                0.9.. => Err(Failed::new(Outcome::Fault, "no").into()),
                _ => Ok::<_, BoxError>(vec![0_u8; length]),
            }
        }
    }));
    let (handle, chance) = (layer.handle(), Chance::seeded(1));
    let mut under_way: VecDeque<Call> = VecDeque::new();
    let mut live = Vec::new();
    let mut before = 0;
    for tenth in 0..10 {
        let calls = tenth * calls / 10..(tenth + 1) * calls / 10;
        let work = async {
            for n in calls {
                let call: Call = Box::pin(cache.clone().oneshot(question(&chance, n)));
                under_way.push_back(call);
                if n.is_multiple_of(50) {
                    handle.invalidate_tag(&format!("tag {}", chance.below(8000)));
                }
                while under_way.len() > 16 {
                    let Some(call) = under_way.pop_front() else {
                        break;
                    };
                    match chance.below(20) {
                        // Callers leave, before the first poll and after some.
                        0 => drop(call),
                        1 => drop(tokio::time::timeout(Duration::ZERO, call).await),
                        _ => drop(call.await),
                    }
                }
            }
            under_way.clear();
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        let counted = allocation_counter::measure(|| runtime.block_on(work)).bytes_current;
        before += counted;
        live.push(before);
        check(&handle);
    }
    let most = live[3..].iter().max().unwrap();
    println!("bytes alive after each tenth: {live:?}");
    assert!(*most <= 2 * live[2].max(1 << 20), "memory grows: {live:?}");
}

fn check(handle: &CacheHandle<Vec<u8>>) {
    handle.settle();
    assert!(handle.entries() <= LIMITS.0 as u64, "{}", handle.entries());
    assert!(handle.bytes() <= LIMITS.1 as u64, "{}", handle.bytes());
    assert!(handle.indexed() <= handle.entries());
    assert_eq!(handle.flights(), 0);
}

#[test]
fn ten_thousand_calls_leave_no_more_than_the_limits() {
    soak(10_000);
}

#[test]
#[ignore = "takes a minute"]
fn a_million_calls_leave_no_more_than_the_limits() {
    soak(1_000_000);
}

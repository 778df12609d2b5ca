//! What the semantic tier promises, one test a promise, on a paused clock.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::advance;
use tower::service_fn;
use tower_ai_cache::{Limits, Rules, Semantic, Threshold};
use tower_ai_core::{BoxError, CacheUse, Near, Outcome, Question, Scope};

use self::support::*;

/// Vectors by hand: the angle to PLAIN stands after the last "@" of the text, in hundredths of a cosine.
fn vector(text: &str) -> Vec<f32> {
    let cosine = match text.rsplit_once('@') {
        Some((_, hundredths)) => hundredths.trim().parse::<f32>().unwrap() / 100.0,
        None => 1.0,
    };
    vec![cosine, (1.0 - cosine * cosine).sqrt(), 0.0]
}

fn by_hand() -> Semantic {
    Semantic::new(service_fn(|texts: Vec<String>| async move {
        Ok::<_, BoxError>(texts.iter().map(|text| vector(text)).collect())
    }))
}

const KEPT: &str = "Which documents prove an identity?";

/// Means the same to every guard, and is no equal text: only the vectors differ in what they say.
const SAME: &str = "Please tell me which documents prove the identity";

fn rules() -> Rules {
    Rules::none()
}

/// The vectors of two texts whose cosine is `cosine`.
fn apart(cosine: f32) -> Semantic {
    Semantic::new(service_fn(move |texts: Vec<String>| {
        let kept = texts[0] == KEPT;
        let far = vec![cosine, (1.0 - cosine * cosine).sqrt()];
        let vector = if kept { vec![2.0, 0.0] } else { far };
        async move { Ok::<_, BoxError>(vec![vector]) }
    }))
}

fn cached(semantic: Semantic) -> (Mocked, Backend) {
    mocked(&layer().rules(rules()).semantic(semantic))
}

#[tokio::test(start_paused = true)]
async fn a_question_of_the_same_meaning_is_answered_and_says_how_near_it_was() {
    let (cache, mut backend) = cached(apart(0.96));
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    let found = hit(&cache, &mut backend, Prompt::new(SAME)).await;
    let CacheUse::Semantic { score } = found.how() else {
        panic!("{found:?}");
    };
    assert!((score - 0.96).abs() < 1e-4);
}

#[tokio::test(start_paused = true)]
async fn the_threshold_decides_and_a_miss_says_what_was_near() {
    for (semantic, cosine, hits) in [
        (apart(0.94), 0.94, false),
        (apart(0.94).threshold(Threshold::Balanced), 0.94, true),
        (apart(0.91).threshold(Threshold::Balanced), 0.91, false),
        (apart(0.97).threshold(Threshold::Own(0.98)), 0.97, false),
        (apart(1.0).threshold(Threshold::Own(f32::NAN)), 1.0, false),
    ] {
        let (cache, mut backend) = cached(semantic);
        fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
        if hits {
            hit(&cache, &mut backend, Prompt::new(SAME)).await;
            continue;
        }
        let missed = miss(&cache, &mut backend, Prompt::new(SAME)).await;
        let Some(Near { score, guard, .. }) = missed.note.unwrap().near else {
            panic!("{missed:?}");
        };
        assert_eq!(guard, "threshold");
        assert!((score - cosine).abs() < 1e-4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_refuses_whatever_the_score_and_is_named() {
    for (other, guard) in [
        ("Which documents do not prove an identity?", "negation"),
        ("Which 2 documents prove an identity?", "number"),
        ("Why do documents prove an identity?", "question"),
        ("Which documents prove an identity in Cuba?", "rare"),
    ] {
        let (cache, mut backend) = cached(apart(1.0));
        fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
        let missed = miss(&cache, &mut backend, Prompt::new(other)).await;
        assert_eq!(
            missed.note.unwrap().near.map(|near| near.guard),
            Some(guard)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn meaning_never_crosses_a_scope_or_a_frame() {
    let (cache, mut backend) = cached(apart(1.0));
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    for scope in [
        Scope::shared(),
        Scope::tenant("other"),
        Scope::tenant("acme").user("ann"),
    ] {
        let missed = miss(&cache, &mut backend, Prompt::of(scope, SAME)).await;
        assert_eq!(missed.note.unwrap().near, None, "it was not even seen");
    }
    let framed = Prompt(Question::new(Scope::tenant("acme"), SAME).framed("be rude"));
    assert!(miss(&cache, &mut backend, framed).await.is_miss());
}

#[tokio::test(start_paused = true)]
async fn without_an_embedder_only_equal_questions_are_answered() {
    let (cache, mut backend) = mocked(&layer().rules(rules()));
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    assert!(
        miss(&cache, &mut backend, Prompt::new(SAME))
            .await
            .is_miss()
    );
}

#[tokio::test(start_paused = true)]
async fn an_embedder_that_is_slow_or_fails_makes_a_miss() {
    let slow = Semantic::new(service_fn(|_: Vec<String>| async {
        tokio::time::sleep(HOUR).await;
        Ok::<_, BoxError>(vec![vec![1.0]])
    }));
    let broken = Semantic::new(service_fn(|_: Vec<String>| async {
        Err::<Vec<Vec<f32>>, BoxError>("no".into())
    }));
    let empty = Semantic::new(service_fn(|_: Vec<String>| async {
        Ok::<_, BoxError>(vec![vec![0.0, f32::NAN]])
    }));
    for semantic in [slow, broken, empty] {
        let (cache, mut backend) = cached(semantic);
        let reply = call(&cache, Prompt::new(KEPT));
        settle().await;
        advance(Duration::from_millis(250)).await;
        answer(&mut backend, "a passport").await;
        assert!(reply.await.unwrap().unwrap().is_miss());
        assert_eq!(
            hit(&cache, &mut backend, Prompt::new(KEPT)).await.how(),
            CacheUse::Exact
        );
    }
}

#[tokio::test(start_paused = true)]
async fn equal_questions_share_one_look_by_meaning() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let semantic = Semantic::new(service_fn(move |texts: Vec<String>| {
        count.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, BoxError>(texts.iter().map(|text| vector(text)).collect()) }
    }));
    let (cache, mut backend) = cached(semantic);
    let replies: Vec<_> = (0..100).map(|_| call(&cache, Prompt::new(KEPT))).collect();
    settle().await;
    answer(&mut backend, "a passport").await;
    for reply in replies {
        reply.await.unwrap().unwrap();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    hit(&cache, &mut backend, Prompt::new(KEPT)).await;
    assert_eq!(
        asked.load(Ordering::Relaxed),
        1,
        "an equal question needs no vector"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_is_not_found_by_meaning() {
    let (cache, mut backend) = cached(apart(1.0));
    let handle = cache.handle();
    for _ in 0..3 {
        fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
        let entry = hit(&cache, &mut backend, Prompt::new(SAME))
            .await
            .note
            .unwrap()
            .entry;
        assert!(handle.remove(entry.unwrap()));
    }
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    handle.invalidate_all();
    assert!(
        miss(&cache, &mut backend, Prompt::new(SAME))
            .await
            .is_miss()
    );
    handle.settle();
    assert_eq!(handle.indexed(), handle.entries());
}

#[tokio::test(start_paused = true)]
async fn store_and_index_hold_the_same_after_any_evictions() {
    let mut limits = Limits::default();
    limits.entries = 40;
    limits.bytes = 80 << 10;
    let (cache, mut backend) = mocked(&layer().rules(rules()).limits(limits).semantic(by_hand()));
    let handle = cache.handle();
    for i in 0..400 {
        let prompt = Prompt::of(
            Scope::tenant(format!("t{}", i % 7)),
            &format!("question {i}"),
        );
        fill(&cache, &mut backend, prompt, "yes").await;
        if i % 50 == 0 {
            handle.invalidate_all();
        }
        handle.settle();
        assert_eq!(handle.indexed(), handle.entries());
    }
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_a_stale_answer_of_the_same_meaning_stands_in() {
    let semantic = apart(0.93).stale_threshold(Threshold::Balanced);
    let layer = layer()
        .rules(rules())
        .ttl(SEC)
        .stale_if_error(HOUR)
        .semantic(semantic);
    let (cache, mut backend) = mocked(&layer);
    fill(&cache, &mut backend, Prompt::new(KEPT), "a passport").await;
    let fresh_but_far = miss(
        &cache,
        &mut backend,
        Prompt::new("Tell me which documents prove identity"),
    );
    assert!(
        fresh_but_far.await.is_miss(),
        "0.93 is no hit on a good day"
    );
    advance(2 * SEC).await;
    let reply = call(&cache, Prompt::new(SAME));
    fail(&mut backend, Outcome::Fault).await;
    let answer = reply.await.unwrap().unwrap();
    assert!(answer.is_stale() && matches!(answer.how(), CacheUse::Semantic { .. }));
}

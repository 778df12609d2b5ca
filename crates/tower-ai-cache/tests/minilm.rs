//! The real sentence model. Its weights are not in the repository:
//!
//! ```sh
//! export TOWER_AI_MINILM=$(crates/tower-ai-cache/minilm.sh)
//! cargo test --release -p tower-ai-cache --features minilm --test minilm -- --ignored
//! ```

#![cfg(feature = "minilm")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use tower::{Service, ServiceExt};
use tower_ai_cache::minilm::MiniLm;
use tower_ai_cache::{Rules, Semantic};
use tower_ai_core::{BoxError, CacheUse};

use self::support::*;

fn folder() -> PathBuf {
    let folder = std::env::var_os("TOWER_AI_MINILM");
    folder.expect("TOWER_AI_MINILM names the folder").into()
}

fn model() -> MiniLm {
    MiniLm::load(folder(), 2).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What an implementation in `NumPy`, with f64 between the layers, makes of the same weights.
#[tokio::test]
#[ignore = "needs the weights"]
async fn vectors_are_those_of_another_implementation() {
    let mut model = model();
    let texts = [
        "How do I reset my password?",
        "How can I reset my password?",
        "How do I delete my account?",
        "Wie setze ich mein Passwort zurück?",
    ];
    let vectors = model.ready().await.unwrap();
    let vectors = vectors.call(texts.map(str::to_owned).to_vec());
    let vectors = vectors.await.unwrap();
    let first = [0.0069, -0.06302, -0.07204, -0.0325, -0.04271, 0.07043];
    for (number, expected) in vectors[0].iter().zip(first) {
        assert!((number - expected).abs() < 1e-4, "{number} {expected}");
    }
    for (vector, expected) in vectors.iter().zip([1.0, 0.9917, 0.5803, 0.231]) {
        assert_eq!(vector.len(), 384);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
        let found = cosine(&vectors[0], vector);
        assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    }
}

#[tokio::test]
#[ignore = "needs the weights"]
async fn a_paraphrase_is_answered_and_near_misses_are_not() {
    const KEPT: &str = "How do I activate my new card?";
    let semantic = Semantic::new(model()).budget(Duration::from_secs(30));
    let (cache, mut backend) = mocked(&layer().rules(Rules::none()).semantic(semantic));
    fill(&cache, &mut backend, Prompt::new(KEPT), "in the app").await;

    let same = Prompt::new("How can I activate my new card?");
    let found = hit(&cache, &mut backend, same).await;
    let CacheUse::Semantic { score } = found.how() else {
        panic!("{found:?}");
    };
    assert!((score - 0.9945).abs() < 1e-3, "{score}");
    for (near, guard) in [
        ("How do I not activate my new card?", "negation"),
        ("How do I activate my 2 new cards?", "number"),
        ("Why do I activate my new card?", "question"),
        ("How do I activate my new phone?", "threshold"),
    ] {
        let missed = miss(&cache, &mut backend, Prompt::new(near)).await;
        let near = missed.note.unwrap().near.unwrap();
        assert!(near.guard == guard || near.guard == "threshold", "{near:?}");
    }
}

#[tokio::test]
#[ignore = "needs the weights"]
async fn a_model_that_overruns_its_time_makes_a_miss() {
    const KEPT: &str = "How do I activate my new card?";
    let semantic = Semantic::new(model()).budget(Duration::from_nanos(1));
    let (cache, mut backend) = mocked(&layer().rules(Rules::none()).semantic(semantic));
    fill(&cache, &mut backend, Prompt::new(KEPT), "in the app").await;
    let same = Prompt::new("How can I activate my new card?");
    miss(&cache, &mut backend, same).await;
}

/// Dropped at every stage, and twenty at a time: the two permits come back.
#[tokio::test]
#[ignore = "needs the weights"]
async fn dropped_calls_give_their_place_back() {
    let model = model();
    let embed = |mut model: MiniLm| model.call(vec!["How do I reset my password?".to_owned()]);
    let many: Vec<_> = (0..20).map(|_| embed(model.clone())).collect();
    let running = many.into_iter().map(|call| tokio::spawn(call));
    for task in running.collect::<Vec<_>>() {
        task.abort();
    }
    let vectors = embed(model).await;
    assert_eq!(vectors.unwrap().len(), 1);
}

#[test]
#[ignore = "needs the weights"]
fn weights_that_are_not_the_pinned_ones_are_refused() {
    let copy = std::env::temp_dir().join(format!("minilm-{}", std::process::id()));
    std::fs::create_dir_all(&copy).unwrap();
    let config = std::fs::read_to_string(folder().join("config.json")).unwrap();
    let changed = config.replace("384", "385");
    std::fs::write(copy.join("config.json"), changed).unwrap();
    let refused = MiniLm::load(&copy, 1).map(drop).unwrap_err();
    std::fs::remove_dir_all(&copy).unwrap();
    assert_eq!(refused.to_string(), "config.json is not the pinned one");
}

#[test]
fn a_folder_without_weights_is_named_by_its_file() {
    let refused = MiniLm::load("/nowhere", 1).map(drop).unwrap_err();
    assert_eq!(refused.to_string(), "config.json cannot be read");
    let source: BoxError = refused.into();
    assert!(source.source().is_some());
}

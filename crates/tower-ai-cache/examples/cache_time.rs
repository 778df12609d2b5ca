//! Times the parts of a look-up: `cargo run --release --example cache_time`.
//!
//! Vectors are random around 1,000 centres, as texts are; a query is a member moved a little.

#![expect(clippy::disallowed_types, reason = "it measures wall-clock time")]

use std::hint::black_box;
use std::time::Instant;

use tower::{Layer, ServiceExt, service_fn};
use tower_ai_cache::{CacheLayer, FlatIndex, Index, Indexed, Key, PlaceId, guard};
use tower_ai_core::{BoxError, Chance, Directive, Question, Scope, ask_fn, keep_fn};

const WIDTH: usize = 384;

fn main() -> Result<(), BoxError> {
    for size in [10_000, 100_000] {
        search(size);
    }
    let (a, b) = (
        "How do I reset the PIN of my card?",
        "How can I reset my card's PIN",
    );
    print(
        "the guards, two questions",
        per_call(100_000, || black_box(guard(a, b))),
    );
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?
        .block_on(calls())
}

fn search(size: usize) {
    let chance = Chance::seeded(1);
    let (index, place) = (FlatIndex::new(1), PlaceId::new([0; 32]));
    let centres: Vec<_> = (0..1000)
        .map(|_| moved(&[0.0; WIDTH], 1.0, &chance))
        .collect();
    let rows: Vec<_> = (0..size)
        .map(|i| moved(&centres[i % 1000], 0.7, &chance))
        .collect();
    for (id, row) in rows.iter().enumerate() {
        let key = Key::new([0; 32]);
        index.insert(&place, Indexed { id: id as u64, key }, row);
    }
    let mut found = 0;
    let mut times: Vec<_> = (0..300)
        .map(|_| {
            let at = chance.below(size);
            let query = moved(&rows[at], 0.25, &chance);
            let start = Instant::now();
            let near = index.search(&place, &query, 5);
            let time = start.elapsed();
            found += usize::from(near[0].entry.id == at as u64);
            time
        })
        .collect();
    times.sort_unstable();
    println!(
        "search of {size} x {WIDTH}: p50 {:?}, p90 {:?}, least {:?}; the nearest found {found} of 300",
        times[150], times[270], times[0],
    );
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

async fn calls() -> Result<(), BoxError> {
    let ask = ask_fn(|question: &Question| Some(question.clone()));
    let keep = keep_fn(|answer: &u64| Some(usize::from(*answer > 0)));
    let cache =
        CacheLayer::new(ask, keep).layer(service_fn(|_: Question| async { Ok::<_, BoxError>(7) }));
    let question = Question::new(Scope::tenant("t"), "Which documents prove an identity?");
    cache.clone().oneshot(question.clone()).await?;
    let bypass = question.clone().with_directive(Directive::Skip);
    let refused = Question::new(Scope::tenant("t"), "Who is the current president of Chile?");
    for (name, question) in [
        ("exact hit, whole call", question),
        ("bypassed by the caller", bypass),
        ("refused by a rule on the text", refused),
    ] {
        let start = Instant::now();
        for _ in 0..200_000 {
            black_box(cache.clone().oneshot(question.clone()).await?);
        }
        print(name, start.elapsed().as_secs_f64() / 200_000.0);
    }
    let moka = moka::sync::Cache::new(1000);
    moka.insert(1_u64, 7_u64);
    print(
        "moka's own get of a small key",
        per_call(1_000_000, || black_box(moka.get(black_box(&1)))),
    );
    Ok(())
}

fn per_call<T>(times: u32, mut f: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        black_box(f());
    }
    start.elapsed().as_secs_f64() / f64::from(times)
}

fn print(name: &str, seconds: f64) {
    println!("{name}: {:.0} ns", seconds * 1e9);
}

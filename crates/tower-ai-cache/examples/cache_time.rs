//! How often a look-up finds the nearest of all: `cargo run --release -p tower-ai-cache --example cache_time`.
//!
//! Vectors are random around 1,000 centres, as texts are; a query is a member moved a little.

#![expect(clippy::disallowed_types, reason = "it measures wall-clock time")]

use std::time::Instant;

use tower_ai_cache::{FlatIndex, Index, Indexed, Key, PlaceId};
use tower_ai_core::Chance;

const WIDTH: usize = 384;

fn main() {
    for size in [10_000, 100_000] {
        search(size);
    }
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

//! A data set as a stream of requests.

use std::collections::HashSet;

use serde_json::{Value, json};
use tower_ai_cache::{FlatIndex, Index, Indexed, Key, PlaceId};

use crate::data::{Pair, Query, Vectors};
use crate::rules::Rule;

/// What came of a stream.
#[derive(Default)]
pub(crate) struct Counts {
    requests: usize,
    hits: usize,
    wrong: usize,
    possible: usize,
}

/// Every request is looked up among those that were missed before, and added if it is a miss.
pub(crate) fn run(queries: &[Query], vectors: &[Vec<f32>], rule: Rule) -> Counts {
    let (place, key) = (PlaceId::new([0; 32]), Key::new([0; 32]));
    let index = FlatIndex::new(1);
    let mut counts = Counts::default();
    let mut seen = HashSet::new();
    for (i, query) in queries.iter().enumerate() {
        counts.requests += 1;
        counts.possible += usize::from(!seen.insert(query.label.as_str()));
        if !rule.caches(&query.text) {
            continue;
        }
        let near = index.search(&place, &vectors[i], 5);
        #[expect(clippy::cast_possible_truncation, reason = "an index of a list")]
        let hit = near
            .iter()
            .map(|near| (&queries[near.entry.id as usize], near.score))
            .find(|(kept, score)| rule.takes(&query.text, &kept.text, *score));
        match hit {
            Some((kept, _)) => {
                counts.hits += 1;
                counts.wrong += usize::from(kept.label != query.label);
            }
            None => {
                index.insert(&place, Indexed { id: i as u64, key }, &vectors[i]);
            }
        }
    }
    counts
}

/// Labelled pairs: how many of those that a rule takes are no duplicates, and how many duplicates it takes.
pub(crate) fn pairs(pairs: &[Pair], vectors: &Vectors) -> crate::Result<()> {
    let texts = pairs.iter().flat_map(|pair| [&*pair.a, &*pair.b]);
    let vectors = vectors.of("pairs", texts)?;
    println!("{:<16}{:>9}{:>11}{:>9}", "rule", "taken", "wrong", "recall");
    for rule in Rule::all() {
        let taken = |(i, pair): &(usize, &Pair)| {
            let score = cosine(&vectors[2 * i], &vectors[2 * i + 1]);
            rule.takes(&pair.a, &pair.b, score)
        };
        let taken: Vec<_> = pairs.iter().enumerate().filter(taken).collect();
        let wrong = taken.iter().filter(|(_, pair)| !pair.same).count();
        let same = pairs.iter().filter(|pair| pair.same).count();
        println!(
            "{:<16}{:>8.2}%{:>10.2}%{:>8.2}%",
            rule.name(),
            percent(taken.len(), pairs.len()),
            percent(wrong, taken.len()),
            percent(taken.len() - wrong, same),
        );
    }
    Ok(())
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Counts {
    pub(crate) fn print(&self, name: &str) {
        println!(
            "{name:<16}{:>8.2}%{:>10.2}%{:>10.3}%{:>8.2}%",
            percent(self.hits, self.requests),
            percent(self.wrong, self.hits),
            percent(self.wrong, self.requests),
            percent(self.hits - self.wrong, self.possible),
        );
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "hit_rate": percent(self.hits, self.requests) / 100.0,
            "wrong_per_hit": percent(self.wrong, self.hits) / 100.0,
            "wrong_per_request": percent(self.wrong, self.requests) / 100.0,
            "recall": percent(self.hits - self.wrong, self.possible) / 100.0,
        })
    }
}

fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

use std::collections::HashMap;

use proptest::prelude::*;
use tower_ai_core::Chance;

use super::*;
use crate::key::Key;

fn place(n: u8) -> PlaceId {
    PlaceId::new([n; 32])
}

fn indexed(id: u64) -> Indexed {
    let key = Key::new([u8::try_from(id % 251).unwrap(); 32]);
    Indexed { id, key }
}

#[expect(clippy::cast_possible_truncation, reason = "test numbers")]
fn vector(chance: &Chance, dimensions: usize) -> Vec<f32> {
    let numbers: Vec<_> = (0..dimensions)
        .map(|_| chance.unit() as f32 - 0.5)
        .collect();
    let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
    numbers.iter().map(|x| x / length).collect()
}

#[test]
fn the_nearest_comes_first_and_other_places_are_not_seen() {
    let (index, chance) = (FlatIndex::new(9), Chance::seeded(1));
    let vectors: Vec<_> = (0..3000).map(|_| vector(&chance, 384)).collect();
    for (id, vector) in vectors.iter().enumerate() {
        assert!(index.insert(&place(u8::from(id == 5)), indexed(id as u64), vector));
    }
    for id in [0, 1, 1023, 1024, 2047, 2999] {
        let found = index.search(&place(0), &vectors[id], 5);
        assert_eq!((found[0].entry.id, found.len()), (id as u64, 5));
        assert!((found[0].score - 1.0).abs() < 1e-4);
        assert!(found.is_sorted_by(|a, b| a.score >= b.score));
    }
    let apart = index.search(&place(0), &vectors[5], 5);
    assert!(apart.iter().all(|found| found.entry.id != 5));
    assert!(index.search(&place(2), &vectors[5], 5).is_empty());
}

#[test]
fn what_does_not_fit_is_not_taken() {
    let index = FlatIndex::new(1);
    assert!(index.insert(&place(0), indexed(0), &[1.0; 4]));
    assert!(
        !index.insert(&place(0), indexed(1), &[1.0; 5]),
        "other dimensions"
    );
    assert!(
        !index.insert(&place(0), indexed(0), &[1.0; 4]),
        "the same entry"
    );
    assert!(
        !index.insert(&place(1), indexed(2), &[1.0; 4]),
        "one place too many"
    );
    assert!(index.search(&place(0), &[1.0; 5], 5).is_empty());
    index.remove(&place(0), 0);
    assert_eq!((index.len(), index.places()), (0, 0));
    assert!(index.insert(&place(1), indexed(2), &[1.0; 4]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// After any history of additions and removals the index holds what a plain map holds.
    #[test]
    fn any_history_leaves_what_was_added_and_not_removed(
        steps in prop::collection::vec((any::<bool>(), 0..2200_u64, 0..2_u8), 1..5000)
    ) {
        let (index, chance) = (FlatIndex::new(9), Chance::seeded(2));
        let mut held = HashMap::new();
        for (add, id, at) in steps {
            if add && !held.contains_key(&id) {
                let vector = vector(&chance, 16);
                index.insert(&place(at), indexed(id), &vector);
                held.insert(id, (at, vector));
            } else if let Some((at, _)) = held.remove(&id) {
                index.remove(&place(at), id);
            }
        }
        prop_assert_eq!(index.len(), held.len());
        for (id, (at, vector)) in held {
            let found = index.search(&place(at), &vector, 1);
            prop_assert_eq!(found[0].entry, indexed(id));
        }
    }
}

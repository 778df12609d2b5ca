//! Finding the questions that are near in meaning.

mod block;
mod flat;
mod scan;

pub use self::flat::FlatIndex;

use crate::key::{Key, PlaceId};

/// Finds the entries of a place whose texts are nearest to a text.
///
/// [`FlatIndex`] is the default; this is where another engine takes its place. An index may lag behind the
/// store: every candidate is checked against it. What an index returns for one place was inserted
/// at that place.
pub trait Index: Send + Sync {
    /// Adds an entry by the vector of its text, which has length 1. Returns whether it was taken.
    fn insert(&self, place: &PlaceId, entry: Indexed, vector: &[f32]) -> bool;

    /// Removes an entry. Called for every entry that leaves the store, whether it is here or not; it must
    /// not panic.
    fn remove(&self, place: &PlaceId, id: u64);

    /// Returns the nearest entries, the nearest first, no more than `most`.
    fn search(&self, place: &PlaceId, vector: &[f32], most: usize) -> Vec<Candidate>;

    /// The entries it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An entry as the index knows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Indexed {
    /// Its number: what the index is keyed by.
    pub id: u64,
    /// Where the store has it.
    pub key: Key,
}

/// An entry that is near.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The entry.
    pub entry: Indexed,
    /// How near: the cosine.
    pub score: f32,
}

const fn _obj_safe(_: &dyn Index) {}

//! The flat index: all codes of a place are scanned, the nearest are compared by their vectors.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::block::{Block, ROWS, ShortList};
use super::scan::{encode, words};
use super::{Candidate, Index, Indexed};
use crate::key::PlaceId;

/// An index that scans one bit for each number of each vector of a place, then compares the nearest 128 by
/// all of theirs.
///
/// Adding and removing take the same time however much it holds. A reader waits for a writer no longer
/// than it takes to copy one block of 1,024 rows; it may miss an entry that is moved at that moment.
///
/// # Default
///
/// 65,536 places; entries of further ones are not taken.
///
/// # Examples
///
/// ```
/// use tower_ai_cache::{FlatIndex, Index};
///
/// assert!(FlatIndex::new(1_000).is_empty());
/// ```
pub struct FlatIndex {
    places: RwLock<HashMap<PlaceId, Arc<Partition>>>,
    most_places: usize,
    rows: AtomicUsize,
}

/// The entries of one place. Blocks are full, bar the last.
struct Partition {
    dimensions: usize,
    /// Where each entry is; held by writers alone.
    book: Mutex<HashMap<u64, usize>>,
    blocks: RwLock<Blocks>,
}

type Blocks = Arc<[Arc<RwLock<Block>>]>;

impl FlatIndex {
    /// An index of at most so many places.
    #[must_use]
    pub fn new(most_places: usize) -> Self {
        Self {
            places: RwLock::default(),
            most_places,
            rows: AtomicUsize::new(0),
        }
    }

    /// The places that have entries.
    #[must_use]
    pub fn places(&self) -> usize {
        read(&self.places).len()
    }

    fn partition(&self, place: &PlaceId) -> Option<Arc<Partition>> {
        read(&self.places).get(place).cloned()
    }

    /// Makes the partition of a place, if there may be one more.
    fn make(&self, place: &PlaceId, dimensions: usize) {
        let mut places = write(&self.places);
        if places.len() < self.most_places {
            places
                .entry(*place)
                .or_insert_with(|| Arc::new(Partition::new(dimensions)));
        }
    }
}

impl Index for FlatIndex {
    fn insert(&self, place: &PlaceId, entry: Indexed, vector: &[f32]) -> bool {
        for _ in 0..2 {
            // The lock is held meanwhile: a partition that is found empty is removed under its writing side.
            let places = read(&self.places);
            if let Some(partition) = places.get(place) {
                let taken = partition.insert(entry, vector);
                self.rows.fetch_add(usize::from(taken), Ordering::Relaxed);
                return taken;
            }
            drop(places);
            self.make(place, vector.len());
        }
        false
    }

    fn remove(&self, place: &PlaceId, id: u64) {
        let Some(partition) = self.partition(place) else {
            return;
        };
        let Some(left) = partition.remove(id) else {
            return;
        };
        self.rows.fetch_sub(1, Ordering::Relaxed);
        if left == 0 {
            let mut places = write(&self.places);
            let empty = |partition: &Arc<Partition>| lock(&partition.book).is_empty();
            if places.get(place).is_some_and(empty) {
                places.remove(place);
            }
        }
    }

    fn search(&self, place: &PlaceId, vector: &[f32], most: usize) -> Vec<Candidate> {
        let Some(partition) = self.partition(place) else {
            return Vec::new();
        };
        let mut found = partition.search(vector);
        let nearest = |a: &Candidate, b: &Candidate| b.score.total_cmp(&a.score);
        // Twice as many, as each may have been seen twice.
        if found.len() > 2 * most {
            found.select_nth_unstable_by(2 * most, nearest);
            found.truncate(2 * most);
        }
        found.sort_unstable_by(nearest);
        // A row that was moved while it was looked for may have been seen twice.
        found.dedup_by_key(|candidate| candidate.entry.id);
        found.truncate(most);
        found
    }

    fn len(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }
}

impl Partition {
    fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            book: Mutex::default(),
            blocks: RwLock::new(Arc::new([])),
        }
    }

    fn insert(&self, entry: Indexed, vector: &[f32]) -> bool {
        if vector.len() != self.dimensions || vector.is_empty() {
            return false;
        }
        let mut book = lock(&self.book);
        let at = book.len();
        if book.contains_key(&entry.id) {
            return false;
        }
        let blocks = self.blocks();
        match blocks.get(at / ROWS) {
            Some(block) => write(block).push(entry, vector),
            None => {
                let mut block = Block::default();
                block.push(entry, vector);
                let more = [Arc::new(RwLock::new(block))];
                *write(&self.blocks) = blocks.iter().cloned().chain(more).collect();
            }
        }
        book.insert(entry.id, at);
        true
    }

    /// Moves the last row to where the entry was. Returns how many are left.
    fn remove(&self, id: u64) -> Option<usize> {
        let mut book = lock(&self.book);
        let at = book.remove(&id)?;
        let blocks = self.blocks();
        let last = write(blocks.last()?).pop()?;
        if last.entry.id != id
            && let Some(block) = blocks.get(at / ROWS)
        {
            write(block).replace(at % ROWS, &last);
            book.insert(last.entry.id, at);
        }
        if book.len().is_multiple_of(ROWS) {
            *write(&self.blocks) = blocks[..book.len() / ROWS].into();
        }
        Some(book.len())
    }

    fn search(&self, vector: &[f32]) -> Vec<Candidate> {
        if vector.len() != self.dimensions {
            return Vec::new();
        }
        let mut query = Vec::with_capacity(words(vector.len()));
        encode(vector, &mut query);
        let blocks = self.blocks();
        let mut list = ShortList::new();
        for (number, block) in blocks.iter().enumerate() {
            list.scan(number, &read(block), &query);
        }
        let mut found = Vec::with_capacity(128);
        for (number, rows) in list.by_block() {
            rows.compare(&read(&blocks[number]), vector, &mut found);
        }
        found
    }

    fn blocks(&self) -> Blocks {
        Arc::clone(&read(&self.blocks))
    }
}

/// A panic elsewhere leaves no row half written: every writer's steps are plain copies.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for FlatIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlatIndex")
            .field("rows", &self.len())
            .field("most_places", &self.most_places)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

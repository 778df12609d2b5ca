//! The store in memory: moka.

use std::fmt;
use std::sync::Arc;

use moka::notification::RemovalCause;
use moka::sync::Cache;

use crate::entry::Entry;
use crate::key::{BuildKeyHasher, Key};
use crate::store::{Gone, Got, Store};

/// How much a cache holds.
///
/// # Default
///
/// 100,000 entries, 256 MiB, 1 MiB for one answer, 65,536 places in the index.
///
/// # Examples
///
/// ```
/// use tower_ai_cache::Limits;
///
/// let mut limits = Limits::default();
/// limits.entries = 1_000;
/// assert_eq!(limits.bytes, 256 << 20);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The most entries. Defaults to 100,000.
    pub entries: usize,
    /// The most bytes of all entries together, with what the index holds of them. Defaults to 256 MiB.
    pub bytes: usize,
    /// The most bytes of one answer; a larger one is passed on and not kept. Defaults to 1 MiB.
    pub answer: usize,
    /// The most places (tenant, model, system prompt, history…) that are searched by meaning; answers of
    /// further ones are found by equal questions only. Defaults to 65,536.
    pub places: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            bytes: 256 << 20,
            answer: 1 << 20,
            places: 65_536,
        }
    }
}

/// Entries in moka, which bounds them and chooses what goes.
///
/// One weight holds both limits: an entry weighs its bytes, and at least its share of them.
pub(crate) struct Memory<T> {
    cache: Cache<Key, Arc<Entry<T>>, BuildKeyHasher>,
}

impl<T: Send + Sync + 'static> Memory<T> {
    pub(crate) fn new(limits: &Limits, gone: Gone<T>) -> Self {
        let share = limits.bytes.div_ceil(limits.entries.max(1)).max(1);
        let weigh = move |_: &Key, entry: &Arc<Entry<T>>| {
            u32::try_from(entry.bytes.max(share)).unwrap_or(u32::MAX)
        };
        let listen = move |_: Arc<Key>, entry: Arc<Entry<T>>, _: RemovalCause| gone.tell(&entry);
        let cache = Cache::builder()
            .max_capacity(limits.bytes as u64)
            .weigher(weigh)
            .eviction_listener(listen)
            .build_with_hasher(BuildKeyHasher::default());
        Self { cache }
    }
}

impl<T: Send + Sync + 'static> Store<T> for Memory<T> {
    fn get(&self, key: &Key) -> Got<T> {
        Got::Now(self.cache.get(key))
    }

    fn put(&self, entry: Arc<Entry<T>>) {
        self.cache.insert(entry.key, entry);
    }

    fn remove(&self, key: &Key, id: u64) {
        if self.cache.get(key).is_some_and(|now| now.id == id) {
            self.cache.invalidate(key);
        }
    }

    fn remove_by_id(&self, id: u64) -> bool {
        let found = self.cache.iter().find(|(_, entry)| entry.id == id);
        let Some((key, _)) = found else {
            return false;
        };
        self.remove(&key, id);
        true
    }

    fn clear(&self) {
        self.cache.invalidate_all();
    }

    /// Lets moka do now what it would do in passing.
    fn settle(&self) {
        self.cache.run_pending_tasks();
    }

    fn entries(&self) -> u64 {
        self.cache.entry_count()
    }

    fn bytes(&self) -> u64 {
        self.cache.weighted_size()
    }
}

impl<T> fmt::Debug for Memory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

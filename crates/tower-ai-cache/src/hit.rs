//! An answer found in the cache.

use std::sync::Arc;

use tokio::time::Instant;
use tower_ai_core::{CacheNote, CacheUse, Near};

use crate::entry::Entry;

/// An entry that answers a question, and why.
pub(crate) struct Hit<T> {
    pub(crate) entry: Arc<Entry<T>>,
    pub(crate) how: CacheUse,
    pub(crate) stale: bool,
    pub(crate) near: Option<Near>,
}

impl<T> Hit<T> {
    pub(crate) const fn new(entry: Arc<Entry<T>>, how: CacheUse) -> Self {
        Self {
            entry,
            how,
            stale: false,
            near: None,
        }
    }

    pub(crate) fn stale(mut self) -> Self {
        self.stale = true;
        self
    }

    /// How near it is, if it was found by meaning.
    pub(crate) const fn score(&self) -> Option<f32> {
        match self.how {
            CacheUse::Semantic { score } => Some(score),
            _ => None,
        }
    }

    pub(crate) fn note(&self, now: Instant) -> CacheNote {
        let mut note = CacheNote::new(self.how);
        note.age = self.entry.age(now);
        note.stale = self.stale;
        note.entry = Some(self.entry.id);
        note.near = self.near;
        note
    }
}

impl<T> Clone for Hit<T> {
    fn clone(&self) -> Self {
        Self {
            entry: Arc::clone(&self.entry),
            ..*self
        }
    }
}

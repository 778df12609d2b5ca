//! One kept answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::key::{Key, Place, PlaceId};

/// One kept answer, with all that must be checked before it is given again.
///
/// Its `Debug` shows no text.
pub struct Entry<T> {
    pub(crate) id: u64,
    pub(crate) key: Key,
    pub(crate) place: Arc<Place>,
    /// The text as it was asked: the guards read its capitals.
    pub(crate) text: Box<str>,
    pub(crate) normal: Box<str>,
    pub(crate) stored: T,
    pub(crate) born: Instant,
    pub(crate) fresh: Duration,
    pub(crate) stale: Duration,
    pub(crate) tags: Box<[(Box<str>, u64)]>,
    /// The rules let it in; else the caller forced it, and the rules were not asked.
    pub(crate) by_rule: bool,
    pub(crate) bytes: usize,
}

/// How usable an entry is at a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Freshness {
    Fresh,
    Stale,
    Gone,
}

impl<T> Entry<T> {
    /// Its number, by which it can be removed.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// What was kept.
    #[must_use]
    pub const fn stored(&self) -> &T {
        &self.stored
    }

    /// The bytes that it takes, with its share of the index.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How long a store should hold it: while it is fresh, and then while it may stand in for a failure.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.fresh.saturating_add(self.stale)
    }

    /// How old it is.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.born)
    }

    pub(crate) fn place_id(&self) -> &PlaceId {
        &self.place.id
    }

    pub(crate) fn freshness(&self, now: Instant) -> Freshness {
        let age = self.age(now);
        if age < self.fresh {
            Freshness::Fresh
        } else if age < self.lifetime() {
            Freshness::Stale
        } else {
            Freshness::Gone
        }
    }
}

impl<T> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("bytes", &self.bytes)
            .field("fresh", &self.fresh)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

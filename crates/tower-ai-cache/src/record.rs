//! An entry in plain parts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::entry::Entry;
use crate::key::{Key, Place};
use crate::normal::normalise;

/// An [`Entry`] in plain parts, without clocks and pointers, for a [`Store`](crate::Store) to write down.
///
/// Its `Debug` shows no text.
#[derive(Clone, PartialEq)]
pub struct Record<T> {
    /// Its number.
    pub id: u64,
    /// Whose it is; `None` is shared by all.
    pub tenant: Option<Box<str>>,
    /// The user that it is kept apart for.
    pub user: Option<Box<str>>,
    /// The epoch of policy in which it was asked for.
    pub epoch: u64,
    /// Everything of the request but its text.
    pub frame: Box<[u8]>,
    /// The text as it was asked.
    pub text: Box<str>,
    /// The answer.
    pub stored: T,
    /// How old it is.
    pub age: Duration,
    /// How long it is fresh, from its birth.
    pub fresh: Duration,
    /// How long after that it may stand in for a failure.
    pub stale: Duration,
    /// Its tags, each with how often it had been invalidated.
    pub tags: Box<[(Box<str>, u64)]>,
    /// Whether the rules let it in, or the caller forced it.
    pub by_rule: bool,
    /// The bytes that it counts as.
    pub bytes: usize,
}

impl<T: Clone> Entry<T> {
    /// Its parts, as they are now.
    #[must_use]
    pub fn record(&self, now: Instant) -> Record<T> {
        let Self {
            id,
            key: _,
            place,
            text,
            normal: _,
            stored,
            born: _,
            fresh,
            stale,
            tags,
            by_rule,
            bytes,
        } = self;
        Record {
            id: *id,
            tenant: place.tenant().map(Into::into),
            user: place.user().map(Into::into),
            epoch: place.epoch(),
            frame: place.frame().into(),
            text: text.clone(),
            stored: stored.clone(),
            age: self.age(now),
            fresh: *fresh,
            stale: *stale,
            tags: tags.clone(),
            by_rule: *by_rule,
            bytes: *bytes,
        }
    }
}

impl<T> Entry<T> {
    /// An entry of these parts. Its key is made of them: it cannot be put where it does not belong.
    #[must_use]
    pub fn from_record(record: Record<T>, now: Instant) -> Self {
        let normal = normalise(&record.text);
        let (tenant, user) = (record.tenant.as_deref(), record.user.as_deref());
        let key = Key::of(record.epoch, tenant, user, &record.frame, &normal);
        let place = Place::of_parts(tenant, user, record.epoch, &record.frame);
        Self {
            id: record.id,
            key,
            place: Arc::new(place),
            text: record.text,
            normal: normal.into(),
            stored: record.stored,
            born: now.checked_sub(record.age).unwrap_or(now),
            fresh: record.fresh,
            stale: record.stale,
            tags: record.tags,
            by_rule: record.by_rule,
            bytes: record.bytes,
        }
    }
}

impl<T> fmt::Debug for Record<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("age", &self.age)
            .field("fresh", &self.fresh)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

//! Where entries are kept: the seam for another engine.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::entry::Entry;
use crate::key::Key;

/// Keeps entries by their keys. The store in memory (moka) is the default;
/// [`CacheLayer::store`](crate::CacheLayer::store) puts another one in its place.
///
/// A look-up answers [now or later](Got): an engine in process answers at once, and a hit costs no allocation; one
/// behind a network answers later, inside the flight of the call, so that however many ask the same make one
/// look-up. Writes never wait: an engine behind a network hands them on to a task or a queue of its own, and what
/// fails there is a miss later. Nothing that a store returns is trusted: whose an entry is, what was asked and how
/// old it is are checked again.
///
/// [`Entry::record`] turns an entry into plain parts to write down, [`Entry::from_record`] back.
pub trait Store<T>: Send + Sync {
    /// Finds the entry of a key. One that is found later than 250 ms counts as a miss.
    fn get(&self, key: &Key) -> Got<T>;

    /// Keeps an entry under [its key](Entry::key), in place of any other, for [its lifetime](Entry::lifetime) at
    /// most. A store may evict whatever it likes whenever it likes.
    fn put(&self, entry: Arc<Entry<T>>);

    /// Removes the entry of a key if it has this number.
    fn remove(&self, key: &Key, id: u64);

    /// Removes an entry by its number alone; may take long. Returns whether there was one.
    fn remove_by_id(&self, id: u64) -> bool;

    /// Removes everything. It is out of reach already: the epoch has changed.
    fn clear(&self);

    /// Does now what it would do in passing, evictions above all. Defaults to nothing.
    fn settle(&self) {}

    /// The entries that it holds, as far as it knows.
    fn entries(&self) -> u64;

    /// The bytes that they take, as far as it knows.
    fn bytes(&self) -> u64;
}

/// What a store says of a key.
pub enum Got<T> {
    /// It knows.
    Now(Option<Arc<Entry<T>>>),
    /// It has to ask.
    Later(Asking<T>),
}

/// A store that asks elsewhere.
pub type Asking<T> = Pin<Box<dyn Future<Output = Option<Arc<Entry<T>>>> + Send>>;

impl<T> fmt::Debug for Got<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(entry) => f.debug_tuple("Now").field(entry).finish(),
            Self::Later(_) => f.debug_tuple("Later").finish(),
        }
    }
}

/// What a store tells of every entry that leaves it, for whatever reason: the index of meanings follows it.
///
/// A store that cannot know need not tell: an entry that is not found when it is looked for is forgotten then.
pub struct Gone<T>(Arc<Tell<T>>);

type Tell<T> = dyn Fn(&Entry<T>) + Send + Sync;

impl<T> Gone<T> {
    pub(crate) fn new(tell: impl Fn(&Entry<T>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// An entry has left. Never panics, never waits long.
    pub fn tell(&self, entry: &Entry<T>) {
        (self.0)(entry);
    }
}

impl<T> Clone for Gone<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Gone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gone").finish_non_exhaustive()
    }
}

const fn _obj_safe<T>(_: &dyn Store<T>) {}

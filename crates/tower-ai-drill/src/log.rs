//! What a provider saw and did.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::Fault;

/// One attempt as the provider saw it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// When its request had been read.
    pub at: Instant,
    /// The provider's name.
    pub provider: Arc<str>,
    /// The call's id, from the header `x-drill-call`.
    pub call: Option<Arc<str>>,
    /// The how-manieth attempt of its call at this provider, from 1.
    pub attempt: u32,
    /// The model that was asked for.
    pub model: Arc<str>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// How it was broken; `None` if it was to be answered well.
    pub fault: Option<Fault>,
    /// When and how it ended; `None` as long as it runs.
    pub end: Option<(Instant, End)>,
}

impl Entry {
    /// Whether the provider gave a whole answer to it.
    pub fn is_answered(&self) -> bool {
        matches!(self.end, Some((_, End::Answered)))
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// With a whole answer.
    Answered,
    /// As the fault has it: with an error, or in the middle.
    Broken,
    /// The client went away before the end.
    ClientLeft,
    /// The provider was shut down.
    ShutDown,
}

/// The attempts that a provider saw, readable while it runs.
///
/// It holds no prompt, key or answer. It keeps the first attempts up to its limit (by default a
/// million) and counts those beyond.
///
/// # Clone
///
/// Clones read the same log.
#[derive(Clone, Debug)]
pub struct Log(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    entries: Vec<Entry>,
    attempts: HashMap<Arc<str>, u32>,
    limit: usize,
    beyond: u64,
    running: usize,
}

impl Log {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            entries: Vec::new(),
            attempts: HashMap::new(),
            limit,
            beyond: 0,
            running: 0,
        })))
    }

    /// A copy of all entries, in the order of their arrival.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Copies of the entries of one call.
    pub fn of_call(&self, call: &str) -> Vec<Entry> {
        let inner = self.lock();
        let of_call = |entry: &&Entry| entry.call.as_deref() == Some(call);
        inner.entries.iter().filter(of_call).cloned().collect()
    }

    /// The number of attempts that arrived within `window`.
    pub fn count(&self, window: &Range<Instant>) -> usize {
        let inner = self.lock();
        // Entries are in the order of their time.
        let before = |at: Instant| inner.entries.partition_point(|entry| entry.at < at);
        before(window.end).saturating_sub(before(window.start))
    }

    /// The number of attempts kept.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether no attempt arrived yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of attempts beyond the limit, of which nothing else is known.
    pub fn beyond(&self) -> u64 {
        self.lock().beyond
    }

    /// The number of attempts that have not ended.
    pub fn running(&self) -> usize {
        self.lock().running
    }

    /// Notes the start of an attempt, and its number.
    pub(crate) fn open(&self, mut entry: Entry) -> Open {
        let mut inner = self.lock();
        inner.running += 1;
        if inner.entries.len() >= inner.limit {
            inner.beyond += 1;
            return Open {
                log: self.clone(),
                index: None,
                attempt: entry.attempt,
            };
        }
        if let Some(call) = &entry.call {
            let count = inner.attempts.entry(Arc::clone(call)).or_insert(0);
            *count += 1;
            entry.attempt = *count;
        }
        // The clock is read under the lock, so that entries are in the order of their time.
        entry.at = Instant::now();
        let attempt = entry.attempt;
        let index = Some(inner.entries.len());
        inner.entries.push(entry);
        Open {
            log: self.clone(),
            index,
            attempt,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that runs; noted as shut down if dropped before it was closed.
#[derive(Debug)]
pub(crate) struct Open {
    log: Log,
    index: Option<usize>,
    pub(crate) attempt: u32,
}

impl Open {
    pub(crate) fn broken_by(&self, fault: Option<Fault>) {
        self.with(|entry| entry.fault = fault);
    }

    pub(crate) fn close(self, end: End) {
        self.with(|entry| entry.end = Some((Instant::now(), end)));
    }

    fn with(&self, change: impl FnOnce(&mut Entry)) {
        let mut inner = self.log.lock();
        if let Some(entry) = self.index.and_then(|index| inner.entries.get_mut(index)) {
            change(entry);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.log.lock().running -= 1;
        self.with(|entry| {
            entry
                .end
                .get_or_insert_with(|| (Instant::now(), End::ShutDown));
        });
    }
}

//! The identity of an API key, and whether it works.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::Epoch;

/// The identity of an API key: a name, and whether the key works. Never the secret.
///
/// Clones share the state: give the same `Key` to every target that uses the secret behind it, and a
/// key that is refused or out of money is shut on all of them at once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_core::Key;
///
/// let (key, now) = (Key::named("openai-main"), Instant::now());
/// let same = key.clone();
/// same.shut(now + Duration::from_secs(60));
/// assert_eq!(key.wait(now), Some(Duration::from_secs(60)));
/// assert_eq!(key.wait(now + Duration::from_secs(60)), None);
/// ```
#[derive(Clone)]
pub struct Key {
    inner: Arc<Inner>,
}

struct Inner {
    name: Box<str>,
    epoch: Epoch,
    /// In milliseconds; 0: not shut.
    shut_until: AtomicU64,
    /// When an answer was last had with it, in milliseconds plus one; 0: never.
    worked: AtomicU64,
}

impl Key {
    /// Makes a key that is known by `name`, which may stand in logs: not the secret.
    #[must_use]
    pub fn named(name: impl Into<Box<str>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                name: name.into(),
                epoch: Epoch::now(),
                shut_until: AtomicU64::new(0),
                worked: AtomicU64::new(0),
            }),
        }
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Shuts the key on all its targets until then. Never shortens.
    pub fn shut(&self, until: Instant) {
        let until = self.inner.epoch.millis(until);
        self.inner.shut_until.fetch_max(until, Ordering::Relaxed);
    }

    /// Opens the key at once.
    pub fn open(&self) {
        self.inner.shut_until.store(0, Ordering::Relaxed);
    }

    /// Whether it was ever shut and not seen open since: one load and no clock, for the hot path.
    #[must_use]
    pub fn may_be_shut(&self) -> bool {
        self.inner.shut_until.load(Ordering::Relaxed) != 0
    }

    /// How long it is shut still; `None` if it is open.
    #[must_use]
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let until = self.inner.shut_until.load(Ordering::Relaxed);
        let left = until.saturating_sub(self.inner.epoch.millis(now));
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// Lets one call try a key whose time is over: shuts it for `lease` for all others, until it
    /// [worked](Self::worked). Returns whether the caller is that call.
    #[must_use = "only who was told so may try it"]
    pub fn begin_probe(&self, now: Instant, lease: Duration) -> bool {
        let inner = &*self.inner;
        let until = inner.shut_until.load(Ordering::Relaxed);
        let next = inner.epoch.millis(now + lease);
        let (yes, no) = (Ordering::Relaxed, Ordering::Relaxed);
        until <= inner.epoch.millis(now)
            && inner
                .shut_until
                .compare_exchange(until, next, yes, no)
                .is_ok()
    }

    /// Notes that an answer was had with the key, and that it is therefore open.
    ///
    /// Writes at most once a second, so that a busy key is no contended cache line.
    pub fn worked(&self, now: Instant) {
        let inner = &*self.inner;
        let now = inner.epoch.millis(now) + 1;
        if now.saturating_sub(inner.worked.load(Ordering::Relaxed)) >= 1000
            || inner.worked.load(Ordering::Relaxed) == 0
        {
            inner.worked.store(now, Ordering::Relaxed);
        }
        if self.may_be_shut() {
            self.open();
        }
    }

    /// Whether an answer was had with it within the last `memory`.
    ///
    /// A key that worked minutes ago and is refused now is a provider's sign-in outage, not a dead key.
    #[must_use]
    pub fn worked_within(&self, now: Instant, memory: Duration) -> bool {
        match self.inner.worked.load(Ordering::Relaxed) {
            0 => false,
            at => {
                let ago = (self.inner.epoch.millis(now) + 1).saturating_sub(at);
                Duration::from_millis(ago) <= memory
            }
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.inner.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_tries_a_key_that_comes_back() {
        let (key, now) = (Key::named("k"), Instant::now());
        let second = Duration::from_secs(1);
        key.shut(now + second);
        assert!(!key.begin_probe(now, second), "it is shut still");
        assert!(key.begin_probe(now + second, second));
        assert!(!key.begin_probe(now + second, second), "another tries it");
        assert!(
            key.begin_probe(now + 2 * second, second),
            "nobody knows how that went"
        );
    }

    #[test]
    fn success_opens_a_shut_key_and_is_remembered() {
        let (key, now) = (Key::named("k"), Instant::now());
        assert!(!key.worked_within(now, Duration::from_secs(600)));
        key.shut(now + Duration::from_secs(60));
        key.worked(now);
        assert_eq!(key.wait(now), None);
        let later = now + Duration::from_secs(599);
        assert!(key.worked_within(later, Duration::from_secs(600)));
        let later = now + Duration::from_secs(601);
        assert!(!key.worked_within(later, Duration::from_secs(600)));
    }
}

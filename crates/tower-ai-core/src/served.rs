//! Who served a call, after what.

use std::time::Duration;

use crate::{CacheNote, Key, Outcome, Sequel, Splice, Target};

/// Who served a call, after what: stands beside the response, in its extensions for `http` types.
///
/// The attempt that answered is held in place; a list is made only when an attempt has failed before it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_ai_core::{Outcome, Served, Target, Tried};
///
/// let (first, second) = (Target::new("first")?, Target::new("second")?);
/// let mut served = Served::default();
/// served.add_tried([Tried::new(first, Outcome::Fault, Duration::from_millis(80))]);
/// served.set_target(second);
/// served.add_attempts(2);
///
/// assert_eq!(served.target().map(Target::name), Some("second"));
/// assert_eq!(served.attempts(), 2);
/// # Ok::<(), tower_ai_core::InvalidTarget>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Served {
    target: Option<Target>,
    key: Option<Key>,
    attempts: u32,
    waited: Duration,
    tried: Vec<Tried>,
    // Boxed: most stacks have no cache, and none should move these bytes about.
    cache: Option<Box<CacheNote>>,
    // Shared with the body, which goes on when the head has long been read.
    sequel: Option<Sequel>,
}

impl Served {
    /// The target that answered.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// The identity of the key with which it was called, as far as is known.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        let of_target = || self.target.as_ref().and_then(Target::key);
        self.key.as_ref().or_else(of_target)
    }

    /// The attempts that were sent, over all targets, with the one that answered and those that went on with its
    /// answer so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts + self.sequel.as_ref().map_or(0, Sequel::attempts)
    }

    /// The time that was spent waiting between attempts.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// What was tried at other targets before this answer, in order. Those that were not sent to stand
    /// here as [`Outcome::Shed`].
    #[must_use]
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }

    /// Where other targets went on with the answer after it broke off, so far: ask again at its end.
    #[must_use]
    pub fn splices(&self) -> Vec<Splice> {
        self.sequel.as_ref().map_or_else(Vec::new, Sequel::splices)
    }

    /// How many events of the answer could not be read and were left out, so far: ask again at its end.
    #[must_use]
    pub fn skipped(&self) -> u32 {
        self.sequel.as_ref().map_or(0, Sequel::skipped)
    }

    /// The handle for those who read the answer on, shared with all clones made from here on.
    pub fn sequel(&mut self) -> Sequel {
        self.sequel.get_or_insert_default().clone()
    }

    /// What the cache did, if there is one.
    #[must_use]
    pub fn cache(&self) -> Option<&CacheNote> {
        self.cache.as_deref()
    }

    /// Notes what the cache did.
    pub fn set_cache(&mut self, note: CacheNote) {
        self.cache = Some(Box::new(note));
    }

    /// Sets the target that answered.
    pub fn set_target(&mut self, target: Target) {
        self.target = Some(target);
    }

    /// Sets the key with which it was called, where the target has several.
    pub fn set_key(&mut self, key: Key) {
        self.key = Some(key);
    }

    /// Counts attempts.
    pub fn add_attempts(&mut self, attempts: u32) {
        self.attempts += attempts;
    }

    /// Counts time spent waiting.
    pub fn add_waited(&mut self, waited: Duration) {
        self.waited += waited;
    }

    /// Adds targets that were tried before. Their attempts are counted by [`add_attempts`](Self::add_attempts).
    pub fn add_tried(&mut self, tried: impl IntoIterator<Item = Tried>) {
        self.tried.extend(tried);
    }
}

/// One target that was tried, and what it said. Holds categories only, never a provider's text.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tried {
    /// The target.
    pub target: Target,
    /// What it said.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

impl Tried {
    /// Notes what a target said and how long it took.
    #[must_use]
    pub const fn new(target: Target, outcome: Outcome, took: Duration) -> Self {
        Self {
            target,
            outcome,
            took,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Joint;

    #[test]
    fn what_comes_after_the_head_is_seen_by_clones() {
        let mut served = Served::default();
        served.add_attempts(1);
        let sequel = served.sequel();
        let kept = served.clone();
        sequel.add_attempts(2);
        sequel.add_skipped(3);
        let splice = Splice::new(None, None, Outcome::Fault, Joint::Restart, 7);
        for _ in 0..20 {
            sequel.add_splice(splice.clone());
        }
        assert_eq!((kept.attempts(), kept.skipped()), (3, 3));
        assert_eq!(kept.splices(), vec![splice; 8]);
        assert_eq!((served.attempts(), served.skipped()), (3, 3));
    }
}

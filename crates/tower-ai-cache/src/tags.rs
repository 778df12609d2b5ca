//! Invalidation by tag, without a list of what has the tag.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most tags whose invalidation is remembered.
const MOST: usize = 4096;

/// Counts the invalidations of each tag: an entry remembers the counts of its tags as they were when it
/// was asked for, and is void when one of them has grown.
#[derive(Debug, Default)]
pub(crate) struct Tags(Mutex<HashMap<Box<str>, u64>>);

impl Tags {
    /// The tags with their counts as they are now.
    pub(crate) fn counted(&self, tags: &[Box<str>]) -> Box<[(Box<str>, u64)]> {
        if tags.is_empty() {
            return Box::default();
        }
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tags.iter()
            .map(|tag| (tag.clone(), counts.get(tag).copied().unwrap_or(0)))
            .collect()
    }

    /// Whether none of them was invalidated since they were counted.
    pub(crate) fn hold(&self, counted: &[(Box<str>, u64)]) -> bool {
        if counted.is_empty() {
            return true;
        }
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holds =
            |(tag, count): &(Box<str>, u64)| counts.get(tag).copied().unwrap_or(0) == *count;
        counted.iter().all(holds)
    }

    /// Voids what has this tag. Returns whether it could be remembered; if not, everything must go.
    pub(crate) fn invalidate(&self, tag: &str) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(tag) {
            *count += 1;
        } else if counts.len() < MOST {
            counts.insert(tag.into(), 1);
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_before_is_void_and_what_is_asked_after_is_not() {
        let tags = Tags::default();
        let names: Vec<Box<str>> = vec!["fees".into(), "cards".into()];
        let before = tags.counted(&names);
        assert!(tags.hold(&before));
        assert!(tags.invalidate("cards"));
        assert!(!tags.hold(&before));
        assert!(tags.hold(&tags.counted(&names)));
    }

    #[test]
    fn the_memory_of_tags_is_bounded() {
        let tags = Tags::default();
        for i in 0..MOST {
            assert!(tags.invalidate(&i.to_string()));
        }
        assert!(!tags.invalidate("one more"));
        assert!(tags.invalidate("7"), "a known one");
    }
}

//! Targets by number, to name a few of them in place.

use std::sync::atomic::{AtomicU32, Ordering};

use super::Target;

/// A number that no other target has.
pub(super) fn fresh() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Up to four targets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TargetIds([u32; 4]);

impl TargetIds {
    pub(crate) const NONE: Self = Self([0; 4]);

    /// Adds a target if there is room.
    pub(crate) fn insert(&mut self, target: &Target) {
        let id = target.inner.id;
        let free = |known: &&mut u32| **known == 0 || **known == id;
        if let Some(place) = self.0.iter_mut().find(free) {
            *place = id;
        }
    }

    pub(crate) fn contains(&self, target: &Target) -> bool {
        self.0.contains(&target.inner.id)
    }
}

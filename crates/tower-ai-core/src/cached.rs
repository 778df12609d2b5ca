//! What a cache did for a call.

use std::time::Duration;

/// How a cache took part in a call.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CacheUse {
    /// The call was none of the cache's business: it was passed on, and its answer not kept.
    Bypass {
        /// The rule that kept it out.
        reason: &'static str,
    },
    /// The same question had been answered before.
    Exact,
    /// The same question was being answered for another caller, who shared it.
    Joined,
    /// Nothing was found: the inner service answered.
    Miss,
    /// A question of the same meaning had been answered before.
    Semantic {
        /// How near it was: the cosine, at most 1.
        score: f32,
    },
}

/// What a cache did for one call: stands in [`Served`](crate::Served). Holds no text.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CacheNote {
    /// How it took part.
    pub how: CacheUse,
    /// How old the answer is; zero for a fresh one.
    pub age: Duration,
    /// The answer is past its time, and stands in for one that failed.
    pub stale: bool,
    /// The entry it came from, by which it can be removed.
    pub entry: Option<u64>,
    /// The nearest question that was *not* taken, by which guard.
    pub near: Option<Near>,
}

/// A question that was near, but not the same.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Near {
    /// How near: the cosine, at most 1.
    pub score: f32,
    /// What kept it from being a hit: `"threshold"` or the name of a guard.
    pub guard: &'static str,
}

impl CacheNote {
    /// A note with nothing else to say.
    #[must_use]
    pub const fn new(how: CacheUse) -> Self {
        Self {
            how,
            age: Duration::ZERO,
            stale: false,
            entry: None,
            near: None,
        }
    }

    /// Whether the answer came out of the cache.
    #[must_use]
    pub const fn is_hit(&self) -> bool {
        matches!(self.how, CacheUse::Exact | CacheUse::Semantic { .. })
    }
}

impl Near {
    /// A question that was `score` near and refused by `guard`.
    #[must_use]
    pub const fn new(score: f32, guard: &'static str) -> Self {
        Self { score, guard }
    }
}

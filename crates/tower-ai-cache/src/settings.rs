//! What a cache is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tower_ai_core::{Outcome, Question};

use crate::memory::Limits;
use crate::refuse::Rules;
use crate::semantic::Semantic;
use crate::store::{Gone, Store};
use crate::verify::Verify;

/// Says how long an answer is fresh; `None` keeps it not at all.
pub(crate) type LifeFn<T> = Arc<dyn Fn(&Question, &T) -> Option<Duration> + Send + Sync>;

/// Makes the store of a cache.
pub(crate) type StoreFn<T> = Arc<dyn Fn(Gone<T>) -> Arc<dyn Store<T>> + Send + Sync>;

/// Everything that a cache is told, bar how to read its requests and responses.
pub(crate) struct Settings<T> {
    pub(crate) limits: Limits,
    pub(crate) rules: Rules,
    pub(crate) life: LifeFn<T>,
    pub(crate) stale: Option<Duration>,
    pub(crate) stale_for: fn(Outcome) -> bool,
    pub(crate) wait: Duration,
    pub(crate) semantic: Option<Semantic>,
    pub(crate) verify: Option<Verify<T>>,
    /// `None` is the store in memory.
    pub(crate) store: Option<StoreFn<T>>,
    pub(crate) epoch: u64,
}

impl<T> Default for Settings<T> {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            rules: Rules::default(),
            life: Arc::new(|_, _| Some(Duration::from_secs(3600))),
            stale: None,
            stale_for,
            wait: Duration::from_secs(30),
            semantic: None,
            verify: None,
            store: None,
            epoch: 0,
        }
    }
}

/// The provider's bad day, not the caller's mistake, and not an answer that the provider meant.
const fn stale_for(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Fault
            | Outcome::TimedOut
            | Outcome::Overloaded { .. }
            | Outcome::RateLimited { .. }
            | Outcome::Warming { .. }
            | Outcome::Exhausted { .. }
            | Outcome::Shed { .. }
    )
}

/// Whether whoever waits for the same call would only fail in the same way: another try is a doomed call.
pub(crate) const fn is_shared_failure(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Overloaded { .. }
            | Outcome::RateLimited { .. }
            | Outcome::Exhausted { .. }
            | Outcome::Unauthorized
            | Outcome::Missing
            | Outcome::Shed { .. }
    )
}

impl<T> Clone for Settings<T> {
    fn clone(&self) -> Self {
        Self {
            life: Arc::clone(&self.life),
            semantic: self.semantic.clone(),
            verify: self.verify.clone(),
            store: self.store.clone(),
            ..*self
        }
    }
}

impl<T> fmt::Debug for Settings<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("limits", &self.limits)
            .field("rules", &self.rules)
            .field("stale", &self.stale)
            .field("wait", &self.wait)
            .field("semantic", &self.semantic)
            .field("verify", &self.verify)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

//! Reading and steering a running stack.

use std::sync::Arc;

use tower_ai_breaker::BreakerHandle;
use tower_ai_core::Target;
use tower_ai_failover::FailoverHandle;

/// Reads and steers a running stack: its router, and the breaker of each target.
#[derive(Clone, Debug)]
pub struct StackHandle {
    pub(super) failover: FailoverHandle,
    pub(super) breakers: Arc<[(Target, BreakerHandle)]>,
}

impl StackHandle {
    /// The router: reorder, drain, disable and re-enable targets.
    #[must_use]
    pub const fn failover(&self) -> &FailoverHandle {
        &self.failover
    }

    /// The breaker of a target; `None` if no target has this name.
    #[must_use]
    pub fn breaker(&self, name: &str) -> Option<&BreakerHandle> {
        let named = |(target, _): &&(Target, _)| target.name() == name;
        self.breakers.iter().find(named).map(|(_, handle)| handle)
    }

    /// Each target with its breaker, in the order in which they were added.
    pub fn breakers(&self) -> impl Iterator<Item = (&Target, &BreakerHandle)> {
        self.breakers
            .iter()
            .map(|(target, handle)| (target, handle))
    }
}

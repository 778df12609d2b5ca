//! Latency learnt from heads, where no layer below follows answers further.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::Target;

/// Counts one attempt as under way until it is dropped, and can report how long its head took.
#[derive(Debug)]
pub(crate) struct TimedHead {
    target: Target,
    since: Instant,
}

impl TimedHead {
    pub(crate) fn begin(target: &Target) -> Self {
        target.health().begin_attempt();
        Self {
            target: target.clone(),
            since: Instant::now(),
        }
    }

    /// Reports the head's time as the time to first content.
    pub(crate) fn observe(&self, decay: Duration) {
        let now = Instant::now();
        let health = self.target.health();
        health.observe_first_content(now, now - self.since, decay);
    }
}

impl Drop for TimedHead {
    fn drop(&mut self) {
        self.target.health().end_attempt();
    }
}

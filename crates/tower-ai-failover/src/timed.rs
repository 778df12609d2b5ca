//! Latency learnt from heads, and attempts counted, where no layer below does.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::Target;

use crate::hedge::Hedging;

/// Times one attempt, and counts it as under way until this is dropped, where nobody else does.
#[derive(Debug)]
pub(crate) struct TimedHead {
    target: Target,
    number: u8,
    streamed: bool,
    /// Whether a layer below counts attempts and reports latencies itself.
    followed: bool,
    since: Instant,
}

impl TimedHead {
    pub(crate) fn begin(target: &Target, number: u8, streamed: bool) -> Self {
        let followed = target.health().is_followed();
        if !followed {
            target.health().begin_attempt();
        }
        Self {
            target: target.clone(),
            number,
            streamed,
            followed,
            since: Instant::now(),
        }
    }

    /// Whether the answer was asked for as a stream.
    pub(crate) const fn streamed(&self) -> bool {
        self.streamed
    }

    /// How long it has been under way.
    pub(crate) fn took(&self) -> Duration {
        Instant::now() - self.since
    }

    /// Reports the head's time as the time to first content.
    pub(crate) fn answered(&self, decay: Duration, hedging: Option<&Hedging>) {
        let now = Instant::now();
        let took = now - self.since;
        if !self.followed {
            let health = self.target.health();
            health.observe_first_content(now, took, decay);
        }
        self.learn(took, hedging);
    }

    /// Reports that it was waited for so long, and no longer.
    pub(crate) fn given_up(&self, hedging: Option<&Hedging>) {
        self.learn(self.took(), hedging);
    }

    fn learn(&self, took: Duration, hedging: Option<&Hedging>) {
        hedging.inspect(|hedging| hedging.learn(self.number, self.streamed, took));
    }
}

impl Drop for TimedHead {
    fn drop(&mut self) {
        if !self.followed {
            self.target.health().end_attempt();
        }
    }
}

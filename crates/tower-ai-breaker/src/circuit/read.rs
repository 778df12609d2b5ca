//! What others may know of a circuit.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use tokio::sync::watch;
use tokio::time::Instant;
use tower_ai_core::{Mode, Target};

use crate::handle::Transition;
use crate::rules::Settings;
use crate::time::Clock;

use super::Circuit;

impl Circuit {
    /// Whether nothing would be lost with it but what was learnt: closed, not gated, not set by hand.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.word.load().is_free() && !self.is_forced()
    }

    /// Whether a call that comes now, after a long silence, would go in any case.
    pub(crate) fn may_be_forgotten(&self, now: Instant) -> bool {
        let open = self.word.load().away(self.clock.at(now)).is_some();
        !open && !self.is_forced()
    }

    fn is_forced(&self) -> bool {
        let machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        machine.is_forced().is_some()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn mode(&self) -> Mode {
        self.word.load().mode()
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Transition> {
        self.watch.subscribe()
    }
}

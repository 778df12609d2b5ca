//! One target as the router sees it.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::{Priority, Target, Tuning};

use crate::router::Switch;

/// One target with its switch, and the number of its failure domain.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) target: Target,
    pub(crate) domain: u8,
    switch: AtomicU8,
    /// Calls that are just being sent, and that the target's health may not count yet.
    claims: AtomicU32,
}

impl Slot {
    pub(crate) fn new(target: &Target, domain: u8) -> Self {
        Self {
            target: target.clone(),
            domain,
            switch: AtomicU8::new(Switch::Enabled.bits()),
            claims: AtomicU32::new(0),
        }
    }

    #[inline]
    pub(crate) fn switch(&self) -> Switch {
        Switch::from_bits(self.switch.load(Ordering::Relaxed))
    }

    pub(crate) fn set_switch(&self, switch: Switch) {
        self.switch.store(switch.bits(), Ordering::Relaxed);
    }

    /// Whether it is enabled, closed and has room in its rate limits, as far as can be told without a clock.
    #[inline]
    pub(crate) fn is_well(&self) -> bool {
        self.switch() == Switch::Enabled
            && self.target.is_closed()
            && !self.target.health().may_be_tight()
    }

    /// Whether a call of this class finds it with fewer calls under way than the class may fill it up to.
    #[inline]
    pub(crate) fn admits(&self, class: Class) -> bool {
        self.room(class)
            .is_none_or(|room| self.target.health().pending() < room)
    }

    /// Holds a place for a call until it is sent and counted; `None` if there is none left for its class.
    pub(crate) fn claim(&self, class: Class) -> Option<Claim<'_>> {
        let Some(room) = self.room(class) else {
            return Some(Claim(None));
        };
        // Whoever let go of a claim before this has been counted before it, so that nobody is missed.
        let ahead = self.claims.fetch_add(1, Ordering::AcqRel);
        let claim = Claim(Some(&self.claims));
        let taken = self.target.health().pending().saturating_add(ahead);
        (taken < room).then_some(claim)
    }

    fn room(&self, class: Class) -> Option<u32> {
        let capacity = self.target.capacity()?;
        Some(class.own.room(capacity, class.top))
    }

    /// How long until a call of this class finds room: what is too much goes away at the rate at which answers
    /// come (Little's law), each of which takes the learnt time to first content at least.
    pub(crate) fn wait(&self, class: Class, now: Instant, tuning: &Tuning) -> Duration {
        let health = self.target.health();
        let took = health.first_content(now, tuning.latency_decay);
        let pending = health.pending().max(1);
        let room = self.room(class).unwrap_or(pending);
        let excess = (pending + 1).saturating_sub(room).clamp(1, pending);
        took.unwrap_or(tuning.gate_unnamed)
            .mul_f64(f64::from(excess) / f64::from(pending))
            .max(Duration::from_millis(1))
    }
}

/// The class of a call, and the highest one in use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Class {
    pub(crate) own: Priority,
    pub(crate) top: Priority,
}

/// A place that is held for a call.
#[derive(Debug)]
pub(crate) struct Claim<'a>(Option<&'a AtomicU32>);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(claims) = self.0 {
            claims.fetch_sub(1, Ordering::Release);
        }
    }
}

//! What the machine tells those who ask.

use tower_ai_core::Mode;

use crate::ring::Lane;
use crate::time::Nanos;
use crate::window::Tally;

use super::{Forced, Machine, Phase};

/// Everything that a snapshot shows, in the machine's own units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) mode: Mode,
    pub(crate) forced: Option<Forced>,
    pub(crate) generation: u32,
    pub(crate) until: Option<Nanos>,
    pub(crate) outage_age: Nanos,
    pub(crate) levels: [f64; 4],
    pub(crate) threshold: f64,
    pub(crate) errors: f64,
    pub(crate) rate: f64,
    /// Of each lane: the usual time to first content, and the age from which a call is slow.
    pub(crate) latency: [(Option<Nanos>, Nanos); 2],
    pub(crate) shed_share: f64,
    pub(crate) window: Option<(u32, u32)>,
    pub(crate) cap: Option<f64>,
    pub(crate) tally: Option<Tally>,
}

impl Machine {
    pub(crate) fn report(&mut self) -> Report {
        let shed_share = match &self.phase {
            Phase::Closed => 0.0,
            Phase::Shedding(shedding) => shedding.rejected_share(),
            Phase::Open { .. } => 1.0,
            Phase::Ramping(_) | Phase::HalfOpen(_) => 0.0,
        };
        let window = match &self.phase {
            Phase::Ramping(ramp) => Some((ramp.window(), ramp.holding())),
            Phase::HalfOpen(half) => Some((half.left(), half.holding())),
            _ => None,
        };
        Report {
            mode: self.mode(),
            forced: self.forced,
            generation: self.generation,
            until: self.until(),
            outage_age: self.outage_age(self.now),
            levels: self.evidence.levels(),
            threshold: self.evidence.threshold(&self.rules),
            errors: self.evidence.p0(),
            rate: self.evidence.rate(),
            latency: Lane::ALL.map(|lane| (self.evidence.usual(lane), self.slow_after(lane))),
            shed_share,
            window,
            cap: self.cap.per_second(),
            tally: self.tally(),
        }
    }
}

//! An outage as a schedule: phases, the targets that live through them, and the calls.

use std::io;
use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use crate::provider::Builder;
use crate::{Invalid, Provider, Scale};

/// The step at which a schedule is looked at.
const STEP: Duration = Duration::from_secs(1);
/// The share of failing attempts from which on a target is sick.
const SICK: f64 = 0.5;
/// The share of failing attempts up to which a target that was sick is healed.
const HEALED: f64 = 0.05;

/// A schedule of phases over some targets, the preferred one first.
///
/// A target is *sick* while its script breaks at least half of its attempts, and *healed* once,
/// after that, it breaks at most one in twenty.
#[derive(Clone, Debug, Default)]
pub struct Outage {
    phases: Vec<(String, Range<Duration>)>,
    targets: Vec<Builder>,
    surge: Option<(Range<Duration>, f64)>,
}

impl Outage {
    /// Creates an empty schedule.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a phase behind the others. A phase is a name; what breaks is in the targets' scripts.
    #[must_use]
    pub fn phase(mut self, name: impl Into<String>, length: Duration) -> Self {
        let start = self.length();
        self.phases
            .push((name.into(), start..start.saturating_add(length)));
        self
    }

    /// Adds a target behind the others.
    #[must_use]
    pub fn target(mut self, target: Builder) -> Self {
        self.targets.push(target);
        self
    }

    /// Has users make so many times as many calls within `window`.
    ///
    /// # Errors
    ///
    /// [`Invalid::Rate`] or [`Invalid::Window`].
    pub fn surge(mut self, window: Range<Duration>, times: f64) -> Result<Self, Invalid> {
        if window.is_empty() {
            return Err(Invalid::Window);
        }
        if !times.is_finite() || times <= 0.0 {
            return Err(Invalid::Rate);
        }
        self.surge = Some((window, times));
        Ok(self)
    }

    /// How long it lasts, in outage time.
    pub fn length(&self) -> Duration {
        self.phases
            .last()
            .map_or(Duration::ZERO, |(_, window)| window.end)
    }

    /// The name of the phase at a time.
    pub fn phase_at(&self, time: Duration) -> Option<&str> {
        let mut phases = self.phases.iter();
        let phase = phases.find(|(_, window)| window.contains(&time));
        phase.map(|(name, _)| name.as_str())
    }

    /// The phases and their times.
    pub fn phases(&self) -> impl Iterator<Item = (&str, Range<Duration>)> {
        self.phases
            .iter()
            .map(|(name, window)| (name.as_str(), window.clone()))
    }

    /// The names of the targets.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(Builder::name)
    }

    pub(crate) fn surged(&self) -> Option<(Range<Duration>, f64)> {
        self.surge.clone()
    }

    /// Whether anything breaks, or users surge, within a time.
    pub(crate) fn is_troubled(&self, window: &Range<Duration>) -> bool {
        let surge = self.surge.as_ref();
        let surges = |(surge, _): &(Range<Duration>, f64)| {
            surge.start < window.end && window.start < surge.end
        };
        let breaks = |target: &Builder| {
            let mut shares = self.shares(target.name());
            shares.any(|(time, share)| window.contains(&time) && share > 0.0)
        };
        surge.is_some_and(surges) || self.targets.iter().any(breaks)
    }

    /// The times over which a target is sick, to the second.
    pub fn sick(&self, target: &str) -> Vec<Range<Duration>> {
        let mut sick: Vec<Range<Duration>> = Vec::new();
        for (time, _) in self.shares(target).filter(|(_, share)| *share >= SICK) {
            match sick.last_mut() {
                Some(window) if window.end == time => window.end = time + STEP,
                _ => sick.push(time..time + STEP),
            }
        }
        sick
    }

    /// The times at which a target that was sick is healed, to the second, each with the time until
    /// which it stays so.
    pub fn healed(&self, target: &str) -> Vec<Range<Duration>> {
        let mut healed: Vec<Range<Duration>> = Vec::new();
        let mut ill = false;
        for (time, share) in self.shares(target) {
            if ill && share <= HEALED {
                healed.push(time..self.length());
                ill = false;
            } else if !ill && share >= SICK {
                ill = true;
                if let Some(window) = healed.last_mut() {
                    window.end = time;
                }
            }
        }
        healed
    }

    /// Starts a set of the targets of its own. What the sets share is the [`Domain`](crate::Domain)s:
    /// the counts of their rules, though not their time.
    ///
    /// # Errors
    ///
    /// What the system says if it gives no port.
    pub async fn start(
        &self,
        seed: u64,
        scale: Scale,
        epoch: Instant,
    ) -> io::Result<Vec<Provider>> {
        let mut providers = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let target = target.clone().seed(seed).scale(scale).epoch(epoch);
            providers.push(target.start().await?);
        }
        Ok(providers)
    }

    fn shares(&self, target: &str) -> impl Iterator<Item = (Duration, f64)> {
        let target = self.targets.iter().find(|builder| builder.name() == target);
        let steps = u32::try_from(self.length().as_secs()).unwrap_or(u32::MAX);
        (0..steps).filter_map(move |step| {
            let time = STEP * step;
            Some((time, target?.share_at(time)))
        })
    }
}

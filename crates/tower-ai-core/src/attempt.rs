//! What travels down with each attempt.

use std::time::Duration;

use tokio::time::Instant;

use crate::target::{Target, TargetIds};
use crate::{Deadline, Priority};

/// What the layers above tell the layers below about one attempt.
///
/// Travels with the request, by a [`Carry`](crate::Carry). Small and `Copy`: a layer takes it, changes what it
/// knows better and passes it on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use tower_ai_core::{Attempt, Deadline};
///
/// let now = Instant::now();
/// let attempt = Attempt::begin(now).with_deadline(Deadline::after(now, Duration::from_secs(30)));
/// assert_eq!(attempt.number(), 0);
/// assert_eq!(attempt.next(now).number(), 1);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    started: Instant,
    deadline: Option<Deadline>,
    patience: Option<Duration>,
    number: u32,
    others: bool,
    deposited: bool,
    streamed: bool,
    avoided: TargetIds,
    priority: Priority,
}

impl Attempt {
    /// The first attempt of a call that begins now, with no deadline and nowhere else to go.
    #[must_use]
    pub const fn begin(now: Instant) -> Self {
        Self {
            started: now,
            deadline: None,
            patience: None,
            number: 0,
            others: false,
            deposited: false,
            streamed: false,
            avoided: TargetIds::NONE,
            priority: Priority::Normal,
        }
    }

    /// The attempt after this one, which starts now.
    #[must_use]
    pub const fn next(mut self, now: Instant) -> Self {
        self.started = now;
        self.number += 1;
        self
    }

    /// Bounds the call. An earlier deadline that it has already stays.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(self.deadline.map_or(deadline, |known| known.min(deadline)));
        self
    }

    /// Sets how long a wait in place may be while other targets are left.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Says whether another target with closed health is left for this call.
    #[must_use]
    pub const fn with_others(mut self, others: bool) -> Self {
        self.others = others;
        self
    }

    /// Says that a layer above pays into the budget for this call.
    #[must_use]
    pub const fn with_deposited(mut self) -> Self {
        self.deposited = true;
        self
    }

    /// Says that the answer was asked for as a stream: its first content comes long before its end.
    ///
    /// Who learns latencies keeps streamed answers apart from plain ones, whose first content is their end.
    #[must_use]
    pub const fn with_streamed(mut self, streamed: bool) -> Self {
        self.streamed = streamed;
        self
    }

    /// The attempt that goes on with an answer which broke off after its first words were passed on.
    ///
    /// It starts now and has a deadline of its own: the call's was met when the answer began. It is a further
    /// attempt of a call that was paid in for.
    #[must_use]
    pub const fn resume(mut self, now: Instant, deadline: Deadline) -> Self {
        self = self.next(now);
        self.deadline = Some(deadline);
        self.deposited = true;
        self
    }

    /// Names a target that this call must not be sent to again: its answer broke off. The first four count.
    #[must_use]
    pub fn avoiding(mut self, target: &Target) -> Self {
        self.avoided.insert(target);
        self
    }

    /// Whether this call must not be sent to the target.
    #[must_use]
    pub fn avoids(&self, target: &Target) -> bool {
        self.avoided.contains(target)
    }

    /// Whether there are targets that this call must not be sent to.
    #[must_use]
    pub fn avoids_any(&self) -> bool {
        self.avoided != TargetIds::NONE
    }

    /// Says how much the call matters. Defaults to [`Priority::Normal`].
    #[must_use]
    pub const fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// When this attempt began: one clock read that all layers below share.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// By when the call must have begun to answer.
    #[must_use]
    pub const fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// How long a wait in place may be while other targets are left.
    #[must_use]
    pub const fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// How many attempts of this call went before, at any target.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether another target with closed health is left for this call.
    #[must_use]
    pub const fn others(&self) -> bool {
        self.others
    }

    /// Whether a layer above pays into the budget for this call.
    #[must_use]
    pub const fn deposited(&self) -> bool {
        self.deposited
    }

    /// Whether the answer was asked for as a stream, as far as is known.
    #[must_use]
    pub const fn streamed(&self) -> bool {
        self.streamed
    }

    /// How much the call matters.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.priority
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_goes_on_has_a_deadline_of_its_own_and_was_paid_in_for() {
        let now = Instant::now();
        let over = Deadline::at(now);
        let later = now + Duration::from_secs(90);
        let fresh = Deadline::after(later, Duration::from_secs(30));
        let attempt = Attempt::begin(now).with_deadline(over).with_streamed(true);
        let resumed = attempt.resume(later, fresh);
        assert_eq!(resumed.deadline(), Some(fresh));
        assert_eq!((resumed.started(), resumed.number()), (later, 1));
        assert!(resumed.deposited() && resumed.streamed());
    }

    #[test]
    fn up_to_four_targets_are_avoided() {
        let targets: Vec<_> = (0..5)
            .filter_map(|n| Target::new(format!("t{n}")).ok())
            .collect();
        let mut attempt = Attempt::begin(Instant::now());
        assert!(!attempt.avoids_any() && !attempt.avoids(&targets[0]));
        for target in targets.iter().chain(&targets[..2]) {
            attempt = attempt.avoiding(target);
        }
        assert!(attempt.avoids_any());
        let avoided: Vec<_> = targets
            .iter()
            .map(|target| attempt.avoids(target))
            .collect();
        assert_eq!(avoided, [true, true, true, true, false]);
        assert!(
            attempt.avoids(&targets[0].clone()),
            "a clone is the same target"
        );
    }
}

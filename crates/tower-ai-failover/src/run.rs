//! The routing decisions of one call: pure, with `now` as an argument.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::{
    Attempt, Availability, Budget, Chance, Deadline, Elsewhere, Outcome, Target, Tried, Tuning,
};

use crate::policy::Policy;
use crate::router::{Order, Router, Switch};
use crate::set::Set;
use crate::slot::Class;

/// What one call has tried so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Targets that were tried or are away for this call.
    pub(crate) seen: Set,
    /// Domains in which an attempt of this call has failed.
    pub(crate) failed: Set,
    /// The context window that was too small, if one was.
    window: Option<u32>,
    /// Targets that nothing but their circuit keeps away, the soonest due last.
    pub(crate) open: Vec<(Duration, u8)>,
    /// Whether the call goes on with an answer that broke off: then its first attempt is a further one.
    pub(crate) goes_on: bool,
    /// Whether the budget was drawn on for the attempt that is under way.
    pub(crate) drawn: bool,
    /// Until when the calls of this class find no room at a target that could take others.
    pub(crate) busy: Option<Duration>,
    /// In order; empty while nothing has failed.
    pub(crate) tried: Vec<Tried>,
    /// The attempts that were sent and failed.
    pub(crate) sent: u32,
}

/// What a choice needs to know besides the call.
pub(crate) struct View<'a, P> {
    pub(crate) router: &'a Router,
    pub(crate) policy: &'a P,
    pub(crate) budget: Option<&'a Budget>,
    pub(crate) order: Order,
    pub(crate) chance: &'a Chance,
    pub(crate) class: Class,
    pub(crate) tuning: &'a Tuning,
}

impl<P> View<'_, P> {
    /// Whether policy and context window allow the target.
    pub(crate) fn fits<Req>(&self, request: &Req, target: &Target) -> bool
    where
        P: Policy<Req>,
    {
        let known_too_small = || match (self.policy.tokens(request), target.context_window()) {
            (Some(tokens), Some(window)) => tokens > window,
            _ => false,
        };
        self.policy.allows(request, target) && !known_too_small()
    }
}

impl Run {
    /// A call that has chosen this target first.
    pub(crate) fn of_first(number: u8) -> Self {
        let mut run = Self::default();
        run.seen.insert(number);
        run
    }

    /// A call that goes on elsewhere with an answer that broke off, if it is one.
    pub(crate) fn resumed(router: &Router, attempt: &Attempt) -> Option<Self> {
        if !attempt.avoids_any() {
            return None;
        }
        let mut run = Self {
            goes_on: true,
            ..Self::default()
        };
        for number in (0..=u8::MAX).take(router.len()) {
            let slot = router.slot(number);
            if attempt.avoids(&slot.target) {
                run.seen.insert(number);
                run.failed.insert(slot.domain);
            }
        }
        Some(run)
    }

    /// Whether what this call has seen, policy and context window allow the target.
    pub(crate) fn fits<Req, P: Policy<Req>>(
        &self,
        view: &View<'_, P>,
        request: &Req,
        number: u8,
    ) -> bool {
        let target = &view.router.slot(number).target;
        let large_enough = match (self.window, target.context_window()) {
            (None, _) => true,
            (Some(too_small), Some(window)) => window > too_small,
            (Some(_), None) => false,
        };
        large_enough && view.fits(request, target)
    }

    /// Whether another closed target is left for this call besides the chosen ones.
    pub(crate) fn has_others<Req, P: Policy<Req>>(
        &self,
        view: &View<'_, P>,
        request: &Req,
    ) -> bool {
        (0..=u8::MAX).take(view.router.len()).any(|number| {
            let slot = view.router.slot(number);
            !self.seen.contains(number)
                && slot.switch() == Switch::Enabled
                && slot.target.is_closed()
                && slot.admits(view.class)
                && self.fits(view, request, number)
        })
    }

    /// Whether any target is left that this call has not seen: without, its request need not be kept.
    pub(crate) fn may_go_on(&self, router: &Router) -> bool {
        let unseen = |number| !self.seen.contains(number);
        !self.open.is_empty() || (0..=u8::MAX).take(router.len()).any(unseen)
    }

    /// Takes the outcome of an attempt at `number`; returns whether another target may be tried. `drawn`: whether the
    /// budget was drawn on for it.
    pub(crate) fn learn<P>(
        &mut self,
        view: &View<'_, P>,
        number: u8,
        tried: Tried,
        drawn: bool,
        may_try_refused: impl FnOnce(&Target) -> bool,
    ) -> bool {
        let (slot, outcome) = (view.router.slot(number), tried.outcome);
        if outcome.is_failure() || outcome == Outcome::Unauthorized {
            self.failed.insert(slot.domain);
        }
        if drawn && !outcome.was_sent() {
            view.budget.inspect(|budget| budget.refund());
        }
        self.tried.push(tried);
        match outcome.advice().elsewhere {
            Elsewhere::Yes => true,
            Elsewhere::LargerWindow => {
                let window = slot.target.context_window().unwrap_or(0);
                self.window = Some(self.window.map_or(window, |known| known.max(window)));
                true
            }
            Elsewhere::IfAllowed => may_try_refused(&slot.target),
            _ => false,
        }
    }

    /// The soonest time at which a target that was tried may take calls again.
    pub(crate) fn soonest(&self, now: Instant) -> Option<Duration> {
        let wait = |tried: &Tried| {
            let away = match tried.target.availability(now) {
                Availability::Away(wait) => Some(wait),
                _ => None,
            };
            away.max(tried.outcome.wait())
        };
        let waits: Vec<_> = self.tried.iter().map(wait).collect();
        waits.into_iter().flatten().min()
    }

    /// What the layers below are told of the attempt.
    pub(crate) fn attempt(&self, outer: Option<Attempt>, others: bool, now: Instant) -> Attempt {
        let mut attempt = outer.unwrap_or_else(|| Attempt::begin(now));
        if self.sent > 0 {
            attempt = attempt.next(now);
        }
        attempt.with_others(others).with_deposited()
    }
}

/// The time that an attempt has: less than the call has left, while others could still answer.
pub(crate) fn attempt_limit(
    tuning: &Tuning,
    deadline: Deadline,
    others: bool,
    now: Instant,
) -> Duration {
    let left = deadline.remaining(now);
    let share = if others { left / 2 } else { left };
    tuning.attempt_timeout.min(share)
}

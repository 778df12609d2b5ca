//! The routing decisions of one call: pure, with `now` as an argument.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::{
    Attempt, Availability, Budget, Deadline, Elsewhere, Outcome, Target, Tried, Tuning,
};

use crate::policy::Policy;
use crate::router::{Order, Router, Switch};
use crate::set::Set;

/// What one call has tried so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Targets that were tried or are away for this call.
    seen: Set,
    /// Domains in which an attempt of this call has failed.
    failed: Set,
    /// The context window that was too small, if one was.
    window: Option<u32>,
    /// Targets that nothing but their circuit keeps away, the soonest due last.
    open: Vec<(Duration, u8)>,
    /// Whether the call goes on with an answer that broke off: then its first attempt is a further one.
    goes_on: bool,
    /// Whether the budget was drawn on for the attempt that is under way.
    drawn: bool,
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
    pub(crate) tuning: &'a Tuning,
}

impl<P> View<'_, P> {
    /// Whether policy and context window allow the target.
    fn fits<Req>(&self, request: &Req, target: &Target) -> bool
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

    /// The target to choose where it is simply well: no clock, no lock, nothing to remember.
    #[inline]
    pub(crate) fn first<Req, P: Policy<Req>>(view: &View<'_, P>, request: &Req) -> Option<u8> {
        let (number, target) = match view.order {
            Order::Priority => view.router.well_first()?,
            Order::LeastLatency => return None,
        };
        view.fits(request, target).then_some(number)
    }

    /// Chooses the target of the next attempt, and pays for it if it is not the first.
    ///
    /// Targets that are away are skipped and noted as shed. Domains that have failed this call come last, and
    /// only with a positive balance of the budget. When every target is away and nothing was sent, the breakers
    /// of open ones are asked all the same: the least bad may let a part of the calls through.
    pub(crate) fn next<Req, P: Policy<Req>>(
        &mut self,
        view: &View<'_, P>,
        request: &Req,
    ) -> Option<u8> {
        let now = Instant::now();
        let free = self.candidates(view, request, now);
        let well = |number: &&u8| !self.failed.contains(view.router.slot(**number).domain);
        let spared: Vec<u8> = free.iter().filter(well).copied().collect();
        let paid = self.sent > 0 || self.goes_on;
        if free.is_empty() && !paid {
            return self.last_resort(view);
        }
        let chosen = match self.prefer(view, &spared, now) {
            Some(number) => {
                if paid {
                    view.budget.inspect(|budget| budget.charge());
                }
                number
            }
            None => {
                let number = self.prefer(view, &free, now)?;
                if paid && !view.budget.is_none_or(Budget::withdraw) {
                    return None;
                }
                number
            }
        };
        self.drawn = paid;
        self.seen.insert(chosen);
        Some(chosen)
    }

    /// An open target whose breaker was not asked yet.
    fn last_resort<P>(&mut self, view: &View<'_, P>) -> Option<u8> {
        let (_, number) = self.open.pop()?;
        let target = &view.router.slot(number).target;
        self.tried.retain(|tried| tried.target != *target);
        self.drawn = false;
        Some(number)
    }

    /// The targets that may take the call, most preferred first; draining ones only if there is no other.
    fn candidates<Req, P: Policy<Req>>(
        &mut self,
        view: &View<'_, P>,
        request: &Req,
        now: Instant,
    ) -> Vec<u8> {
        let (mut enabled, mut draining) = (Vec::new(), Vec::new());
        for &number in view.router.ranking().iter() {
            let slot = view.router.slot(number);
            let list = match slot.switch() {
                Switch::Enabled => &mut enabled,
                Switch::Draining => &mut draining,
                Switch::Disabled => continue,
            };
            if self.seen.contains(number) || !self.fits(view, request, number) {
                continue;
            }
            match slot.target.availability(now) {
                Availability::Away(wait) => {
                    self.seen.insert(number);
                    let shed = Outcome::Shed { wait: Some(wait) };
                    let tried = Tried::new(slot.target.clone(), shed, Duration::ZERO);
                    self.tried.push(tried);
                    if slot.target.is_only_open(now) {
                        self.open.push((wait, number));
                    }
                }
                _ => list.push(number),
            }
        }
        self.open.sort_unstable_by(|a, b| b.cmp(a));
        if enabled.is_empty() {
            draining
        } else {
            enabled
        }
    }

    /// Picks one of the candidates by the order.
    fn prefer<P>(&self, view: &View<'_, P>, from: &[u8], now: Instant) -> Option<u8> {
        if view.order == Order::Priority || from.len() < 2 {
            return from.first().copied();
        }
        let chance = &view.router.chance;
        let a = chance.below(from.len());
        let b = (a + 1 + chance.below(from.len() - 1)) % from.len();
        let (a, b) = (from[a], from[b]);
        let load = |number| {
            let health = view.router.slot(number).target.health();
            let pending = health.pending() + 1;
            let first_content = health.first_content(now, view.tuning.latency_decay);
            (first_content, pending)
        };
        Some(match (load(a), load(b)) {
            ((Some(left), m), (Some(right), n)) if right * n < left * m => b,
            ((None, m), (_, n)) | ((_, m), (None, n)) if n < m => b,
            _ => a,
        })
    }

    /// Whether what this call has seen, policy and context window allow the target.
    fn fits<Req, P: Policy<Req>>(&self, view: &View<'_, P>, request: &Req, number: u8) -> bool {
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
                && self.fits(view, request, number)
        })
    }

    /// Whether any target is left that this call has not seen: without, its request need not be kept.
    pub(crate) fn may_go_on(&self, router: &Router) -> bool {
        let unseen = |number| !self.seen.contains(number);
        !self.open.is_empty() || (0..=u8::MAX).take(router.len()).any(unseen)
    }

    /// Takes the outcome of an attempt at `number`; returns whether another target may be tried.
    pub(crate) fn learn<P>(
        &mut self,
        view: &View<'_, P>,
        number: u8,
        outcome: Outcome,
        took: Duration,
        may_try_refused: impl FnOnce(&Target) -> bool,
    ) -> bool {
        let slot = view.router.slot(number);
        let drawn = std::mem::take(&mut self.drawn);
        if outcome.is_failure() || outcome == Outcome::Unauthorized {
            self.failed.insert(slot.domain);
        }
        if drawn && !outcome.was_sent() {
            view.budget.inspect(|budget| budget.refund());
        }
        self.tried
            .push(Tried::new(slot.target.clone(), outcome, took));
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

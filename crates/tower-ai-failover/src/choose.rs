//! Which target a call goes to: pure, with `now` as an argument.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::{Availability, Budget, Outcome, Tried};

use crate::policy::Policy;
use crate::router::{Order, Switch};
use crate::run::{Run, View};

impl Run {
    /// The target to choose where it is simply well: no lock, nothing to remember, and no clock but to compare
    /// latencies.
    #[inline]
    pub(crate) fn first<Req, P: Policy<Req>>(view: &View<'_, P>, request: &Req) -> Option<u8> {
        let number = match view.router.first(view.order, view.chance) {
            None if view.order == Order::LeastLatency => view.lighter_of_all()?,
            first => first?,
        };
        let slot = view.router.slot(number);
        let admits = !view.router.has_capacities() || slot.admits(view.class);
        let well = slot.is_well() && admits && view.fits(request, &slot.target);
        well.then_some(number)
    }

    /// Chooses the target of the next attempt, and pays for it if it is not the first.
    ///
    /// Targets that are away are skipped and noted as shed. Domains that have failed this call come last, and
    /// only with a positive balance of the budget. When every target is away and nothing was sent, the breakers
    /// of open ones are asked all the same: the least bad may let a part of the calls through.
    #[cold]
    pub(crate) fn next<Req, P: Policy<Req>>(
        &mut self,
        view: &View<'_, P>,
        request: &Req,
        now: Instant,
    ) -> Option<u8> {
        let mut free = self.candidates(view, request, now);
        let paid = self.sent > 0 || self.goes_on;
        if free.is_empty() && !paid {
            return self.last_resort(view);
        }
        let chosen = self.prefer(view, &mut free, now)?;
        if paid {
            let covered = match view.budget {
                None => true,
                Some(budget) if self.failed.contains(view.router.slot(chosen).domain) => {
                    budget.withdraw()
                }
                Some(budget) => {
                    budget.charge();
                    true
                }
            };
            if !covered {
                return None;
            }
        }
        self.drawn = paid;
        self.seen.insert(chosen);
        Some(chosen)
    }

    /// Chooses where a second attempt goes while the one at `number` is under way, and pays for it: a target that
    /// is simply well, of another domain if there is one.
    pub(crate) fn hedge<Req, P: Policy<Req>>(
        &mut self,
        view: &View<'_, P>,
        request: &Req,
        number: u8,
        now: Instant,
    ) -> Option<u8> {
        let mut well = view.router.sequence(view.order).to_vec();
        well.retain(|&number| {
            let slot = view.router.slot(number);
            !self.seen.contains(number)
                && slot.is_well()
                && slot.admits(view.class)
                && self.fits(view, request, number)
        });
        let domain = view.router.slot(number).domain;
        let elsewhere = |other: &u8| view.router.slot(*other).domain != domain;
        if well.iter().any(elsewhere) {
            well.retain(elsewhere);
        }
        let chosen = self.prefer(view, &mut well, now)?;
        if !view.budget.is_none_or(Budget::withdraw) {
            return None;
        }
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
        for &number in view.router.sequence(view.order).iter() {
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
                    self.pass_over(view, number, wait);
                    if slot.target.is_only_open(now) {
                        self.open.push((wait, number));
                    }
                }
                _ if !slot.admits(view.class) => {
                    let wait = slot.wait(view.class, now, view.tuning);
                    self.turned_away(wait);
                    self.pass_over(view, number, wait);
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

    /// Notes that a target takes no call for so long.
    fn pass_over<P>(&mut self, view: &View<'_, P>, number: u8, wait: Duration) {
        self.seen.insert(number);
        let shed = Outcome::Shed { wait: Some(wait) };
        let target = view.router.slot(number).target.clone();
        self.tried.push(Tried::new(target, shed, Duration::ZERO));
    }

    /// Notes that a target has no room for so long.
    pub(crate) fn turned_away(&mut self, wait: Duration) {
        self.busy = Some(self.busy.map_or(wait, |known| known.min(wait)));
    }

    /// Picks one of the candidates: first those whose domain has not failed this call; of these, those with room in
    /// their rate limits if one of them is closed; of these, by the order.
    fn prefer<P>(&self, view: &View<'_, P>, from: &mut Vec<u8>, now: Instant) -> Option<u8> {
        let slot = |number: u8| view.router.slot(number);
        let well = |number: &u8| !self.failed.contains(slot(*number).domain);
        if from.iter().any(well) {
            from.retain(well);
        }
        let roomy = |number: &u8| !slot(*number).target.health().is_tight(now);
        let closed =
            |number: &u8| slot(*number).target.availability(now) == Availability::Available;
        if from.iter().any(|number| roomy(number) && closed(number)) {
            from.retain(roomy);
        }
        match view.order {
            Order::LeastLatency if from.len() > 1 => {
                let a = view.chance.below(from.len());
                let b = (a + 1 + view.chance.below(from.len() - 1)) % from.len();
                Some(view.lighter(from[a], from[b], now))
            }
            Order::Weighted => view.drawn_of(from),
            _ => from.first().copied(),
        }
    }
}

impl<P> View<'_, P> {
    /// The lighter of two targets drawn from all, if both are well.
    #[inline(never)]
    fn lighter_of_all(&self) -> Option<u8> {
        let all = self.router.len();
        let a = self.chance.below(all);
        let b = (a + 1 + self.chance.below(all.saturating_sub(1))) % all;
        let (a, b) = (u8::try_from(a).ok()?, u8::try_from(b).ok()?);
        let both = self.router.slot(a).is_well() && self.router.slot(b).is_well();
        both.then(|| match a == b {
            true => a,
            false => self.lighter(a, b, Instant::now()),
        })
    }

    /// The one with the lower latency times calls under way; of which nothing is known, with fewer of them.
    fn lighter(&self, a: u8, b: u8, now: Instant) -> u8 {
        let load = |number| {
            let health = self.router.slot(number).target.health();
            let pending = health.pending() + 1;
            (
                health.first_content(now, self.tuning.latency_decay),
                pending,
            )
        };
        match (load(a), load(b)) {
            ((Some(left), m), (Some(right), n)) if right * n < left * m => b,
            ((None, m), (_, n)) | ((_, m), (None, n)) if n < m => b,
            _ => a,
        }
    }

    /// One of these by weight; the first if all weigh nothing.
    fn drawn_of(&self, from: &[u8]) -> Option<u8> {
        let weight = |number: &u8| self.router.slot(*number).target.weight() as usize;
        let mut left = self.chance.below(from.iter().map(weight).sum());
        let drawn = from.iter().find(|number| {
            let weight = weight(number);
            let here = left < weight;
            left -= if here { 0 } else { weight.min(left) };
            here
        });
        drawn.or(from.first()).copied()
    }
}

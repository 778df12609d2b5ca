//! What all calls share: the targets, their order and which of them are switched off.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tower_ai_core::{Chance, Priority, Target};

use crate::InvalidFailover;
use crate::slot::{Class, Slot};

/// Whether a target may be used, as set by hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Switch {
    /// It takes calls.
    Enabled,
    /// It takes a call only when no other target can; calls under way end there.
    Draining,
    /// It takes no calls; calls under way end there.
    Disabled,
}

impl Switch {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Enabled,
            1 => Self::Draining,
            _ => Self::Disabled,
        }
    }

    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::Enabled => 0,
            Self::Draining => 1,
            Self::Disabled => 2,
        }
    }
}

/// In which order targets are tried.
///
/// In every order a target that is away is skipped, and one with nearly no room in its rate limits comes after the
/// others of its kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Order {
    /// The first target that takes calls, in the given order.
    #[default]
    Priority,
    /// Of two targets drawn at random, the one with the lower time to first content times calls under way
    /// (peak EWMA with the power of two choices).
    LeastLatency,
    /// The cheapest target that takes calls, by [`Target::cost`]; those of unknown cost come last, and of equal ones
    /// the one that was given first.
    LeastCost,
    /// At random, each target as often as its [`Target::weight`] among those that take calls.
    Weighted,
}

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Router {
    slots: Box<[Slot]>,
    /// The first of `ranking`, for calls that need no more than that.
    first: AtomicU8,
    ranking: Mutex<Arc<[u8]>>,
    /// The cheapest first.
    by_cost: Arc<[u8]>,
    /// The weights of all targets up to and with each.
    weights: Box<[usize]>,
    /// Whether any target has a capacity: without one, nobody asks for classes.
    has_capacities: bool,
    /// The highest class of any call so far.
    top: AtomicU8,
}

impl Router {
    pub(crate) fn new(targets: &[Target]) -> Result<Self, InvalidFailover> {
        let ranking: Arc<[u8]> = match targets.len() {
            0 => return Err(InvalidFailover::NoTargets),
            257.. => return Err(InvalidFailover::TooManyTargets),
            _ => (0..=u8::MAX).take(targets.len()).collect(),
        };
        let mut names = HashMap::new();
        let mut domains = HashMap::new();
        for (target, number) in targets.iter().zip(0_u8..=u8::MAX) {
            if names.insert(target.name(), ()).is_some() {
                return Err(InvalidFailover::SameName(target.name().to_owned()));
            }
            domains.entry(target.domain().to_owned()).or_insert(number);
        }
        let mut by_cost = ranking.to_vec();
        let cost = |number: u8| targets[usize::from(number)].cost().unwrap_or(f64::INFINITY);
        by_cost.sort_by(|&a, &b| cost(a).total_cmp(&cost(b)));
        let weights = targets.iter().scan(0, |sum, target| {
            *sum += target.weight() as usize;
            Some(*sum)
        });
        let slot = |target: &Target| Slot::new(target, domains[target.domain()]);
        Ok(Self {
            slots: targets.iter().map(slot).collect(),
            first: AtomicU8::new(0),
            by_cost: by_cost.into(),
            weights: weights.collect(),
            has_capacities: targets.iter().any(|target| target.capacity().is_some()),
            top: AtomicU8::new(0),
            ranking: Mutex::new(ranking),
        })
    }

    /// Whether any target has a capacity.
    #[inline]
    pub(crate) const fn has_capacities(&self) -> bool {
        self.has_capacities
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(crate) fn slot(&self, number: u8) -> &Slot {
        &self.slots[usize::from(number)]
    }

    /// The target that the order puts first where all are well: no clock, no lock. `None` where that takes more.
    #[inline]
    pub(crate) fn first(&self, order: Order, chance: &Chance) -> Option<u8> {
        match order {
            Order::Priority => Some(self.first.load(Ordering::Relaxed)),
            Order::LeastCost => Some(self.by_cost[0]),
            Order::Weighted => self.draw(chance),
            Order::LeastLatency => None,
        }
    }

    /// One of all targets by weight; `None` if all weigh nothing.
    fn draw(&self, chance: &Chance) -> Option<u8> {
        let all = *self.weights.last()?;
        let drawn = chance.below(all);
        let number = self.weights.partition_point(|&sum| sum <= drawn);
        u8::try_from(number).ok().filter(|_| all > 0)
    }

    /// The class of a call. `own` is asked only where it matters.
    #[inline]
    pub(crate) fn class(&self, own: impl FnOnce() -> Priority) -> Class {
        if !self.has_capacities {
            return Class::default();
        }
        self.known_class(own())
    }

    #[cold]
    fn known_class(&self, own: Priority) -> Class {
        let rank = own as u8;
        if rank > self.top.load(Ordering::Relaxed) {
            self.top.fetch_max(rank, Ordering::Relaxed);
        }
        let top = match self.top.load(Ordering::Relaxed) {
            0 => Priority::Low,
            1 => Priority::Normal,
            _ => Priority::High,
        };
        Class { own, top }
    }

    /// All targets, most preferred first.
    pub(crate) fn ranking(&self) -> Arc<[u8]> {
        let ranking = self.ranking.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&ranking)
    }

    /// All targets in the sequence in which an order looks at them.
    pub(crate) fn sequence(&self, order: Order) -> Arc<[u8]> {
        match order {
            Order::LeastCost => Arc::clone(&self.by_cost),
            _ => self.ranking(),
        }
    }

    /// Puts the named targets first, in this order; the others keep theirs behind them.
    pub(crate) fn reorder(&self, names: &[&str]) -> Result<(), InvalidFailover> {
        let mut next = Vec::with_capacity(self.len());
        for name in names {
            let number = self.number(name)?;
            if next.contains(&number) {
                return Err(InvalidFailover::SameName((*name).to_owned()));
            }
            next.push(number);
        }
        let mut ranking = self.ranking.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = ranking.iter().filter(|number| !next.contains(number));
        let rest: Vec<u8> = rest.copied().collect();
        next.extend(rest);
        self.first.store(next[0], Ordering::Relaxed);
        *ranking = next.into();
        Ok(())
    }

    pub(crate) fn set_switch(&self, name: &str, switch: Switch) -> Result<(), InvalidFailover> {
        self.slot(self.number(name)?).set_switch(switch);
        Ok(())
    }

    fn number(&self, name: &str) -> Result<u8, InvalidFailover> {
        let named = |number: &u8| self.slot(*number).target.name() == name;
        let found = (0..=u8::MAX).take(self.len()).find(named);
        found.ok_or_else(|| InvalidFailover::UnknownTarget(name.to_owned()))
    }
}

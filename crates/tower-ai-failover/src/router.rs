//! What all calls share: the targets, their order and which of them are switched off.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tower_ai_core::{Chance, Target};

use crate::InvalidFailover;

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
    const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Enabled,
            1 => Self::Draining,
            _ => Self::Disabled,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Enabled => 0,
            Self::Draining => 1,
            Self::Disabled => 2,
        }
    }
}

/// In which order targets are tried.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Order {
    /// The first target that takes calls, in the given order.
    #[default]
    Priority,
    /// Of two targets drawn at random, the one with the lower time to first content times calls under way
    /// (peak EWMA with the power of two choices).
    LeastLatency,
}

/// One target with its switch, and the number of its failure domain.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) target: Target,
    pub(crate) domain: u8,
    switch: AtomicU8,
}

impl Slot {
    #[inline]
    pub(crate) fn switch(&self) -> Switch {
        Switch::from_bits(self.switch.load(Ordering::Relaxed))
    }
}

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Router {
    slots: Box<[Slot]>,
    /// The first of `ranking`, for calls that need no more than that.
    first: AtomicU8,
    ranking: Mutex<Arc<[u8]>>,
    pub(crate) chance: Chance,
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
        let slot = |target: &Target| Slot {
            domain: domains[target.domain()],
            switch: AtomicU8::new(Switch::Enabled.bits()),
            target: target.clone(),
        };
        Ok(Self {
            slots: targets.iter().map(slot).collect(),
            first: AtomicU8::new(0),
            ranking: Mutex::new(ranking),
            chance: Chance::new(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(crate) fn slot(&self, number: u8) -> &Slot {
        &self.slots[usize::from(number)]
    }

    /// The most preferred target if it is enabled and well, as far as can be told without a clock or a lock.
    #[inline]
    pub(crate) fn well_first(&self) -> Option<(u8, &Target)> {
        let number = self.first.load(Ordering::Relaxed);
        let slot = self.slot(number);
        let well = slot.switch() == Switch::Enabled && slot.target.is_closed();
        well.then_some((number, &slot.target))
    }

    /// All targets, most preferred first.
    pub(crate) fn ranking(&self) -> Arc<[u8]> {
        let ranking = self.ranking.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&ranking)
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
        let slot = self.slot(self.number(name)?);
        slot.switch.store(switch.bits(), Ordering::Relaxed);
        Ok(())
    }

    fn number(&self, name: &str) -> Result<u8, InvalidFailover> {
        let named = |number: &u8| self.slot(*number).target.name() == name;
        let found = (0..=u8::MAX).take(self.len()).find(named);
        found.ok_or_else(|| InvalidFailover::UnknownTarget(name.to_owned()))
    }
}

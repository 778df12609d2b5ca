//! A sliding window of time in slots.

/// Counts good calls and all calls over the last slots.
pub(super) struct Window {
    width: f64,
    slots: Vec<(u64, u64)>,
    current: u64,
    good: u64,
    all: u64,
}

impl Window {
    pub(super) fn new(width: f64, slots: usize) -> Self {
        Self {
            width,
            slots: vec![(0, 0); slots],
            current: 0,
            good: 0,
            all: 0,
        }
    }

    /// Drops what is too old by `now`.
    pub(super) fn advance(&mut self, now: f64) {
        let target = (now / self.width) as u64;
        let len = self.slots.len() as u64;
        if target.saturating_sub(self.current) >= len {
            self.clear();
            self.current = target;
        }
        while self.current < target {
            self.current += 1;
            let slot = &mut self.slots[(self.current % len) as usize];
            let (good, all) = std::mem::take(slot);
            self.good -= good;
            self.all -= all;
        }
    }

    pub(super) fn add(&mut self, now: f64, good: u64, all: u64) {
        self.advance(now);
        let len = self.slots.len() as u64;
        let slot = &mut self.slots[(self.current % len) as usize];
        slot.0 += good;
        slot.1 += all;
        self.good += good;
        self.all += all;
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill((0, 0));
        (self.good, self.all) = (0, 0);
    }

    pub(super) const fn good(&self) -> u64 {
        self.good
    }

    pub(super) const fn all(&self) -> u64 {
        self.all
    }
}

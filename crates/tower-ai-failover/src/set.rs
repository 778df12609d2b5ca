//! A small set of target or domain numbers.

/// A set of numbers below 256, in place.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Set([u64; 4]);

impl Set {
    pub(crate) const fn insert(&mut self, n: u8) {
        self.0[n as usize / 64] |= 1 << (n % 64);
    }

    pub(crate) const fn contains(&self, n: u8) -> bool {
        self.0[n as usize / 64] & 1 << (n % 64) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let mut set = Set::default();
        for n in (0..=u8::MAX).step_by(3) {
            set.insert(n);
        }
        for n in 0..=u8::MAX {
            assert_eq!(set.contains(n), n % 3 == 0, "{n}");
        }
    }
}

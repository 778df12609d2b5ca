//! How long a circuit stays open: growing while an outage lasts, shrinking after it.

use crate::rules::Rules;
use crate::time::Nanos;

/// Half the spread of the jitter: periods are drawn from 75 % to 125 % of their length.
const JITTER: f64 = 0.25;

/// An hour-long outage needs no probe every 15 s: the longest period is this part of the outage's age.
const AGE_SHARE: f64 = 0.05;

/// The present outage, and what is left of the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    began: Option<Nanos>,
    /// How often the circuit has opened; forgotten bit by bit while it is closed.
    opens: u32,
    closed_at: Nanos,
    /// How often it has opened in this outage, and how long it took to notice it.
    tries: u32,
    noticed_in: Nanos,
}

impl Outage {
    pub(crate) const fn new() -> Self {
        Self {
            began: None,
            opens: 0,
            closed_at: 0,
            tries: 0,
            noticed_in: 0,
        }
    }

    /// Notes how long it took to notice an outage that begins: no open period of it is much shorter, and they grow
    /// from there. Where calls are rare, each of them would be a probe.
    pub(crate) fn noticed(&mut self, took: Nanos) {
        if self.began.is_none() {
            self.noticed_in = took;
        }
    }

    /// Notes that the circuit opens, and returns until when; `unit` is a random number from 0 to 1, `asked` how
    /// long the server asked to be left alone.
    pub(crate) fn open(&mut self, now: Nanos, rules: &Rules, unit: f64, asked: Nanos) -> Nanos {
        if self.began.is_none() {
            self.began = Some(now);
            // Each time spent closed of one (young) longest period halves the next one.
            let forgiven = now.saturating_sub(self.closed_at) / rules.open_longest.max(1);
            self.opens = self.opens.saturating_sub(clip(forgiven));
        }
        let least = grown(self.noticed_in, self.tries);
        let period = period(self.opens, least, self.age(now), rules, unit);
        self.opens = self.opens.saturating_add(1);
        self.tries = self.tries.saturating_add(1);
        now.saturating_add(period.max(asked.min(rules.open_longest_old)))
    }

    /// Notes that the circuit has closed.
    pub(crate) fn recover(&mut self, now: Nanos) {
        if self.began.take().is_some() {
            self.closed_at = now;
            self.noticed_in = 0;
            self.tries = 0;
        }
    }

    /// How long the outage has lasted; 0 if there is none.
    pub(crate) fn age(&self, now: Nanos) -> Nanos {
        self.began.map_or(0, |began| now.saturating_sub(began))
    }
}

fn clip(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn grown(first: Nanos, times: u32) -> f64 {
    first as f64 * 2_f64.powi(times.min(60) as i32)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and casts saturate"
)]
fn period(opens: u32, least: f64, age: Nanos, rules: &Rules, unit: f64) -> Nanos {
    let aged = ((age as f64 * AGE_SHARE) as Nanos).min(rules.open_longest_old);
    let longest = rules.open_longest.max(aged) as f64;
    let grown = grown(rules.open_first, opens).max(least);
    // The cap stands under the jitter, so that no draw exceeds the longest period.
    let base = grown.min(longest / (1.0 + JITTER));
    (base * (1.0 - JITTER + 2.0 * JITTER * unit)) as Nanos
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::Settings;

    const SECOND: Nanos = 1_000_000_000;

    fn rules() -> Rules {
        Rules::of(&Settings::adaptive())
    }

    #[test]
    fn periods_grow_and_shrink_again_after_recovery() {
        let (mut outage, rules, mut now) = (Outage::new(), rules(), 0);
        let mut periods = Vec::new();
        for _ in 0..6 {
            let until = outage.open(now, &rules, 0.5, 0);
            periods.push((until - now) / SECOND);
            now = until;
        }
        assert_eq!(periods, [1, 2, 4, 8, 12, 12]);
        outage.recover(now);
        now += 15 * SECOND * 4;
        assert_eq!(
            (outage.open(now, &rules, 0.5, 0) - now) / SECOND,
            4,
            "four halvings"
        );
        outage.recover(now);
        now += 3600 * SECOND;
        assert_eq!((outage.open(now, &rules, 0.5, 0) - now) / SECOND, 1);
    }

    #[test]
    fn what_was_long_in_coming_is_not_probed_with_every_call() {
        let (mut outage, rules) = (Outage::new(), rules());
        outage.noticed(3 * SECOND);
        let mut now = 0;
        for seconds in [3, 6, 12, 12, 12] {
            let until = outage.open(now, &rules, 0.5, 0);
            assert_eq!((until - now) / SECOND, seconds);
            now = until;
            outage.noticed(SECOND);
        }
        outage.recover(now);
        now += 3600 * SECOND;
        assert_eq!((outage.open(now, &rules, 0.5, 0) - now) / SECOND, 1);
    }

    #[test]
    fn an_old_outage_is_probed_less_often() {
        let (mut outage, rules) = (Outage::new(), rules());
        for _ in 0..8 {
            outage.open(0, &rules, 0.5, 0);
        }
        let now = 3600 * SECOND;
        assert_eq!((outage.open(now, &rules, 0.5, 0) - now) / SECOND, 48);
    }

    #[test]
    fn a_servers_wait_is_kept_to_but_not_for_ever() {
        let (mut outage, rules) = (Outage::new(), rules());
        assert_eq!(outage.open(0, &rules, 0.5, 30 * SECOND), 30 * SECOND);
        assert_eq!(outage.open(0, &rules, 0.5, 3600 * SECOND), 60 * SECOND);
    }

    proptest! {
        #[test]
        fn no_period_is_zero_or_longer_than_promised(opens in 0..u32::MAX, least in 0.0..1e30_f64, age: u64, unit in 0.0..1.0_f64) {
            let rules = rules();
            let period = period(opens, least, age, &rules, unit);
            prop_assert!(period >= rules.open_first / 2);
            prop_assert!(period <= rules.open_longest_old);
            if age < 300 * SECOND {
                prop_assert!(period <= rules.open_longest);
            }
        }
    }
}

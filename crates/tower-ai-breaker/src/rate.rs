//! A cap on the rate of calls, learnt from rate limits. Says nothing about health.

use crate::time::{Nanos, seconds};

/// A cut leaves at least this part of the last cap, and this part of what was accepted lately.
const CUT: f64 = 0.7;
const ACCEPTED: f64 = 0.85;

/// And this many calls per unit: at a few calls a minute what was accepted lately says little.
const LEAST: f64 = 0.045;

/// Growth per unit of time, as a part of the cap before the last cut: up to that cap, and beyond it.
const RETURN: f64 = 0.03;
const GROWTH: f64 = 0.01;

/// The bucket holds the calls of one unit of time.
const BURST: f64 = 1.0;

/// The cap is dropped this many units after the last rate limit.
const MEMORY: u64 = 60;

/// A learnt limit on the rate: a token bucket whose rate falls at each rate limit and grows in between.
///
/// Its unit of time is one second at the usual time scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateCap {
    unit: Nanos,
    /// Calls per unit; `None` while no limit is known.
    cap: Option<f64>,
    before: f64,
    tokens: f64,
    at: Nanos,
    cut_at: Nanos,
    limited_at: Nanos,
}

impl RateCap {
    pub(crate) const fn new(unit: Nanos) -> Self {
        Self {
            unit,
            cap: None,
            before: 0.0,
            tokens: 0.0,
            at: 0,
            cut_at: 0,
            limited_at: 0,
        }
    }

    /// Whether calls have to ask.
    pub(crate) const fn is_active(&self) -> bool {
        self.cap.is_some()
    }

    /// The cap in calls per second.
    pub(crate) fn per_second(&self) -> Option<f64> {
        self.cap.map(|cap| cap / seconds(self.unit))
    }

    /// Learns that a call that started at `started` was rate-limited, when `accepted` calls per second were not.
    pub(crate) fn limited(&mut self, now: Nanos, started: Nanos, accepted: f64) {
        self.refill(now);
        self.limited_at = now;
        let accepted = accepted * seconds(self.unit) * ACCEPTED + LEAST;
        let next = match self.cap {
            // It was sent before the last cut, and says nothing about the rate since.
            Some(_) if started < self.cut_at => return,
            Some(cap) => accepted.max(cap * CUT),
            None => accepted,
        };
        self.before = self.cap.unwrap_or(next).max(next);
        // Whoever comes first after the gate has waited as told.
        self.tokens = 1.0;
        self.cap = Some(next);
        self.cut_at = now;
    }

    /// Takes a token, or tells how long until there is one.
    pub(crate) fn admit(&mut self, now: Nanos) -> Result<(), Nanos> {
        self.refill(now);
        let Some(cap) = self.cap else { return Ok(()) };
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts saturate"
        )]
        let wait = ((1.0 - self.tokens) / cap * self.unit as f64).ceil() as Nanos;
        Err(wait)
    }

    fn refill(&mut self, now: Nanos) {
        let elapsed = now.saturating_sub(self.at) as f64 / self.unit.max(1) as f64;
        self.at = self.at.max(now);
        let Some(cap) = self.cap else { return };
        if now.saturating_sub(self.limited_at) >= self.unit.saturating_mul(MEMORY) {
            // An inactive cap holds nothing: its tokens cannot run negative meanwhile.
            self.cap = None;
            self.tokens = 0.0;
            return;
        }
        let back = (self.before - cap).max(0.0) / (RETURN * self.before);
        let back = elapsed.min(back);
        let cap = cap + (back * RETURN + (elapsed - back) * GROWTH) * self.before;
        self.cap = Some(cap);
        self.tokens = (self.tokens + elapsed * cap).min((BURST * cap).max(1.0));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn it_caps_near_what_was_accepted_and_lets_go_later() {
        let mut cap = RateCap::new(SECOND);
        cap.limited(0, 0, 10.0);
        let admitted = (0..1000).filter(|i| cap.admit(i * SECOND / 100).is_ok());
        let admitted = admitted.count();
        assert!((85..110).contains(&admitted), "{admitted} in ten seconds");
        assert!(cap.admit(61 * SECOND).is_ok());
        assert!(!cap.is_active());
    }

    #[test]
    fn one_burst_of_limits_is_one_cut() {
        let mut cap = RateCap::new(SECOND);
        cap.limited(SECOND, 0, 10.0);
        let before = cap.per_second().unwrap();
        (0..20).for_each(|_| cap.limited(SECOND, SECOND / 2, 0.0));
        assert!((cap.per_second().unwrap() - before).abs() < 1e-9);
        cap.limited(5 * SECOND, 4 * SECOND, 0.0);
        let after = cap.per_second().unwrap();
        assert!(
            after < before * 0.95,
            "{after}: a call of after the cut is another"
        );
    }

    #[test]
    fn who_waits_as_told_is_admitted() {
        let mut cap = RateCap::new(SECOND);
        cap.limited(0, 0, 0.3);
        assert_eq!(cap.admit(0), Ok(()), "whom the gate let through");
        let wait = cap.admit(0).unwrap_err();
        assert_eq!(cap.admit(wait), Ok(()));
    }

    proptest! {
        #[test]
        fn tokens_never_run_negative(steps in proptest::collection::vec((0..5 * SECOND, any::<bool>(), 0.0..100.0_f64), 0..200)) {
            let (mut cap, mut now) = (RateCap::new(SECOND), 0);
            for (gap, limited, accepted) in steps {
                now += gap;
                if limited { cap.limited(now, now - gap, accepted); } else { let _either = cap.admit(now); }
                prop_assert!(cap.tokens >= 0.0 && cap.tokens.is_finite());
                prop_assert!(cap.cap.is_none_or(|cap| cap > 0.0 && cap.is_finite()));
            }
        }
    }
}

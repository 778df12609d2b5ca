//! The retry decision of one call: pure, with `now` and chance as arguments.

use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::{Again, Attempt, Budget, Chance, Deadline, Lesson, Outcome};

use crate::backoff::Backoff;

/// The limits that a policy sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) backoff: Backoff,
    pub(crate) alone: u32,
    pub(crate) beside: u32,
    pub(crate) wait_longest: Duration,
    pub(crate) patience: Duration,
    pub(crate) gate_unnamed: Duration,
    pub(crate) limit: Option<Duration>,
}

impl Rules {
    /// The most retries of one call, alone or beside other targets.
    pub(crate) const fn most(&self, others: bool) -> u32 {
        if others { self.beside } else { self.alone }
    }
}

/// What one call has used up so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Session {
    attempt: Option<Attempt>,
    deadline: Option<Deadline>,
    retries: u32,
    waited: Duration,
}

impl Session {
    /// The state of a call whose first attempt has failed; where the policy itself sets a limit it counts from
    /// the start of that attempt.
    pub(crate) fn begin(rules: &Rules, attempt: Option<Attempt>) -> Self {
        let own = rules.limit.zip(attempt);
        let own = own.map(|(limit, attempt)| Deadline::after(attempt.started(), limit));
        let carried = attempt.and_then(|attempt| attempt.deadline());
        let deadline = match (own, carried) {
            (Some(own), Some(carried)) => Some(own.min(carried)),
            (own, carried) => own.or(carried),
        };
        Self {
            attempt,
            deadline,
            retries: 0,
            waited: Duration::ZERO,
        }
    }

    /// The retries made so far.
    pub(crate) const fn retries(&self) -> u32 {
        self.retries
    }

    /// The time spent waiting between attempts so far.
    pub(crate) const fn waited(&self) -> Duration {
        self.waited
    }

    /// What the call's attempt looks like to the layers below, for the attempt that begins now.
    pub(crate) fn next_attempt(&mut self, now: Instant) -> Attempt {
        let next = match self.attempt {
            Some(attempt) => attempt.next(now),
            None => Attempt::begin(now).next(now),
        };
        self.attempt = Some(next);
        next
    }

    /// Whether this call has retries left, whatever comes: without, its request need not be kept.
    pub(crate) fn has_retries(&self, rules: &Rules) -> bool {
        self.retries < rules.most(self.others())
    }

    fn others(&self) -> bool {
        self.attempt.is_some_and(|attempt| attempt.others())
    }

    /// Decides whether to try again after an outcome, and how long to wait first.
    ///
    /// Draws from the budget only when everything else allows the retry.
    pub(crate) fn retry_after(
        &mut self,
        rules: &Rules,
        outcome: Outcome,
        now: Instant,
        chance: &Chance,
        budget: Option<&Budget>,
    ) -> Option<Duration> {
        if !self.has_retries(rules) || !self.may_repeat(rules, outcome) {
            return None;
        }
        let delay = self.delay(rules, outcome, chance)?;
        let in_time = self
            .deadline
            .is_none_or(|deadline| deadline.allows(now, delay));
        if !in_time || !budget.is_none_or(Budget::withdraw) {
            return None;
        }
        self.retries += 1;
        self.waited += delay;
        Some(delay)
    }

    fn may_repeat(&self, rules: &Rules, outcome: Outcome) -> bool {
        match outcome.advice().again {
            Again::Yes | Again::AtOnce => true,
            Again::IfAlone => !self.others(),
            Again::IfPatient if self.others() => {
                let carried = self.attempt.and_then(|attempt| attempt.patience());
                let patience = carried.unwrap_or(rules.patience);
                outcome.wait().is_some_and(|wait| wait <= patience)
            }
            Again::IfPatient => true,
            _ => false,
        }
    }

    /// The delay, or `None` where the server asks for more than we sleep through.
    fn delay(&self, rules: &Rules, outcome: Outcome, chance: &Chance) -> Option<Duration> {
        let advice = outcome.advice();
        if advice.again == Again::AtOnce {
            return Some(Duration::ZERO);
        }
        let gates = advice.lesson == Lesson::Gate;
        let wait = match outcome.wait() {
            // A breaker below gates the target for this long; a sooner retry would not be sent.
            None if gates => Some(rules.gate_unnamed.saturating_mul(1 << self.retries.min(8))),
            named => named,
        };
        match wait {
            Some(wait) if wait > rules.wait_longest => None,
            Some(wait) => Some(rules.backoff.after_wait(wait, chance)),
            None => Some(rules.backoff.delay(self.retries, chance)),
        }
    }
}

#[cfg(test)]
mod tests {
    use tower_ai_core::Tuning;

    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    fn rules() -> Rules {
        let tuning = Tuning::new();
        Rules {
            backoff: Backoff {
                first: tuning.backoff_first,
                longest: tuning.backoff_longest,
            },
            alone: 2,
            beside: 1,
            wait_longest: tuning.wait_longest,
            patience: tuning.patience,
            gate_unnamed: tuning.gate_unnamed,
            limit: None,
        }
    }

    fn beside(now: Instant) -> Option<Attempt> {
        Some(Attempt::begin(now).with_others(true))
    }

    /// How many times in a row the outcome is retried.
    fn retries(attempt: Option<Attempt>, outcome: Outcome) -> u32 {
        let (rules, now, chance) = (rules(), Instant::now(), Chance::seeded(1));
        let mut session = Session::begin(&rules, attempt);
        while session
            .retry_after(&rules, outcome, now, &chance, None)
            .is_some()
        {}
        session.retries()
    }

    #[test]
    fn the_table_decides_alone_and_beside_others() {
        let now = Instant::now();
        for outcome in Outcome::ALL {
            let (alone, with_others) = match outcome.advice().again {
                Again::Yes | Again::AtOnce => (2, 1),
                Again::IfAlone | Again::IfPatient => (2, 0),
                _ => (0, 0),
            };
            assert_eq!(retries(None, outcome), alone, "{outcome} alone");
            assert_eq!(
                retries(beside(now), outcome),
                with_others,
                "{outcome} beside others"
            );
        }
    }

    #[test]
    fn beside_others_a_named_wait_is_slept_only_within_patience() {
        let beside = beside(Instant::now());
        let short = Outcome::RateLimited {
            wait: Some(SEC * 2),
        };
        let long = Outcome::RateLimited {
            wait: Some(SEC * 3),
        };
        assert_eq!(retries(beside, short), 1);
        assert_eq!(retries(beside, long), 0);
        let patient = beside.map(|attempt| attempt.with_patience(SEC * 5));
        assert_eq!(retries(patient, long), 1);
    }

    #[test]
    fn another_key_of_the_same_target_is_tried_at_once() {
        let (rules, now, chance) = (rules(), Instant::now(), Chance::seeded(1));
        let mut session = Session::begin(&rules, beside(now));
        let delay = session.retry_after(&rules, Outcome::KeySpent, now, &chance, None);
        assert_eq!(delay, Some(Duration::ZERO));
    }

    #[test]
    fn a_wait_beyond_the_longest_is_not_slept_even_alone() {
        let wait = Some(SEC * 61);
        assert_eq!(retries(None, Outcome::RateLimited { wait }), 0);
        assert_eq!(retries(None, Outcome::Overloaded { wait }), 0);
    }

    #[test]
    fn no_retry_sleeps_into_the_deadline() {
        let (mut rules, now, chance) = (rules(), Instant::now(), Chance::seeded(1));
        rules.limit = Some(SEC * 2);
        let attempt = Some(Attempt::begin(now));
        let limited = |wait| Outcome::RateLimited { wait: Some(wait) };
        let mut session = Session::begin(&rules, attempt);
        assert_eq!(
            session.retry_after(&rules, limited(SEC * 2), now, &chance, None),
            None
        );
        assert!(
            session
                .retry_after(&rules, limited(SEC), now, &chance, None)
                .is_some()
        );
        let later = now + SEC;
        assert_eq!(
            session.retry_after(&rules, limited(SEC), later, &chance, None),
            None
        );
    }

    #[test]
    fn the_earlier_deadline_counts() {
        let (mut rules, now) = (rules(), Instant::now());
        rules.limit = Some(SEC * 30);
        let attempt = Attempt::begin(now).with_deadline(Deadline::after(now, SEC));
        let session = Session::begin(&rules, Some(attempt));
        assert_eq!(session.deadline, Some(Deadline::after(now, SEC)));
    }

    #[test]
    fn an_empty_budget_ends_retries_and_a_refused_retry_draws_nothing() {
        let (rules, now, chance) = (rules(), Instant::now(), Chance::seeded(1));
        let budget = Budget::new(0.0, 1).unwrap();
        let mut session = Session::begin(&rules, None);
        let mut ask = |outcome| session.retry_after(&rules, outcome, now, &chance, Some(&budget));
        assert_eq!(ask(Outcome::Invalid), None);
        assert!(ask(Outcome::Fault).is_some(), "`Invalid` drew nothing");
        assert_eq!(ask(Outcome::Fault), None);
    }

    #[test]
    fn an_unnamed_rate_limit_waits_for_the_gate_and_longer_each_time() {
        let (rules, now, chance) = (rules(), Instant::now(), Chance::seeded(1));
        let mut session = Session::begin(&rules, None);
        let mut ask = || {
            let limited = Outcome::RateLimited { wait: None };
            session
                .retry_after(&rules, limited, now, &chance, None)
                .unwrap()
        };
        assert!((SEC..SEC * 2).contains(&ask()));
        assert!((SEC * 2..SEC * 3).contains(&ask()));
    }
}

//! The retry policy: ours, and usable in tower's own retry layer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use tower_ai_core::{Attempt, Budget, ByResult, Carry, Chance, Classify, NoCarry, Outcome, Tuning};

use crate::backoff::Backoff;
use crate::session::{Rules, Session};

/// Decides whether a call is tried again at the same target, and when.
///
/// What may be tried again stands in the one table of outcomes ([`Outcome::advice`]); `C` reads the
/// outcome off a result, `K` reads what the layers above say of the call ([`Attempt`]).
///
/// A policy serves our [`RetryLayer`](crate::RetryLayer), and implements [`tower::retry::Policy`]
/// for tower's own. There it keeps all its rules but two, which that engine has no room for: the
/// response does not say how often it was tried, and when a breaker below refuses a
/// retry, the caller gets the refusal instead of the answer before it.
///
/// # Default
///
/// Two retries, one when the layers above say that other targets are left. Full jitter from 250 ms
/// to 8 s. A wait that the server names is slept through, never short, up to 60 s, or 2.5 s when other
/// targets are left. A [`Budget`] of 20 % and 10. No deadline but the one that the call carries.
///
/// # Clone
///
/// Clones share budget and chance. (tower's engine makes a clone for each call.)
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower::ServiceBuilder;
/// use tower_ai_core::{Outcome, classify_fn};
/// use tower_ai_retry::RetryPolicy;
///
/// let policy = RetryPolicy::new()
///     .max_retries(3)?
///     .deadline(Duration::from_secs(20))?
///     .classify(classify_fn(|result: Result<&u16, &std::io::Error>| match result {
///         Ok(200..300) => Outcome::Success,
///         Ok(400..500) => Outcome::Invalid,
///         _ => Outcome::Fault,
///     }));
///
/// let layer = tower::retry::RetryLayer::new(policy);
/// let _service = ServiceBuilder::new()
///     .layer(layer)
///     .service_fn(|_: ()| async { Ok::<u16, std::io::Error>(200) });
/// # Ok::<(), tower_ai_retry::InvalidRetry>(())
/// ```
///
/// [`Outcome::advice`]: tower_ai_core::Outcome::advice
#[derive(Clone)]
pub struct RetryPolicy<C = ByResult, K = NoCarry> {
    pub(crate) judge: Judge<C, K>,
    // The call at hand, where tower's engine makes a clone of the policy for each.
    session: Option<Session>,
}

/// What a policy decides by. Every call holds a clone.
#[derive(Clone, Debug)]
pub(crate) struct Judge<C, K> {
    shared: Arc<Shared>,
    pub(crate) classify: C,
    pub(crate) carry: K,
}

/// What all clones of a policy share.
#[derive(Debug)]
struct Shared {
    rules: Rules,
    budget: Option<Budget>,
    chance: Chance,
}

impl RetryPolicy {
    /// Makes a policy with the defaults.
    #[must_use]
    pub fn new() -> Self {
        let rules = Rules {
            backoff: Backoff {
                first: Duration::ZERO,
                longest: Duration::ZERO,
            },
            alone: 2,
            beside: 1,
            wait_longest: Duration::ZERO,
            patience: Duration::ZERO,
            gate_unnamed: Duration::ZERO,
            limit: None,
        };
        let shared = Shared {
            rules,
            budget: Some(Budget::default()),
            chance: Chance::new(),
        };
        let judge = Judge {
            shared: Arc::new(shared),
            classify: ByResult,
            carry: NoCarry,
        };
        Self::by(judge).tuning(&Tuning::new())
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, K> RetryPolicy<C, K> {
    /// Sets how often a call is tried again at most. Defaults to 2.
    ///
    /// Beside other targets it is tried again once, or not at all if this is 0.
    ///
    /// # Errors
    ///
    /// Fails above 10.
    pub fn max_retries(self, retries: u32) -> Result<Self, InvalidRetry> {
        if retries > 10 {
            return Err(InvalidRetry::Retries);
        }
        Ok(self.rules(|rules| {
            rules.alone = retries;
            rules.beside = retries.min(1);
        }))
    }

    /// Sets the first ceiling and the cap of the delays. Defaults to 250 ms and 8 s.
    ///
    /// # Errors
    ///
    /// Fails if the first is zero or longer than the longest.
    pub fn backoff(self, first: Duration, longest: Duration) -> Result<Self, InvalidRetry> {
        if first.is_zero() || first > longest {
            return Err(InvalidRetry::Backoff);
        }
        Ok(self.rules(|rules| rules.backoff = Backoff { first, longest }))
    }

    /// Sets the time within which a retry may begin, from the start of the call. Defaults to none.
    ///
    /// An earlier deadline that the call carries counts. A running attempt is not cut off by it: that is
    /// for a timeout, or the failover layer.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn deadline(self, limit: Duration) -> Result<Self, InvalidRetry> {
        if limit.is_zero() {
            return Err(InvalidRetry::Deadline);
        }
        Ok(self.rules(|rules| rules.limit = Some(limit)))
    }

    /// Takes its durations from a [`Tuning`]: backoff, longest wait, patience.
    #[must_use]
    pub fn tuning(self, tuning: &Tuning) -> Self {
        self.rules(|rules| {
            rules.backoff = Backoff {
                first: tuning.backoff_first,
                longest: tuning.backoff_longest,
            };
            rules.wait_longest = tuning.wait_longest;
            rules.patience = tuning.patience;
            rules.gate_unnamed = tuning.gate_unnamed;
        })
    }

    /// Draws from this budget. Defaults to one of its own, of 20 % and 10.
    ///
    /// Share one between all layers and targets of an application, and see [`Budget::without_deposit`].
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        self.change(|shared| shared.budget = Some(budget))
    }

    /// Sets no bound on the retries of many calls together. In an outage this multiplies the load.
    #[must_use]
    pub fn without_budget(self) -> Self {
        self.change(|shared| shared.budget = None)
    }

    /// Draws its jitter from a seed, so that a run can be repeated. Defaults to a random one.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.change(|shared| shared.chance = Chance::seeded(seed))
    }

    /// Reads outcomes by this. Defaults to [`ByResult`].
    #[must_use]
    pub fn classify<D>(self, classify: D) -> RetryPolicy<D, K> {
        let judge = self.judge;
        RetryPolicy::by(Judge {
            shared: judge.shared,
            classify,
            carry: judge.carry,
        })
    }

    /// Reads what the layers above say by this. Defaults to [`NoCarry`].
    #[must_use]
    pub fn carry<L>(self, carry: L) -> RetryPolicy<C, L> {
        let judge = self.judge;
        RetryPolicy::by(Judge {
            shared: judge.shared,
            classify: judge.classify,
            carry,
        })
    }

    const fn by(judge: Judge<C, K>) -> Self {
        Self {
            judge,
            session: None,
        }
    }

    fn rules(self, change: impl FnOnce(&mut Rules)) -> Self {
        self.change(|shared| change(&mut shared.rules))
    }

    /// Changes a policy under construction; one that was cloned parts from its clones.
    fn change(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        let shared = &*self.judge.shared;
        let mut next = Shared {
            rules: shared.rules,
            budget: shared.budget.clone(),
            chance: Chance::seeded(shared.chance.draw()),
        };
        change(&mut next);
        self.judge.shared = Arc::new(next);
        self
    }
}

impl<C, K> Judge<C, K> {
    /// Begins a call: pays into the budget unless a layer above has. Reads the clock only where a limit counts
    /// from here.
    #[inline]
    pub(crate) fn begin(&self, attempt: Option<Attempt>) -> Option<Attempt> {
        if let Some(budget) = &self.shared.budget
            && !attempt.is_some_and(|attempt| attempt.deposited())
        {
            budget.deposit();
        }
        let limit = self.shared.rules.limit;
        attempt.or_else(|| limit.map(|_| Attempt::begin(Instant::now())))
    }

    /// Whether a call that begins has retries, whatever comes: without, its request need not be kept.
    #[inline]
    pub(crate) fn has_retries(&self, attempt: Option<&Attempt>) -> bool {
        self.shared.rules.most(attempt.is_some_and(Attempt::others)) > 0
    }

    /// What a call has used up when its first attempt fails.
    pub(crate) fn session(&self, attempt: Option<Attempt>) -> Session {
        Session::begin(&self.shared.rules, attempt)
    }

    /// Decides after an outcome.
    pub(crate) fn decide(&self, session: &mut Session, outcome: Outcome) -> Option<Duration> {
        let Shared {
            rules,
            budget,
            chance,
        } = &*self.shared;
        let delay = session.retry_after(rules, outcome, Instant::now(), chance, budget.as_ref())?;
        tracing::debug!(
            outcome = outcome.name(),
            retry = session.retries(),
            ?delay,
            "trying again"
        );
        Some(delay)
    }

    /// Whether the request must be kept for an attempt after the one that is sent now.
    pub(crate) fn has_more(&self, session: &Session) -> bool {
        session.has_retries(&self.shared.rules)
    }
}

impl<C, K, Req, Res, E> tower::retry::Policy<Req, Res, E> for RetryPolicy<C, K>
where
    Req: Clone,
    C: Classify<Res, E>,
    K: Carry<Req>,
{
    type Future = Sleep;

    fn retry(&mut self, request: &mut Req, result: &mut Result<Res, E>) -> Option<Sleep> {
        let mut session = self.session.take()?;
        let outcome = self.judge.classify.classify(result.as_ref());
        let delay = self.judge.decide(&mut session, outcome)?;
        if self.judge.carry.carries() {
            let attempt = session.next_attempt(Instant::now() + delay);
            self.judge.carry.set(request, attempt);
        }
        self.session = Some(session);
        Some(sleep(delay))
    }

    /// tower calls this on the service's own policy when a call begins, and on the call's clone after.
    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        let session = match self.session {
            Some(session) if session.retries() > 0 => session,
            _ => {
                let attempt = self.judge.begin(self.judge.carry.get(request));
                self.judge.session(attempt)
            }
        };
        self.session = Some(session);
        self.judge.has_more(&session).then(|| request.clone())
    }
}

impl<C: fmt::Debug, K: fmt::Debug> fmt::Debug for RetryPolicy<C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("rules", &self.judge.shared.rules)
            .field("budget", &self.judge.shared.budget)
            .field("classify", &self.judge.classify)
            .field("carry", &self.judge.carry)
            .finish_non_exhaustive()
    }
}

/// A retry policy that cannot be: which rule it broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidRetry {
    /// More than 10 retries.
    Retries,
    /// The first delay is zero, or longer than the longest.
    Backoff,
    /// A deadline of zero.
    Deadline,
}

impl fmt::Display for InvalidRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retries => "a call may be retried at most 10 times",
            Self::Backoff => "the first delay must be above zero and at most the longest",
            Self::Deadline => "a deadline must be above zero",
        })
    }
}

impl Error for InvalidRetry {}

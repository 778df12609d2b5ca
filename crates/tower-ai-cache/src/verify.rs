//! Checking hits in the background: what to check, and who judges.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tower_ai_core::{BoxError, Budget};
use tower_service::Service;

use crate::proof::Promise;

/// A guarantee that one can set: a share of the hits by meaning is checked against the inner service, and a route with
/// too many wrong ones becomes stricter.
///
/// The caller has its hit already; then its request goes to the inner service as well, in a task of its own, and a
/// judge compares the two answers. For each route an upper bound on wrong hits per hit is kept (Clopper and
/// Pearson's, one-sided, at the confidence set, over the last checks). A route's threshold *rises* halfway to 1, and past
/// 0.985 the route is exact only, when
///
/// - its *lower* bound is above the target, at a tenth of the doubt, as it is looked at after every check: it is surely
///   worse; or
/// - its upper bound has not come down to the target after four times the checks that a spotless record needs (1,196
///   for 1 % at 95 %): it could not be shown in time.
///
/// So of a route that has been checked as often and whose threshold still stands, no more hits than the target are wrong,
/// as surely as the confidence says. Until then nothing is promised: [`Standing::Open`](crate::Standing::Open).
///
/// A threshold that has risen does not sink by itself, since what it would let in again is not checked any more:
/// [`CacheHandle::reset_route`](crate::CacheHandle::reset_route) sets it back. Each rise is a `tracing` warning, and
/// stands in [`CacheHandle::routes`](crate::CacheHandle::routes).
///
/// When a hit was wrong, the right answer is kept for its question. The entry stays, as it is right for its own;
/// [`CacheHandle::remove`](crate::CacheHandle::remove) removes it if it is not.
///
/// # Default
///
/// 2 % of the hits by meaning, at most 1 % wrong, 95 % sure; two checks at a time (what finds no place is not checked), 60 s
/// for each; no budget of its own. Checks are calls beyond those of the application: at most `share` of its hits. With
/// [`budget`](Self::budget) each spends from it, and none is made that it refuses. Exact hits are not checked.
///
/// # Examples
///
/// ```
/// use tower::service_fn;
/// use tower_ai_cache::{Check, Verify};
///
/// # fn main() -> Result<(), tower_ai_cache::InvalidVerify> {
/// // Any tower service that says whether the kept answer would have done: a model, a person, a rule.
/// let judge = service_fn(|check: Check<String>| async move {
///     Ok::<_, std::io::Error>(check.kept.trim() == check.live.trim())
/// });
/// let verify = Verify::by(judge).share(0.05)?.target(0.005)?;
///
/// // The strict comparison that is built in: right is what is equal.
/// let strict = Verify::<String>::equal();
/// # let _ = (verify, strict);
/// # Ok(()) }
/// ```
pub struct Verify<T> {
    pub(crate) judge: Arc<dyn Judge<T>>,
    pub(crate) share: f64,
    pub(crate) promise: Promise,
    pub(crate) at_a_time: usize,
    pub(crate) limit: Duration,
    pub(crate) budget: Option<Budget>,
    pub(crate) seed: Option<u64>,
}

/// A hit with the answer that it should have been, for a judge. Its `Debug` shows no text.
#[derive(Clone)]
#[non_exhaustive]
pub struct Check<T> {
    /// What was asked.
    pub asked: Box<str>,
    /// The question whose answer was given.
    pub matched: Box<str>,
    /// The answer that was given.
    pub kept: T,
    /// What the inner service answers to what was asked.
    pub live: T,
    /// How near the two questions are: the cosine.
    pub score: f32,
}

impl<T> Verify<T> {
    /// Checks that this service judges: `true` if the kept answer would have done. Its errors count as no verdict.
    pub fn by<J>(judge: J) -> Self
    where
        J: Service<Check<T>, Response = bool> + Clone + Send + Sync + 'static,
        J::Error: Into<BoxError>,
        J::Future: Send,
        T: Send + 'static,
    {
        Self::new(Arc::new(ByService(judge)))
    }

    /// Checks by a comparison of the kept answer and the live one.
    pub fn equal_by(same: impl Fn(&T, &T) -> bool + Send + Sync + 'static) -> Self
    where
        T: Send + 'static,
    {
        Self::new(Arc::new(BySame(same)))
    }

    /// Checks strictly: right is what is equal. Models seldom say the same twice, so that most hits count as wrong but
    /// for answers of a few fixed forms.
    #[must_use]
    pub fn equal() -> Self
    where
        T: PartialEq + Send + 'static,
    {
        Self::equal_by(T::eq)
    }

    fn new(judge: Arc<dyn Judge<T>>) -> Self {
        Self {
            judge,
            share: 0.02,
            promise: Promise {
                target: 0.01,
                confidence: 0.95,
            },
            at_a_time: 2,
            limit: Duration::from_secs(60),
            budget: None,
            seed: None,
        }
    }

    /// Sets the share of hits that is checked. Defaults to 0.02.
    ///
    /// # Errors
    ///
    /// Fails unless it is above 0 and at most 1.
    pub fn share(mut self, share: f64) -> Result<Self, InvalidVerify> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(InvalidVerify::Share);
        }
        self.share = share;
        Ok(self)
    }

    /// Sets the most wrong hits per hit. Defaults to 0.01.
    ///
    /// # Errors
    ///
    /// Fails unless it is from 0.0001 to 0.5.
    pub fn target(mut self, target: f64) -> Result<Self, InvalidVerify> {
        if !(0.0001..=0.5).contains(&target) {
            return Err(InvalidVerify::Target);
        }
        self.promise.target = target;
        Ok(self)
    }

    /// Sets how sure the bound is. Defaults to 0.95.
    ///
    /// # Errors
    ///
    /// Fails unless it is from 0.5 to 0.9999.
    pub fn confidence(mut self, confidence: f64) -> Result<Self, InvalidVerify> {
        if !(0.5..=0.9999).contains(&confidence) {
            return Err(InvalidVerify::Confidence);
        }
        self.promise.confidence = confidence;
        Ok(self)
    }

    /// Sets how many checks are made at a time. Defaults to 2.
    #[must_use]
    pub const fn at_a_time(mut self, checks: usize) -> Self {
        self.at_a_time = checks;
        self
    }

    /// Bounds the time of one check, call and judge together. Defaults to 60 s.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Makes each check spend from this budget, and none that it refuses. Defaults to none.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Makes the choice of hits repeatable.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// A check that cannot be: which rule it broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidVerify {
    /// The confidence is not from 0.5 to 0.9999.
    Confidence,
    /// The share is not above 0 and at most 1.
    Share,
    /// The target is not from 0.0001 to 0.5.
    Target,
}

impl fmt::Display for InvalidVerify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confidence => "a confidence must be from 0.5 to 0.9999",
            Self::Share => "a share must be above 0 and at most 1",
            Self::Target => "a target must be from 0.0001 to 0.5",
        })
    }
}

impl Error for InvalidVerify {}

/// A judge of any type.
pub(crate) trait Judge<T>: Send + Sync {
    fn judge(&self, check: Check<T>) -> Judged;
}

type Judged = Pin<Box<dyn Future<Output = Result<bool, BoxError>> + Send>>;

struct ByService<J>(J);

impl<T, J> Judge<T> for ByService<J>
where
    J: Service<Check<T>, Response = bool> + Clone + Send + Sync + 'static,
    J::Error: Into<BoxError>,
    J::Future: Send,
    T: Send + 'static,
{
    fn judge(&self, check: Check<T>) -> Judged {
        let mut judge = self.0.clone();
        Box::pin(async move {
            poll_fn(|cx| judge.poll_ready(cx).map_err(Into::into)).await?;
            judge.call(check).await.map_err(Into::into)
        })
    }
}

struct BySame<F>(F);

impl<T, F: Fn(&T, &T) -> bool + Send + Sync> Judge<T> for BySame<F> {
    fn judge(&self, check: Check<T>) -> Judged {
        let same = (self.0)(&check.kept, &check.live);
        Box::pin(std::future::ready(Ok(same)))
    }
}

impl<T> Clone for Verify<T> {
    fn clone(&self) -> Self {
        Self {
            judge: Arc::clone(&self.judge),
            budget: self.budget.clone(),
            ..*self
        }
    }
}

impl<T> fmt::Debug for Verify<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify")
            .field("share", &self.share)
            .field("target", &self.promise.target)
            .field("confidence", &self.promise.confidence)
            .field("at_a_time", &self.at_a_time)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Check<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("score", &self.score)
            .finish_non_exhaustive()
    }
}

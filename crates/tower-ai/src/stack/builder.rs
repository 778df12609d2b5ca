//! Describes a stack.

use std::fmt;
use std::time::Duration;

use tower_ai_breaker::BreakerLayer;
use tower_ai_core::{Budget, HttpCarry, Tuning};
use tower_ai_failover::{Failover, Hedge, Order};
use tower_ai_http::{ContinueLayer, FollowBody, HttpClassify, ReplayLayer, TargetLayer};
use tower_ai_retry::{RetryLayer, RetryPolicy};
use tower_ai_stream::{Commit, StreamGuardLayer};
use tower_layer::Layer;

use super::handle::StackHandle;
use super::invalid::InvalidStack;
use super::policy::StackPolicy;
use super::service::Stack;

type Breaker = BreakerLayer<FollowBody, HttpCarry>;
type Policy = RetryPolicy<HttpClassify, HttpCarry>;

/// Describes a [`Stack`]; made by [`Stack::builder`].
///
/// # Default
///
/// Priority order, no hedge, a deadline of 60 s, an adaptive breaker for each target, two retries (one beside other
/// targets), answers passed on with their first content and not gone on with elsewhere, a budget of 20 % and 10 for retries and failover together, 4 MiB of a streamed request body kept for
/// replay, every request may go to every target.
#[must_use = "a builder does nothing until `build`"]
pub struct StackBuilder<P = ()> {
    targets: Vec<TargetLayer>,
    order: Order,
    hedge: Option<Hedge>,
    seed: Option<u64>,
    deadline: Duration,
    tuning: Tuning,
    budget: Budget,
    replay: ReplayLayer,
    splice: ContinueLayer,
    breaker: Breaker,
    retry: Policy,
    stream: StreamGuardLayer,
    policy: P,
}

impl StackBuilder {
    pub(super) fn new() -> Self {
        Self {
            targets: Vec::new(),
            order: Order::default(),
            hedge: None,
            seed: None,
            deadline: Duration::from_secs(60),
            tuning: Tuning::new(),
            budget: Budget::default(),
            replay: ReplayLayer::new(),
            splice: ContinueLayer::new().enabled(false),
            breaker: BreakerLayer::adaptive()
                .follow(FollowBody::default())
                .carry(HttpCarry),
            retry: RetryPolicy::new()
                .tuning(&waits(Tuning::new()))
                .classify(HttpClassify)
                .carry(HttpCarry),
            stream: StreamGuardLayer::new(),
            policy: (),
        }
    }
}

/// In a stack no wait is slept through that the router would cut off.
fn waits(mut tuning: Tuning) -> Tuning {
    tuning.wait_longest = tuning.wait_longest.min(tuning.attempt_timeout);
    tuning
}

impl<P> StackBuilder<P> {
    /// Adds a target, after those that are preferred to it.
    pub fn target(mut self, target: TargetLayer) -> Self {
        self.targets.push(target);
        self
    }

    /// Adds targets, after those that are preferred to them.
    pub fn targets(mut self, targets: impl IntoIterator<Item = TargetLayer>) -> Self {
        self.targets.extend(targets);
        self
    }

    /// Sets in which order targets are tried. Defaults to [`Order::Priority`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Sends a call that takes unusually long to a second target as well, within the budget. Defaults to never.
    ///
    /// The time counts to the first content of a stream, and to the head of any other answer. A request whose body was
    /// too large to be kept has no hedge. **Most providers bill the answer that is dropped.**
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_ai::Stack;
    /// use tower_ai::failover::Hedge;
    ///
    /// // After the 95th percentile of the time that the target takes.
    /// let builder = Stack::builder().hedge(Hedge::default());
    /// # let _ = builder;
    /// ```
    pub fn hedge(mut self, hedge: Hedge) -> Self {
        self.hedge = Some(hedge);
        self
    }

    /// Bounds the time to the head of the answer, over all attempts, waits and targets. Defaults to 60 s.
    ///
    /// An earlier [`Deadline`](tower_ai_core::Deadline) in a request's [`Attempt`](tower_ai_core::Attempt) counts.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// Takes all other durations from a [`Tuning`]. Defaults to [`Tuning::new`].
    ///
    /// Call it before [`breaker`](Self::breaker), [`retry`](Self::retry), [`stream`](Self::stream) and [`splice`](Self::splice), which may change
    /// single ones.
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self.breaker = self.breaker.tuning(tuning);
        self.retry = self.retry.tuning(&waits(tuning));
        self.stream = self.stream.tuning(&tuning);
        self.splice = self.splice.tuning(&tuning);
        self
    }

    /// Shares this budget between retries and failover, and with whatever else holds it.
    /// Defaults to one of 20 % and 10.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Asks this policy which request may go to which target. Defaults to `()`: everywhere.
    pub fn policy<Q>(self, policy: Q) -> StackBuilder<Q> {
        StackBuilder {
            targets: self.targets,
            order: self.order,
            hedge: self.hedge,
            seed: self.seed,
            deadline: self.deadline,
            tuning: self.tuning,
            budget: self.budget,
            replay: self.replay,
            splice: self.splice,
            breaker: self.breaker,
            retry: self.retry,
            stream: self.stream,
            policy,
        }
    }

    /// Changes the breaker of every target: `|breaker| breaker.observe_only()`.
    pub fn breaker(mut self, change: impl FnOnce(Breaker) -> Breaker) -> Self {
        self.breaker = change(self.breaker);
        self
    }

    /// Changes the retry policy of every target. Its budget is the stack's in any case.
    pub fn retry(mut self, change: impl FnOnce(Policy) -> Policy) -> Self {
        self.retry = change(self.retry);
        self
    }

    /// Sets when an answer is passed on. Defaults to [`Commit::FirstContent`].
    pub fn commit(mut self, commit: Commit) -> Self {
        self.stream = self.stream.commit(commit);
        self
    }

    /// Changes the guard of every target's answers.
    pub fn stream(mut self, change: impl FnOnce(StreamGuardLayer) -> StreamGuardLayer) -> Self {
        self.stream = change(self.stream);
        self
    }

    /// Whether another target goes on with a stream that broke off after its first words, where that can be done
    /// honestly. Defaults to `false`: the caller gets a typed error.
    ///
    /// See [`tower_ai_http::splice`] for what that takes.
    pub fn continue_streams(mut self, goes_on: bool) -> Self {
        self.splice = self.splice.enabled(goes_on);
        self
    }

    /// Changes how streams are gone on with: `|splice| splice.restarts(false)`.
    pub fn splice(mut self, change: impl FnOnce(ContinueLayer) -> ContinueLayer) -> Self {
        self.splice = change(self.splice);
        self
    }

    /// Sets how request bodies are made replayable. Defaults to 4 MiB of a streamed body.
    pub const fn replay(mut self, replay: ReplayLayer) -> Self {
        self.replay = replay;
        self
    }

    /// Makes all random choices of the stack repeatable: jitter, probes, and targets where an order draws them.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self.breaker = self.breaker.seed(seed);
        self.retry = self.retry.seed(seed);
        self
    }

    /// Builds the stack over an HTTP client.
    ///
    /// # Errors
    ///
    /// Fails without a target, with more than 256, if two have the same name, and if the deadline or the time of
    /// an attempt is zero.
    pub fn build<S: Clone>(self, client: S) -> Result<Stack<S, P>, InvalidStack> {
        if self.deadline.is_zero() {
            return Err(InvalidStack::ZeroDeadline);
        }
        let retry = RetryLayer::new(self.retry.budget(self.budget.without_deposit()));
        let mut breakers = Vec::new();
        let mut paths = Vec::new();
        for layer in self.targets {
            let target = layer.target().clone();
            let breaker = self.breaker.for_target(&target);
            breakers.push((target.clone(), breaker.handle()));
            let layer = layer.with_tuning(self.tuning);
            let guarded = self.stream.layer(layer.layer(client.clone()));
            let path = retry.layer(breaker.layer(guarded));
            paths.push((target, path));
        }
        let mut failover = Failover::new(paths)?
            .classify(HttpClassify)
            .carry(HttpCarry)
            .policy(StackPolicy(self.policy))
            .order(self.order)
            .tuning(self.tuning)
            .attempt_timeout(self.tuning.attempt_timeout)?
            .budget(self.budget)
            .deadline(self.deadline)?;
        if let Some(hedge) = self.hedge {
            failover = failover.hedge(hedge);
        }
        if let Some(seed) = self.seed {
            failover = failover.seed(seed);
        }
        let handle = StackHandle {
            failover: failover.handle(),
            breakers: breakers.into(),
        };
        let continued = self.splice.layer(failover);
        Ok(Stack::new(self.replay.layer(continued), handle))
    }
}

impl<P> fmt::Debug for StackBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackBuilder")
            .field("targets", &self.targets)
            .field("order", &self.order)
            .field("deadline", &self.deadline)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

//! The router service and its settings.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_ai_core::{
    BoxError, Budget, ByResult, Carry, Chance, Classify, NoCarry, Report, Target, Tuning,
};
use tower_service::Service;

use crate::InvalidFailover;
use crate::future::ResponseFuture;
use crate::handle::FailoverHandle;
use crate::hedge::{Hedge, Hedging};
use crate::policy::Policy;
use crate::router::{Order, Router};

/// Sends each call to the best target that takes it, and on to the next one when that fails.
///
/// See the [crate docs](crate) for the rules. `C` reads outcomes, `K` carries what layers tell each other,
/// `P` is the application's [`Policy`].
///
/// # Default
///
/// Priority order; 30 s for one target's head (half of what the call has left, while others could still
/// answer); no deadline of its own; no hedge; a [`Budget`] of 20 % and 10; every request may go everywhere.
///
/// # Clone
///
/// Clones are one router: they share targets, order, switches and budget.
pub struct Failover<S, C = ByResult, K = NoCarry, P = ()> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) classify: C,
    pub(crate) carry: K,
    pub(crate) policy: P,
}

/// What all clones of a router share.
pub(crate) struct Shared<S> {
    pub(crate) services: Arc<[S]>,
    pub(crate) settings: Settings,
}

/// What is set before the router runs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) router: Arc<Router>,
    pub(crate) budget: Option<Budget>,
    pub(crate) order: Order,
    pub(crate) chance: Arc<Chance>,
    pub(crate) hedging: Option<Arc<Hedging>>,
    pub(crate) tuning: Tuning,
    pub(crate) limit: Option<Duration>,
}

impl<S> Failover<S> {
    /// Makes a router over targets and their services, most preferred first.
    ///
    /// All services have one type; mix types with [`BoxCloneSyncService`].
    ///
    /// # Errors
    ///
    /// Fails without a target, with more than 256, and if two have the same name.
    ///
    /// [`BoxCloneSyncService`]: https://docs.rs/tower/0.5/tower/util/struct.BoxCloneSyncService.html
    pub fn new(targets: impl IntoIterator<Item = (Target, S)>) -> Result<Self, InvalidFailover> {
        let (targets, services): (Vec<_>, Vec<_>) = targets.into_iter().unzip();
        Ok(Self {
            shared: Shared::new(
                services.into(),
                Settings {
                    router: Arc::new(Router::new(&targets)?),
                    budget: Some(Budget::default()),
                    order: Order::default(),
                    chance: Arc::new(Chance::new()),
                    hedging: None,
                    tuning: Tuning::new(),
                    limit: None,
                },
            ),
            classify: ByResult,
            carry: NoCarry,
            policy: (),
        })
    }
}

impl<S, C, K, P> Failover<S, C, K, P> {
    /// Sets in which order targets are tried. Defaults to [`Order::Priority`].
    #[must_use]
    pub fn order(self, order: Order) -> Self {
        self.change(|settings| settings.order = order)
    }

    /// Sends a call that takes unusually long to a second target as well. Defaults to never.
    ///
    /// See [`Hedge`] for the rules. Costs a clock read for each attempt, and an allocation for each that waits.
    #[must_use]
    pub fn hedge(self, hedge: Hedge) -> Self {
        self.change(|settings| {
            let hedging = Hedging::new(hedge, settings.router.len());
            settings.hedging = Some(Arc::new(hedging));
        })
    }

    /// Makes the choices of [`Order::LeastLatency`] and [`Order::Weighted`] repeatable. Defaults to a random seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.change(|settings| settings.chance = Arc::new(Chance::seeded(seed)))
    }

    /// Bounds the time to the head of the answer, over all targets. Defaults to none.
    ///
    /// An earlier deadline that the call carries counts.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn deadline(self, limit: Duration) -> Result<Self, InvalidFailover> {
        if limit.is_zero() {
            return Err(InvalidFailover::ZeroTimeout);
        }
        Ok(self.change(|settings| settings.limit = Some(limit)))
    }

    /// Sets the time that one target has for the head of its answer. Defaults to 30 s.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn attempt_timeout(self, limit: Duration) -> Result<Self, InvalidFailover> {
        if limit.is_zero() {
            return Err(InvalidFailover::ZeroTimeout);
        }
        Ok(self.change(|settings| settings.tuning.attempt_timeout = limit))
    }

    /// Takes its durations from a [`Tuning`].
    #[must_use]
    pub fn tuning(self, tuning: Tuning) -> Self {
        self.change(|settings| settings.tuning = tuning)
    }

    /// Draws from this budget. Defaults to one of its own, of 20 % and 10.
    ///
    /// The router pays in once per call; layers below it take [`Budget::without_deposit`], or learn it
    /// from what the call carries.
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        self.change(|settings| settings.budget = Some(budget))
    }

    /// Sets no bound on the extra attempts of many calls together.
    #[must_use]
    pub fn without_budget(self) -> Self {
        self.change(|settings| settings.budget = None)
    }

    /// Reads outcomes by this. Defaults to [`ByResult`].
    #[must_use]
    pub fn classify<D>(self, classify: D) -> Failover<S, D, K, P> {
        Failover {
            shared: self.shared,
            classify,
            carry: self.carry,
            policy: self.policy,
        }
    }

    /// Carries what layers tell each other by this. Defaults to [`NoCarry`].
    #[must_use]
    pub fn carry<L>(self, carry: L) -> Failover<S, C, L, P> {
        Failover {
            shared: self.shared,
            classify: self.classify,
            carry,
            policy: self.policy,
        }
    }

    /// Asks this policy which request may go where. Defaults to `()`: everywhere.
    #[must_use]
    pub fn policy<Q>(self, policy: Q) -> Failover<S, C, K, Q> {
        Failover {
            shared: self.shared,
            classify: self.classify,
            carry: self.carry,
            policy,
        }
    }

    /// Returns a handle that reads and changes the router while it runs.
    #[must_use]
    pub fn handle(&self) -> FailoverHandle {
        FailoverHandle {
            router: Arc::clone(&self.shared.settings.router),
        }
    }

    /// Changes a router under construction; one that was cloned parts from its clones.
    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        self.shared = Shared::new(Arc::clone(&self.shared.services), settings);
        self
    }
}

impl<S> Shared<S> {
    pub(crate) fn new(services: Arc<[S]>, settings: Settings) -> Arc<Self> {
        Arc::new(Self { services, settings })
    }
}

impl<S, C, K, P, Req> Service<Req> for Failover<S, C, K, P>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    Req: Clone,
    C: Classify<S::Response, BoxError> + Clone,
    K: Carry<Req> + Report<S::Response> + Clone,
    P: Policy<Req> + Clone,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = ResponseFuture<S, C, K, P, Req>;

    /// Always ready: each target's readiness is awaited in the response future, within a bound, and one
    /// that is not ready in time is passed over. Backpressure is per attempt.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        ResponseFuture::new(self.clone(), request)
    }
}

impl<S, C: Clone, K: Clone, P: Clone> Clone for Failover<S, C, K, P> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            classify: self.classify.clone(),
            carry: self.carry.clone(),
            policy: self.policy.clone(),
        }
    }
}

impl<S, C: fmt::Debug, K: fmt::Debug, P> fmt::Debug for Failover<S, C, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failover")
            .field("settings", &self.shared.settings)
            .field("classify", &self.classify)
            .field("carry", &self.carry)
            .finish_non_exhaustive()
    }
}

//! The retry service.

use std::task::{Context, Poll};

use tower_ai_core::{ByResult, Carry, Classify, NoCarry, Report};
use tower_layer::Layer;
use tower_service::Service;

use crate::RetryPolicy;
use crate::future::ResponseFuture;
use crate::policy::Judge;

/// Tries calls again at the same target. See the [module docs](crate).
#[derive(Clone, Debug)]
pub struct RetryLayer<C = ByResult, K = NoCarry> {
    policy: RetryPolicy<C, K>,
}

impl<C, K> RetryLayer<C, K> {
    /// Retries by this policy. All services that the layer makes share its budget.
    pub const fn new(policy: RetryPolicy<C, K>) -> Self {
        Self { policy }
    }
}

impl Default for RetryLayer {
    fn default() -> Self {
        Self::new(RetryPolicy::new())
    }
}

impl<S, C: Clone, K: Clone> Layer<S> for RetryLayer<C, K> {
    type Service = Retry<S, C, K>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry::new(inner, self.policy.clone())
    }
}

/// Tries calls again at the same target. See the [module docs](crate).
#[derive(Clone, Debug)]
pub struct Retry<S, C = ByResult, K = NoCarry> {
    pub(crate) inner: S,
    pub(crate) judge: Judge<C, K>,
}

impl<S, C, K> Retry<S, C, K> {
    /// Retries the calls to `inner` by this policy.
    pub fn new(inner: S, policy: RetryPolicy<C, K>) -> Self {
        Self {
            inner,
            judge: policy.judge,
        }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, mutably.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives the inner service back.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, K, Req> Service<Req> for Retry<S, C, K>
where
    S: Service<Req> + Clone,
    Req: Clone,
    C: Classify<S::Response, S::Error> + Clone,
    K: Carry<Req> + Report<S::Response> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, C, K, Req>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Req) -> Self::Future {
        let attempt = self.judge.begin(self.judge.carry.get(&request));
        let spare = self
            .judge
            .has_retries(attempt.as_ref())
            .then(|| self.judge.carry.spare(&mut request));
        // The ready instance is called; the clone in the future is polled before it is called again.
        let first = self.inner.call(request);
        ResponseFuture::new(self.clone(), spare, attempt, first)
    }
}

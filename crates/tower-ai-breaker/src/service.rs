//! The service.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tower_ai_core::error::{BoxError, Reason, Shed};
use tower_ai_core::{AtOnce, Attempt, Carry, Follow, NoCarry};
use tower_service::Service;

use crate::circuit::Circuit;
use crate::future::ResponseFuture;
use crate::handle::BreakerHandle;
use crate::permit::Permit;
use crate::ring::Lane;

/// Sheds the calls that its target could not answer. See the [crate docs](crate).
#[derive(Debug)]
pub struct Breaker<S, F = AtOnce, K = NoCarry> {
    inner: S,
    circuit: Arc<Circuit>,
    follow: F,
    carry: K,
    /// Whether `inner` was polled ready. While the circuit is open it may not have been, and must not be called.
    ready: bool,
}

impl<S, F, K> Breaker<S, F, K> {
    pub(crate) const fn new(inner: S, circuit: Arc<Circuit>, follow: F, carry: K) -> Self {
        Self {
            inner,
            circuit,
            follow,
            carry,
            ready: false,
        }
    }

    /// Returns a handle that reads and steers the circuit.
    #[must_use]
    pub fn handle(&self) -> BreakerHandle {
        BreakerHandle::new(Arc::clone(&self.circuit))
    }

    /// Gets a reference to the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Gets a mutable reference to the inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Consumes `self`, returning the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The error of a call for which the inner service was not asked to be ready.
    #[cold]
    fn not_asked(&self) -> Shed {
        self.circuit.count_shed();
        self.circuit.surely_shed().unwrap_or_else(|| {
            // It was open when the caller asked, and is due just now; or the caller never asked.
            Shed::new(Reason::NotReady, Some(Duration::ZERO))
        })
    }
}

impl<S, F, K, Req> Service<Req> for Breaker<S, F, K>
where
    S: Service<Req>,
    S::Error: Into<BoxError>,
    F: Follow<S::Response, S::Error> + Clone,
    K: Carry<Req>,
{
    type Response = F::Response<Permit>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, F>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // A call that is sure to be shed must not wait for an inner service that will not be called.
        if !self.ready && self.circuit.surely_shed().is_some() {
            return Poll::Ready(Ok(()));
        }
        let polled = self.inner.poll_ready(cx).map_err(Into::into);
        self.ready = matches!(polled, Poll::Ready(Ok(())));
        polled
    }

    fn call(&mut self, req: Req) -> Self::Future {
        if !self.ready {
            return ResponseFuture::shed(self.not_asked());
        }
        let attempt = self.carry.get(&req);
        let others = attempt.as_ref().is_some_and(Attempt::others);
        let clock = || attempt.map_or_else(Instant::now, |attempt| attempt.started());
        let lane = Lane::of(attempt.as_ref().is_some_and(Attempt::streamed));
        match self.circuit.admit(others, lane, clock) {
            Ok(permit) => {
                self.ready = false;
                ResponseFuture::called(self.inner.call(req), permit, self.follow.clone())
            }
            Err(shed) => ResponseFuture::shed(shed),
        }
    }
}

/// Readiness is the instance's own: a clone has to be polled itself.
impl<S: Clone, F: Clone, K: Clone> Clone for Breaker<S, F, K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            circuit: Arc::clone(&self.circuit),
            follow: self.follow.clone(),
            carry: self.carry.clone(),
            ready: false,
        }
    }
}

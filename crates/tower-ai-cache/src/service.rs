//! The cache service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_ai_core::{Ask, BoxError, Keep, Kept};
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::handle::CacheHandle;
use crate::state::State;

/// Answers from the cache what was answered before, and asks the inner service for the rest.
///
/// See the [crate docs](crate) for the rules.
///
/// # Clone
///
/// Clones are one cache, and so are all services of one layer.
pub struct Cache<S, A, K: Kept> {
    pub(crate) inner: S,
    pub(crate) shared: Arc<Shared<A, K, K::Stored>>,
}

/// What all clones of a service share.
pub(crate) struct Shared<A, K, T> {
    pub(crate) ask: Arc<A>,
    pub(crate) keep: Arc<K>,
    pub(crate) state: Arc<State<T>>,
}

impl<S, A, K: Kept> Cache<S, A, K> {
    /// Returns a handle that reads and empties the cache while it runs.
    #[must_use]
    pub fn handle(&self) -> CacheHandle<K::Stored> {
        CacheHandle::new(Arc::clone(&self.shared.state))
    }

    /// Returns the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, A, K, Req> Service<Req> for Cache<S, A, K>
where
    S: Service<A::Request> + Clone + Send + 'static,
    S::Response: Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    A: Ask<Req>,
    A::Request: Send + 'static,
    K: Keep<S::Response> + Send + Sync + 'static,
    K::Response: Send + 'static,
{
    type Response = K::Response;
    type Error = BoxError;
    type Future = ResponseFuture<S, A, K, Req>;

    /// Always ready: a hit never touches the inner service. On a miss a clone of it is polled to
    /// readiness in the response future, so backpressure is per call.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        ResponseFuture::new(self.inner.clone(), Arc::clone(&self.shared), request)
    }
}

impl<S: Clone, A, K: Kept> Clone for Cache<S, A, K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: fmt::Debug, A, K: Kept> fmt::Debug for Cache<S, A, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("inner", &self.inner)
            .field("state", &self.shared.state)
            .finish()
    }
}

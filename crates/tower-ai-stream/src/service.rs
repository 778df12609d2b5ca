//! The guard as a service.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tower_ai_core::{Attempt, BoxError};
use tower_service::Service;

use crate::GuardedBody;
use crate::future::ResponseFuture;
use crate::settings::Settings;

/// Guards the answers of an inner service; made by [`StreamGuardLayer`](crate::StreamGuardLayer).
///
/// Ready when the inner service is; its own clone is no more ready than a clone of that.
#[derive(Clone, Copy, Debug)]
pub struct StreamGuard<S> {
    inner: S,
    settings: Settings,
}

impl<S> StreamGuard<S> {
    /// Guards the answers of `inner` with the defaults of a [`StreamGuardLayer`](crate::StreamGuardLayer).
    pub fn new(inner: S) -> Self {
        Self::with_settings(inner, Settings::default())
    }

    pub(crate) const fn with_settings(inner: S, settings: Settings) -> Self {
        Self { inner, settings }
    }

    /// Returns the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service, to change it.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Takes the inner service out.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, ResB> Service<Request<B>> for StreamGuard<S>
where
    S: Service<Request<B>, Response = Response<ResB>>,
    S::Error: Into<BoxError>,
    ResB: Body<Data = Bytes>,
    ResB::Error: Into<BoxError>,
{
    type Response = Response<GuardedBody<ResB>>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, ResB>;

    // Nothing is reserved here: readiness is that of the inner service, which is called directly.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let attempt = request.extensions().get::<Attempt>().copied();
        // An answer to this has no body, whatever its head says.
        let is_read = request.method() != Method::HEAD;
        let future = self.inner.call(request);
        ResponseFuture::new(future, self.settings, attempt, is_read)
    }
}

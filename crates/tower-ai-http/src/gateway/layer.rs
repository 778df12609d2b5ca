//! The layer and its service.

use std::convert::Infallible;
use std::fmt;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_ai_core::BoxError;
use tower_layer::Layer;
use tower_service::Service;

use super::api::Api;
use super::body::GatewayBody;
use super::future::ResponseFuture;

/// Answers the callers of a gateway, whatever happens below.
///
/// See the [module docs](crate::gateway).
///
/// # Default
///
/// Does not say who served.
#[derive(Clone, Copy, Debug, Default)]
pub struct GatewayLayer {
    says_served: bool,
}

impl GatewayLayer {
    /// Does not say who served.
    #[must_use]
    pub const fn new() -> Self {
        Self { says_served: false }
    }

    /// Whether headers say who served a call after what, and messages name the targets that failed.
    /// Defaults to `false`.
    #[must_use]
    pub const fn with_served(mut self, says_served: bool) -> Self {
        self.says_served = says_served;
        self
    }
}

impl<S> Layer<S> for GatewayLayer {
    type Service = Gateway<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gateway {
            inner,
            says_served: self.says_served,
            unready: None,
        }
    }
}

/// Answers the callers of a gateway, whatever happens below.
///
/// See the [module docs](crate::gateway). It never fails, as servers ask of a service: an inner service that fails
/// to become ready is told of in the answer to the next call.
pub struct Gateway<S> {
    inner: S,
    says_served: bool,
    unready: Option<BoxError>,
}

// Readiness is passed through, and `call` uses the instance that is ready: case (a).
impl<S, B, R> Service<Request<B>> for Gateway<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Response = Response<GatewayBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if let Err(error) = ready!(self.inner.poll_ready(cx)) {
            self.unready = Some(error.into());
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let api = Api::of(request.uri().path());
        match self.unready.take() {
            Some(error) => ResponseFuture::unready(error, api, self.says_served),
            None => ResponseFuture::called(self.inner.call(request), api, self.says_served),
        }
    }
}

/// A clone is ready when its own inner service is.
impl<S: Clone> Clone for Gateway<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            says_served: self.says_served,
            unready: None,
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Gateway<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("inner", &self.inner)
            .field("says_served", &self.says_served)
            .finish_non_exhaustive()
    }
}

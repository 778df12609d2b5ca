//! The service.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tower_ai_core::BoxError;
use tower_service::Service;

use super::body::ContinueBody;
use super::future::{Plan, ResponseFuture};
use super::layer::Settings;
use super::wire;
use crate::ReplayBody;

/// Goes on elsewhere with streams that broke off.
///
/// See the [module docs](crate::splice).
#[derive(Clone, Debug)]
pub struct Continue<S> {
    inner: S,
    settings: Settings,
}

impl<S> Continue<S> {
    pub(super) const fn new(inner: S, settings: Settings) -> Self {
        Self { inner, settings }
    }

    /// Returns the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Takes the inner service out.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

// Readiness is passed through and `call` uses the instance that is ready: case (a). What may go on with the answer
// later is a clone, which is polled before it is called.
impl<S, B, R> Service<Request<ReplayBody<B>>> for Continue<S>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Response = Response<ContinueBody<S, B, R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReplayBody<B>>) -> Self::Future {
        let may_break = self.settings.is_on && request.method() == Method::POST;
        let format = may_break
            .then(|| wire::format(request.uri().path()))
            .flatten();
        let plan = format.map(|format| Plan {
            service: self.inner.clone(),
            request: request.clone(),
            format,
            settings: self.settings,
        });
        ResponseFuture::new(self.inner.call(request), plan)
    }
}

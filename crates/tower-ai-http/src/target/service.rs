//! The service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_ai_core::{BoxError, Target};
use tower_service::Service;

use super::body::TargetBody;
use super::config::Config;
use super::error::NotSent;
use super::future::ResponseFuture;
use crate::ReplayBody;

/// Sends calls to one target.
///
/// See the [module docs](crate::target).
#[derive(Clone)]
pub struct TargetService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> TargetService<S> {
    pub(super) const fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.config.target
    }
}

// Readiness is passed through. `call` uses the instance that is ready: at once (case a), or, if the body is
// still to come, after it was moved into the future, where a clone that is not ready stays behind (case c).
impl<S, B, R> Service<Request<ReplayBody<B>>> for TargetService<S>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Response = Response<TargetBody<R>>;
    type Error = BoxError;
    type Future = ResponseFuture<S, B, S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<ReplayBody<B>>) -> Self::Future {
        let config = Arc::clone(&self.config);
        let (mut head, body) = request.into_parts();
        if !body.is_replayable() {
            return ResponseFuture::not_sent(NotSent::BodyGone, config);
        }
        let key = match config.take_key() {
            Ok(key) => key,
            Err(error) => return ResponseFuture::not_sent(error, config),
        };
        let asks_for_model = match config.prepare(&mut head, key) {
            Ok(asks_for_model) => asks_for_model,
            Err(error) => return ResponseFuture::not_sent(error, config),
        };
        let begun = body.as_bytes();
        let begun = begun.and_then(|body| config.put_beginning(&mut head, body));
        let (body, prefilled) = match begun {
            Some((bytes, prefilled)) => (ReplayBody::from(bytes), Some(prefilled)),
            None => (body, None),
        };
        if !asks_for_model {
            let request = Request::from_parts(head, body);
            let future = ResponseFuture::called(self.inner.call(request), config);
            return future.with_prefilled(prefilled).with_key(key);
        }
        let Some(bytes) = body.as_bytes() else {
            let not_ready_inner = self.inner.clone();
            let ready_inner = std::mem::replace(&mut self.inner, not_ready_inner);
            return ResponseFuture::reading_request(ready_inner, head, body, config).with_key(key);
        };
        match config.put_model(&mut head, bytes) {
            Ok(bytes) => {
                let request = Request::from_parts(head, ReplayBody::from(bytes));
                let future = ResponseFuture::called(self.inner.call(request), config);
                future.with_prefilled(prefilled).with_key(key)
            }
            Err(error) => ResponseFuture::not_sent(error, config),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for TargetService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetService")
            .field("inner", &self.inner)
            .field("target", &self.config.target)
            .finish_non_exhaustive()
    }
}

//! The layer and its service.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use tokio::time::Instant;
use tower_ai_core::{Attempt, BoxError, Carry, HttpCarry};
use tower_layer::Layer;
use tower_service::Service;

use super::streamed::asks_for_stream;
use super::{InvalidLimit, ReplayBody};

/// What is kept of a streamed body unless told otherwise: 4 MiB.
const DEFAULT_LIMIT: usize = 4 * 1024 * 1024;

/// Makes request bodies replayable.
///
/// See the [module docs](crate::replay).
///
/// # Default
///
/// Keeps up to 4 MiB of a streamed body.
#[derive(Clone, Copy, Debug)]
pub struct ReplayLayer {
    limit: usize,
}

impl ReplayLayer {
    /// Keeps up to 4 MiB of a streamed body.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
        }
    }

    /// Keeps up to `limit` bytes of a streamed body.
    ///
    /// # Errors
    ///
    /// Fails if the limit is zero.
    pub const fn with_limit(limit: usize) -> Result<Self, InvalidLimit> {
        match limit {
            0 => Err(InvalidLimit::new()),
            _ => Ok(Self { limit }),
        }
    }

    /// How many bytes of a streamed body are kept.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl Default for ReplayLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ReplayLayer {
    type Service = Replay<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Replay {
            inner,
            limit: self.limit,
        }
    }
}

/// Makes request bodies replayable.
///
/// See the [module docs](crate::replay).
#[derive(Clone, Debug)]
pub struct Replay<S> {
    inner: S,
    limit: usize,
}

// Readiness is passed through and `call` uses the instance that is ready: case (a).
impl<S, B> Service<Request<B>> for Replay<S>
where
    S: Service<Request<ReplayBody<B>>>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let limit = self.limit;
        let mut request = request.map(|body| ReplayBody::new(body, limit));
        let bytes = request.body().as_bytes();
        if asks_for_stream(request.uri(), bytes.map(|bytes| &**bytes)) {
            let attempt = HttpCarry.get(&request);
            let attempt = attempt.unwrap_or_else(|| Attempt::begin(Instant::now()));
            HttpCarry.set(&mut request, attempt.with_streamed(true));
        }
        self.inner.call(request)
    }
}

//! The layer, its service and its future.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_ai_core::error::Failed;
use tower_ai_core::{Attempt, BoxError, Deadline, Outcome};
use tower_layer::Layer;
use tower_service::Service;

use super::ReplayBody;
use crate::InvalidGrpc;
use crate::timeout;

/// What is kept of a request unless told otherwise: 1 MiB.
const DEFAULT_LIMIT: usize = 1024 * 1024;

/// Makes requests that can be sent again. See the [module docs](crate::replay).
///
/// # Default
///
/// Keeps requests of up to 1 MiB.
#[derive(Clone, Copy, Debug)]
pub struct GrpcReplayLayer {
    limit: usize,
}

impl GrpcReplayLayer {
    /// Keeps requests of up to 1 MiB.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
        }
    }

    /// Keeps requests of up to so many bytes; a larger one is sent once.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub const fn with_limit(bytes: usize) -> Result<Self, InvalidGrpc> {
        match bytes {
            0 => Err(InvalidGrpc::Limit),
            _ => Ok(Self { limit: bytes }),
        }
    }
}

impl Default for GrpcReplayLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for GrpcReplayLayer {
    type Service = GrpcReplay<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GrpcReplay {
            inner,
            limit: self.limit,
        }
    }
}

/// Makes requests that can be sent again. See the [module docs](crate::replay).
#[derive(Clone, Debug)]
pub struct GrpcReplay<S> {
    inner: S,
    limit: usize,
}

/// When the time that the caller gave the whole call ends. Stands in the extensions of its request.
#[derive(Clone, Copy)]
pub(crate) struct CallEnd(pub(crate) Deadline);

// Readiness is passed through and `call` uses the instance that is ready: case (a).
impl<S, B> Service<Request<B>> for GrpcReplay<S>
where
    S: Service<Request<ReplayBody>>,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let body = match ReplayBody::take_in(tonic::body::Body::new(body), self.limit) {
            Ok(body) => body,
            Err(status) => {
                let error = Failed::new(Outcome::Invalid, status);
                return ResponseFuture {
                    state: State::Invalid {
                        error: Some(error.into()),
                    },
                };
            }
        };
        let mut request = Request::from_parts(head, body);
        if let Some(once) = request.body().once() {
            request.extensions_mut().insert(once);
        }
        note_end(&mut request);
        ResponseFuture {
            state: State::Called {
                future: self.inner.call(request),
            },
        }
    }
}

/// The caller's timeout counts from here on, over all attempts.
fn note_end<B>(request: &mut Request<B>) {
    let Some(limit) = timeout::read(request.headers()) else {
        return;
    };
    let now = Instant::now();
    let end = Deadline::after(now, limit);
    let extensions = request.extensions_mut();
    let attempt = extensions.get().copied();
    let attempt = attempt.unwrap_or_else(|| Attempt::begin(now));
    extensions.insert(attempt.with_deadline(end));
    extensions.insert(CallEnd(end));
}

pin_project! {
    /// The response future of [`GrpcReplay`].
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // The request was passed on.
        Called { #[pin] future: F },
        // It could not be encoded, and was not sent.
        Invalid { error: Option<BoxError> },
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, E>>,
    E: Into<BoxError>,
{
    type Output = Result<R, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Called { future } => future.poll(cx).map_err(Into::into),
            StateProj::Invalid { error } => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

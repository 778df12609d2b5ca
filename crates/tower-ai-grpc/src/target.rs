//! What stands right above the channel of one target.
//!
//! [`GrpcTargetLayer`] makes an attempt of a request:
//!
//! 1. It writes the time that is left as `grpc-timeout`: the least of the call's deadline
//!    ([`Attempt`], set by the failover layer) and the caller's own timeout, each shrunk by what went before.
//!    A call whose time is over is not sent.
//! 2. From the second attempt on it counts the ones before in `grpc-previous-rpc-attempts`.
//! 3. It sends no stream whose beginning is gone ([`NotReplayable`]).
//! 4. It adds the target's own metadata (a key), and its origin where the service below is no tonic channel.
//!
//! A server may cut a stream at its `grpc-timeout`, though our deadline bounds only the time to the first
//! message: name the methods that answer with long streams
//! ([`only_own_timeout_for`](GrpcTargetLayer::only_own_timeout_for)); they get the caller's own timeout alone.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//! use std::time::Duration;
//! use http::{Request, Response};
//! use tokio::time::Instant;
//! use tonic::body::Body;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_ai_core::{Attempt, Deadline};
//! use tower_ai_grpc::GrpcTargetLayer;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), tower_ai_core::BoxError> {
//! let service = ServiceBuilder::new()
//!     .layer(GrpcTargetLayer::new())
//!     .service_fn(|request: Request<Body>| async move {
//!         Ok::<_, Infallible>(Response::new(request.headers().clone()))
//!     });
//!
//! let now = Instant::now();
//! let deadline = Deadline::after(now, Duration::from_secs(30));
//! let mut request = Request::new(Body::empty());
//! request.extensions_mut().insert(Attempt::begin(now).with_deadline(deadline).next(now));
//! tokio::time::advance(Duration::from_secs(10)).await;
//!
//! let seen = service.oneshot(request).await?.into_body();
//! assert_eq!(seen["grpc-timeout"], "20000000u", "20 s are left");
//! assert_eq!(seen["grpc-previous-rpc-attempts"], "1");
//! # Ok(())
//! # }
//! ```
//!
//! With a key, and a method that streams:
//!
//! ```
//! use tower_ai_grpc::GrpcTargetLayer;
//!
//! let key = http::HeaderValue::from_static("Bearer secret");
//! let layer = GrpcTargetLayer::new()
//!     .metadata(http::header::AUTHORIZATION, key)
//!     .only_own_timeout_for(["/llm.v1.Model/Generate"]);
//! assert!(!format!("{layer:?}").contains("secret"));
//! ```

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_ai_core::error::{Elapsed, Failed};
use tower_ai_core::{Attempt, BoxError, Deadline, Outcome};
use tower_layer::Layer;
use tower_service::Service;

use crate::error::{InvalidGrpc, NotReplayable};
use crate::replay::{CallEnd, Once};
use crate::timeout;

const PREVIOUS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

/// Makes an attempt of a request. See the [module docs](crate::target).
///
/// # Default
///
/// Every method gets the call's deadline; no metadata is added, and the origin is left to the channel.
#[derive(Clone, Default)]
pub struct GrpcTargetLayer {
    own_only: Arc<[String]>,
    metadata: HeaderMap,
    origin: Option<(Scheme, Authority)>,
}

impl GrpcTargetLayer {
    /// Writes deadline and count of attempts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends these methods, by path, no `grpc-timeout` but what the caller's own leaves. Defaults to none.
    #[must_use]
    pub fn only_own_timeout_for<P: Into<String>>(
        mut self,
        paths: impl IntoIterator<Item = P>,
    ) -> Self {
        self.own_only = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Adds metadata to every request, in the place of what the caller set by that name. Never shown.
    #[must_use]
    pub fn metadata(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.metadata.insert(name, value);
        self
    }

    /// Sends to this scheme and host. For services that are no tonic channel, which has an origin of its own.
    ///
    /// # Errors
    ///
    /// Fails without a scheme or a host.
    pub fn origin(mut self, origin: Uri) -> Result<Self, InvalidGrpc> {
        let Parts {
            scheme: Some(scheme),
            authority: Some(authority),
            ..
        } = origin.into_parts()
        else {
            return Err(InvalidGrpc::Origin);
        };
        self.origin = Some((scheme, authority));
        Ok(self)
    }

    /// Writes what the attempt adds to its request.
    fn write<B>(&self, request: &mut Request<B>, now: Instant) -> Result<(), BoxError> {
        let extensions = request.extensions();
        if extensions.get().is_some_and(Once::is_spent) {
            return Err(not_sent(NotReplayable::new()));
        }
        let attempt: Option<Attempt> = extensions.get().copied();
        if let Some(end) = self.end(request, attempt) {
            let left = end.remaining(now);
            if left.is_zero() {
                return Err(not_sent(Elapsed::new("an answer", Duration::ZERO)));
            }
            let headers = request.headers_mut();
            let asked = timeout::read(headers).unwrap_or(left);
            headers.insert(timeout::TIMEOUT, timeout::encode(left.min(asked)));
        }
        let headers = request.headers_mut();
        match attempt.map(|attempt| attempt.number()) {
            None | Some(0) => None,
            Some(before) => headers.insert(PREVIOUS, before.into()),
        };
        for (name, value) in &self.metadata {
            headers.insert(name, value.clone());
        }
        self.redirect(request)
    }

    fn end<B>(&self, request: &Request<B>, attempt: Option<Attempt>) -> Option<Deadline> {
        let own = request.extensions().get::<CallEnd>().map(|end| end.0);
        if self
            .own_only
            .iter()
            .any(|path| path == request.uri().path())
        {
            return own;
        }
        let calls = attempt.and_then(|attempt| attempt.deadline());
        match (own, calls) {
            (Some(own), Some(calls)) => Some(own.min(calls)),
            (own, calls) => own.or(calls),
        }
    }

    fn redirect<B>(&self, request: &mut Request<B>) -> Result<(), BoxError> {
        let Some((scheme, authority)) = self.origin.clone() else {
            return Ok(());
        };
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(scheme);
        parts.authority = Some(authority);
        parts
            .path_and_query
            .get_or_insert(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from_parts(parts)?;
        Ok(())
    }
}

/// What was not sent costs no attempt, and says nothing of the target.
fn not_sent(error: impl Into<BoxError>) -> BoxError {
    Failed::new(Outcome::Shed { wait: None }, error).into()
}

/// Shows the names of the metadata, never its values.
impl fmt::Debug for GrpcTargetLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcTargetLayer")
            .field("own_only", &self.own_only)
            .field("metadata", &self.metadata.keys())
            .field("origin", &self.origin)
            .finish()
    }
}

impl<S> Layer<S> for GrpcTargetLayer {
    type Service = GrpcTarget<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GrpcTarget {
            inner,
            settings: self.clone(),
        }
    }
}

/// Makes an attempt of a request. See the [module docs](crate::target).
#[derive(Clone, Debug)]
pub struct GrpcTarget<S> {
    inner: S,
    settings: GrpcTargetLayer,
}

// Readiness is passed through and `call` uses the instance that is ready: case (a).
impl<S, B> Service<Request<B>> for GrpcTarget<S>
where
    S: Service<Request<tonic::body::Body>>,
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let state = match self.settings.write(&mut request, Instant::now()) {
            Ok(()) => State::Called {
                future: self.inner.call(request.map(tonic::body::Body::new)),
            },
            Err(error) => State::NotSent { error: Some(error) },
        };
        ResponseFuture { state }
    }
}

pin_project! {
    /// The response future of [`GrpcTarget`].
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // The attempt is under way.
        Called { #[pin] future: F },
        // There was nothing left to send, or no time.
        NotSent { error: Option<BoxError> },
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
            StateProj::NotSent { error } => match error.take() {
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

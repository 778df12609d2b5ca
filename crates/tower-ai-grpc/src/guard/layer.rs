//! The layer and its service.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_ai_core::BoxError;
use tower_layer::Layer;
use tower_service::Service;

use super::body::GuardedBody;
use super::future::ResponseFuture;
use crate::InvalidGrpc;
use crate::backend::Backend;
use crate::classify::GrpcClassify;
use crate::replay::Once;

/// What is held of an answer unless told otherwise: as much as tonic takes of one message.
const DEFAULT_LIMIT: usize = 4 * 1024 * 1024;

/// Limits of a guard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) limit: usize,
    pub(super) first_message: Option<Duration>,
    pub(super) stall: Option<Duration>,
}

/// Holds the head of an answer until its first message. See the [module docs](crate::guard).
///
/// # Default
///
/// Holds to the first message, and at most 4 MiB; no clocks; reads by the table alone.
#[derive(Clone, Debug)]
pub struct GrpcGuardLayer<O = ()> {
    rules: Rules,
    classify: GrpcClassify<O>,
    whole: Whole,
}

/// Which answers are held to their trailers.
#[derive(Clone, Debug)]
enum Whole {
    Of(Arc<[String]>),
    All,
}

impl Whole {
    fn is(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(paths) => paths.iter().any(|known| known == path),
        }
    }
}

impl GrpcGuardLayer {
    /// Holds each answer to its first message.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rules: Rules {
                limit: DEFAULT_LIMIT,
                first_message: None,
                stall: None,
            },
            classify: GrpcClassify::new(),
            whole: Whole::Of(Arc::default()),
        }
    }
}

impl Default for GrpcGuardLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> GrpcGuardLayer<O> {
    /// Reads outcomes by this. Defaults to the table alone.
    #[must_use]
    pub fn classify<P>(self, classify: GrpcClassify<P>) -> GrpcGuardLayer<P> {
        GrpcGuardLayer {
            rules: self.rules,
            classify,
            whole: self.whole,
        }
    }

    /// Holds every answer to its trailers: for clients whose methods are all unary.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.whole = Whole::All;
        self
    }

    /// Holds the answers of these methods to their trailers: of unary ones, by path (`/pkg.Service/Method`).
    #[must_use]
    pub fn whole_of<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.whole = Whole::Of(paths.into_iter().map(Into::into).collect());
        self
    }

    /// Holds at most so many bytes; what is larger is passed on as it comes. Defaults to 4 MiB.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn limit(mut self, bytes: usize) -> Result<Self, InvalidGrpc> {
        if bytes == 0 {
            return Err(InvalidGrpc::Limit);
        }
        self.rules.limit = bytes;
        Ok(self)
    }

    /// Bounds the time to the first message. Defaults to none: the failover layer bounds it too.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn first_message_timeout(mut self, limit: Duration) -> Result<Self, InvalidGrpc> {
        self.rules.first_message = Some(above_zero(limit)?);
        Ok(self)
    }

    /// Bounds the silence between two parts of an answer, while its reader waits. Defaults to none: a chat
    /// may be silent because its caller is.
    ///
    /// # Errors
    ///
    /// Fails if it is zero.
    pub fn stall_timeout(mut self, limit: Duration) -> Result<Self, InvalidGrpc> {
        self.rules.stall = Some(above_zero(limit)?);
        Ok(self)
    }
}

const fn above_zero(limit: Duration) -> Result<Duration, InvalidGrpc> {
    match limit.is_zero() {
        true => Err(InvalidGrpc::Timeout),
        false => Ok(limit),
    }
}

impl<S, O: Clone> Layer<S> for GrpcGuardLayer<O> {
    type Service = GrpcGuard<S, O>;

    fn layer(&self, inner: S) -> Self::Service {
        GrpcGuard {
            inner,
            settings: self.clone(),
        }
    }
}

/// Holds the head of an answer until its first message. See the [module docs](crate::guard).
#[derive(Clone, Debug)]
pub struct GrpcGuard<S, O = ()> {
    inner: S,
    settings: GrpcGuardLayer<O>,
}

// Readiness is passed through and `call` uses the instance that is ready: case (a).
impl<S, O, A, B> Service<Request<A>> for GrpcGuard<S, O>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    O: Backend + Clone,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Response = Response<GuardedBody<B>>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, B, O>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let GrpcGuardLayer {
            rules,
            classify,
            whole,
        } = &self.settings;
        let whole = whole.is(request.uri().path());
        let once = request.extensions().get::<Once>().cloned();
        let future = self.inner.call(request);
        ResponseFuture::new(future, *rules, classify.clone(), whole, once)
    }
}

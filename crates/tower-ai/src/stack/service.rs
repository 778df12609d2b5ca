//! The stack as a service.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_ai_breaker::{Breaker, Permit};
use tower_ai_core::{BoxError, HttpCarry};
use tower_ai_failover::{Failover, Policy};
use tower_ai_http::{
    Continue, ContinueBody, FollowBody, FollowedBody, HttpClassify, Replay, ReplayBody, TargetBody,
    TargetService,
};
use tower_ai_retry::Retry;
use tower_ai_stream::{GuardedBody, StreamGuard};
use tower_service::Service;

use super::builder::StackBuilder;
use super::handle::StackHandle;
use super::policy::StackPolicy;

/// The stack of one target.
type Path<S> =
    Retry<Breaker<StreamGuard<TargetService<S>>, FollowBody, HttpCarry>, HttpClassify, HttpCarry>;

/// The stacks of all targets, and who chooses between them.
type Router<S, P> = Failover<Path<S>, HttpClassify, HttpCarry, StackPolicy<P>>;

/// All layers, outermost first.
type Layers<S, P> = Replay<Continue<Router<S, P>>>;

/// The body of a stack's response: that of the client, guarded and followed to its end, and gone on with
/// elsewhere if it breaks off and the stack was told to.
///
/// `S` is the client, `B` the body of its requests, `R` that of its responses, `P` the policy.
pub type StackBody<S, B, R, P = ()> =
    ContinueBody<Router<S, P>, B, FollowedBody<GuardedBody<TargetBody<R>>, Permit>>;

/// Replay, failover, retry, breaker, stream guard and endpoint rewriting over one HTTP client, in the right order.
///
/// A request is written as for the preferred provider; its URL needs no host. It goes to the first target that
/// takes it, and on to the next where that fails. The response has
/// [`Served`](tower_ai_core::Served) in its extensions: who answered, after what.
///
/// # Clone
///
/// Clones are one stack: they share targets, breakers, budget and client.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper_rustls::HttpsConnectorBuilder;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use tower::{Service, ServiceExt};
/// use tower_ai::http::{Secret, TargetLayer};
/// use tower_ai::{Key, Served, Stack, Target};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower_ai::BoxError> {
/// let target = |name: &str, url: &str, model: &str| {
///     Target::builder(name).endpoint(url).model(model).key(Key::named(name)).build()
/// };
/// let https = HttpsConnectorBuilder::new().with_webpki_roots().https_only().enable_http1().build();
/// let stack = Stack::builder()
///     .target(
///         TargetLayer::new(target("openai", "https://api.openai.com/v1", "gpt-5-mini")?)?
///             .with_secret(&Secret::new("sk-..."))?,
///     )
///     .target(
///         TargetLayer::new(target("groq", "https://api.groq.com/openai/v1", "gpt-oss-120b")?)?
///             .with_secret(&Secret::new("gsk_..."))?,
///     )
///     .deadline(Duration::from_secs(30))
///     .build(Client::builder(TokioExecutor::new()).build(https))?;
///
/// let request = http::Request::post("/v1/chat/completions")
///     .header("content-type", "application/json")
///     .body(Full::<Bytes>::from(r#"{"model": "any", "messages": []}"#))?;
/// let response = stack.oneshot(request).await?;
/// let served = response.extensions().get::<Served>().expect("the stack says who served");
/// println!("{:?} after {} attempts", served.target(), served.attempts());
/// # Ok(())
/// # }
/// ```
pub struct Stack<S, P = ()> {
    layers: Layers<S, P>,
    handle: StackHandle,
}

impl Stack<()> {
    /// Begins the description of a stack.
    pub fn builder() -> StackBuilder {
        StackBuilder::new()
    }
}

impl<S, P> Stack<S, P> {
    pub(super) const fn new(layers: Layers<S, P>, handle: StackHandle) -> Self {
        Self { layers, handle }
    }

    /// Returns a handle that reads and steers the stack while it runs.
    #[must_use]
    pub fn handle(&self) -> StackHandle {
        self.handle.clone()
    }
}

impl<S, P, B, R> Service<Request<B>> for Stack<S, P>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
    P: Policy<Request<ReplayBody<B>>> + Clone,
{
    type Response = Response<StackBody<S, B, R, P>>;
    type Error = BoxError;
    type Future = ResponseFuture<<Layers<S, P> as Service<Request<B>>>::Future>;

    /// Always ready: backpressure is per attempt.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.layers.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture {
            inner: self.layers.call(request),
        }
    }
}

impl<S, P: Clone> Clone for Stack<S, P>
where
    Layers<S, P>: Clone,
{
    fn clone(&self) -> Self {
        Self {
            layers: self.layers.clone(),
            handle: self.handle.clone(),
        }
    }
}

impl<S, P> fmt::Debug for Stack<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The response future of [`Stack`].
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F: Future> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx)
    }
}

//! The future of [`Continue`](super::Continue).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_ai_core::BoxError;
use tower_ai_stream::Format;
use tower_service::Service;

use super::body::ContinueBody;
use super::layer::Settings;
use super::work::Work;
use crate::{Head, ReplayBody};

pin_project! {
    /// The response future of [`Continue`](super::Continue).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the inner call.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<ReplayBody<B>>>,
    {
        #[pin]
        inner: S::Future,
        // Boxed, as only streams need it: every byte here is moved with each call.
        plan: Option<Box<Plan<S, B>>>,
    }
}

/// What is needed to go on with an answer, should it break off.
pub(super) struct Plan<S, B> {
    pub(super) service: S,
    pub(super) request: Request<ReplayBody<B>>,
    pub(super) format: Format,
    pub(super) settings: Settings,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<ReplayBody<B>>>,
{
    pub(super) fn new(inner: S::Future, plan: Option<Plan<S, B>>) -> Self {
        let plan = plan.map(Box::new);
        Self { inner, plan }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<ContinueBody<S, B, R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        let plan = this.plan.take().filter(|_| is_stream(&response));
        let work = plan.and_then(|plan| Work::new(*plan, response.extensions_mut()));
        Poll::Ready(Ok(response.map(|body| match work {
            Some(work) => ContinueBody::watched(work, body),
            None => ContinueBody::plain(body),
        })))
    }
}

/// Whether an answer is good so far, and a stream that can be read.
pub(super) fn is_stream<R>(response: &Response<R>) -> bool {
    let headers = response.headers();
    let kind = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_LENGTH)
        && response.status() == http::StatusCode::OK
        && Head::of(response).outcome().is_success()
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<ReplayBody<B>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("is_watched", &self.plan.is_some())
            .finish_non_exhaustive()
    }
}

//! The future of a cached call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_ai_core::{Ask, BoxError, CacheNote, CacheUse, Directive, Keep, Kept, Question};
use tower_service::Service;

use crate::run::{Call, replay};
use crate::service::Shared;
use crate::state::Exact;

pin_project! {
    /// The response of a cached call.
    ///
    /// A hit and a bypassed call are not boxed; a miss is, because it asks in a task of its own, and what
    /// it costs is the call.
    pub struct ResponseFuture<S, A, K, Req>
    where
        S: Service<A::Request>,
        A: Ask<Req>,
        K: Keep<S::Response>,
    {
        inner: Option<S>,
        shared: Arc<Shared<A, K, K::Stored>>,
        #[pin]
        state: State<S, A, Req, Slow<K::Response>>,
    }
}

type Slow<Res> = Pin<Box<dyn Future<Output = Result<Res, BoxError>> + Send>>;

pin_project! {
    #[project = StateProj]
    enum State<S, A, Req, Slow>
    where
        S: Service<A::Request>,
        A: Ask<Req>,
    {
        // The question is read off the request.
        Asking { #[pin] future: A::Future },
        // None of the cache's business: the inner service becomes ready…
        Readying { request: Option<A::Request>, reason: &'static str },
        // …and answers.
        Passing { #[pin] future: S::Future, reason: &'static str },
        // Not found by an equal question.
        Slow { slow: Slow },
    }
}

impl<S, A, K, Req> ResponseFuture<S, A, K, Req>
where
    S: Service<A::Request>,
    A: Ask<Req>,
    K: Keep<S::Response>,
{
    pub(crate) fn new(inner: S, shared: Arc<Shared<A, K, K::Stored>>, request: Req) -> Self {
        let future = shared.ask.ask(request);
        Self {
            inner: Some(inner),
            shared,
            state: State::Asking { future },
        }
    }
}

impl<S, A, K, Req> Future for ResponseFuture<S, A, K, Req>
where
    S: Service<A::Request> + Clone + Send + 'static,
    S::Response: Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    A: Ask<Req>,
    A::Request: Send + 'static,
    K: Keep<S::Response> + Send + Sync + 'static,
    K::Response: Send + 'static,
{
    type Output = Result<K::Response, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            match this.state.as_mut().project() {
                StateProj::Asking { future } => {
                    let (request, question) = ready!(future.poll(cx));
                    if let Some(response) = self.as_mut().look(request, question) {
                        return Poll::Ready(Ok(response));
                    }
                }
                StateProj::Readying { request, reason } => {
                    let reason = *reason;
                    let Some(inner) = this.inner.as_mut() else {
                        return Poll::Pending;
                    };
                    ready!(inner.poll_ready(cx)).map_err(Into::into)?;
                    let Some(request) = request.take() else {
                        return Poll::Pending;
                    };
                    let future = inner.call(request);
                    this.state.set(State::Passing { future, reason });
                }
                StateProj::Passing { future, reason } => {
                    let reason = *reason;
                    let response = ready!(future.poll(cx)).map_err(Into::into)?;
                    let mut response = this.shared.keep.live(response, None);
                    let note = CacheNote::new(CacheUse::Bypass { reason });
                    this.shared.keep.note(&mut response, note);
                    return Poll::Ready(Ok(response));
                }
                StateProj::Slow { slow } => return slow.as_mut().poll(cx),
            }
        }
    }
}

impl<S, A, K, Req> ResponseFuture<S, A, K, Req>
where
    S: Service<A::Request> + Clone + Send + 'static,
    S::Response: Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    A: Ask<Req>,
    A::Request: Send + 'static,
    K: Keep<S::Response> + Send + Sync + 'static,
    K::Response: Send + 'static,
{
    /// Looks for an equal question; answers with what it found, or sets what is to be done.
    fn look(
        self: Pin<&mut Self>,
        request: A::Request,
        question: Option<Question>,
    ) -> Option<K::Response> {
        let mut this = self.project();
        let Shared { state, keep, .. } = &**this.shared;
        let asked = question.ok_or("no_question").and_then(|q| state.ask(q));
        let now = Instant::now();
        let planned = asked.and_then(|asked| {
            let refresh = asked.question.directive() == Directive::Refresh;
            match state.known(&asked, now).filter(|_| !refresh) {
                Some(hit) => Ok(Err(hit)),
                None => state.plan(asked).map(Ok),
            }
        });
        let lookup = match planned {
            Ok(Ok(lookup)) => lookup,
            Ok(Err(hit)) => {
                tracing::debug!(entry = hit.entry.id(), "exact hit");
                return Some(replay(&**keep, &hit, now));
            }
            Err(reason) => {
                tracing::trace!(reason, "cache bypassed");
                let request = Some(request);
                this.state.set(State::Readying { request, reason });
                return None;
            }
        };
        let refresh = lookup.question.directive() == Directive::Refresh;
        let mut stale = None;
        match state.exact(&lookup, now) {
            Exact::Fresh(hit) if !refresh => {
                tracing::debug!(entry = hit.entry.id(), "exact hit");
                return Some(replay(&**keep, &hit, now));
            }
            Exact::Fresh(hit) | Exact::Stale(hit) => stale = Some(hit.stale()),
            Exact::Nothing => {}
        }
        let call = Call {
            inner: this.inner.take()?,
            request: Some(request),
            lookup: Arc::new(lookup),
            state: Arc::clone(state),
            keep: Arc::clone(keep),
            stale,
        };
        let slow: Slow<K::Response> = if refresh {
            Box::pin(call.alone())
        } else {
            Box::pin(call.together())
        };
        this.state.set(State::Slow { slow });
        None
    }
}

impl<S, A, K, Req> fmt::Debug for ResponseFuture<S, A, K, Req>
where
    S: Service<A::Request>,
    A: Ask<Req>,
    K: Keep<S::Response> + Kept,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

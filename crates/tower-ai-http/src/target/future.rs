//! The future of [`TargetService`](super::TargetService).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_ai_core::error::Failed;
use tower_ai_core::{BoxError, Outcome};
use tower_service::Service;

use super::body::{Reading, TargetBody};
use super::config::Config;
use super::error::NotSent;
use crate::ReplayBody;
use crate::reading::is_good;
use crate::splice::Prefilled;

pin_project! {
    /// The answer of one target.
    pub struct ResponseFuture<S, B, F, R> {
        #[pin]
        state: State<S, B, F, R>,
        config: Arc<Config>,
        prefilled: Option<Prefilled>,
        // Which of several.
        key: Option<usize>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F, R> {
        // Waiting for the whole body, to put the model into it.
        Request {
            unsent: Option<Unsent<S, B>>,
        },
        // Waiting for the head of the answer.
        Called {
            #[pin]
            future: F,
        },
        // Waiting for the body of a bad answer. Boxed: nobody is in a hurry here.
        Answer {
            reading: Option<Box<Reading<R>>>,
        },
        // The request was not sent.
        NotSent {
            error: Option<NotSent>,
        },
    }
}

struct Unsent<S, B> {
    ready_inner: S,
    head: Parts,
    body: ReplayBody<B>,
}

impl<S, B, F, R> ResponseFuture<S, B, F, R> {
    const fn new(state: State<S, B, F, R>, config: Arc<Config>) -> Self {
        Self {
            state,
            config,
            prefilled: None,
            key: None,
        }
    }

    /// Says beside the answer that it goes on with another.
    pub(super) const fn with_prefilled(mut self, prefilled: Option<Prefilled>) -> Self {
        self.prefilled = prefilled;
        self
    }

    /// Charges the answer to this key of several.
    pub(super) const fn with_key(mut self, key: Option<usize>) -> Self {
        self.key = key;
        self
    }

    pub(super) const fn called(future: F, config: Arc<Config>) -> Self {
        let state = State::Called { future };
        Self::new(state, config)
    }

    pub(super) const fn not_sent(error: NotSent, config: Arc<Config>) -> Self {
        let state = State::NotSent { error: Some(error) };
        Self::new(state, config)
    }

    pub(super) const fn reading_request(
        ready_inner: S,
        head: Parts,
        body: ReplayBody<B>,
        config: Arc<Config>,
    ) -> Self {
        let unsent = Some(Unsent {
            ready_inner,
            head,
            body,
        });
        let state = State::Request { unsent };
        Self::new(state, config)
    }
}

impl<S, B> Unsent<S, B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// Waits for the whole body, and returns it with the target's model.
    fn poll_body(
        &mut self,
        config: &Config,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Bytes, BoxError>> {
        let body = ready!(self.body.poll_whole(cx))?.ok_or(NotSent::BodyTooLarge);
        let body = body.and_then(|body| config.put_model(&mut self.head, &body));
        Poll::Ready(body.map_err(skipped))
    }
}

/// What it means for other targets that a request cannot be sent to this one.
fn skipped(error: NotSent) -> BoxError {
    let outcome = match error {
        NotSent::BodyGone | NotSent::BodyTooLarge | NotSent::NoSecret | NotSent::NotJson => {
            Outcome::Shed { wait: None }
        }
        NotSent::KeysAway { wait } => Outcome::Shed { wait: Some(wait) },
        NotSent::InvalidUrl | NotSent::MalformedJson => Outcome::Invalid,
    };
    Box::new(Failed::new(outcome, error))
}

impl<S, B, F, R> Future for ResponseFuture<S, B, F, R>
where
    S: Service<Request<ReplayBody<B>>, Future = F>,
    F: Future<Output = Result<Response<R>, S::Error>>,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<TargetBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Request { unsent } => {
                    let waiting = unsent.as_mut().expect("polled after it was ready");
                    let body = ready!(waiting.poll_body(this.config, cx))?;
                    let mut unsent = unsent.take().expect("it was just there");
                    let request = Request::from_parts(unsent.head, ReplayBody::from(body));
                    State::Called {
                        future: unsent.ready_inner.call(request),
                    }
                }
                StateProj::Called { future } => {
                    let mut response = ready!(future.poll(cx)).map_err(Into::into)?;
                    if let Some(prefilled) = this.prefilled.take() {
                        response.extensions_mut().insert(prefilled);
                    }
                    if is_good(response.status()) {
                        this.config.answered(*this.key, &mut response);
                        return Poll::Ready(Ok(response.map(TargetBody::unread)));
                    }
                    State::Answer {
                        reading: Some(Box::new(Reading::new(response))),
                    }
                }
                StateProj::Answer { reading } => {
                    let waiting = reading.as_mut().expect("polled after it was ready");
                    let rest = ready!(waiting.poll_text(this.config, cx));
                    let reading = reading.take().expect("it was just there");
                    let mut response = reading.finish(this.config, rest);
                    this.config.refused(*this.key, &mut response);
                    return Poll::Ready(Ok(response));
                }
                StateProj::NotSent { error } => {
                    let error = error.take().expect("polled after it was ready");
                    return Poll::Ready(Err(skipped(error)));
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, B, F, R> fmt::Debug for ResponseFuture<S, B, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("target", &self.config.target)
            .finish_non_exhaustive()
    }
}

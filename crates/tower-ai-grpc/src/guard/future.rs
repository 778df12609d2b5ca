//! The future of an answer whose head is held.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response, response};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_ai_core::error::{Elapsed, Failed};
use tower_ai_core::{BoxError, Outcome};

use super::body::GuardedBody;
use super::layer::Rules;
use crate::answer::Answer;
use crate::backend::Backend;
use crate::classify::GrpcClassify;
use crate::details::remove_broken;
use crate::error::error_outcome;
use crate::replay::Once;
use crate::table::not_here_again;

pin_project! {
    /// The response future of [`GrpcGuard`](super::GrpcGuard).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the attempt, and what was held of its answer.
    pub struct ResponseFuture<F, B, O = ()> {
        #[pin]
        state: State<F, B>,
        timer: Option<Pin<Box<Sleep>>>,
        rules: Rules,
        classify: GrpcClassify<O>,
        // Whether the whole answer is held, not only its first message.
        whole: bool,
        once: Option<Once>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B> {
        // The head is awaited.
        Called { #[pin] future: F },
        // The head has come and says nothing yet.
        Holding { held: Option<Held<B>> },
    }
}

/// Whether a head says what the answer is.
enum Head<B> {
    Said(Response<GuardedBody<B>>),
    Silent(Held<B>),
}

/// A head, and what has come after it.
struct Held<B> {
    head: response::Parts,
    body: GuardedBody<B>,
    size: usize,
}

impl<F, B, O> ResponseFuture<F, B, O> {
    pub(super) const fn new(
        future: F,
        rules: Rules,
        classify: GrpcClassify<O>,
        whole: bool,
        once: Option<Once>,
    ) -> Self {
        Self {
            state: State::Called { future },
            timer: None,
            rules,
            classify,
            whole,
            once,
        }
    }
}

impl<F, B, E, O> Future for ResponseFuture<F, B, O>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    O: Backend,
{
    type Output = Result<Response<GuardedBody<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let reader = Reader {
                rules: this.rules,
                classify: this.classify,
                whole: *this.whole,
                once: this.once.as_ref(),
            };
            let polled = match this.state.as_mut().project() {
                StateProj::Called { future } => match future.poll(cx) {
                    Poll::Ready(Ok(response)) => match reader.head(response) {
                        Head::Said(response) => return Poll::Ready(Ok(response)),
                        Head::Silent(held) => {
                            this.state.set(State::Holding { held: Some(held) });
                            continue;
                        }
                    },
                    Poll::Ready(Err(error)) => Poll::Ready(Err(reader.failed(error.into()))),
                    Poll::Pending => Poll::Pending,
                },
                StateProj::Holding { held } => reader.hold(held, cx),
            };
            if polled.is_ready() {
                return polled;
            }
            let Some(limit) = this.rules.first_message else {
                return Poll::Pending;
            };
            let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
            ready!(timer.as_mut().poll(cx));
            let error = Elapsed::new("the first message", limit);
            return Poll::Ready(Err(error.into()));
        }
    }
}

/// What decides how long a head is held.
struct Reader<'a, O> {
    rules: &'a Rules,
    classify: &'a GrpcClassify<O>,
    whole: bool,
    once: Option<&'a Once>,
}

impl<O: Backend> Reader<'_, O> {
    /// Looks at a head: one that says nothing is to be held.
    fn head<B>(&self, mut response: Response<B>) -> Head<B> {
        let stall = self.rules.stall;
        let Some(outcome) = self.classify.head(&response) else {
            // A caller who is still writing may wait for the head before the next word; and a request
            // that is a stream could not be sent again anyway.
            if self.once.is_some() {
                return Head::Said(response.map(|body| GuardedBody::watched(body, stall)));
            }
            let (head, body) = response.into_parts();
            return Head::Silent(Held {
                head,
                body: GuardedBody::watched(body, stall),
                size: 0,
            });
        };
        remove_broken(response.headers_mut());
        self.note(response.extensions_mut(), outcome);
        Head::Said(response.map(|body| GuardedBody::plain(body, stall)))
    }

    /// Reads until the first message, or the trailers, or the bound.
    fn hold<B>(
        &self,
        slot: &mut Option<Held<B>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<GuardedBody<B>>, BoxError>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        loop {
            let Some(held) = slot.as_mut() else {
                return Poll::Pending;
            };
            let frame = ready!(held.body.poll_source(cx));
            let release = match frame.map(|frame| frame.map(http_body::Frame::into_data)) {
                None => true,
                Some(Err(error)) => return Poll::Ready(Err(self.failed(error))),
                Some(Ok(Ok(data))) => {
                    held.size = held.size.saturating_add(data.len());
                    held.body.hold(data);
                    let has_come = !self.whole && held.body.has_message();
                    has_come || held.size > self.rules.limit
                }
                Some(Ok(Err(frame))) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    match self
                        .classify
                        .read(&Answer::new(held.head.status, &trailers))
                    {
                        Outcome::Success => held.body.hold_end(trailers),
                        bad => self.fail(held, trailers, bad),
                    }
                    true
                }
            };
            if release && let Some(held) = slot.take() {
                return Poll::Ready(Ok(Response::from_parts(held.head, held.body)));
            }
        }
    }

    /// Makes an answer that failed before anything was passed on what it could have been: trailers-only.
    fn fail<B>(&self, held: &mut Held<B>, trailers: HeaderMap, outcome: Outcome) {
        held.head.headers.extend(trailers);
        held.body = GuardedBody::empty();
        self.note(&mut held.head.extensions, outcome);
    }

    /// Leaves a bad outcome for the layers above.
    fn note(&self, extensions: &mut http::Extensions, outcome: Outcome) {
        if outcome != Outcome::Success {
            extensions.insert(self.if_again(outcome));
        }
    }

    /// The error, with its outcome where the layers above could not know it.
    fn failed(&self, error: BoxError) -> BoxError {
        let outcome = error_outcome(&*error);
        let told = self.if_again(outcome);
        match told == tower_ai_core::error::outcome_of(&*error) {
            true => error,
            false => Failed::new(told, error).into(),
        }
    }

    /// A failed request that cannot be sent again is not worth a wait at the same target.
    fn if_again(&self, outcome: Outcome) -> Outcome {
        match self.once.is_some_and(Once::is_spent) && outcome.is_failure() {
            true => not_here_again(outcome),
            false => outcome,
        }
    }
}

impl<F, B, O> fmt::Debug for ResponseFuture<F, B, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

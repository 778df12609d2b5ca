//! The future of a call that may be tried again.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower_ai_core::{Attempt, Carry, Classify, Outcome, Report};
use tower_service::Service;

use crate::Retry;
use crate::session::Session;

pin_project! {
    /// The response future of [`Retry`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it at any point drops the attempt that is under way and makes no other.
    pub struct ResponseFuture<S, C, K, Req>
    where
        S: Service<Req>,
    {
        retry: Retry<S, C, K>,
        spare: Option<Req>,
        attempt: Option<Attempt>,
        // Boxed, as few calls need it: every byte here is moved with each call.
        again: Option<Box<Again<S::Response, S::Error>>>,
        #[pin]
        state: State<S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // The attempt is under way.
        Called { #[pin] future: F },
        // Between two attempts. Boxed: a timer in place would make every call's future larger.
        Waiting { sleep: Pin<Box<Sleep>> },
        // The wait is over; the service is polled until it is ready for the next attempt.
        Readying,
    }
}

/// What a call knows that is tried again.
struct Again<Res, E> {
    session: Session,
    // The answer that is retried: what the caller gets if the retry is not sent.
    held: Result<Res, E>,
}

impl<S, C, K, Req> ResponseFuture<S, C, K, Req>
where
    S: Service<Req>,
{
    pub(crate) const fn new(
        retry: Retry<S, C, K>,
        spare: Option<Req>,
        attempt: Option<Attempt>,
        first: S::Future,
    ) -> Self {
        Self {
            retry,
            spare,
            attempt,
            again: None,
            state: State::Called { future: first },
        }
    }
}

impl<S, C, K, Req> Future for ResponseFuture<S, C, K, Req>
where
    S: Service<Req> + Clone,
    Req: Clone,
    C: Classify<S::Response, S::Error> + Clone,
    K: Carry<Req> + Report<S::Response> + Clone,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let this = self.as_mut().project();
            match this.state.project() {
                StateProj::Called { future } => {
                    let result = ready!(future.poll(cx));
                    let outcome = this.retry.judge.classify.classify(result.as_ref());
                    if outcome.is_success() && this.again.is_none() {
                        return Poll::Ready(result);
                    }
                    if let Some(result) = self.as_mut().weigh(outcome, result) {
                        return Poll::Ready(result);
                    }
                }
                StateProj::Waiting { sleep } => {
                    ready!(sleep.as_mut().poll(cx));
                    self.as_mut().project().state.set(State::Readying);
                }
                StateProj::Readying => {
                    ready!(this.retry.inner.poll_ready(cx))?;
                    self.as_mut().send();
                }
            }
        }
    }
}

impl<S, C, K, Req> ResponseFuture<S, C, K, Req>
where
    S: Service<Req> + Clone,
    Req: Clone,
    C: Classify<S::Response, S::Error> + Clone,
    K: Carry<Req> + Report<S::Response> + Clone,
{
    /// Takes a result that may not be the last: returns what the caller gets, or waits for another attempt.
    fn weigh(
        self: Pin<&mut Self>,
        outcome: Outcome,
        result: Result<S::Response, S::Error>,
    ) -> Option<Result<S::Response, S::Error>> {
        let mut this = self.project();
        let judge = &this.retry.judge;
        let mut session = match this.again.take() {
            // A retry that a breaker refused was no attempt: the answer before it stands.
            Some(again) if !outcome.was_sent() => {
                let Again { session, held } = *again;
                return Some(told(&judge.carry, &session, session.retries(), held));
            }
            Some(again) => again.session,
            None => judge.session(*this.attempt),
        };
        let repeatable = this.spare.is_some();
        let Some(delay) = repeatable
            .then(|| judge.decide(&mut session, outcome))
            .flatten()
        else {
            return Some(told(&judge.carry, &session, session.retries() + 1, result));
        };
        *this.again = Some(Box::new(Again {
            session,
            held: result,
        }));
        if delay.is_zero() {
            this.state.set(State::Readying);
            return None;
        }
        let sleep = Box::pin(sleep(delay));
        this.state.set(State::Waiting { sleep });
        None
    }

    /// Sends the request again; the service is ready.
    fn send(self: Pin<&mut Self>) {
        let mut this = self.project();
        let mut request = this.spare.take().expect("kept until the retry is sent");
        let session = &mut this
            .again
            .as_mut()
            .expect("kept while it is tried again")
            .session;
        let Retry { inner, judge } = this.retry;
        if judge.carry.carries() {
            let attempt = session.next_attempt(Instant::now());
            judge.carry.set(&mut request, attempt);
        }
        if judge.has_more(session) {
            *this.spare = Some(judge.carry.spare(&mut request));
        }
        let future = inner.call(request);
        this.state.set(State::Called { future });
    }
}

/// Writes beside a response how often it was tried, if more than once.
fn told<K, Res, E>(
    carry: &K,
    session: &Session,
    attempts: u32,
    mut result: Result<Res, E>,
) -> Result<Res, E>
where
    K: Report<Res>,
{
    if session.retries() > 0
        && let Ok(response) = &mut result
    {
        carry.report(response, |served| {
            served.add_attempts(attempts);
            served.add_waited(session.waited());
        });
    }
    result
}

impl<S, C, K, Req> fmt::Debug for ResponseFuture<S, C, K, Req>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

//! The future of a call that may be tried again.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tower_ai_core::{Carry, Classify, Outcome, Report};
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
        session: Session,
        // The answer that is retried: what the caller gets if the retry is not sent.
        held: Option<Result<S::Response, S::Error>>,
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

impl<S, C, K, Req> ResponseFuture<S, C, K, Req>
where
    S: Service<Req>,
{
    pub(crate) const fn new(
        retry: Retry<S, C, K>,
        spare: Option<Req>,
        session: Session,
        first: S::Future,
    ) -> Self {
        Self {
            retry,
            spare,
            session,
            held: None,
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Called { future } => {
                    let result = ready!(future.poll(cx));
                    let policy = &this.retry.policy;
                    // A retry that a breaker refused was no attempt: the answer before it stands.
                    let (result, refused) = match this.held.take() {
                        Some(held) if !was_sent(&policy.classify, &result) => (held, true),
                        _ => (result, false),
                    };
                    let delay = match this.spare {
                        Some(_) if !refused => policy.decide(this.session, result.as_ref()),
                        _ => None,
                    };
                    let Some(delay) = delay else {
                        return Poll::Ready(told(&policy.carry, this.session, refused, result));
                    };
                    *this.held = Some(result);
                    let sleep = Box::pin(sleep(delay));
                    this.state.set(State::Waiting { sleep });
                }
                StateProj::Waiting { sleep } => {
                    ready!(sleep.as_mut().poll(cx));
                    this.state.set(State::Readying);
                }
                StateProj::Readying => {
                    ready!(this.retry.inner.poll_ready(cx))?;
                    let mut request = this.spare.take().expect("kept until the retry is sent");
                    let Retry { inner, policy } = &mut *this.retry;
                    if policy.carry.carries() {
                        let attempt = this.session.next_attempt(Instant::now());
                        policy.carry.set(&mut request, attempt);
                    }
                    if this.session.has_retries(&policy.shared.rules) {
                        *this.spare = Some(request.clone());
                    }
                    let future = inner.call(request);
                    this.state.set(State::Called { future });
                }
            }
        }
    }
}

fn was_sent<C, Res, E>(classify: &C, result: &Result<Res, E>) -> bool
where
    C: Classify<Res, E>,
{
    !matches!(classify.classify(result.as_ref()), Outcome::Shed { .. })
}

/// Writes beside a response how often it was tried, if more than once.
fn told<K, Res, E>(
    carry: &K,
    session: &Session,
    refused: bool,
    mut result: Result<Res, E>,
) -> Result<Res, E>
where
    K: Report<Res>,
{
    if session.retries() > 0
        && let Ok(response) = &mut result
    {
        carry.report(response, |served| {
            served.add_attempts(session.retries() + u32::from(!refused));
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
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

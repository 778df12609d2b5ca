//! The future of a guarded call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode, response};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_ai_core::{Attempt, BoxError, Deadline, Served};

use crate::guard::Guard;
use crate::settings::Settings;
use crate::{Broken, Ending, Framing, GuardedBody, Lapse, Malformed};

pin_project! {
    /// The future of a call to a [`StreamGuard`](crate::StreamGuard): resolves when the answer is passed on.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the inner call, or the answer that is being held.
    pub struct ResponseFuture<F, B> {
        #[pin]
        state: State<F, B>,
        settings: Settings,
        called: Instant,
        deadline: Option<Deadline>,
        streamed: bool,
        is_read: bool,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B> {
        // Waiting for the head.
        Called { #[pin] future: F, #[pin] sleep: Option<Sleep> },
        // Waiting for what makes the answer worth passing on.
        Holding { parts: Option<response::Parts>, guard: Option<Pin<Box<Guard<B>>>> },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(crate) fn new(
        future: F,
        settings: Settings,
        attempt: Option<Attempt>,
        is_read: bool,
    ) -> Self {
        Self {
            state: State::Called {
                future,
                sleep: None,
            },
            settings,
            called: Instant::now(),
            deadline: attempt.and_then(|attempt| attempt.deadline()),
            streamed: attempt.is_some_and(|attempt| attempt.streamed()),
            is_read,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<GuardedBody<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Called { future, sleep } => {
                    let Poll::Ready(result) = future.poll(cx) else {
                        let limit = head_limit(this.settings, *this.called, *this.deadline);
                        let broken = ready!(poll_head(sleep, limit, *this.called, cx));
                        return Poll::Ready(Err(broken.into()));
                    };
                    let (mut parts, body) = result.map_err(Into::into)?.into_parts();
                    let Some(framing) = framing(&parts).filter(|_| *this.is_read) else {
                        let body = GuardedBody::untouched(body);
                        return Poll::Ready(Ok(Response::from_parts(parts, body)));
                    };
                    let sequel = (this.settings.malformed == Malformed::Skip).then(|| {
                        // The length may be another.
                        parts.headers.remove(CONTENT_LENGTH);
                        let served: &mut Served = parts.extensions.get_or_insert_default();
                        served.sequel()
                    });
                    let by = this.deadline.map(|deadline| deadline.instant());
                    // A list of events comes under the name of JSON as well, where a stream was asked for.
                    let settings = match framing {
                        Framing::Json if !*this.streamed => this.settings.of_text(),
                        _ => *this.settings,
                    };
                    let guard = Guard::new(body, framing, settings, *this.called, by);
                    this.state.set(State::Holding {
                        parts: Some(parts),
                        guard: Some(Box::pin(guard.telling(sequel))),
                    });
                }
                StateProj::Holding { parts, guard } => {
                    if let Some(held) = guard.as_mut() {
                        while !held.is_decided() {
                            ready!(held.as_mut().poll_read(cx));
                        }
                    }
                    let (Some(parts), Some(guard)) = (parts.take(), guard.take()) else {
                        unreachable!("polled after it was ready");
                    };
                    return Poll::Ready(decide(parts, guard));
                }
            }
        }
    }
}

/// Passes the answer on, or its failure.
fn decide<B>(
    mut parts: response::Parts,
    mut guard: Pin<Box<Guard<B>>>,
) -> Result<Response<GuardedBody<B>>, BoxError> {
    let passes = matches!(
        guard.ending(),
        None | Some(Ending::Good | Ending::Reported(_))
    );
    if !passes && let Some(broken) = guard.as_mut().take_broken() {
        return Err(broken.into());
    }
    if let Some(outcome) = guard.as_mut().commit() {
        parts.extensions.insert(outcome);
    }
    parts.extensions.insert(guard.heard().clone());
    Ok(Response::from_parts(parts, GuardedBody::guarded(guard)))
}

/// How an answer is framed that is to be read; `None` for all others.
fn framing(parts: &response::Parts) -> Option<Framing> {
    if parts.status != StatusCode::OK || is_encoded(&parts.headers) {
        return None;
    }
    let value = parts.headers.get(CONTENT_TYPE)?.as_bytes();
    let essence = value.split(|byte| *byte == b';').next()?.trim_ascii();
    let is = |name: &str| essence.eq_ignore_ascii_case(name.as_bytes());
    if is("text/event-stream") {
        return Some(Framing::Sse);
    }
    if is("application/x-ndjson") || is("application/ndjson") || is("application/jsonl") {
        return Some(Framing::Lines);
    }
    is("application/json").then_some(Framing::Json)
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING);
    encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// By when the head must have come, and which clock says so.
fn head_limit(
    settings: &Settings,
    called: Instant,
    deadline: Option<Deadline>,
) -> Option<(Instant, Lapse)> {
    let first_byte = settings
        .first_byte
        .and_then(|limit| called.checked_add(limit));
    let clocks = [
        first_byte.map(|at| (at, Lapse::Head)),
        deadline.map(|deadline| (deadline.instant(), Lapse::Deadline)),
    ];
    clocks.into_iter().flatten().min_by_key(|(at, _)| *at)
}

/// Resolves with the error of a head that did not come in time.
fn poll_head(
    mut sleep: Pin<&mut Option<Sleep>>,
    limit: Option<(Instant, Lapse)>,
    called: Instant,
    cx: &mut Context<'_>,
) -> Poll<Broken> {
    let Some((at, lapse)) = limit else {
        return Poll::Pending;
    };
    if sleep.is_none() {
        sleep.set(Some(sleep_until(at)));
    }
    match sleep.as_pin_mut() {
        Some(sleep) => ready!(sleep.poll(cx)),
        None => return Poll::Pending,
    }
    let limit: Duration = at.saturating_duration_since(called);
    Poll::Ready(Broken::timed_out(lapse, limit))
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Called { .. } => "called",
            State::Holding { .. } => "holding",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

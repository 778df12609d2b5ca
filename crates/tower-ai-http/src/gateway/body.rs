//! The body of an answer to a caller.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_ai_core::BoxError;
use tower_ai_core::error::cause_ref;
use tower_ai_stream::{Broken, Ending};

use super::api::Api;
use super::events::{Events, Framing};
use super::told;

/// How long an error event has to go out before the body fails. A server drops what it has not yet written of a
/// body that fails.
const FLUSH: Duration = Duration::from_millis(50);

pin_project! {
    /// The body of an answer to a gateway's caller.
    ///
    /// See the [module docs](crate::gateway).
    pub struct GatewayBody<R> {
        #[pin]
        kind: Kind<R>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<R> {
        // No stream, or none that an error could be put into.
        Plain { #[pin] inner: R },
        Stream { #[pin] stream: Stream<R> },
        // An error in the place of an answer.
        Told { text: Option<Bytes> },
    }
}

pin_project! {
    struct Stream<R> {
        #[pin]
        inner: R,
        api: Api,
        events: Events,
        // What comes before the inner body is asked again; at most two.
        next: VecDeque<Frame<Bytes>>,
        has_ended: bool,
        // The error that the body fails with, when what was told before has gone out.
        failing: Option<Failing>,
    }
}

struct Failing {
    error: BoxError,
    flush: Pin<Box<Sleep>>,
}

impl<R> GatewayBody<R> {
    pub(super) fn passed(inner: R, framing: Option<Framing>, api: Api) -> Self {
        let kind = match framing {
            None => Kind::Plain { inner },
            Some(framing) => Kind::Stream {
                stream: Stream {
                    inner,
                    api,
                    events: Events::new(framing),
                    next: VecDeque::new(),
                    has_ended: false,
                    failing: None,
                },
            },
        };
        Self { kind }
    }

    pub(super) const fn told(text: Bytes) -> Self {
        let kind = Kind::Told { text: Some(text) };
        Self { kind }
    }
}

impl<R> Stream<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let mut this = self.as_mut().project();
            if let Some(frame) = this.next.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(failing) = this.failing {
                ready!(failing.flush.as_mut().poll(cx));
                *this.has_ended = true;
                let failing = this.failing.take();
                return Poll::Ready(failing.map(|failing| Err(failing.error)));
            }
            if *this.has_ended {
                return Poll::Ready(None);
            }
            match ready!(this.inner.as_mut().poll_frame(cx)) {
                None => {
                    *this.has_ended = true;
                    this.next.extend(this.events.finish().map(Frame::data));
                }
                Some(Err(error)) => {
                    if let Some(error) = self.as_mut().fail(error.into()) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let whole = this.events.push(data);
                        if !whole.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(whole))));
                        }
                    }
                    Err(trailers) => {
                        this.next.extend(this.events.finish().map(Frame::data));
                        this.next.push_back(trailers);
                    }
                },
            }
        }
    }

    /// Tells the caller of the error and fails afterwards; returns it where it cannot be told.
    fn fail(self: Pin<&mut Self>, error: BoxError) -> Option<BoxError> {
        let this = self.project();
        // What is held may be the provider's own word of it, without an end.
        let is_told = is_told(&error) && this.events.held() == 0;
        this.events.discard();
        if this.events.is_torn() {
            *this.has_ended = true;
            return Some(error);
        }
        if !is_told {
            let message = told::broken(&*error);
            let event = this.api.event(this.events.framing(), &message);
            this.next.push_back(Frame::data(event));
        }
        *this.failing = Some(Failing {
            error,
            flush: Box::pin(sleep(FLUSH)),
        });
        None
    }

    fn is_end_stream(&self) -> bool {
        let is_over = self.has_ended || (self.events.held() == 0 && self.inner.is_end_stream());
        self.next.is_empty() && self.failing.is_none() && is_over
    }
}

/// Whether the provider has told of it: its event was passed on.
fn is_told(error: &BoxError) -> bool {
    let broken = cause_ref::<Broken>(&**error);
    broken.is_some_and(|broken| matches!(broken.ending(), Ending::Reported(_)))
}

impl<R> Body for GatewayBody<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProj::Plain { inner } => {
                let frame = ready!(inner.poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            KindProj::Stream { stream } => stream.poll_frame(cx),
            KindProj::Told { text } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Plain { inner } => inner.is_end_stream(),
            Kind::Stream { stream } => stream.is_end_stream(),
            Kind::Told { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Plain { inner } => inner.size_hint(),
            // An error may follow, whatever the inner body says.
            Kind::Stream { .. } => SizeHint::new(),
            Kind::Told { text } => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}

/// Shows where it stands; a body is somebody's answer.
impl<R> fmt::Debug for GatewayBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Plain { .. } => "plain",
            Kind::Stream { .. } => "stream",
            Kind::Told { .. } => "told",
        };
        f.debug_struct("GatewayBody")
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}

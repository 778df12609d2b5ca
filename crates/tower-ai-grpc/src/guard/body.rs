//! A body that is watched, and of which the beginning may be held.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tower_ai_core::BoxError;
use tower_ai_core::error::Elapsed;

use super::framing::Framing;
use crate::answer::STATUS;
use crate::details::remove_broken;
use crate::error::Truncated;

/// A body that ends in an error wherever it is not whole; made by [`GrpcGuard`](super::GrpcGuard).
pub struct GuardedBody<B> {
    /// What was held while the head was.
    ahead: VecDeque<Bytes>,
    /// The trailers, if they came while the head was held.
    end: Option<HeaderMap>,
    /// `None` once it is over.
    source: Option<B>,
    /// `None` where the head has said everything.
    framing: Option<Framing>,
    stall: Stall,
}

impl<B> GuardedBody<B> {
    /// A body whose trailers will tell.
    pub(super) fn watched(source: B, stall: Option<Duration>) -> Self {
        Self {
            framing: Some(Framing::default()),
            ..Self::plain(source, stall)
        }
    }

    /// A body under a head that has said everything.
    pub(super) const fn plain(source: B, stall: Option<Duration>) -> Self {
        Self {
            ahead: VecDeque::new(),
            end: None,
            source: Some(source),
            framing: None,
            stall: Stall::new(stall),
        }
    }

    /// A body of which nothing is left.
    pub(super) const fn empty() -> Self {
        Self {
            ahead: VecDeque::new(),
            end: None,
            source: None,
            framing: None,
            stall: Stall::new(None),
        }
    }

    /// Keeps data for the reader.
    pub(super) fn hold(&mut self, data: Bytes) {
        self.ahead.push_back(data);
    }

    /// Keeps the trailers for the reader.
    pub(super) fn hold_end(&mut self, trailers: HeaderMap) {
        self.end = Some(trailers);
    }

    /// Whether a whole message has come.
    pub(super) fn has_message(&self) -> bool {
        self.framing.is_some_and(|framing| framing.has_message())
    }
}

impl<B> GuardedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// Reads on from the source; an end without a status, or within a message, is an error.
    pub(super) fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        let frame = match Pin::new(source).poll_frame(cx) {
            Poll::Pending => {
                let limit = ready!(self.stall.poll(cx));
                self.source = None;
                let error = Elapsed::new("the next part of the answer", limit);
                return Poll::Ready(Some(Err(error.into())));
            }
            Poll::Ready(frame) => frame,
        };
        self.stall.rest();
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(self.checked(frame)),
            Some(Err(error)) => {
                self.source = None;
                Some(Err(error.into()))
            }
            None => {
                self.source = None;
                self.framing.take().map(|_| Err(Truncated::new().into()))
            }
        })
    }

    fn checked(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BoxError> {
        let mut trailers = match frame.into_trailers() {
            Ok(trailers) => trailers,
            Err(frame) => {
                if let (Some(framing), Some(data)) = (&mut self.framing, frame.data_ref()) {
                    framing.feed(data);
                }
                return Ok(frame);
            }
        };
        self.source = None;
        remove_broken(&mut trailers);
        let framing = self.framing.take();
        match trailers.get(STATUS) {
            _ if framing.is_none() => Ok(Frame::trailers(trailers)),
            None => Err(Truncated::new().into()),
            Some(code) if code == "0" && !framing.is_some_and(|framing| framing.is_between()) => {
                Err(Truncated::new().into())
            }
            Some(_) => Ok(Frame::trailers(trailers)),
        }
    }
}

impl<B> Body for GuardedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(data) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(trailers) = self.end.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        self.poll_source(cx)
    }

    fn is_end_stream(&self) -> bool {
        // A source that says it is over without trailers is still asked: that is how it is found out.
        let over = match &self.source {
            None => true,
            Some(source) => self.framing.is_none() && source.is_end_stream(),
        };
        over && self.ahead.is_empty() && self.end.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        SizeHint::default()
    }
}

/// Shows how much is held, never what.
impl<B> fmt::Debug for GuardedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedBody")
            .field("held", &self.ahead.len())
            .field("over", &self.source.is_none())
            .finish_non_exhaustive()
    }
}

/// The clock between two parts of an answer. It runs while a reader waits.
struct Stall {
    limit: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    const fn new(limit: Option<Duration>) -> Self {
        Self { limit, sleep: None }
    }

    /// Resolves with the limit once it is exceeded.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(limit) = self.limit else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        sleep.as_mut().poll(cx).map(|()| limit)
    }

    fn rest(&mut self) {
        self.sleep = None;
    }
}

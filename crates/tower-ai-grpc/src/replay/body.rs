//! The request body that can be sent again.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tonic::Status;
use tower_ai_core::BoxError;

use crate::error::NotReplayable;

/// A gRPC request body that can be read again by its clones, if it is whole.
///
/// Made by [`GrpcReplayLayer`](super::GrpcReplayLayer). See the [module docs](crate::replay).
///
/// # Clone
///
/// A clone of a whole body yields it from its beginning. Of a stream, the first clone that is read gets it.
pub struct ReplayBody {
    kind: Kind,
}

enum Kind {
    Whole {
        bytes: Bytes,
        sent: bool,
    },
    /// The lock is never waited for: it makes the body `Sync`, which tonic's is not.
    Stream {
        once: Once,
        source: Mutex<Option<Source>>,
    },
}

/// The rest of a stream, and what was read of it to find out that it is one.
struct Source {
    ahead: VecDeque<Bytes>,
    body: tonic::body::Body,
}

/// A streamed body until somebody reads it. Stands in the extensions of its request, so that a layer below
/// can tell whether there is anything left to send.
#[derive(Clone)]
pub(crate) struct Once(Arc<Mutex<Option<Source>>>);

impl Once {
    /// Whether the stream was read from: it cannot be sent again.
    pub(crate) fn is_spent(&self) -> bool {
        lock(&self.0).is_none()
    }

    fn take(&self) -> Option<Source> {
        lock(&self.0).take()
    }
}

/// A body that panicked while it was locked is as broken as its own next poll will show.
fn lock(source: &Mutex<Option<Source>>) -> MutexGuard<'_, Option<Source>> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ReplayBody {
    /// Takes a body in as far as it is there already; it is whole if that is all, within `limit` bytes.
    ///
    /// # Errors
    ///
    /// Passes on the error of a body that cannot be encoded.
    pub(super) fn take_in(mut body: tonic::body::Body, limit: usize) -> Result<Self, Status> {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut ahead, mut size) = (VecDeque::new(), 0_usize);
        while size <= limit {
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Pending => break,
                Poll::Ready(None) => return Ok(Self::from(joined(ahead, size))),
                Poll::Ready(Some(frame)) => {
                    // Requests have no trailers: what is not data is nothing.
                    if let Ok(data) = frame?.into_data() {
                        size = size.saturating_add(data.len());
                        ahead.push_back(data);
                    }
                }
            }
        }
        let once = Once(Arc::new(Mutex::new(Some(Source { ahead, body }))));
        Ok(Self {
            kind: Kind::Stream {
                once,
                source: Mutex::default(),
            },
        })
    }

    /// Whether a clone made now can be sent: it is whole, or a stream that nobody has read from.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        match &self.kind {
            Kind::Whole { .. } => true,
            Kind::Stream { once, .. } => !once.is_spent(),
        }
    }

    /// Whether it is a stream, which is sent once.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream { .. })
    }

    pub(super) fn once(&self) -> Option<Once> {
        match &self.kind {
            Kind::Whole { .. } => None,
            Kind::Stream { once, .. } => Some(once.clone()),
        }
    }
}

/// Joins what is mostly one part; where messages begin does not depend on the parts.
fn joined(mut parts: VecDeque<Bytes>, size: usize) -> Bytes {
    if parts.len() < 2 {
        return parts.pop_front().unwrap_or_default();
    }
    let mut all = BytesMut::with_capacity(size);
    for part in parts {
        all.extend_from_slice(&part);
    }
    all.freeze()
}

impl Body for ReplayBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let (once, source) = match &mut self.kind {
            Kind::Whole { bytes, sent } => {
                let is_over = std::mem::replace(sent, true) || bytes.is_empty();
                return Poll::Ready((!is_over).then(|| Ok(Frame::data(bytes.clone()))));
            }
            Kind::Stream { once, source } => (
                once,
                source.get_mut().unwrap_or_else(PoisonError::into_inner),
            ),
        };
        if source.is_none() {
            *source = once.take();
        }
        let Some(source) = source else {
            return Poll::Ready(Some(Err(NotReplayable::new().into())));
        };
        if let Some(data) = source.ahead.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let frame = ready!(Pin::new(&mut source.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { bytes, sent } => *sent || bytes.is_empty(),
            Kind::Stream { source, .. } => lock(source)
                .as_ref()
                .is_some_and(|source| source.ahead.is_empty() && source.body.is_end_stream()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole { sent: true, .. } => SizeHint::with_exact(0),
            Kind::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream { .. } => SizeHint::default(),
        }
    }
}

impl Clone for ReplayBody {
    /// Begins at the beginning, so nothing of where the original stands is copied.
    fn clone(&self) -> Self {
        match &self.kind {
            Kind::Whole { bytes, .. } => Self::from(bytes.clone()),
            Kind::Stream { once, .. } => Self {
                kind: Kind::Stream {
                    once: once.clone(),
                    source: Mutex::default(),
                },
            },
        }
    }
}

/// A whole body: gRPC messages, each behind its length.
impl From<Bytes> for ReplayBody {
    fn from(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Whole { bytes, sent: false },
        }
    }
}

/// Shows what kind of body it is, never what is in it: somebody's prompt.
impl fmt::Debug for ReplayBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody")
            .field("stream", &self.is_stream())
            .field("replayable", &self.is_replayable())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::UnboundedReceiverStream;

    use super::*;

    type Item = Result<Frame<Bytes>, Status>;

    fn streamed() -> (mpsc::UnboundedSender<Item>, tonic::body::Body) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let body = StreamBody::new(UnboundedReceiverStream::new(receiver));
        (sender, tonic::body::Body::new(body))
    }

    fn data(text: &'static str) -> Item {
        Ok(Frame::data(Bytes::from_static(text.as_bytes())))
    }

    fn whole(parts: &'static [&'static str]) -> tonic::body::Body {
        let parts = parts.iter().map(|part| data(part));
        tonic::body::Body::new(StreamBody::new(tokio_stream::iter(parts)))
    }

    async fn text(body: ReplayBody) -> Result<Bytes, BoxError> {
        Ok(body.collect().await?.to_bytes())
    }

    #[tokio::test]
    async fn a_body_that_is_all_there_is_sent_again_and_again() {
        let body = ReplayBody::take_in(whole(&["a ", "prompt"]), 100).unwrap();
        assert!(!body.is_stream());
        for _ in 0..3 {
            assert_eq!(text(body.clone()).await.unwrap(), "a prompt");
        }
        assert!(body.is_replayable());
    }

    #[tokio::test]
    async fn a_body_above_the_limit_is_sent_once() {
        let body = ReplayBody::take_in(whole(&["a ", "prompt", " more"]), 7).unwrap();
        assert!(body.is_stream() && body.is_replayable());
        assert_eq!(text(body.clone()).await.unwrap(), "a prompt more");
        assert!(!body.is_replayable());
        let error = text(body).await.unwrap_err();
        assert!(error.is::<NotReplayable>());
    }

    #[tokio::test]
    async fn a_stream_that_nobody_has_read_can_still_be_sent() {
        let (sender, body) = streamed();
        sender.send(data("one ")).unwrap();
        let body = ReplayBody::take_in(body, 100).unwrap();
        drop(body.clone());
        assert!(body.is_replayable());
        sender.send(data("two")).unwrap();
        drop(sender);
        assert_eq!(text(body).await.unwrap(), "one two");
    }

    #[tokio::test]
    async fn a_body_that_cannot_be_encoded_says_so_at_once() {
        let (sender, body) = streamed();
        sender.send(Err(Status::out_of_range("too large"))).unwrap();
        let status = ReplayBody::take_in(body, 100).unwrap_err();
        assert_eq!(status.code(), tonic::Code::OutOfRange);
    }

    #[test]
    fn nothing_of_a_prompt_is_shown() {
        let body = ReplayBody::from(Bytes::from_static(b"secret"));
        assert!(!format!("{body:?}").contains("secret"));
        const fn check<T: Send + Sync>() {}
        check::<ReplayBody>();
    }
}

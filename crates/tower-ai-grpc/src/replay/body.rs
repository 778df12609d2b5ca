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
/// Made by [`GrpcReplayLayer`](super::GrpcReplayLayer), or of bytes. See the [module docs](crate::replay).
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::BodyExt;
/// use tower_ai_grpc::ReplayBody;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower_ai_core::BoxError> {
/// let body = ReplayBody::from(Bytes::from_static(b"\0\0\0\0\x02hi"));
/// assert!(body.is_replayable() && !body.is_stream());
/// assert_eq!(body.clone().collect().await?.to_bytes(), body.collect().await?.to_bytes());
/// # Ok(())
/// # }
/// ```
///
/// # Clone
///
/// A clone of a whole body yields it from its beginning. Of a stream, the last clone that has begun to
/// read before anything came of it gets it.
pub struct ReplayBody {
    kind: Kind,
}

enum Kind {
    Whole { bytes: Bytes, sent: bool },
    Stream { once: Once, reader: Reader },
}

/// A streamed body, which its request's clones share. Stands in the extensions of its request too, so that a
/// layer below can tell whether there is anything left to send.
#[derive(Clone)]
pub(crate) struct Once(Arc<Mutex<Source>>);

struct Source {
    /// What was read to find out that it is a stream.
    ahead: VecDeque<Bytes>,
    body: tonic::body::Body,
    /// The readers that have begun; the last one gets what comes.
    readers: u32,
    /// Whether anything was read.
    spent: bool,
}

/// A reader's number from 1 on, once it has begun to read.
#[derive(Clone, Copy, Default)]
struct Reader(u32);

impl Once {
    fn new(ahead: VecDeque<Bytes>, body: tonic::body::Body) -> Self {
        Self(Arc::new(Mutex::new(Source {
            ahead,
            body,
            readers: 0,
            spent: false,
        })))
    }

    /// Whether the stream was read from: it cannot be sent again.
    pub(crate) fn is_spent(&self) -> bool {
        self.lock().spent
    }

    /// A body that panicked while it was locked is as broken as its own next poll will show.
    fn lock(&self) -> MutexGuard<'_, Source> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn poll_frame(
        &mut self,
        reader: &mut Reader,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if reader.0 == 0 && !self.spent {
            self.readers = self.readers.saturating_add(1);
            reader.0 = self.readers;
        }
        // Only one reader's waker is kept by the body, so only one may wait for it.
        if reader.0 == 0 || reader.0 != self.readers {
            return Poll::Ready(Some(Err(NotReplayable::new().into())));
        }
        let frame = match self.ahead.pop_front() {
            Some(data) => Some(Ok(Frame::data(data))),
            None => ready!(Pin::new(&mut self.body).poll_frame(cx)),
        };
        self.spent = true;
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.body.is_end_stream()
    }
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
        Ok(Self {
            kind: Kind::Stream {
                once: Once::new(ahead, body),
                reader: Reader::default(),
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
        match &mut self.kind {
            Kind::Whole { bytes, sent } => {
                let is_over = std::mem::replace(sent, true) || bytes.is_empty();
                Poll::Ready((!is_over).then(|| Ok(Frame::data(bytes.clone()))))
            }
            Kind::Stream { once, reader } => once.lock().poll_frame(reader, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { bytes, sent } => *sent || bytes.is_empty(),
            Kind::Stream { once, .. } => once.lock().is_end_stream(),
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
                    reader: Reader::default(),
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
    async fn a_stream_of_which_nothing_has_come_passes_to_the_next_reader() {
        let (sender, body) = streamed();
        let first = ReplayBody::take_in(body, 100).unwrap();
        let second = first.clone();
        let (mut first, mut second) = (Box::pin(text(first)), Box::pin(text(second)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        sender.send(data("all of it")).unwrap();
        drop(sender);
        assert!(first.await.unwrap_err().is::<NotReplayable>());
        assert_eq!(second.await.unwrap(), "all of it");
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

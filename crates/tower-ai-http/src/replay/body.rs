//! The body that can be replayed.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use tower_ai_core::BoxError;

use super::shared::{Place, Shared};

/// A request body that can be read again by its clones.
///
/// Made by [`ReplayLayer`](crate::ReplayLayer), or of bytes. See the [module docs](crate::replay).
///
/// # Clone
///
/// A clone yields the body from its beginning, however much of the original was read; clones share
/// what is kept. Ask [`is_replayable`](Self::is_replayable) first, or use [`try_clone_request`].
///
/// # Examples
///
/// ```
/// use http_body_util::BodyExt;
/// use tower_ai_http::ReplayBody;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower_ai_core::BoxError> {
/// let body: ReplayBody = ReplayBody::from("a prompt");
/// assert!(body.is_replayable());
/// assert_eq!(body.clone().collect().await?.to_bytes(), "a prompt");
/// assert_eq!(body.collect().await?.to_bytes(), "a prompt");
/// # Ok(())
/// # }
/// ```
pub struct ReplayBody<B = http_body_util::Full<Bytes>> {
    kind: Kind<B>,
}

enum Kind<B> {
    Whole { bytes: Bytes, sent: bool },
    Streamed(Reader<B>),
}

struct Reader<B> {
    shared: Arc<Mutex<Shared<B>>>,
    number: usize,
    place: Place,
}

impl<B> ReplayBody<B> {
    /// Whether a clone made now yields everything: nothing of the body was let go, and it has not broken.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        match &self.kind {
            Kind::Whole { .. } => true,
            Kind::Streamed(reader) => reader.lock().is_replayable(),
        }
    }

    /// The whole body, if it was whole from the start.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&Bytes> {
        match &self.kind {
            Kind::Whole { bytes, .. } => Some(bytes),
            Kind::Streamed(_) => None,
        }
    }
}

impl<B> ReplayBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// Makes a body replayable, of which up to `limit` bytes are kept if it is streamed.
    ///
    /// A body whose size is known is asked once for its first frame, to find out whether that is all.
    /// A body that is not `Unpin` goes into a `Box::pin` first.
    pub fn new(body: B, limit: usize) -> Self {
        let may_be_whole = body.size_hint().exact().is_some();
        let mut shared = Shared::new(body, limit);
        if may_be_whole {
            let mut cx = Context::from_waker(Waker::noop());
            if let Some(bytes) = shared.first_if_whole(&mut cx) {
                return Self::from(bytes);
            }
        }
        Self {
            kind: Kind::Streamed(Reader::new(Arc::new(Mutex::new(shared)))),
        }
    }

    /// Waits until all of the body is at hand; `None` if it is too large for that. It can still be
    /// read from its beginning then.
    pub fn poll_whole(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BoxError>> {
        match &self.kind {
            Kind::Whole { bytes, .. } => Poll::Ready(Ok(Some(bytes.clone()))),
            Kind::Streamed(reader) => reader.change(|shared| shared.poll_whole(reader.number, cx)),
        }
    }
}

/// Clones a request whose body can be replayed; `None` if it cannot any more.
///
/// For the retry and failover layers, which ask how to clone a request.
#[must_use]
pub fn try_clone_request<B>(request: &Request<ReplayBody<B>>) -> Option<Request<ReplayBody<B>>> {
    request.body().is_replayable().then(|| request.clone())
}

impl<B> Reader<B> {
    fn new(shared: Arc<Mutex<Shared<B>>>) -> Self {
        let number = lock(&shared).enter();
        Self {
            shared,
            number,
            place: Place::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared<B>> {
        lock(&self.shared)
    }

    /// Changes the shared state, and then wakes whom that concerns.
    fn change<R>(&self, change: impl FnOnce(&mut Shared<B>) -> R) -> R {
        let (result, woken) = {
            let mut shared = self.lock();
            (change(&mut shared), shared.take_woken())
        };
        woken.into_iter().for_each(Waker::wake);
        result
    }
}

/// A body that panicked is as broken as its own next poll will show.
fn lock<B>(shared: &Mutex<Shared<B>>) -> MutexGuard<'_, Shared<B>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B> Drop for Reader<B> {
    fn drop(&mut self) {
        self.change(|shared| shared.leave(self.number));
    }
}

impl<B> Body for ReplayBody<B>
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
        match &mut self.kind {
            Kind::Whole { bytes, sent } => {
                let is_over = std::mem::replace(sent, true) || bytes.is_empty();
                Poll::Ready((!is_over).then(|| Ok(Frame::data(bytes.clone()))))
            }
            Kind::Streamed(reader) => {
                let mut place = reader.place;
                let frame = ready!(reader.change(|shared| shared.poll_frame(
                    reader.number,
                    &mut place,
                    cx
                )));
                reader.place = place;
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { bytes, sent } => *sent || bytes.is_empty(),
            Kind::Streamed(reader) => reader.lock().is_end_stream(&reader.place),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole { sent: true, .. } => SizeHint::with_exact(0),
            Kind::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Streamed(reader) => reader.lock().size_hint(&reader.place),
        }
    }
}

impl<B> Clone for ReplayBody<B> {
    /// Begins at the beginning, so nothing of where the original stands is copied.
    fn clone(&self) -> Self {
        match &self.kind {
            Kind::Whole { bytes, .. } => Self::from(bytes.clone()),
            Kind::Streamed(reader) => Self {
                kind: Kind::Streamed(Reader::new(Arc::clone(&reader.shared))),
            },
        }
    }
}

impl<B> Default for ReplayBody<B> {
    fn default() -> Self {
        Self::from(Bytes::new())
    }
}

impl<B> From<Bytes> for ReplayBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Whole { bytes, sent: false },
        }
    }
}

impl<B> From<Vec<u8>> for ReplayBody<B> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl<B> From<String> for ReplayBody<B> {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl<B> From<&'static str> for ReplayBody<B> {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from_static(text.as_bytes()))
    }
}

/// Shows how much there is, never what: a body is somebody's prompt.
impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ReplayBody");
        if let Some(bytes) = self.as_bytes() {
            debug.field("len", &bytes.len());
        }
        debug
            .field("replayable", &self.is_replayable())
            .finish_non_exhaustive()
    }
}

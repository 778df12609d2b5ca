//! The source of a streamed body and what was kept of it, shared by its clones.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tower_ai_core::error::Failed;
use tower_ai_core::{BoxError, Outcome};

use super::NotReplayable;

/// Bounds what many tiny frames cost beside their bytes.
const MAX_FRAMES: usize = 16 * 1024;

/// Where one reader stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// The data frames it has had.
    frames: usize,
    /// Whether it has had the trailers or the error.
    done: bool,
}

/// The shared state.
pub(super) struct Shared<B> {
    source: Source<B>,
    /// The first frames: all `passed` of them, unless the beginning was let go.
    kept: Vec<Bytes>,
    kept_bytes: usize,
    /// The data frames that came from the source so far.
    passed: usize,
    limit: usize,
    /// Who waits for the source, each under its number.
    waiting: Vec<(usize, Waker)>,
    /// Who is to be woken as soon as the lock is released.
    woken: Vec<Waker>,
    readers: usize,
}

enum Source<B> {
    Open(B),
    Ended(Option<HeaderMap>),
    /// Whoever asks first gets the error itself.
    Broken(Option<BoxError>),
}

impl<B> Shared<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        Self {
            source: Source::Open(body),
            kept: Vec::new(),
            kept_bytes: 0,
            passed: 0,
            limit,
            waiting: Vec::new(),
            woken: Vec::new(),
            readers: 0,
        }
    }

    /// Returns the number of a new reader.
    pub(super) fn enter(&mut self) -> usize {
        self.readers += 1;
        self.readers
    }

    /// Forgets a reader. If it was the one that the source would have woken, another takes over.
    pub(super) fn leave(&mut self, reader: usize) {
        self.waiting.retain(|(known, _)| *known != reader);
        self.wake();
    }

    /// Whether a reader that begins now gets everything.
    pub(super) fn is_replayable(&self) -> bool {
        self.is_intact() && !matches!(self.source, Source::Broken(_))
    }

    fn is_intact(&self) -> bool {
        self.kept.len() == self.passed
    }

    /// Keeps a frame that came from the source.
    fn keep(&mut self, data: Bytes) {
        self.kept_bytes += data.len();
        self.passed += 1;
        self.kept.push(data);
    }

    /// Counts a frame that came from the source, and lets go what was kept before it.
    fn pass(&mut self) {
        self.kept = Vec::new();
        self.kept_bytes = 0;
        self.passed += 1;
    }

    fn wait(&mut self, reader: usize, waker: &Waker) {
        match self.waiting.iter_mut().find(|(known, _)| *known == reader) {
            Some((_, known)) => known.clone_from(waker),
            None => self.waiting.push((reader, waker.clone())),
        }
    }

    fn wake(&mut self) {
        let wakers = self.waiting.drain(..).map(|(_, waker)| waker);
        self.woken.extend(wakers);
    }

    /// Returns whom to wake, without the lock: a waker may drop a task that holds a reader.
    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }
}

/// What came of asking the source.
enum Asked {
    Data(Bytes),
    End,
}

impl<B> Shared<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// Asks the source once; returns its data if that is all there is, and keeps it otherwise.
    pub(super) fn first_if_whole(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        match self.ask(0, cx) {
            Poll::Pending => {
                self.waiting.clear();
                None
            }
            Poll::Ready(Asked::Data(data)) => {
                if matches!(&self.source, Source::Open(body) if body.is_end_stream()) {
                    return Some(data);
                }
                self.keep(data);
                None
            }
            Poll::Ready(Asked::End) => match &self.source {
                Source::Ended(None) => Some(Bytes::new()),
                _ => None,
            },
        }
    }

    /// Yields the next frame for the reader at `place`, from what was kept or from the source.
    pub(super) fn poll_frame(
        &mut self,
        reader: usize,
        place: &mut Place,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if place.done {
            return Poll::Ready(None);
        }
        if place.frames < self.passed {
            return Poll::Ready(Some(self.kept_frame(place)));
        }
        let Asked::Data(data) = ready!(self.ask(reader, cx)) else {
            place.done = true;
            return Poll::Ready(self.last_frame());
        };
        place.frames += 1;
        if self.has_room_for(&data) {
            self.keep(data.clone());
        } else {
            self.pass();
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    /// Reads the source until all of the body is at hand, or (`None`) it is known not to fit. Other
    /// readers find what was read.
    pub(super) fn poll_whole(
        &mut self,
        reader: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, BoxError>> {
        while self.is_intact() {
            if let Source::Open(body) = &self.source
                && self.exceeds(body.size_hint().lower())
            {
                return Poll::Ready(Ok(None));
            }
            match ready!(self.ask(reader, cx)) {
                Asked::Data(data) => self.keep(data),
                Asked::End => {
                    return Poll::Ready(match &mut self.source {
                        Source::Broken(error) => Err(broken(error.take())),
                        _ => Ok(Some(self.joined())),
                    });
                }
            }
        }
        Poll::Ready(Err(not_replayable()))
    }

    /// Asks the source for a frame of data that is not empty, and notes how it ends.
    fn ask(&mut self, reader: usize, cx: &mut Context<'_>) -> Poll<Asked> {
        while let Source::Open(body) = &mut self.source {
            self.source = match Pin::new(body).poll_frame(cx) {
                Poll::Pending => {
                    self.wait(reader, cx.waker());
                    return Poll::Pending;
                }
                Poll::Ready(None) => Source::Ended(None),
                Poll::Ready(Some(Err(error))) => Source::Broken(Some(error.into())),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) => {
                        self.wake();
                        return Poll::Ready(Asked::Data(data));
                    }
                    Err(frame) => Source::Ended(frame.into_trailers().ok()),
                },
            };
            self.wake();
        }
        Poll::Ready(Asked::End)
    }

    fn has_room_for(&self, data: &Bytes) -> bool {
        let rest = match &self.source {
            Source::Open(body) => body.size_hint().lower(),
            _ => 0,
        };
        let more = rest.saturating_add(data.len() as u64);
        self.is_intact() && !self.exceeds(more)
    }

    /// Whether so many bytes more would not fit.
    fn exceeds(&self, more: u64) -> bool {
        (self.kept_bytes as u64).saturating_add(more) > self.limit as u64
            || self.kept.len() >= MAX_FRAMES
    }

    fn kept_frame(&self, place: &mut Place) -> Result<Frame<Bytes>, BoxError> {
        match self.kept.get(place.frames) {
            Some(data) if self.is_intact() => {
                place.frames += 1;
                Ok(Frame::data(data.clone()))
            }
            _ => {
                place.done = true;
                Err(not_replayable())
            }
        }
    }

    /// What stands after the last data: trailers, an error, or nothing.
    fn last_frame(&mut self) -> Option<Result<Frame<Bytes>, BoxError>> {
        match &mut self.source {
            Source::Ended(trailers) => trailers.clone().map(|map| Ok(Frame::trailers(map))),
            Source::Broken(error) => Some(Err(broken(error.take()))),
            Source::Open(_) => None,
        }
    }

    fn joined(&self) -> Bytes {
        match &*self.kept {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => {
                let mut all = BytesMut::with_capacity(self.kept_bytes);
                many.iter().for_each(|part| all.extend_from_slice(part));
                all.freeze()
            }
        }
    }

    pub(super) fn is_end_stream(&self, place: &Place) -> bool {
        place.done
            || place.frames == self.passed
                && match &self.source {
                    Source::Open(body) => body.is_end_stream(),
                    Source::Ended(trailers) => trailers.is_none(),
                    Source::Broken(_) => false,
                }
    }

    pub(super) fn size_hint(&self, place: &Place) -> SizeHint {
        if place.frames < self.passed && !self.is_intact() {
            return SizeHint::new();
        }
        let kept = self.kept.get(place.frames..).unwrap_or_default();
        let kept = kept.iter().map(|data| data.len() as u64).sum::<u64>();
        let rest = match &self.source {
            Source::Open(body) => body.size_hint(),
            _ => SizeHint::with_exact(0),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(kept));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(kept));
        }
        hint
    }
}

/// The caller's own body broke: no target is to blame, and none can be given it.
fn broken(error: Option<BoxError>) -> BoxError {
    match error {
        Some(error) => Box::new(Failed::new(Outcome::Cancelled, error)),
        None => not_replayable(),
    }
}

fn not_replayable() -> BoxError {
    Box::new(Failed::new(Outcome::Invalid, NotReplayable::new()))
}

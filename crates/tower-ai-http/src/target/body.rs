//! The body of an answer: unread, or put back after its beginning was read.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::Response;
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_ai_core::BoxError;

use super::config::Config;
use crate::{Answer, WallTime};

/// Bounds what many tiny frames cost beside their bytes.
const MAX_FRAMES: usize = 1024;

pin_project! {
    /// The body of a target's answer, every byte of it.
    pub struct TargetBody<R> {
        #[pin]
        kind: Kind<R>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<R> {
        Unread {
            #[pin]
            inner: R,
        },
        PutBack {
            frames: VecDeque<Frame<Bytes>>,
            rest: Rest<R>,
        },
    }
}

/// What stands behind the frames that were read.
pub(super) enum Rest<R> {
    Ended,
    Failed(BoxError),
    Open(Pin<Box<R>>),
}

impl<R> TargetBody<R> {
    pub(super) const fn unread(inner: R) -> Self {
        Self {
            kind: Kind::Unread { inner },
        }
    }
}

impl<R> Body for TargetBody<R>
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
        let (frames, rest) = match self.project().kind.project() {
            KindProj::Unread { inner } => return poll_inner(inner, cx),
            KindProj::PutBack { frames, rest } => (frames, rest),
        };
        if let Some(frame) = frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match rest {
            Rest::Open(inner) => poll_inner(inner.as_mut(), cx),
            _ => Poll::Ready(match std::mem::replace(rest, Rest::Ended) {
                Rest::Failed(error) => Some(Err(error)),
                _ => None,
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Unread { inner } => inner.is_end_stream(),
            Kind::PutBack { frames, rest } => {
                frames.is_empty()
                    && match rest {
                        Rest::Ended => true,
                        Rest::Failed(_) => false,
                        Rest::Open(inner) => inner.is_end_stream(),
                    }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        let (frames, rest) = match &self.kind {
            Kind::Unread { inner } => return inner.size_hint(),
            Kind::PutBack { frames, rest } => (frames, rest),
        };
        let read = frames.iter().filter_map(Frame::data_ref);
        let read = read.map(|data| data.len() as u64).sum::<u64>();
        let rest = match rest {
            Rest::Ended => SizeHint::with_exact(0),
            Rest::Failed(_) => SizeHint::new(),
            Rest::Open(inner) => inner.size_hint(),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

fn poll_inner<R>(
    inner: Pin<&mut R>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let frame = ready!(inner.poll_frame(cx));
    Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
}

/// Shows where it stands; a body is somebody's answer.
impl<R> fmt::Debug for TargetBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_read = matches!(self.kind, Kind::PutBack { .. });
        f.debug_struct("TargetBody")
            .field("put_back", &is_read)
            .finish_non_exhaustive()
    }
}

/// A bad answer while its body is being read.
pub(super) struct Reading<R> {
    head: Parts,
    body: Pin<Box<R>>,
    frames: VecDeque<Frame<Bytes>>,
    read: usize,
    /// Set when there is something to wait for.
    limit: Option<Pin<Box<Sleep>>>,
}

/// Why reading stopped.
pub(super) enum Stopped {
    Ended,
    Failed(BoxError),
    Limited,
}

impl<R> Reading<R>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    pub(super) fn new(response: Response<R>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            head,
            body: Box::pin(body),
            frames: VecDeque::new(),
            read: 0,
            limit: None,
        }
    }

    /// Reads until the end, a limit or an error.
    pub(super) fn poll_text(&mut self, config: &Config, cx: &mut Context<'_>) -> Poll<Stopped> {
        while self.read < config.error_limit && self.frames.len() < MAX_FRAMES {
            let Poll::Ready(frame) = poll_inner(self.body.as_mut(), cx) else {
                let limit = || Box::pin(sleep(config.error_time));
                ready!(self.limit.get_or_insert_with(limit).as_mut().poll(cx));
                return Poll::Ready(Stopped::Limited);
            };
            match frame {
                None => return Poll::Ready(Stopped::Ended),
                Some(Err(error)) => return Poll::Ready(Stopped::Failed(error)),
                Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                Some(Ok(frame)) => {
                    self.read += frame.data_ref().map_or(0, Bytes::len);
                    self.frames.push_back(frame);
                }
            }
        }
        Poll::Ready(Stopped::Limited)
    }

    /// Puts back what was read, with what it says beside it.
    pub(super) fn finish(self, config: &Config, stopped: Stopped) -> Response<TargetBody<R>> {
        let Self {
            mut head,
            body,
            frames,
            ..
        } = self;
        let text = text_of(&frames, config.error_limit);
        let outcome = Answer::new(config.dialect, head.status, &head.headers)
            .with_body(&text)
            .outcome(WallTime::now());
        head.extensions.insert(outcome);
        let rest = match stopped {
            Stopped::Ended => Rest::Ended,
            Stopped::Failed(error) => Rest::Failed(error),
            Stopped::Limited => Rest::Open(body),
        };
        let kind = Kind::PutBack { frames, rest };
        Response::from_parts(head, TargetBody { kind })
    }
}

fn text_of(frames: &VecDeque<Frame<Bytes>>, limit: usize) -> Bytes {
    let mut parts = frames.iter().filter_map(Frame::data_ref);
    let first = parts.next().cloned().unwrap_or_default();
    let mut text = match parts.next() {
        None => first,
        Some(second) => {
            let mut all = BytesMut::from(first);
            all.extend_from_slice(second);
            parts.for_each(|part| all.extend_from_slice(part));
            all.freeze()
        }
    };
    text.truncate(limit);
    text
}

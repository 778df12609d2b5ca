//! Bodies: a request's, read and put back; an answer's, live or kept.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_ai_core::{Recorder, Served};

use super::end::{Format, judge};
use super::keep::StoredAnswer;

pin_project! {
    /// The body of a request that the cache has looked at: what was read of it, then the rest.
    pub struct RequestBody<B: Body> {
        pub(super) read: VecDeque<Bytes>,
        pub(super) failed: Option<B::Error>,
        #[pin]
        pub(super) rest: Option<B>,
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if let Some(data) = this.read.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(error) = this.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match this.rest.as_pin_mut() {
            Some(rest) => poll_bytes(rest, cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty()
            && self.failed.is_none()
            && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.read.iter().map(|data| data.len() as u64).sum();
        let rest = self.rest.as_ref().map(Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(read + rest.as_ref().map_or(0, SizeHint::lower));
        if let Some(upper) = rest.map_or(Some(0), |rest| rest.upper()) {
            hint.set_upper(read + upper);
        }
        hint
    }
}

/// Polls a body whose data may be of any kind.
pub(super) fn poll_bytes<B: Body>(
    body: Pin<&mut B>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
    let frame = ready!(body.poll_frame(cx));
    let bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
    Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(bytes))))
}

pin_project! {
    /// The body of an answer: live, and recorded while it passes; or kept, and given again.
    pub struct AnswerBody<B> {
        #[pin]
        live: Option<B>,
        tape: Option<Tape>,
        kept: VecDeque<(Duration, Bytes)>,
        pace: Option<Pace>,
    }
}

/// What is recorded of a live answer.
pub(super) struct Tape {
    pub(super) recorder: Recorder<StoredAnswer>,
    pub(super) format: Format,
    pub(super) answer: StoredAnswer,
    pub(super) began: Instant,
    /// What is noted beside the answer while it goes by.
    pub(super) served: Option<Served>,
}

/// When a kept answer began to be given again, and what the next piece of it waits for.
struct Pace {
    began: Instant,
    next: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn poll(&mut self, at: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.began + at;
        let next = self.next.get_or_insert_with(|| Box::pin(sleep_until(due)));
        ready!(next.as_mut().poll(cx));
        self.next = None;
        Poll::Ready(())
    }
}

impl Tape {
    /// Records data; `None` once there is too much of it.
    fn push(mut self, data: &Bytes) -> Option<Self> {
        let at = Instant::now() - self.began;
        if self.answer.push_at(data, at) > self.recorder.limit() {
            self.recorder.refuse("too large");
            return None;
        }
        Some(self)
    }

    fn end(self) {
        let (splices, skipped) = self
            .served
            .map_or((0, 0), |served| (served.splices().len(), served.skipped()));
        if splices > 0 {
            return self.recorder.refuse("of two targets");
        }
        if skipped > 0 {
            return self.recorder.refuse("events left out");
        }
        match judge(self.format, &self.answer.to_bytes()) {
            Ok(()) => self.recorder.keep(self.answer),
            Err(why) => self.recorder.refuse(why),
        }
    }
}

impl<B> AnswerBody<B> {
    pub(super) const fn live(body: B, tape: Option<Tape>) -> Self {
        Self {
            live: Some(body),
            tape,
            kept: VecDeque::new(),
            pace: None,
        }
    }

    /// As fast as it is read, or at the pace at which it came.
    pub(super) fn kept(answer: &StoredAnswer, at_pace: bool) -> Self {
        Self {
            live: None,
            tape: None,
            kept: answer.timed().collect(),
            pace: at_pace.then(|| Pace {
                began: Instant::now(),
                next: None,
            }),
        }
    }
}

impl<B: Body> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let Some(mut live) = this.live.as_mut().as_pin_mut() else {
            if let (Some(pace), Some((at, _))) = (this.pace.as_mut(), this.kept.front()) {
                ready!(pace.poll(*at, cx));
            }
            let next = this.kept.pop_front();
            return Poll::Ready(next.map(|(_, data)| Ok(Frame::data(data))));
        };
        let frame = ready!(poll_bytes(live.as_mut(), cx));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(data), Some(tape)) = (frame.data_ref(), this.tape.take()) {
                    *this.tape = tape.push(data);
                }
            }
            // A broken answer is not kept.
            Some(Err(_)) => drop(this.tape.take()),
            None => {}
        }
        // A reader that knows it has all does not poll for the end.
        let ended = frame.is_none() || live.is_end_stream();
        if ended && let Some(tape) = this.tape.take() {
            tape.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.live {
            Some(live) => live.is_end_stream(),
            None => self.kept.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.live {
            Some(live) => live.size_hint(),
            None => SizeHint::with_exact(self.kept.iter().map(|(_, data)| data.len() as u64).sum()),
        }
    }
}

impl<B: Body> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for AnswerBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerBody")
            .field("live", &self.live.is_some())
            .finish_non_exhaustive()
    }
}

//! The body of a guarded answer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_ai_core::BoxError;

use crate::guard::Guard;

pin_project! {
    /// The body of an answer that went through a [`StreamGuard`](crate::StreamGuard).
    ///
    /// Its bytes are those of the inner body, frame by frame. It ends only where the answer is whole; every other
    /// ending is an error ([`Broken`](crate::Broken)), after all bytes that came before it. A guarded answer is
    /// read until its end mark; [`is_end_stream`](Body::is_end_stream) is true from there on, and the end follows
    /// at once or after the time to linger, even if the provider keeps the connection open.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the inner body.
    pub struct GuardedBody<B> {
        #[pin]
        state: State<B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<B> {
        // Not read: no answer of a model, or not a good one.
        Untouched { #[pin] body: B },
        // Boxed, because it was pinned and read before the head was passed on.
        Guarded { guard: Pin<Box<Guard<B>>>, is_over: bool },
    }
}

impl<B> GuardedBody<B> {
    pub(crate) const fn untouched(body: B) -> Self {
        Self {
            state: State::Untouched { body },
        }
    }

    pub(crate) const fn guarded(guard: Pin<Box<Guard<B>>>) -> Self {
        Self {
            state: State::Guarded {
                guard,
                is_over: false,
            },
        }
    }
}

impl<B> Body for GuardedBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let (guard, is_over) = match self.project().state.project() {
            StateProj::Untouched { body } => {
                return body.poll_frame(cx).map_err(Into::into);
            }
            StateProj::Guarded { guard, is_over } => (guard, is_over),
        };
        loop {
            if let Some(frame) = guard.as_mut().pop() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if *is_over {
                return Poll::Ready(None);
            }
            if guard.ending().is_some() {
                *is_over = true;
                let broken = guard.as_mut().take_broken();
                return Poll::Ready(broken.map(|broken| Err(broken.into())));
            }
            ready!(guard.as_mut().poll_read(cx));
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Untouched { body } => body.is_end_stream(),
            State::Guarded { guard, is_over } => *is_over || guard.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let (guard, is_over) = match &self.state {
            State::Untouched { body } => return body.size_hint(),
            State::Guarded { guard, is_over } => (guard, *is_over),
        };
        let queued = guard.queued() as u64;
        let inner = guard.inner_size_hint();
        let mut hint = SizeHint::new();
        match inner.exact().filter(|_| guard.is_unchanged()) {
            Some(left) if !is_over => hint.set_exact(queued + left),
            // It may end before the inner body does, and leave events out.
            _ => hint.set_lower(queued),
        }
        hint
    }
}

impl<B> fmt::Debug for GuardedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Untouched { .. } => "untouched",
            State::Guarded { .. } => "guarded",
        };
        f.debug_struct("GuardedBody")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

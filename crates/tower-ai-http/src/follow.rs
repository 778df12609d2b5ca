//! Follows a response to the end of its body.
//!
//! A good head is only the beginning of a good answer: the body may break after ten words or stall, or its
//! reader may leave. [`FollowBody`] settles an attempt when the truth is known:
//!
//! | what happens | outcome |
//! |---|---|
//! | an error instead of a response | what the error says |
//! | a head that is not good | what the head says, at once |
//! | a body without content, at its end already | `Success`, at once |
//! | the body ends | `Success` |
//! | the body fails | what its error says; `Fault` if it says nothing |
//! | the body is dropped before its end | `Cancelled` |
//!
//! The first data that is not empty is the first content.
//!
//! # Examples
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use bytes::Bytes;
//! use http_body_util::{BodyExt, Full};
//! use tower_ai_core::{Follow, Outcome, settle_fn};
//! use tower_ai_http::FollowBody;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tower_ai_core::BoxError> {
//! let seen = Arc::new(Mutex::new(None));
//! let log = seen.clone();
//! let handle = settle_fn(move |outcome| *log.lock().unwrap() = Some(outcome));
//!
//! let answer: Result<_, std::io::Error> = Ok(http::Response::new(Full::<Bytes>::from("words")));
//! let answer = FollowBody::default().follow(answer, handle)?;
//! assert_eq!(*seen.lock().unwrap(), None, "nobody knows yet");
//!
//! assert_eq!(answer.into_body().collect().await?.to_bytes(), "words");
//! assert_eq!(*seen.lock().unwrap(), Some(Outcome::Success));
//! # Ok(())
//! # }
//! ```
//!
//! With a classifier of one's own for the head:
//!
//! ```
//! use tower_ai_core::Outcome;
//! use tower_ai_http::{FollowBody, classify_head_fn};
//!
//! let follow = FollowBody::new(classify_head_fn(|head| match head.headers().get("x-broken") {
//!     Some(_) => Outcome::Fault,
//!     None => head.outcome(),
//! }));
//! # let _ = follow;
//! ```

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_ai_core::error::outcome_of;
use tower_ai_core::{BoxError, Classify, Follow, Outcome, Settle};

use crate::HttpClassify;

/// Follows HTTP responses to the end of their bodies.
///
/// See the [module docs](self).
///
/// # Default
///
/// Classifies heads by [`HttpClassify`].
#[derive(Clone, Copy, Debug)]
pub struct FollowBody<C = HttpClassify> {
    classify: C,
}

impl<C> FollowBody<C> {
    /// Classifies heads by `classify`.
    pub const fn new(classify: C) -> Self {
        Self { classify }
    }
}

// For one type only, so that `FollowBody::default()` needs no annotation.
impl Default for FollowBody {
    fn default() -> Self {
        Self::new(HttpClassify)
    }
}

impl<C, B, E> Follow<Response<B>, E> for FollowBody<C>
where
    C: Classify<Response<B>, E>,
    B: Body,
{
    type Response<H: Settle> = Response<FollowedBody<B, H>>;

    fn follow<H: Settle>(
        &self,
        result: Result<Response<B>, E>,
        handle: H,
    ) -> Result<Self::Response<H>, E> {
        let outcome = self.classify.classify(result.as_ref());
        let is_over = result
            .as_ref()
            .is_ok_and(|response| response.body().is_end_stream());
        let handle = if outcome.is_success() && !is_over {
            Some(handle)
        } else {
            handle.settle(outcome);
            None
        };
        result.map(|response| response.map(|inner| FollowedBody::new(inner, handle)))
    }
}

pin_project! {
    /// A response body that settles an attempt when it ends.
    ///
    /// See the [module docs](self). Dropped before its end, it drops the handle, which then reports
    /// [`Outcome::Cancelled`] as every [`Settle`] does.
    pub struct FollowedBody<B, H> {
        #[pin]
        inner: B,
        // Gone once settled.
        handle: Option<H>,
        has_spoken: bool,
    }
}

impl<B, H> FollowedBody<B, H> {
    const fn new(inner: B, handle: Option<H>) -> Self {
        Self {
            inner,
            handle,
            has_spoken: false,
        }
    }
}

impl<B, H> Body for FollowedBody<B, H>
where
    B: Body,
    B::Error: Into<BoxError>,
    H: Settle,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let frame = frame.map(|frame| frame.map_err(Into::into));
        if let Some(handle) = this.handle {
            if !*this.has_spoken && is_content(frame.as_ref()) {
                *this.has_spoken = true;
                handle.first_content();
            }
            if let Some(outcome) = verdict(frame.as_ref(), this.inner.is_end_stream())
                && let Some(handle) = this.handle.take()
            {
                handle.settle(outcome);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn is_content<D: bytes::Buf>(frame: Option<&Result<Frame<D>, BoxError>>) -> bool {
    let data = frame.and_then(|frame| frame.as_ref().ok()?.data_ref());
    data.is_some_and(bytes::Buf::has_remaining)
}

/// What is known after a frame; `None` if more is to come.
fn verdict<D>(frame: Option<&Result<Frame<D>, BoxError>>, is_over: bool) -> Option<Outcome> {
    match frame {
        Some(Err(error)) => Some(outcome_of(&**error)),
        Some(Ok(_)) if !is_over => None,
        Some(Ok(_)) | None => Some(Outcome::Success),
    }
}

/// Shows where it stands; a body is somebody's answer.
impl<B, H> fmt::Debug for FollowedBody<B, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowedBody")
            .field("has_spoken", &self.has_spoken)
            .field("settled", &self.handle.is_none())
            .finish_non_exhaustive()
    }
}

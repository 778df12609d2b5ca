//! Follows an answer to its trailers.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_ai_core::{Classify, Follow, Outcome, Settle};

use crate::answer::Answer;
use crate::backend::Backend;
use crate::classify::GrpcClassify;
use crate::error::any_outcome;

/// Settles an attempt with what its trailers say.
///
/// For the breaker, and whatever else keeps score. The outcome is known
///
/// - at the head, where that is trailers-only or not gRPC;
/// - else at the trailers; an end without them is a truncated answer, an [`Outcome::Fault`];
/// - at an error of the body;
/// - when the body is dropped before any of these: [`Outcome::Cancelled`].
///
/// The first data is the first content.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use std::sync::{Arc, Mutex};
/// use bytes::Bytes;
/// use http_body::Frame;
/// use http_body_util::{BodyExt, StreamBody};
/// use tower_ai_core::{Follow, Outcome, settle_fn};
/// use tower_ai_grpc::FollowTrailers;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let trailers = http::HeaderMap::from_iter([("grpc-status".parse()?, "14".parse()?)]);
/// let frames = [Frame::data(Bytes::from("half an answer")), Frame::trailers(trailers)];
/// let body = StreamBody::new(tokio_stream::iter(frames.map(Ok::<_, Infallible>)));
///
/// let settled = Arc::new(Mutex::new(None));
/// let log = settled.clone();
/// let handle = settle_fn(move |outcome| *log.lock().unwrap() = Some(outcome));
/// let answer: Result<_, Infallible> =
///     FollowTrailers::new().follow(Ok(http::Response::new(body)), handle);
///
/// assert_eq!(*settled.lock().unwrap(), None, "HTTP says 200: that is no outcome yet");
/// answer?.into_body().collect().await?;
/// assert_eq!(*settled.lock().unwrap(), Some(Outcome::Fault), "UNAVAILABLE");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FollowTrailers<O = ()> {
    classify: GrpcClassify<O>,
}

impl FollowTrailers {
    /// Reads the status by the table alone.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            classify: GrpcClassify::new(),
        }
    }
}

impl<O> FollowTrailers<O> {
    /// Reads the status by this.
    #[must_use]
    pub fn classify<P>(self, classify: GrpcClassify<P>) -> FollowTrailers<P> {
        FollowTrailers { classify }
    }
}

impl Default for FollowTrailers {
    fn default() -> Self {
        Self::new()
    }
}

impl<O, B, E> Follow<Response<B>, E> for FollowTrailers<O>
where
    O: Backend + Clone,
    B: Body,
    E: 'static,
{
    type Response<H: Settle> = Response<FollowedBody<B, H, O>>;

    fn follow<H: Settle>(
        &self,
        result: Result<Response<B>, E>,
        handle: H,
    ) -> Result<Self::Response<H>, E> {
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                let nothing: Result<&Response<B>, _> = Err(&error);
                handle.settle(self.classify.classify(nothing));
                return Err(error);
            }
        };
        // A body that is over has no trailers, and its reader may not even look.
        let over = response.body().is_end_stream().then_some(Outcome::Fault);
        let handle = match self.classify.head(&response).or(over) {
            Some(outcome) => {
                handle.settle(outcome);
                None
            }
            None => Some(handle),
        };
        let http = response.status();
        Ok(response.map(|body| FollowedBody {
            body,
            follower: Follower {
                classify: self.classify.clone(),
                http,
                has_content: false,
                handle,
            },
        }))
    }
}

pin_project! {
    /// A body that is followed to its trailers; made by [`FollowTrailers`].
    pub struct FollowedBody<B, H, O = ()> {
        #[pin]
        body: B,
        follower: Follower<H, O>,
    }
}

/// What is settled when the body is over; a handle that is dropped settles itself.
struct Follower<H, O> {
    classify: GrpcClassify<O>,
    http: StatusCode,
    has_content: bool,
    handle: Option<H>,
}

impl<H: Settle, O: Backend> Follower<H, O> {
    fn data(&mut self, data: &impl Buf) {
        if data.has_remaining()
            && !std::mem::replace(&mut self.has_content, true)
            && let Some(handle) = &mut self.handle
        {
            handle.first_content();
        }
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        let answer = Answer::new(self.http, trailers);
        self.settle(|classify| classify.read(&answer));
    }

    fn settle(&mut self, outcome: impl FnOnce(&GrpcClassify<O>) -> Outcome) {
        if let Some(handle) = self.handle.take() {
            handle.settle(outcome(&self.classify));
        }
    }
}

impl<B, H, O> Body for FollowedBody<B, H, O>
where
    B: Body,
    B::Error: 'static,
    H: Settle,
    O: Backend,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let follower = this.follower;
        let frame = ready!(this.body.poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    follower.data(data);
                } else if let Some(trailers) = frame.trailers_ref() {
                    follower.trailers(trailers);
                }
            }
            Some(Err(error)) => follower.settle(|_| any_outcome(error).unwrap_or(Outcome::Fault)),
            None => follower.settle(|_| Outcome::Fault),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B, H, O> fmt::Debug for FollowedBody<B, H, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowedBody")
            .field("settled", &self.follower.handle.is_none())
            .finish_non_exhaustive()
    }
}

/// A body crosses threads wherever its handle may.
#[cfg(test)]
const fn _crosses_threads<B: Send + Sync, H: Send + Sync>() {
    const fn check<T: Send + Sync>() {}
    check::<FollowedBody<B, H>>();
}

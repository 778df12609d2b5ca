//! The body of an answer that may be gone on with elsewhere.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_ai_core::BoxError;
use tower_service::Service;

use super::work::Work;
use crate::ReplayBody;

pin_project! {
    /// The body of an answer that went through [`Continue`](super::Continue).
    ///
    /// One that is gone on with elsewhere ends like any other, with a trailer that says so.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the answer that is being read, and the attempt to go on with it.
    pub struct ContinueBody<S, B, R>
    where
        S: Service<Request<ReplayBody<B>>>,
    {
        #[pin]
        kind: Kind<S, B, R>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<S, B, R>
    where
        S: Service<Request<ReplayBody<B>>>,
    {
        // Nothing that could be gone on with.
        Plain { #[pin] inner: R },
        // Boxed, as it is large, and only streams need it. In a lock that is never contended: so the body may be
        // shared between threads though the services and futures within may not.
        Watched { work: Box<Mutex<Work<S, B, R>>> },
    }
}

impl<S, B, R> ContinueBody<S, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    pub(super) const fn plain(inner: R) -> Self {
        Self {
            kind: Kind::Plain { inner },
        }
    }

    pub(super) fn watched(work: Work<S, B, R>, body: R) -> Self {
        let work = Box::new(Mutex::new(work.reading(body)));
        Self {
            kind: Kind::Watched { work },
        }
    }
}

impl<S, B, R> Body for ContinueBody<S, B, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProj::Plain { inner } => inner.poll_frame(cx).map_err(Into::into),
            KindProj::Watched { work } => {
                let work = work.get_mut().unwrap_or_else(PoisonError::into_inner);
                work.poll_frame(cx)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Plain { inner } => inner.is_end_stream(),
            Kind::Watched { work } => lock(work).is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Plain { inner } => inner.size_hint(),
            Kind::Watched { .. } => SizeHint::default(),
        }
    }
}

fn lock<T>(work: &Mutex<T>) -> MutexGuard<'_, T> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows where it stands; a body is somebody's answer.
impl<S, B, R> fmt::Debug for ContinueBody<S, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_watched = matches!(self.kind, Kind::Watched { .. });
        f.debug_struct("ContinueBody")
            .field("is_watched", &is_watched)
            .finish_non_exhaustive()
    }
}

//! The response future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_ai_core::Follow;
use tower_ai_core::error::{BoxError, Shed};

use crate::permit::Permit;

pin_project! {
    /// The response future of [`Breaker`](crate::Breaker).
    ///
    /// Dropped before it is done, it gives back what the call held.
    pub struct ResponseFuture<Fut, F> {
        #[pin]
        state: State<Fut, F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<Fut, F> {
        // Polling the inner service's future.
        Called {
            #[pin]
            future: Fut,
            // Taken when the future is done.
            permit: Option<Permit>,
            follow: F,
        },
        // The call was not sent.
        Shed {
            shed: Shed,
        },
    }
}

impl<Fut, F> ResponseFuture<Fut, F> {
    pub(crate) const fn called(future: Fut, permit: Permit, follow: F) -> Self {
        let permit = Some(permit);
        Self {
            state: State::Called {
                future,
                permit,
                follow,
            },
        }
    }

    pub(crate) const fn shed(shed: Shed) -> Self {
        Self {
            state: State::Shed { shed },
        }
    }
}

impl<Fut, F, Res, E> Future for ResponseFuture<Fut, F>
where
    Fut: Future<Output = Result<Res, E>>,
    E: Into<BoxError>,
    F: Follow<Res, E>,
{
    type Output = Result<F::Response<Permit>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Called {
                future,
                permit,
                follow,
            } => {
                let result = ready!(future.poll(cx));
                let permit = permit.take().expect("polled after it was done");
                Poll::Ready(follow.follow(result, permit).map_err(Into::into))
            }
            StateProj::Shed { shed } => Poll::Ready(Err(Box::new(*shed))),
        }
    }
}

impl<Fut, F> fmt::Debug for ResponseFuture<Fut, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Called { .. } => "called",
            State::Shed { .. } => "shed",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

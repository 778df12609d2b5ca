//! The services under the layers: they answer at once and cost next to nothing.

use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::Service;
use tower_ai_core::{Attempt, Carry, Report, Served};

/// Answers each number with the next one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next;

/// Fails each call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failing;

/// What [`Failing`] says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

impl Service<u64> for Next {
    type Response = u64;
    type Error = Failed;
    type Future = Ready<Result<u64, Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: u64) -> Self::Future {
        ready(Ok(number.wrapping_add(1)))
    }
}

impl Service<u64> for Failing {
    type Response = u64;
    type Error = Failed;
    type Future = Ready<Result<u64, Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: u64) -> Self::Future {
        ready(Err(Failed))
    }
}

/// A number with what the layers above say of the attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) attempt: Option<Attempt>,
}

/// Carries in [`Asked`]; answers carry nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedCarry;

impl Carry<Asked> for AskedCarry {
    fn get(&self, request: &Asked) -> Option<Attempt> {
        request.attempt
    }

    fn set(&self, request: &mut Asked, attempt: Attempt) {
        request.attempt = Some(attempt);
    }
}

impl Report<u64> for AskedCarry {
    fn report(&self, _: &mut u64, _: impl FnOnce(&mut Served)) {}

    fn served<'a>(&self, _: &'a u64) -> Option<&'a Served> {
        None
    }
}

impl Service<Asked> for Next {
    type Response = u64;
    type Error = Failed;
    type Future = Ready<Result<u64, Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, asked: Asked) -> Self::Future {
        ready(Ok(asked.number.wrapping_add(1)))
    }
}

impl Service<http::Request<u64>> for Next {
    type Response = http::Response<u64>;
    type Error = Failed;
    type Future = Ready<Result<http::Response<u64>, Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<u64>) -> Self::Future {
        ready(Ok(http::Response::new(request.into_body().wrapping_add(1))))
    }
}

/// Answers as [`Next`] does, but at the second poll: every real call waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting;

/// The future of [`Waiting`].
#[derive(Debug)]
pub(crate) struct Waited {
    answer: u64,
    polled: bool,
}

impl Service<u64> for Waiting {
    type Response = u64;
    type Error = Failed;
    type Future = Waited;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: u64) -> Waited {
        Waited {
            answer: number.wrapping_add(1),
            polled: false,
        }
    }
}

impl Future for Waited {
    type Output = Result<u64, Failed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polled {
            return Poll::Ready(Ok(self.answer));
        }
        self.polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

//! Reporting an attempt's outcome once, when it is truly known.
//!
//! A plain response is known to be good or bad when it arrives. A streamed one is known at its end:
//! it may break after ten words, stall, or be dropped by its reader. A layer that keeps score (the
//! breaker, a concurrency limit, the impact log) therefore does not look at responses itself. It hands
//! a *handle* ([`Settle`]) to a strategy ([`Follow`]) that knows the response type, and the handle
//! is settled when the truth is known:
//!
//! - [`AtOnce`] settles as soon as the response is there: for plain values;
//! - `tower-ai-http` follows a body to its end; `tower-ai-grpc` to its trailers.
//!
//! The shape is that of tower's `TrackCompletion`, generic over the handle, so that layers stack
//! without boxes.
//!
//! # Examples
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use tower_ai_core::{AtOnce, ByResult, Follow, Outcome, settle_fn};
//!
//! let seen = Arc::new(Mutex::new(Vec::new()));
//! let log = seen.clone();
//! let handle = settle_fn(move |outcome| log.lock().unwrap().push(outcome));
//!
//! let answer: Result<&str, std::io::Error> = AtOnce::new(ByResult).follow(Ok("hi"), handle);
//! assert_eq!(answer.unwrap(), "hi");
//! assert_eq!(*seen.lock().unwrap(), [Outcome::Success]);
//! ```

use std::any::type_name;
use std::fmt;

use crate::{ByResult, Classify, Outcome};

/// Takes the outcome of one attempt, exactly once.
///
/// # Drop
///
/// A handle that is dropped without [`settle`](Self::settle) must report [`Outcome::Cancelled`]
/// itself, in its `Drop`: that is how a call whose future was dropped gives back what it holds.
pub trait Settle {
    /// Notes that the first content of the answer has arrived. Called at most once, before `settle`.
    ///
    /// A success that was settled without it counts as content at that moment.
    fn first_content(&mut self) {}

    /// Reports the outcome and ends the handle.
    fn settle(self, outcome: Outcome);
}

/// Follows a response until its outcome is known, and settles the handle then.
pub trait Follow<Res, E> {
    /// The response that the caller gets, with the handle inside where it must outlive the head.
    type Response<H: Settle>;

    /// Takes the result of an attempt and the handle to settle.
    ///
    /// A result that is already known to be bad settles before this returns.
    ///
    /// # Errors
    ///
    /// Passes on the error that it was given.
    fn follow<H: Settle>(&self, result: Result<Res, E>, handle: H) -> Result<Self::Response<H>, E>;
}

/// Follows plain responses: settles at once with what a [`Classify`] says.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtOnce<C = ByResult> {
    classify: C,
}

impl<C> AtOnce<C> {
    /// Settles with what `classify` says of each result.
    pub const fn new(classify: C) -> Self {
        Self { classify }
    }
}

impl<C, Res, E> Follow<Res, E> for AtOnce<C>
where
    C: Classify<Res, E>,
{
    type Response<H: Settle> = Res;

    fn follow<H: Settle>(&self, result: Result<Res, E>, handle: H) -> Result<Res, E> {
        handle.settle(self.classify.classify(result.as_ref()));
        result
    }
}

/// A [`Settle`] made of a closure by [`settle_fn`].
pub struct SettleFn<F: FnOnce(Outcome)> {
    f: Option<F>,
}

/// Makes a [`Settle`] of a closure that takes the outcome; dropped unsettled, it takes
/// [`Outcome::Cancelled`].
pub const fn settle_fn<F: FnOnce(Outcome)>(f: F) -> SettleFn<F> {
    SettleFn { f: Some(f) }
}

impl<F: FnOnce(Outcome)> Settle for SettleFn<F> {
    fn settle(mut self, outcome: Outcome) {
        if let Some(f) = self.f.take() {
            f(outcome);
        }
    }
}

impl<F: FnOnce(Outcome)> Drop for SettleFn<F> {
    fn drop(&mut self) {
        if let Some(f) = self.f.take() {
            f(Outcome::Cancelled);
        }
    }
}

impl<F: FnOnce(Outcome)> fmt::Debug for SettleFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettleFn")
            .field("f", &format_args!("{}", type_name::<F>()))
            .field("settled", &self.f.is_none())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_dropped_handle_settles_as_cancelled() {
        let seen = RefCell::new(Vec::new());
        drop(settle_fn(|outcome| seen.borrow_mut().push(outcome)));
        assert_eq!(*seen.borrow(), [Outcome::Cancelled]);
    }

    #[test]
    fn a_settled_handle_does_not_settle_again_when_dropped() {
        let seen = RefCell::new(Vec::new());
        settle_fn(|outcome| seen.borrow_mut().push(outcome)).settle(Outcome::Fault);
        assert_eq!(*seen.borrow(), [Outcome::Fault]);
    }

    #[test]
    fn an_error_is_classified_and_passed_on() {
        let seen = RefCell::new(Vec::new());
        let handle = settle_fn(|outcome| seen.borrow_mut().push(outcome));
        let result: Result<(), _> = AtOnce::new(ByResult).follow(Err("broken"), handle);
        assert_eq!(result, Err("broken"));
        assert_eq!(*seen.borrow(), [Outcome::Fault]);
    }
}

//! Reading an [`Outcome`] off a result.

use std::any::{Any, type_name};
use std::fmt;

use crate::Outcome;
use crate::error::{BoxError, outcome_of};

/// Maps the result of an attempt to an [`Outcome`].
///
/// Implemented by [`ByResult`] (an answer is a success, an error tells its own outcome) and by
/// closures through [`classify_fn`]. The HTTP and gRPC crates bring their own, which read the
/// protocol.
pub trait Classify<Res, E> {
    /// Returns what the result says about the target.
    fn classify(&self, result: Result<&Res, &E>) -> Outcome;
}

/// Classifies any answer as a success and any error by [`outcome_of`]; the default of every layer.
///
/// Errors are recognised whether the service's error type is [`BoxError`] or one of the errors of
/// [`crate::error`] itself; an error that says nothing about itself is a [`Outcome::Fault`].
///
/// # Examples
///
/// ```
/// use tower_ai_core::{ByResult, Classify, Outcome};
///
/// let good: Result<&&str, &std::io::Error> = Ok(&"hi");
/// assert_eq!(ByResult.classify(good), Outcome::Success);
///
/// let slow = std::io::Error::from(std::io::ErrorKind::TimedOut);
/// assert_eq!(Classify::<(), _>::classify(&ByResult, Err(&slow)), Outcome::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ByResult;

impl<Res, E: 'static> Classify<Res, E> for ByResult {
    fn classify(&self, result: Result<&Res, &E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => outcome_of_any(error),
        }
    }
}

/// Looks into an error of any type: boxed, or one that we know.
fn outcome_of_any(error: &dyn Any) -> Outcome {
    if let Some(boxed) = error.downcast_ref::<BoxError>() {
        return outcome_of(&**boxed);
    }
    crate::error::outcome_of_known(error).unwrap_or(Outcome::Fault)
}

/// A [`Classify`] made of a closure by [`classify_fn`].
#[derive(Clone, Copy)]
pub struct ClassifyFn<F> {
    f: F,
}

/// Makes a [`Classify`] of a closure.
///
/// # Examples
///
/// ```
/// use tower_ai_core::{Classify, Outcome, classify_fn};
///
/// let classify = classify_fn(|result: Result<&u16, &()>| match result {
///     Ok(200..300) => Outcome::Success,
///     Ok(429) => Outcome::RateLimited { wait: None },
///     _ => Outcome::Fault,
/// });
/// assert_eq!(classify.classify(Ok(&429)), Outcome::RateLimited { wait: None });
/// ```
pub const fn classify_fn<F, Res, E>(f: F) -> ClassifyFn<F>
where
    F: Fn(Result<&Res, &E>) -> Outcome,
{
    ClassifyFn { f }
}

impl<F, Res, E> Classify<Res, E> for ClassifyFn<F>
where
    F: Fn(Result<&Res, &E>) -> Outcome,
{
    fn classify(&self, result: Result<&Res, &E>) -> Outcome {
        (self.f)(result)
    }
}

impl<F> fmt::Debug for ClassifyFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyFn")
            .field("f", &format_args!("{}", type_name::<F>()))
            .finish()
    }
}

/// Combines classifiers; see [`ClassifyExt`].
#[derive(Clone, Copy, Debug)]
pub struct And<A, B> {
    first: A,
    second: B,
}

impl<A, B, Res, E> Classify<Res, E> for And<A, B>
where
    A: Classify<Res, E>,
    B: Classify<Res, E>,
{
    fn classify(&self, result: Result<&Res, &E>) -> Outcome {
        match self.first.classify(result) {
            Outcome::Success => self.second.classify(result),
            bad => bad,
        }
    }
}

/// Combines classifiers; see [`ClassifyExt`].
#[derive(Clone, Copy, Debug)]
pub struct Or<A, B> {
    first: A,
    second: B,
}

impl<A, B, Res, E> Classify<Res, E> for Or<A, B>
where
    A: Classify<Res, E>,
    B: Classify<Res, E>,
{
    fn classify(&self, result: Result<&Res, &E>) -> Outcome {
        match self.first.classify(result) {
            Outcome::Success => Outcome::Success,
            _ => self.second.classify(result),
        }
    }
}

/// Combines two [`Classify`]s into one.
pub trait ClassifyExt: Sized {
    /// Good only if both say so; otherwise the first that does not decides.
    fn and<B>(self, second: B) -> And<Self, B> {
        And {
            first: self,
            second,
        }
    }

    /// Good if either says so; otherwise the second decides.
    fn or<B>(self, second: B) -> Or<Self, B> {
        Or {
            first: self,
            second,
        }
    }
}

impl ClassifyExt for ByResult {}
impl<F> ClassifyExt for ClassifyFn<F> {}
impl<A, B> ClassifyExt for And<A, B> {}
impl<A, B> ClassifyExt for Or<A, B> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Shed;

    #[test]
    fn an_error_is_recognised_boxed_or_bare() {
        let bare = Shed::open(None);
        assert_eq!(
            Classify::<(), _>::classify(&ByResult, Err(&bare)),
            Outcome::Shed { wait: None }
        );
        let boxed: BoxError = Box::new(bare);
        assert_eq!(
            Classify::<(), _>::classify(&ByResult, Err(&boxed)),
            Outcome::Shed { wait: None }
        );
    }

    #[test]
    fn an_unknown_error_is_a_fault() {
        assert_eq!(
            Classify::<(), _>::classify(&ByResult, Err(&"text")),
            Outcome::Fault
        );
    }

    #[test]
    fn and_is_good_only_if_both_are_and_or_if_either_is() {
        let even = classify_fn(|result: Result<&u8, &()>| match result {
            Ok(n) if n % 2 == 0 => Outcome::Success,
            _ => Outcome::Fault,
        });
        let small = classify_fn(|result: Result<&u8, &()>| match result {
            Ok(n) if *n < 10 => Outcome::Success,
            _ => Outcome::Invalid,
        });
        assert_eq!(even.and(small).classify(Ok(&4)), Outcome::Success);
        assert_eq!(even.and(small).classify(Ok(&12)), Outcome::Invalid);
        assert_eq!(even.and(small).classify(Ok(&13)), Outcome::Fault);
        assert_eq!(even.or(small).classify(Ok(&12)), Outcome::Success);
        assert_eq!(even.or(small).classify(Ok(&13)), Outcome::Invalid);
    }
}

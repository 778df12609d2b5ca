//! How a request shows what it asks.

use std::any::type_name;
use std::fmt;
use std::future::{Future, Ready, ready};

use crate::Question;

/// Reads the [`Question`] off a request.
///
/// It takes the request and gives one back, so that a body can be read and put back. Closures
/// over plain requests go through [`ask_fn`]; the cache brings one for JSON over HTTP.
pub trait Ask<Req> {
    /// The request that is passed on.
    type Request;

    /// Reads it.
    type Future: Future<Output = (Self::Request, Option<Question>)>;

    /// Reads the question; `None` for a request that no cache should see.
    fn ask(&self, request: Req) -> Self::Future;
}

/// An [`Ask`] made of a closure by [`ask_fn`].
#[derive(Clone, Copy)]
pub struct AskFn<F> {
    f: F,
}

/// Makes an [`Ask`] of a closure.
///
/// # Examples
///
/// ```
/// use tower_ai_core::{Ask, Question, Scope, ask_fn};
///
/// let ask = ask_fn(|prompt: &String| Some(Question::new(Scope::shared(), prompt.clone())));
/// let (prompt, question) = ask.ask("hi".to_owned()).into_inner();
/// assert_eq!(question.expect("one").text(), prompt);
/// ```
pub const fn ask_fn<F, Req>(f: F) -> AskFn<F>
where
    F: Fn(&Req) -> Option<Question>,
{
    AskFn { f }
}

impl<F, Req> Ask<Req> for AskFn<F>
where
    F: Fn(&Req) -> Option<Question>,
{
    type Request = Req;
    type Future = Ready<(Req, Option<Question>)>;

    fn ask(&self, request: Req) -> Self::Future {
        let question = (self.f)(&request);
        ready((request, question))
    }
}

impl<F> fmt::Debug for AskFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskFn")
            .field("f", &format_args!("{}", type_name::<F>()))
            .finish()
    }
}

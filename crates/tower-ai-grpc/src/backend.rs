//! What single servers mean that the table cannot know.

use std::any::type_name;
use std::fmt;

use tonic::Code;
use tower_ai_core::Outcome;

use crate::answer::Answer;

/// Reads the answers of one kind of server where it departs from the table.
///
/// `()` departs nowhere. [`Tei`] and [`Triton`] are two that do; [`backend_fn`] makes one of a closure.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use tonic::Code;
/// use tower_ai_core::Outcome;
/// use tower_ai_grpc::{Answer, Backend, GrpcClassify};
///
/// #[derive(Clone, Copy, Debug)]
/// struct Ours;
///
/// impl Backend for Ours {
///     fn outcome(&self, answer: &Answer<'_>) -> Option<Outcome> {
///         (answer.code()? == Code::AlreadyExists).then_some(Outcome::Conflict)
///     }
/// }
///
/// let trailers = HeaderMap::from_iter([("grpc-status".parse()?, "6".parse()?)]);
/// let answer = Answer::new(StatusCode::OK, &trailers);
/// assert_eq!(GrpcClassify::new().read(&answer), Outcome::Invalid);
/// assert_eq!(GrpcClassify::backend(Ours).read(&answer), Outcome::Conflict);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Backend {
    /// What the answer means, or `None` where the table decides.
    ///
    /// Waits and pushback are added to what this returns.
    fn outcome(&self, answer: &Answer<'_>) -> Option<Outcome>;
}

impl Backend for () {
    fn outcome(&self, _: &Answer<'_>) -> Option<Outcome> {
        None
    }
}

/// Text Embeddings Inference: `FAILED_PRECONDITION` says that its backend failed, a fault of the server;
/// `RESOURCE_EXHAUSTED` that it is overloaded.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use tower_ai_core::Outcome;
/// use tower_ai_grpc::{Answer, Backend, Tei};
///
/// let trailers = HeaderMap::from_iter([("grpc-status".parse()?, "9".parse()?)]);
/// let answer = Answer::new(StatusCode::OK, &trailers);
/// assert_eq!(answer.outcome(), Outcome::Invalid);
/// assert_eq!(Tei.outcome(&answer), Some(Outcome::Fault));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tei;

impl Backend for Tei {
    fn outcome(&self, answer: &Answer<'_>) -> Option<Outcome> {
        match answer.code()? {
            Code::FailedPrecondition => Some(Outcome::Fault),
            Code::ResourceExhausted => Some(Outcome::Overloaded { wait: None }),
            _ => None,
        }
    }
}

/// Triton: `UNAVAILABLE` for a restricted protocol is a refused credential.
///
/// # Examples
///
/// ```
/// use http::StatusCode;
/// use tonic::Status;
/// use tower_ai_core::Outcome;
/// use tower_ai_grpc::{Answer, Backend, Triton};
///
/// let status = Status::unavailable("This protocol is restricted, expecting header 'triton-key'");
/// let head = status.into_http::<()>();
/// let answer = Answer::new(StatusCode::OK, head.headers());
/// assert_eq!(answer.outcome(), Outcome::Fault);
/// assert_eq!(Triton.outcome(&answer), Some(Outcome::Unauthorized));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Triton;

impl Backend for Triton {
    fn outcome(&self, answer: &Answer<'_>) -> Option<Outcome> {
        let refused = answer.code()? == Code::Unavailable
            && answer.message().to_lowercase().contains("restricted");
        refused.then_some(Outcome::Unauthorized)
    }
}

/// A [`Backend`] made of a closure by [`backend_fn`].
#[derive(Clone, Copy)]
pub struct BackendFn<F> {
    f: F,
}

/// Makes a [`Backend`] of a closure.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use tonic::Code;
/// use tower_ai_core::Outcome;
/// use tower_ai_grpc::{Answer, Backend, backend_fn};
///
/// let ours = backend_fn(|answer| match answer.header("x-model-state") {
///     Some("loading") => Some(Outcome::Warming { wait: None }),
///     _ => None,
/// });
/// let trailers = HeaderMap::from_iter([("x-model-state".parse()?, "loading".parse()?)]);
/// let answer = Answer::new(http::StatusCode::OK, &trailers);
/// assert_eq!(ours.outcome(&answer), Some(Outcome::Warming { wait: None }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const fn backend_fn<F>(f: F) -> BackendFn<F>
where
    F: Fn(&Answer<'_>) -> Option<Outcome>,
{
    BackendFn { f }
}

impl<F> Backend for BackendFn<F>
where
    F: Fn(&Answer<'_>) -> Option<Outcome>,
{
    fn outcome(&self, answer: &Answer<'_>) -> Option<Outcome> {
        (self.f)(answer)
    }
}

impl<F> fmt::Debug for BackendFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendFn")
            .field("f", &format_args!("{}", type_name::<F>()))
            .finish()
    }
}

//! Reading an outcome off an HTTP response.

use std::any::type_name;
use std::fmt;

use http::{Extensions, HeaderMap, Response, StatusCode};
use tower_ai_core::{ByResult, Classify, ClassifyExt, Outcome};

use crate::{Answer, Dialect, WallTime};

/// Classifies HTTP responses: by the [`Outcome`] in their extensions, else by status and headers.
///
/// The [target layer](crate::target) reads each bad answer once, with its body, and leaves the outcome beside
/// it. Without that layer the status is read as an [unknown provider](Dialect::Unknown)'s. Errors tell their own
/// outcome.
///
/// # Examples
///
/// ```
/// use tower_ai_core::{Classify, Outcome};
/// use tower_ai_http::HttpClassify;
///
/// # type Result<'a> = std::result::Result<&'a http::Response<()>, &'a std::io::Error>;
/// let mut response = http::Response::new(());
/// let good: Result<'_> = Ok(&response);
/// assert_eq!(HttpClassify.classify(good), Outcome::Success);
///
/// *response.status_mut() = http::StatusCode::UNAUTHORIZED;
/// let bad: Result<'_> = Ok(&response);
/// assert_eq!(HttpClassify.classify(bad), Outcome::Unauthorized);
///
/// response.extensions_mut().insert(Outcome::Refused);
/// let read: Result<'_> = Ok(&response);
/// assert_eq!(HttpClassify.classify(read), Outcome::Refused);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HttpClassify;

impl ClassifyExt for HttpClassify {}

impl<B, E: 'static> Classify<Response<B>, E> for HttpClassify {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => Head::of(response).outcome(),
            Err(error) => outcome_of(error),
        }
    }
}

/// Errors tell their own outcome, boxed or not.
pub(crate) fn outcome_of<E: 'static>(error: &E) -> Outcome {
    Classify::<(), E>::classify(&ByResult, Err(error))
}

/// The head of a response, for classifiers that do not care about its body.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> Head<'a> {
    /// The head of this response.
    pub fn of<B>(response: &'a Response<B>) -> Self {
        Self {
            status: response.status(),
            headers: response.headers(),
            extensions: response.extensions(),
        }
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// What [`HttpClassify`] says.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if let Some(known) = self.extensions.get() {
            return *known;
        }
        if self.status.is_success() {
            return Outcome::Success;
        }
        Answer::new(Dialect::Unknown, self.status, self.headers).outcome(WallTime::now())
    }
}

/// A [`Classify`] made of a closure by [`classify_head_fn`].
#[derive(Clone, Copy)]
pub struct ClassifyHeadFn<F> {
    f: F,
}

/// Makes a [`Classify`] of a closure that sees the head of each response. Errors tell their own outcome.
///
/// # Examples
///
/// ```
/// use tower_ai_core::{Classify, Outcome};
/// use tower_ai_http::classify_head_fn;
///
/// let classify = classify_head_fn(|head| match head.status().as_u16() {
///     418 => Outcome::Warming { wait: None },
///     _ => head.outcome(),
/// });
/// let mut response = http::Response::new(());
/// *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
/// let result: Result<_, &std::io::Error> = Ok(&response);
/// assert_eq!(classify.classify(result), Outcome::Warming { wait: None });
/// ```
pub const fn classify_head_fn<F>(f: F) -> ClassifyHeadFn<F>
where
    F: Fn(&Head<'_>) -> Outcome,
{
    ClassifyHeadFn { f }
}

impl<F> ClassifyExt for ClassifyHeadFn<F> {}

impl<F, B, E> Classify<Response<B>, E> for ClassifyHeadFn<F>
where
    F: Fn(&Head<'_>) -> Outcome,
    E: 'static,
{
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => (self.f)(&Head::of(response)),
            Err(error) => outcome_of(error),
        }
    }
}

impl<F> fmt::Debug for ClassifyHeadFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifyHeadFn")
            .field("f", &format_args!("{}", type_name::<F>()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tower_ai_core::error::{BoxError, Shed};

    use super::*;

    #[test]
    fn without_a_reading_the_status_and_its_headers_decide() {
        let response = Response::builder()
            .status(429)
            .header("retry-after", "1.5")
            .body(())
            .unwrap();
        let wait = Some(Duration::from_millis(1500));
        assert_eq!(Head::of(&response).outcome(), Outcome::RateLimited { wait });
    }

    #[test]
    fn an_error_tells_its_own_outcome() {
        let error: BoxError = Box::new(Shed::open(None));
        let result: Result<&Response<()>, _> = Err(&error);
        assert_eq!(HttpClassify.classify(result), Outcome::Shed { wait: None });
        let teapot = classify_head_fn(|_| Outcome::Success);
        assert_eq!(teapot.classify(result), Outcome::Shed { wait: None });
    }
}
